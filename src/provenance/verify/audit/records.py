"""All records of a log, in the order of their entries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from provenance.core.digests import LeafHash
from provenance.core.errors import ProvenanceError
from provenance.sealing import SealedRef
from provenance.verify.audit.compact import CompactTable
from provenance.verify.audit.contents import NO_CONTEXT, check_record
from provenance.verify.audit.expected import DERIVED, DerivedColumns, ExpectedOf
from provenance.verify.audit.faults import EntryFaults
from provenance.verify.audit.report import Findings
from provenance.verify.audit.rows import StoredEntry, StoredRecord
from provenance.verify.audit.sealed import SealedSource, check_sealed, open_row
from provenance.verify.audit.stored import Connection, StoredHead, stream
from provenance.verify.audit.unopened import UnopenedEntries
from provenance.verify.audit.walk import RecordWalk

PAGE: Final = 64
"""Records that are fetched at once: their payloads are in memory together."""

_RECORDS = """
SELECT first_index, count, kind, submitter::text, records.media_type, statement_head,
       statement_tail, payload_salt, fields_salt, payload, context_sha256, contexts.data,
       event_time, corrects, supersedes, describes,
       event_id, event_type, action, biz_step, disposition, read_point, biz_location,
       dedup_key, content_mac,
       sealed_path, sealed_segment, sealed_slot, sealed_opening
FROM records LEFT JOIN contexts ON contexts.sha256 = records.context_sha256
WHERE log_id = %s ORDER BY first_index
"""
_ENTRIES = """
SELECT entries.index, entries.record_first, entries.trail_first, trails.subject, entries.salt,
       entries.commitment, entries.leaf_hash
FROM entries LEFT JOIN trails
  ON trails.log_id = entries.log_id AND trails.first_index = entries.trail_first
WHERE entries.log_id = %s AND entries.index < %s ORDER BY entries.index
"""
_LEAVES = """
SELECT index, leaf_hash FROM entries WHERE log_id = %s AND index >= %s AND index < %s
"""
# Where records name the hash of a row's bytes, and not its key, it is the key that was altered.
_CONTEXTS = """
SELECT CASE WHEN EXISTS (SELECT FROM records WHERE context_sha256 = sha256(contexts.data))
       THEN sha256(data) ELSE sha256 END
FROM contexts WHERE sha256 <> sha256(data) ORDER BY 1 LIMIT 100
"""
_STILL_OPEN = """
SELECT index FROM entries
WHERE log_id = %s AND salt IS NOT NULL AND leaf_hash = ANY(%s) ORDER BY index
"""
# Of the records that an erasure names, those whose row says another one, or none.
_MISNAMED = """
SELECT DISTINCT records.first_index, records.erased_by
FROM entries JOIN records
  ON records.log_id = entries.log_id AND records.first_index = entries.record_first
LEFT JOIN records AS erasure
  ON erasure.log_id = records.log_id AND erasure.first_index = records.erased_by
  AND erasure.kind = 'erasure'
  AND position(convert_to(encode(entries.leaf_hash, 'hex'), 'UTF8') IN erasure.statement_head) > 0
WHERE entries.log_id = %s AND entries.leaf_hash = ANY(%s) AND entries.salt IS NULL
  AND erasure.first_index IS NULL
ORDER BY 1
"""
_ERASED_UNERASED = """
SELECT first_index, erased_by FROM records
WHERE log_id = %s AND erased_by IS NOT NULL AND statement_head IS NOT NULL ORDER BY 1 LIMIT 100
"""
_PAYLOAD: Final = 9
"""Place of the payload in a record's row."""
_NAMED: Final = 1 << 63
"""Bit that marks an entry that cannot be opened as named by an erasure record."""
_PARTS: Final = ("", "statement", "payload", "payload_salt")
"""What is gone of a record, as the two bits below that say it; the first: nothing but a salt."""
_PART_SHIFT: Final = 61

NOT_READ: Final = "sealed payloads were not read: their keys and their store were not given"


class RecordAudit:
    """Checks contents and erasures; 50 bytes for each entry that cannot be opened."""

    def __init__(
        self,
        connection: Connection,
        head: StoredHead,
        *,
        faults: EntryFaults,
        expected_of: ExpectedOf | None,
        sealed: SealedSource | None,
        findings: Findings,
    ) -> None:
        self._sealed = sealed
        self._connection = connection
        self._head = head
        self._faults = faults
        self._expected_of = expected_of
        self._findings = findings
        self._closed = CompactTable("Q")
        self._unopened = UnopenedEntries()
        self.records = 0

    async def run(self, progress: Callable[[int], None]) -> None:
        """Check every record; ``progress`` is told up to which entry."""
        log_id, size = self._head.log_id, self._head.size
        entries = stream(self._connection, "audit_sources", _ENTRIES, (log_id, size))
        rows = stream(self._connection, "audit_records", _RECORDS, (log_id,), page=PAGE)
        walk = RecordWalk(
            (_record(row) async for row in rows),
            (_entry(row, sound=row[0] not in self._faults) async for row in entries),
            size=size,
            findings=self._findings,
        )
        async for record, own in walk.records():
            await self._one(record, own)
            progress(walk.end)
        await self._unopened.settle(self._connection, self._head, self._findings)
        await self._contexts()
        await self._unerased()
        self._unexplained()

    async def _one(self, record: StoredRecord, entries: list[StoredEntry]) -> None:
        self.records += 1
        record, unopened = await self._opened(record)
        found = check_record(record, entries, expected_of=self._expected_of)
        found.wrong += unopened
        if found.sealed is not None:
            if self._sealed is None:
                self._findings.unread("contents", NOT_READ)
            elif found.sealed.ref.path is not None:
                await check_sealed(found.sealed, entries, source=self._sealed, found=found)
        for object_, problem in found.wrong:
            self._findings.add("contents", object_, problem)
        self._unopened.add(found.unopened)
        for entry in found.closed:
            # What is destroyed of the record closes all its entries: it is named once.
            part = _PARTS.index(found.gone) if entry.salt is not None else 0
            place = record.first_index if part else entry.index
            self._closed.put(entry.leaf_hash, place | part << _PART_SHIFT)
        for column, leaves in (found.refers or {}).items():
            await self._refers(record, column, leaves)
        if found.erased:
            await self._erased(record.first_index, found.erased)

    async def _opened(self, record: StoredRecord) -> tuple[StoredRecord, list[tuple[str, str]]]:
        """Return ``record`` with a payload that lies sealed in its row, and what is wrong with it."""
        ref = record.sealed
        # Beside a payload that lies open, it is the columns of a sealed one that were set.
        is_sealed = ref is not None and (record.payload is None or ref.path is None)
        wrong = [
            (f"{name} of record {record.first_index}", "is set beside a sealed payload")
            for name in ("payload_salt", "fields_salt")
            if is_sealed and getattr(record, name) is not None
        ]
        if self._sealed is None:
            return record, wrong
        try:
            return await open_row(record, self._sealed), wrong
        except ProvenanceError as error:
            wrong.append((f"payload of record {record.first_index}", f"cannot be opened: {error}"))
            return replace(record, payload=None), wrong

    async def _refers(
        self, record: StoredRecord, column: str, leaves: tuple[LeafHash, ...]
    ) -> None:
        """Compare the record that a column points to with the entries that the statement names."""
        first: int | None = getattr(record, column)
        problem = ""
        if first is None:
            problem = "is not set, but its statement names a record for it" if leaves else ""
        elif not leaves:
            problem = f"is {first} in the table, but its statement names no record for it"
        elif not await self._are_at(first, leaves):
            problem = f"is {first} in the table, but its statement names another record"
        if problem:
            self._findings.add("contents", f"{column} of record {record.first_index}", problem)

    async def _are_at(self, first: int, leaves: tuple[LeafHash, ...]) -> bool:
        """Whether entries from ``first`` on have these leaf hashes, those with faults left out."""
        cursor = await self._connection.execute(
            _LEAVES, (self._head.log_id, first, first + len(leaves)), binary=True
        )
        found: dict[int, bytes] = dict(await cursor.fetchall())
        return all(
            index in self._faults or found.get(index) == leaf
            for index, leaf in enumerate(leaves, start=first)
        )

    async def _erased(self, first_index: int, leaves: tuple[LeafHash, ...]) -> None:
        for leaf in leaves:
            known = self._closed.get(leaf)
            if known is not None:
                self._closed.put(leaf, int(known[0]) | _NAMED)
        cursor = await self._connection.execute(_STILL_OPEN, (self._head.log_id, list(leaves)))
        for (index,) in await cursor.fetchall():
            self._findings.add(
                "erasures",
                f"entry {index}",
                f"can still be opened, but record {first_index} erases it",
            )
        cursor = await self._connection.execute(_MISNAMED, (self._head.log_id, list(leaves)))
        for first, erased_by in await cursor.fetchall():
            self._findings.add(
                "erasures",
                f"erased_by of record {first}",
                f"is {erased_by} in the table, but record {first_index} erases it",
            )

    async def _contexts(self) -> None:
        cursor = await self._connection.execute(_CONTEXTS, binary=True)
        for (digest,) in await cursor.fetchall():
            self._findings.add("contents", f"context {digest.hex()}", NO_CONTEXT)

    async def _unerased(self) -> None:
        cursor = await self._connection.execute(_ERASED_UNERASED, (self._head.log_id,))
        for first, erased_by in await cursor.fetchall():
            self._findings.add(
                "erasures",
                f"erased_by of record {first}",
                f"is {erased_by} in the table, but the record was not erased",
            )

    def _unexplained(self) -> None:
        for (value,) in self._closed.values():
            if int(value) & _NAMED:
                continue
            part, place = divmod(int(value), 1 << _PART_SHIFT)
            if part:
                object_ = f"{_PARTS[part]} of record {place}"
                problem = "is missing, and no erasure record names the record's entries"
            else:
                object_ = f"entry {place}"
                problem = "cannot be opened, and no erasure record names it"
            self._findings.add("erasures", object_, problem)
        self._findings.checked(
            "erasures",
            f"{len(self._closed)} entries that cannot be opened, each named by an erasure record",
        )


def _record(row: tuple[Any, ...]) -> StoredRecord:
    # A payload that lies sealed in its row has no path; all else of it stands there.
    missing = sum(value is None for value in row[-3:])
    sealed = SealedRef(*row[-4:]) if not missing else None
    is_in_row = row[-4] is None and row[_PAYLOAD] is not None
    is_in_part = missing in {1, 2} or (row[-4] is None and not missing and not is_in_row)
    is_in_part |= missing == 3 and row[-4] is not None
    end = len(row) - 4
    derived = DerivedColumns(*row[end - len(DERIVED) : end])
    values: tuple[Any, ...] = (*row[: end - len(DERIVED)], derived, sealed, is_in_part)
    return StoredRecord(*values)


def _entry(row: tuple[Any, ...], *, sound: bool) -> StoredEntry:
    index, record_first, trail_first, subject, salt, commitment, leaf = row
    return StoredEntry(
        index=index,
        record_first=record_first,
        trail_first=trail_first,
        subject=subject,
        salt=salt,
        commitment=commitment,
        leaf_hash=leaf,
        sound=sound,
    )
