"""The specification's numbers are recomputed from the page, and are those of core."""

import doctest
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.core import entry, errors, fields, jcs, notes, receipt, statement, trustfile
from provenance.core.digests import (
    ZERO_HASH,
    Commitment,
    LeafHash,
    PayloadCommitment,
    RootHash,
    Salt,
    TrailId,
)
from provenance.core.tree import leaf_hash, root_of, verify_inclusion

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """Names of the worked example, after every step of it gave what the page says."""
    steps = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(steps, {}, "formats.md", "formats.md", 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, clear_globs=False)
    assert runner.tries > 20
    assert runner.failures == 0
    return test.globs


def test_the_example_is_what_core_computes(example: dict[str, Any]) -> None:
    salts = [Salt(bytes.fromhex(digit * 64)) for digit in "123"]
    payload = example["payload"]
    commitment = statement.payload_commitment(payload, salt=salts[0])
    assert commitment == example["payload_commitment"]
    said = statement.Statement(
        kind="event",
        subject="https://id.gs1.org/00/095201234567891235",
        submitter="org-1",
        media_type="application/ld+json",
        payload=PayloadCommitment(commitment),
        payload_size=len(payload),
        type="departing",
        occurred_at=1_767_225_600_000,
        fields_root=fields.fields_root(payload, fields_salt=salts[2]),
    )
    assert said.encode() == example["statement"]
    logged = entry.Entry(
        at=1_767_225_601_000,
        trail=TrailId(bytes.fromhex("44" * 32)),
        seq=0,
        prev=ZERO_HASH,
        commitment=Commitment(statement.statement_commitment(said.encode(), salt=salts[1])),
    )
    assert logged.encode() == example["entry"]
    leaves = [leaf_hash(b"zero"), logged.leaf_hash(), leaf_hash(b"two")]
    assert root_of(leaves) == example["root"]
    verify_inclusion(
        LeafHash(example["leaf"]),
        index=1,
        size=3,
        path=example["path"],
        root=RootHash(example["root"]),
    )


def test_the_examples_checkpoint_opens(example: dict[str, Any]) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("55" * 32))
    signer = notes.Signer("log.example/parcels", key)
    note = PAGE[PAGE.rindex("log.example/parcels\n3\n") : PAGE.rindex("\n```")].strip("\n") + "\n"
    note = note.replace("<BLANKLINE>", "")
    opened = notes.open_note(note, [signer.verifier()])
    checkpoint = notes.Checkpoint.parse(opened.text)
    assert (checkpoint.size, checkpoint.root) == (3, example["root"])
    assert note == notes.sign_note(checkpoint.text(), [signer])


def test_the_openssl_lines_give_what_the_page_says(tmp_path: Path) -> None:
    block = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    script = "\n".join(line[2:] for line in lines if line.startswith("$ "))
    printed = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert printed.stdout.splitlines() == [line for line in lines if not line.startswith("$ ")]


def test_bounds_are_those_of_core() -> None:
    section = PAGE[PAGE.index("## 13.") : PAGE.index("## 14.")]
    rows = re.findall(r"^\| (.+?) \| ([0-9,]+)[^|]*\|$", section, re.MULTILINE)
    assert {name: int(number.replace(",", "")) for name, number in rows} == {
        "receipt": receipt.MAX_RECEIPT_BYTES,
        "trust file": trustfile._LIMITS.max_bytes,
        "nesting of a receipt": receipt._LIMITS.max_depth,
        "nesting of a payload with fields": fields.MAX_DEPTH,
        "entry": entry.MAX_ENTRY_BYTES,
        "subject": statement.MAX_SUBJECT,
        "submitter, media type, type": statement.MAX_TEXT,
        "references of a statement": statement.MAX_REFS,
        "payload with fields": fields.MAX_PAYLOAD,
        "fields of a payload": fields.MAX_FIELDS,
        "commas and opening brackets of a receipt, outside strings": receipt.MAX_RECEIPT_VALUES,
        "pointer": fields.MAX_POINTER,
        "token": fields.MAX_TOKEN,
        "disclosed fields of a receipt": fields.MAX_DISCLOSED,
        "path of a disclosed field": fields.MAX_FIELD_PATH,
        "path of a receipt": receipt.MAX_PATH,
        "later anchors": receipt.MAX_LATER,
        "note": notes.MAX_NOTE_BYTES,
        "signatures of a note": notes.MAX_SIGNATURES,
        "origin": notes.MAX_ORIGIN,
        "logs of a trust file": trustfile.MAX_LOGS,
        "keys of a log": trustfile.MAX_KEYS,
        "operator": trustfile.MAX_OPERATOR,
    }


def test_error_codes_are_those_of_core() -> None:
    section = PAGE[PAGE.index("## 12.") : PAGE.index("## 13.")]
    malformed, _, failed = section.partition("are of the family *malformed*")
    for text, family in ((malformed, errors.FormatError), (failed, errors.ProofError)):
        own = {kind.code for kind in family.__subclasses__() if kind.__module__ == errors.__name__}
        assert set(re.findall(r"`([a-z0-9-]+)`", text)) == own


def test_members_are_those_of_core() -> None:
    def first_column(start: str, end: str) -> set[str]:
        section = PAGE[PAGE.index(start) : PAGE.index(end)]
        cells = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
        return {name for cell in cells for name in re.findall(r"`([a-z0-9_]+)`", cell)}

    said = {*statement._REQUIRED, *statement._OPTIONAL}
    assert first_column("## 3.", "## 4.") == said
    assert first_column("## 5.", "## 6.") == set(entry._MEMBERS)
    assert first_column("## 9.", "## 10.") == set(receipt._MEMBERS)
    assert first_column("## 10.", "## 11.") == set(trustfile._LOG_MEMBERS)
    for name in receipt._ANCHOR_MEMBERS:
        assert f"`{name}`" in PAGE[PAGE.index("## 9.") : PAGE.index("## 10.")]
    assert jcs.MAX_INTEGER == 2**53 - 1
