"""Whatever comes in: a value, or an error of the family that callers expect. Never anything else.

The bytes are arbitrary, or those of real files with something done to them.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.small_log import OTHER, PARCEL, SmallLog
from fixtures.strategies import hostile_scraps, json_values, mutated, names
from provenance.core.check import Evidence, check_receipt
from provenance.core.conduct import find_misconduct
from provenance.core.entry import Entry
from provenance.core.errors import FormatError, ProofError
from provenance.core.fields import flatten
from provenance.core.jcs import canonicalize, parse
from provenance.core.members import Members
from provenance.core.notes import (
    Acknowledgement,
    Checkpoint,
    TrailHead,
    Verifier,
    open_note,
)
from provenance.core.receipt import Receipt
from provenance.core.statement import Statement
from provenance.core.tiles import Tile
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome

LOG = SmallLog().fill(12, PARCEL, OTHER)
LOG.anchor(7)
LOG.anchor(12)
RECEIPT = LOG.receipt(4, pointers=["/number"], later=[12], ext={"note": "x"})
TRUST = LOG.trust()
KEYS = TRUST.logs[0].keys

Reader = Callable[[bytes], object]


def text_of(read: Callable[[str], object]) -> Reader:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


READERS: dict[str, tuple[Reader, bytes]] = {
    "receipt": (Receipt.decode, RECEIPT.encode()),
    "trust file": (TrustFile.decode, TRUST.encode()),
    "JSON": (parse, RECEIPT.encode()),
    "entry": (Entry.decode, RECEIPT.entry.encode()),
    "statement": (lambda data: Statement.from_json(parse(data)), LOG.records[4].statement.encode()),
    "payload": (flatten, LOG.records[4].payload),
    "note": (text_of(lambda note: open_note(note, KEYS)), LOG.checkpoint(7).encode()),
    "checkpoint": (text_of(Checkpoint.parse), LOG.checkpoint(7).partition("\n\n")[0].encode()),
    "acknowledgement": (
        text_of(Acknowledgement.parse),
        LOG.acknowledgement(2, 1).partition("\n\n")[0].encode() + b"\n",
    ),
    "trail head": (
        text_of(TrailHead.parse),
        LOG.trail_head().partition("\n\n")[0].encode() + b"\n",
    ),
    "verifier key": (text_of(Verifier.from_vkey), KEYS[0].vkey().encode()),
    "tile": (text_of(Tile.parse), b"4/x001/x234/067.p/17"),
}


@pytest.mark.parametrize("name", READERS)
@given(st.data())
def test_a_reader_gives_a_value_or_an_error_of_the_family(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    hostile = data.draw(
        mutated(good) | st.binary(max_size=100) | st.lists(hostile_scraps).map(b"".join)
    )
    message = ""
    try:
        read(hostile)
    except (FormatError, ProofError) as error:
        message = str(error)
    assert len(message.encode()) < 1_000


@given(st.dictionaries(names, json_values, max_size=3), st.data())
def test_any_json_in_place_of_any_member_is_refused_or_judged(
    more: dict[str, object], data: st.DataObject
) -> None:
    """Members of real files replaced by any JSON, at any depth."""
    value = copy.deepcopy(RECEIPT.to_json())
    place: Any = value
    for _ in range(data.draw(st.integers(1, 4))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and data.draw(st.booleans()):
            place = inner
            continue
        place[key] = data.draw(json_values | st.just(more))
        break
    try:
        receipt = Receipt.decode(canonicalize(value))
    except FormatError:
        return
    report = check_receipt(receipt, LOG.evidence(RECEIPT))
    assert receipt == RECEIPT or receipt.ext != RECEIPT.ext or report.outcome is not Outcome.VALID
    assert check_receipt(receipt, Evidence()).outcome is not Outcome.VALID
    find_misconduct([receipt, RECEIPT], TRUST)


@given(st.binary(max_size=50).map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_errors_can_be_shown_whatever_they_name(name: str) -> None:
    with pytest.raises(FormatError) as caught:
        Members({name * 100: 1}, where=name).only(("v",))
    str(caught.value).encode()
    assert len(str(caught.value)) < 400
