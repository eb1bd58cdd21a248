"""Rows of records along the entries of a log: one wrong value, one finding."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest

from provenance.core.digests import sha256
from provenance.verify.audit.expected import DerivedColumns
from provenance.verify.audit.report import Findings
from provenance.verify.audit.rows import StoredEntry, StoredRecord
from provenance.verify.audit.walk import RecordWalk

COUNTS = {0: 1, 1: 5, 6: 1, 7: 1, 8: 3}
SIZE = 11
T = TypeVar("T")
MISSING_ROW = "its row is missing, but it has entries"


def rows() -> tuple[dict[int, StoredRecord], list[StoredEntry]]:
    """Records of one, five, one, one and three entries."""
    records = {
        first: StoredRecord(
            first_index=first,
            count=count,
            kind="event",
            submitter="a",
            media_type="application/json",
            statement_head=None,
            statement_tail=None,
            payload_salt=None,
            fields_salt=None,
            payload=None,
            context_sha256=None,
            context=None,
            event_time=None,
            corrects=None,
            supersedes=None,
            describes=None,
            derived=DerivedColumns(),
        )
        for first, count in COUNTS.items()
    }
    entries = [
        StoredEntry(
            index=first + at,
            record_first=first,
            trail_first=at,
            subject=None,
            salt=None,
            commitment=bytes(32),
            leaf_hash=sha256(bytes([first + at])),
            sound=True,
        )
        for first, count in COUNTS.items()
        for at in range(count)
    ]
    return records, entries


async def streamed(items: Sequence[T]) -> AsyncIterator[T]:
    for item in items:
        yield item


@dataclass(frozen=True, slots=True)
class Walked:
    """The ranges that were walked along, and what was found."""

    ranges: list[tuple[int, int, int]]
    found: list[tuple[str, str]]


async def walked(records: Sequence[StoredRecord], entries: Sequence[StoredEntry]) -> Walked:
    """First index, count and entries of each record, and (object, problem) of each finding."""
    findings = Findings()
    ordered = sorted(records, key=lambda record: record.first_index)
    walk = RecordWalk(streamed(ordered), streamed(entries), size=SIZE, findings=findings)
    ranges = [(one.first_index, one.count, len(own)) async for one, own in walk.records()]
    return Walked(ranges, [(finding.object, finding.problem) for finding in findings])


TRUE_RANGES = [(first, count, count) for first, count in COUNTS.items()]


async def test_rows_that_are_in_order_are_walked_along() -> None:
    records, entries = rows()
    assert await walked(list(records.values()), entries) == Walked(TRUE_RANGES, [])


@pytest.mark.parametrize("count", [-(1 << 31), -1, 0, 1, 2, 3, 4, 5, 6, 9, 10, 11, (1 << 31) - 1])
@pytest.mark.parametrize("first", COUNTS)
async def test_a_count_that_was_altered_is_named_with_both_values(first: int, count: int) -> None:
    records, entries = rows()
    true = COUNTS[first]
    records[first] = replace(records[first], count=count)
    problem = f"is {count} in the table, but the entries of the record are {true}"
    expected = [] if count == true else [(f"count of record {first}", problem)]
    assert await walked(list(records.values()), entries) == Walked(TRUE_RANGES, expected)


@pytest.mark.parametrize("first", COUNTS)
async def test_a_row_that_is_missing_is_named_by_its_entries(first: int) -> None:
    records, entries = rows()
    del records[first]
    result = await walked(list(records.values()), entries)
    assert result.found == [(f"record {first}", MISSING_ROW)]
    assert result.ranges == [item for item in TRUE_RANGES if item[0] != first]


@pytest.mark.parametrize("first", COUNTS)
async def test_a_row_that_is_missing_with_its_entries_is_named_once(first: int) -> None:
    records, entries = rows()
    del records[first]
    left = [entry for entry in entries if entry.record_first != first]
    result = await walked(list(records.values()), left)
    assert result.found == [(f"record {first}", "its row is missing, and so are its entries")]


async def test_the_first_of_several_lost_records_stands_for_those_whose_entries_are_lost() -> None:
    records, entries = rows()
    del records[6], records[7]
    assert (await walked(list(records.values()), entries)).found == [
        ("record 6", MISSING_ROW),
        ("record 7", MISSING_ROW),
    ]
    left = [entry for entry in entries if entry.record_first != 6]
    assert (await walked(list(records.values()), left)).found == [
        ("record 6", "its row is missing, and so are its entries"),
        ("record 7", MISSING_ROW),
    ]


@pytest.mark.parametrize("index", range(SIZE))
async def test_an_entry_that_is_missing_is_no_finding_here(index: int) -> None:
    records, entries = rows()
    left = [entry for entry in entries if entry.index != index]
    result = await walked(list(records.values()), left)
    assert result.found == []
    assert [item[:2] for item in result.ranges] == [item[:2] for item in TRUE_RANGES]


@pytest.mark.parametrize("named", [0, 1, 6, 7, 8, 1 << 40])
@pytest.mark.parametrize("index", range(SIZE))
async def test_an_entry_that_names_another_record_stays_with_its_own(
    index: int, named: int
) -> None:
    records, entries = rows()
    entries[index] = replace(entries[index], record_first=named)
    assert await walked(list(records.values()), entries) == Walked(TRUE_RANGES, [])


@pytest.mark.parametrize("first", [2, 3, 5, 9, 10, 11, 1 << 40, -1])
@pytest.mark.parametrize("count", [1, 4])
async def test_a_row_that_was_added_is_named_and_no_other(first: int, count: int) -> None:
    records, entries = rows()
    added = replace(records[0], first_index=first, count=count)
    assert await walked([*records.values(), added], entries) == Walked(
        TRUE_RANGES, [(f"record {first}", "overlaps another, or has no entries")]
    )
