"""Which entries belong to which record's row, taken from both tables in order.

Rules: a record has the entries from its first index on, as many as its count says; records lie
end to end, and each entry names its record. Where a row says otherwise, the entries and the next
row tell which value is wrong, so that one altered value gives one finding. Memory is one record's
entries and two payloads.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from provenance.verify.audit.report import Findings
from provenance.verify.audit.rows import StoredEntry, StoredRecord

_MOST_ENTRIES: Final = 1 << 17
"""Entries of one record that are taken, far above what intake lets a record have."""


class EntryPages:
    """Entries in order, looked at before they are taken."""

    def __init__(self, entries: AsyncIterator[StoredEntry]) -> None:
        self._entries = entries
        self._next: StoredEntry | None = None

    async def peek(self) -> StoredEntry | None:
        """The next entry; None after the last one."""
        if self._next is None:
            self._next = await anext(self._entries, None)
        return self._next

    def take(self) -> None:
        """Leave the entry that was looked at behind."""
        self._next = None


class RecordWalk:
    """Walks along a log of ``size`` entries; ``end`` is how far it is."""

    def __init__(
        self,
        records: AsyncIterator[StoredRecord],
        entries: AsyncIterator[StoredEntry],
        *,
        size: int,
        findings: Findings,
    ) -> None:
        self._records = records
        self._entries = EntryPages(entries)
        self._size = size
        self._findings = findings
        self.end = 0

    async def records(self) -> AsyncIterator[tuple[StoredRecord, list[StoredEntry]]]:
        """Each record, with the count that its entries show, and those of them that are there."""
        following = await anext(self._records, None)
        while following is not None:
            record, following = following, await anext(self._records, None)
            first = record.first_index
            if first < self.end or first >= self._size:
                self._name(f"record {first}", "overlaps another, or has no entries")
                continue
            await self._gap(first)
            start = self._size if following is None else min(self._size, following.first_index)
            own = await self._own(record, start)
            record = self._counted(record, own, start)
            self.end = first + record.count
            yield record, own
        await self._gap(self._size)

    async def _own(self, record: StoredRecord, start: int) -> list[StoredEntry]:
        """Entries of ``record``; ``start`` is where the next row begins.

        Two of three decide: the count, the next row, and the record that the entry names.
        """
        own: list[StoredEntry] = []
        while len(own) < _MOST_ENTRIES and (entry := await self._entries.peek()) is not None:
            counted = entry.index < record.first_index + record.count
            is_before = entry.index < start
            named = entry.record_first == record.first_index
            if counted + is_before + named < 2:
                break
            own.append(entry)
            self._entries.take()
        return own

    def _counted(self, record: StoredRecord, own: list[StoredEntry], start: int) -> StoredRecord:
        first, counted = record.first_index, record.first_index + record.count
        reached = max((entry.index + 1 for entry in own), default=first)
        if first < counted <= start and reached <= counted:
            return record
        if counted > start and reached > start:
            # The next row begins inside this record: it is the one that has no entries.
            return record
        true = reached if first < reached and counted < reached else start
        self._name(
            f"count of record {first}",
            f"is {record.count} in the table, but the entries of the record are {true - first}",
        )
        return replace(record, count=true - first)

    async def _gap(self, start: int) -> None:
        """Entries and places up to ``start`` that no row is of."""
        first, named = self.end, -1
        while (entry := await self._entries.peek()) is not None and entry.index < start:
            if first < min(entry.index, entry.record_first):
                self._lost(first)
            first = start
            if entry.record_first != named:
                named = entry.record_first
                self._name(f"record {named}", "its row is missing, but it has entries")
            self._entries.take()
        if first < start:
            self._lost(first)
        self.end = max(self.end, start)

    def _lost(self, first: int) -> None:
        self._name(f"record {first}", "its row is missing, and so are its entries")

    def _name(self, object_: str, problem: str) -> None:
        self._findings.add("contents", object_, problem)
