"""One byte changed anywhere in a receipt: it no longer verifies.

The receipt has every member that the format knows. Left out are the two places that are nobody's
word: what stands under ``ext``, and signature lines of keys that the verifier does not know.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.small_log import OTHER, PARCEL, SmallLog, seeded_signer
from provenance.core.check import check_receipt
from provenance.core.errors import FormatError
from provenance.core.notes import Signer
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome

KNOWN = seeded_signer("log.example/parcels", "known")
UNKNOWN = (
    seeded_signer("log.example/parcels", "retired"),
    seeded_signer("witness.example/w", "witness"),
)
HEX = b"0123456789abcdef"


def full_log() -> SmallLog:
    log = SmallLog(signers=[UNKNOWN[0], KNOWN, UNKNOWN[1]]).fill(21, PARCEL, OTHER)
    for size in (3, 8, 20, 21):
        log.anchor(size)
    return log


LOG = full_log()
RECEIPT = LOG.receipt(
    4, pointers=["/epcList/1"], later=[20], ext={"carrier-note": "fragile", "n": [1]}
)
DATA = RECEIPT.encode()
EVIDENCE = LOG.evidence(RECEIPT, trust=LOG.trust(keys=(KNOWN.verifier(),)))


def is_valid(data: bytes) -> bool:
    try:
        receipt = Receipt.decode(data)
    except FormatError:
        return False
    return check_receipt(receipt, EVIDENCE).outcome is Outcome.VALID


def places(part: bytes) -> Iterator[int]:
    at = DATA.find(part)
    while at >= 0:
        yield from range(at, at + len(part))
        at = DATA.find(part, at + 1)


def unsigned_places() -> set[int]:
    """Positions of ``ext``'s value and of unknown signature lines."""
    found = set(places(b'{"carrier-note":"fragile","n":[1]}'))
    notes = [RECEIPT.anchored.checkpoint, *(item.checkpoint for item in RECEIPT.later)]
    for note in [*notes, RECEIPT.trail_head or ""]:
        for line in note.splitlines():
            if line.startswith("\u2014 ") and not signed_by(line, KNOWN):
                found |= set(places(line.encode() + b"\\n"))
    return found


def signed_by(line: str, signer: Signer) -> bool:
    return any(line + "\n" == signer.signature_line(text.encode()) for text in texts())


def texts() -> list[str]:
    notes = [RECEIPT.anchored.checkpoint, *(item.checkpoint for item in RECEIPT.later)]
    return [note.rpartition("\n\n")[0] + "\n" for note in [*notes, RECEIPT.trail_head or ""]]


UNSIGNED = unsigned_places()
SIGNED = [position for position in range(len(DATA)) if position not in UNSIGNED]


def changed(position: int, value: int) -> bytes:
    return DATA[:position] + bytes([value]) + DATA[position + 1 :]


def neighbour(byte: int) -> int:
    """Another byte that is as well-formed in most places: the next hex digit, or one bit off."""
    return HEX[(HEX.index(byte) + 1) % 16] if byte in HEX else byte ^ 1


def test_the_receipt_as_it_is_verifies_and_has_every_member() -> None:
    assert is_valid(DATA)
    assert RECEIPT.to_json().keys() == {
        *("v", "entry", "index", "path", "checkpoint", "anchor", "statement", "salt"),
        *("payload", "fields", "trail_head", "later", "ext"),
    }
    assert 0 < len(UNSIGNED) < len(DATA) / 2


@pytest.mark.parametrize("part", range(4))
def test_no_byte_can_change(part: int) -> None:
    accepted = [at for at in SIGNED[part::4] if is_valid(changed(at, neighbour(DATA[at])))]
    assert accepted == []


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_no_byte_can_become_any_other() -> None:
    for at in SIGNED:
        accepted = [
            value for value in range(256) if value != DATA[at] and is_valid(changed(at, value))
        ]
        assert accepted == [], at


@given(st.sampled_from(SIGNED), st.integers(0, 255))
def test_a_byte_that_becomes_another_is_refused(position: int, value: int) -> None:
    assert value == DATA[position] or not is_valid(changed(position, value))


@given(st.sampled_from(SIGNED), st.integers(1, 80))
def test_a_part_that_is_cut_out_is_refused(position: int, length: int) -> None:
    data = DATA[:position] + DATA[position + length :]
    assert not is_valid(data)


def test_ext_and_unknown_signatures_are_nobodys_word() -> None:
    fragile = DATA.index(b"fragile")
    assert is_valid(changed(fragile, ord("F")))
    line = UNKNOWN[1].signature_line(texts()[0].encode()).encode()
    signature = DATA.index(line[:-1]) + len(line) - 20
    assert signature in UNSIGNED
    assert is_valid(changed(signature, ord("B" if DATA[signature] == ord("A") else "A")))


def test_without_a_payload_opening_no_payload_is_vouched_for() -> None:
    """Stripping the opening must not let any payload pass for the recorded one."""
    stripped = LOG.receipt(4, payload=None)
    evidence = LOG.evidence(stripped, trust=LOG.trust(keys=(KNOWN.verifier(),)))
    assert check_receipt(stripped, evidence).outcome is Outcome.VALID
    forged = LOG.evidence(
        stripped, trust=LOG.trust(keys=(KNOWN.verifier(),)), payload=b"something else"
    )
    assert check_receipt(stripped, forged).outcome is Outcome.UNKNOWN
