"""The fast ways of the writer make the very bytes of the general ones."""

import asyncio
import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fixtures.logs import ORIGIN, event, signer_of, submission
from provenance.core.digests import LeafHash, PayloadCommitment, RootHash
from provenance.core.notes import NoteSigner, Signer, sign_note
from provenance.core.statement import (
    KINDS,
    MAX_REFS,
    RELATIONS,
    Ref,
    Statement,
    StatementTemplate,
    statement_commitment,
)
from provenance.log.errors import DraftError
from provenance.log.preparing import prepare, resolve_correction
from provenance.log.statements import statement_for, statement_template

printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
digests = st.binary(min_size=32, max_size=32)
uris = printable.map("urn:example:{}".format)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    return Statement(
        kind=draw(st.sampled_from(KINDS)),
        subject=draw(uris),
        submitter=draw(printable),
        media_type=draw(printable),
        payload=PayloadCommitment(draw(digests)),
        payload_size=draw(st.integers(0, 2**53 - 1)),
        refs=tuple(
            Ref(rel=rel, leaf=LeafHash(leaf))
            for rel, leaf in draw(
                st.lists(st.tuples(st.sampled_from(RELATIONS), digests), max_size=3)
            )
        ),
        type=draw(st.none() | printable),
        occurred_at=draw(st.none() | st.integers(-(2**53) + 1, 2**53 - 1)),
        context_sha256=draw(st.none() | digests),
        fields_root=draw(st.none() | digests.map(RootHash)),
    )


@given(statement=statements(), subject=uris)
def test_the_fast_template_is_the_canonical_one(statement: Statement, subject: str) -> None:
    template = statement_template(statement)
    assert template == StatementTemplate.of(statement)
    encoded = statement_for(template.head, subject, template.tail)
    assert encoded == replace(statement, subject=subject).encode()


@given(count=st.integers(1, 5))
def test_commitments_open_with_their_salts(count: int) -> None:
    subjects = [f"urn:example:{n}" for n in range(count)]
    prepared = asyncio.run(prepare(submission(event("e", *subjects)), random_bytes=os.urandom))
    record = prepared.records[0]
    assert len(set(record.salts)) == count
    for subject, salt, commitment in zip(subjects, record.salts, record.commitments, strict=True):
        statement = replace(record.draft.statement, subject=subject).encode()
        assert statement_commitment(statement, salt=salt) == commitment  # type: ignore[arg-type]


def test_a_correction_of_too_many_entries_is_refused() -> None:
    prepared = asyncio.run(
        prepare(submission(event("e", corrects="urn:id:1")), random_bytes=os.urandom)
    )
    leaves = [LeafHash(bytes(32))] * (MAX_REFS + 1)
    with pytest.raises(DraftError, match=str(MAX_REFS)):
        resolve_correction(prepared.records[0], leaves)


def test_a_signer_of_many_notes_signs_as_for_one() -> None:
    signers = [signer_of(ORIGIN), Signer(name=ORIGIN, private_key=Ed25519PrivateKey.generate())]
    text = f"{ORIGIN}\nack/v1\n0\n1\n2\nAAAA\n"
    assert NoteSigner(signers).sign(text) == sign_note(text, signers)
