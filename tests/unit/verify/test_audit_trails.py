"""Numbers, links and times of entries that are what the log committed to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.memory_log import audited, memory_log, numbered
from fixtures.strategies import entries as any_entries
from provenance.core.check import LATE_ANCHOR_MS
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
    log = memory_log(entries, 3, 5)
    log.anchors._times[2] -= 6_000
    found = [str(finding) for finding in await audited(log)]
    after = entries[4].at - 6_000
    assert found == [
        f"entry {index}: its time {entries[index].at} is after its anchor's block, {after}"
        for index in (3, 4)
        if entries[index].at > after + 5_000
    ]
    assert found


@pytest.mark.parametrize("late_ms", [60_000, LATE_ANCHOR_MS + 60_000])
async def test_times_before_an_anchor_that_was_late_are_no_finding(late_ms: int) -> None:
    log = memory_log(numbered(7), 3, 5)
    log.anchors._times[1] += late_ms
    log.anchors._times[2] += late_ms
    findings = await audited(log)
    assert list(findings) == []
    outcomes = {verdict.check: verdict.outcome for verdict in findings.verdicts()}
    unknown = late_ms > LATE_ANCHOR_MS
    assert (outcomes.get("entries") is Outcome.UNKNOWN) == unknown


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
