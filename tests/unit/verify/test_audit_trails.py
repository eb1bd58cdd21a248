"""Numbers, links and times of entries that are what the log committed to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.memory_log import STEP_MS, audited, memory_log, numbered
from fixtures.strategies import entries as any_entries
from provenance.core.check import LATE_ANCHOR_MS, TOLERANCE_MS
from provenance.core.digests import LeafHash
from provenance.core.entry import Entry
from provenance.core.errors import FormatError
from provenance.core.verdict import Outcome
from provenance.verify.audit.trails import decode_entry


async def problems(entries: list[Entry], *sizes: int) -> list[str]:
    """What is found in a log in which these entries were logged and anchored."""
    return [str(finding) for finding in await audited(memory_log(entries, *sizes))]


async def test_a_number_that_is_left_out_is_named_where_the_next_one_stands() -> None:
    entries = numbered(30)
    del entries[15]
    assert await problems(entries) == [
        f"entry 21: trail {entries[1].trail.hex()[:16]}… has no number 2 before it"
    ]


async def test_a_number_that_is_there_twice_is_named() -> None:
    entries = numbered(30)
    entries.insert(20, replace(entries[15], at=entries[19].at))
    found = await problems(entries)
    assert found[0].startswith("entry 20: number 2 of trail")


async def test_a_link_to_another_entry_is_named() -> None:
    entries = numbered(15)
    entries[14] = replace(entries[14], prev=LeafHash(b"\1" * 32))
    assert await problems(entries) == [
        f"entry 14: does not name the entry before it in trail {entries[0].trail.hex()[:16]}…"
    ]


async def test_a_trail_that_begins_with_a_later_number_is_named() -> None:
    entries = numbered(30)[7:]
    assert len([text for text in await problems(entries) if "has no number 0" in text]) == 7


async def test_a_time_that_runs_back_is_named() -> None:
    entries = numbered(7)
    entries[6] = replace(entries[6], at=entries[5].at - 1)
    assert await problems(entries) == [
        f"entry 6: its time {entries[6].at} is before an earlier entry's"
    ]


async def test_a_time_after_its_anchor_is_named() -> None:
    entries = numbered(7)
    log = memory_log(entries, 3, lag=-TOLERANCE_MS - 1)
    assert [str(finding) for finding in await audited(log)] == [
        f"entry {index}: is dated {entries[index].at}, after the block "
        f"{entries[index].at - TOLERANCE_MS - 1} that anchors it"
        for index in (2, 6)
    ]


async def test_a_time_long_before_the_anchor_before_it_proves_nothing_either_way() -> None:
    # Entry 3 is logged one step after entry 2, which the first of two late anchors covers.
    soon = await audited(memory_log(numbered(7), 3, lag=LATE_ANCHOR_MS + STEP_MS))
    assert soon.verdicts() == ()
    late = await audited(memory_log(numbered(7), 3, lag=LATE_ANCHOR_MS + 2 * STEP_MS))
    [verdict] = late.verdicts()
    assert (verdict.check, verdict.outcome) == ("entries", Outcome.UNKNOWN)
    assert verdict.reason.startswith(
        "entries from 3 on, 1 in all, are dated long before the anchor"
    )


@given(any_entries)
def test_the_fast_reader_reads_what_the_format_allows(entry: Entry) -> None:
    assert decode_entry(entry.encode()) == entry


@given(any_entries, st.integers(0, 300), st.integers(0, 255))
def test_the_fast_reader_refuses_what_the_format_refuses(entry: Entry, at: int, byte: int) -> None:
    data = bytearray(entry.encode())
    data[at % len(data)] = byte
    try:
        expected = Entry.decode(bytes(data))
    except FormatError as error:
        with pytest.raises(type(error)):
            decode_entry(bytes(data))
    else:
        assert decode_entry(bytes(data)) == expected
