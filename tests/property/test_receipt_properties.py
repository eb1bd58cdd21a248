"""Receipts and trust files as files: every value has one spelling, every spelling one value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.small_log import PARCEL, SmallLog, seeded_signer
from fixtures.strategies import mutated, origins, receipts
from provenance.core.errors import FormatError
from provenance.core.jcs import MAX_INTEGER, canonicalize
from provenance.core.receipt import Receipt
from provenance.core.trustfile import Successor, TrustedLog, TrustFile

REAL = SmallLog().fill(9, PARCEL, "urn:other:1")
REAL.anchor(5)
REAL.anchor(9)


@st.composite
def trust_files(draw: st.DrawFn) -> TrustFile:
    names = draw(st.lists(origins, unique=True, max_size=4))
    logs = []
    for position, origin in enumerate(names):
        follows = names[position + 1] if position + 1 < len(names) else None
        logs.append(
            TrustedLog(
                origin=origin,
                keys=tuple(
                    seeded_signer(origin, seed).verifier()
                    for seed in draw(st.sampled_from([["a"], ["a", "b"]]))
                ),
                chain_id=draw(st.integers(1, MAX_INTEGER)),
                genesis_hash=draw(st.binary(min_size=32, max_size=32)),
                contract=draw(st.binary(min_size=20, max_size=20)),
                code_hash=draw(st.binary(min_size=32, max_size=32)),
                start=draw(st.integers(0, MAX_INTEGER)),
                confirmations=draw(st.none() | st.integers(1, 100)),
                local=draw(st.booleans()),
                successor=(
                    Successor(follows, draw(st.integers(1, MAX_INTEGER)))
                    if follows and draw(st.booleans())
                    else None
                ),
            )
        )
    return TrustFile(operator=draw(st.sampled_from(["Ex", "Überpaket 2"])), logs=tuple(logs))


@given(receipts())
def test_a_receipt_survives_the_round_trip(receipt: Receipt) -> None:
    data = receipt.encode()
    assert Receipt.decode(data) == receipt
    assert data == canonicalize(receipt.to_json())


@given(receipts().flatmap(lambda receipt: mutated(receipt.encode())))
def test_a_receipt_is_read_from_its_own_bytes_only(data: bytes) -> None:
    try:
        receipt = Receipt.decode(data)
    except FormatError:
        return
    assert receipt.encode() == data


@given(st.sampled_from([0, 4, 8]).map(REAL.receipt), st.integers(1, 3))
def test_a_receipt_in_another_spelling_is_refused(receipt: Receipt, indent: int) -> None:
    with pytest.raises(FormatError):
        Receipt.decode(json.dumps(receipt.to_json(), indent=indent).encode())


@given(trust_files(), st.none() | st.integers(0, 4))
def test_a_trust_file_survives_any_spelling(trust: TrustFile, indent: int | None) -> None:
    assert TrustFile.decode(trust.encode()) == trust
    assert TrustFile.decode(json.dumps(json.loads(trust.encode()), indent=indent).encode()) == trust


@given(trust_files().flatmap(lambda trust: mutated(trust.encode())))
def test_a_trust_file_that_is_read_can_be_written(data: bytes) -> None:
    try:
        trust = TrustFile.decode(data)
    except FormatError:
        return
    assert TrustFile.decode(trust.encode()) == trust


@given(trust_files())
def test_a_line_of_logs_ends(trust: TrustFile) -> None:
    for log in trust.logs:
        line = trust.lineage(log.origin)
        assert line[0] == log.origin
        assert len(set(line)) == len(line)
