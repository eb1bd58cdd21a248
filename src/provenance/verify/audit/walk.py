"""Which entries belong to which record's row, taken from both tables in order.

Rules: a record has the entries from its first index on, as many as its count says; records lie
end to end, and each entry names its record. Where a row says otherwise, the entries and the next
row tell which value is wrong, so that one altered value gives one finding. Memory is one record's
entries and two payloads.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from provenance.core.statement import StatementTemplate
from provenance.verify.audit.blame import opens
from provenance.verify.audit.report import Findings
from provenance.verify.audit.rows import StoredEntry, StoredRecord

_MOST_ENTRIES: Final = 1 << 17
"""Entries of one record that are taken, far above what intake lets a record have."""
_MOST_KEPT: Final = 100
"""Rows without entries, and entries without a row, that are held against each other."""


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
        self._entries = entries
        # Looked at before it is taken; None before the first one and after the last one.
        self._next: StoredEntry | None = None
        self._size = size
        self._findings = findings
        # Rows without entries, and first entries of records without a row: one may be the other's.
        self._strays: list[StoredRecord] = []
        self._orphans: dict[int, StoredEntry] = {}
        self.end = 0

    async def records(self) -> AsyncIterator[tuple[StoredRecord, list[StoredEntry]]]:
        """Each record, with the count that its entries show, and those of them that are there."""
        await self._take()
        following = await anext(self._records, None)
        while following is not None:
            record, following = following, await anext(self._records, None)
            if record.first_index < self.end or record.first_index >= self._size:
                self._keep_stray(record)
                continue
            record = self._in_place(record)
            await self._gap(record.first_index)
            start = self._size if following is None else min(self._size, following.first_index)
            own = await self._own(record, start)
            record = self._counted(record, own, start)
            self.end = record.first_index + record.count
            yield record, own
        await self._gap(self._size)
        self._settle()

    async def _take(self) -> None:
        self._next = await anext(self._entries, None)

    async def _own(self, record: StoredRecord, start: int) -> list[StoredEntry]:
        """Entries of ``record``; ``start`` is where the next row begins.

        Two of three decide: the count, the next row, and the record that the entry names.
        """
        own: list[StoredEntry] = []
        while len(own) < _MOST_ENTRIES and (entry := self._next) is not None:
            counted = entry.index < record.first_index + record.count
            is_before = entry.index < start
            named = entry.record_first == record.first_index
            if counted + is_before + named < 2:
                break
            own.append(entry)
            await self._take()
        return own

    def _counted(self, record: StoredRecord, own: list[StoredEntry], start: int) -> StoredRecord:
        first, counted = record.first_index, record.first_index + record.count
        reached = own[-1].index + 1 if own else first
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
        while (entry := self._next) is not None and entry.index < start:
            if first < min(entry.index, entry.record_first):
                self._lost(first)
            first = start
            if entry.record_first != named:
                named = entry.record_first
                self._keep_orphan(entry)
            await self._take()
        if first < start:
            self._lost(first)
        self.end = max(self.end, start)

    def _in_place(self, record: StoredRecord) -> StoredRecord:
        """The record where its entries begin, if its row was moved on from there."""
        entry = self._next
        is_next = entry is not None and entry.index == self.end < record.first_index
        if entry is None or not is_next or not _is_of(record, entry):
            return record
        self._moved(record, entry.index)
        return replace(record, first_index=entry.index)

    def _keep_stray(self, record: StoredRecord) -> None:
        if len(self._strays) < _MOST_KEPT:
            self._strays.append(replace(record, payload=None, context=None))
        else:
            self._stray(record)

    def _keep_orphan(self, entry: StoredEntry) -> None:
        if entry.index == entry.record_first and len(self._orphans) < _MOST_KEPT:
            self._orphans[entry.index] = entry
        else:
            self._orphan(entry.record_first)

    def _settle(self) -> None:
        """Name rows and entries that are left over, a row that was moved once."""
        for record in self._strays:
            found = (first for first, entry in self._orphans.items() if _is_of(record, entry))
            first = next(found, None)
            if first is None:
                self._stray(record)
            else:
                self._moved(record, first)
                del self._orphans[first]
        for first in self._orphans:
            self._orphan(first)

    def _moved(self, record: StoredRecord, first: int) -> None:
        problem = f"is {record.first_index} in the table, but its statement opens entry {first}"
        self._name(f"first_index of record {first}", problem)

    def _stray(self, record: StoredRecord) -> None:
        self._name(f"record {record.first_index}", "overlaps another, or has no entries")

    def _orphan(self, first: int) -> None:
        self._name(f"record {first}", "its row is missing, but it has entries")

    def _lost(self, first: int) -> None:
        self._name(f"record {first}", "its row is missing, and so are its entries")

    def _name(self, object_: str, problem: str) -> None:
        self._findings.add("contents", object_, problem)


def _is_of(record: StoredRecord, entry: StoredEntry) -> bool:
    """Whether the record's statement opens ``entry``."""
    head, tail = record.statement_head, record.statement_tail
    if head is None or tail is None or entry.salt is None or entry.subject is None:
        return False
    return opens(StatementTemplate(head=head, tail=tail), entry.subject, entry)
