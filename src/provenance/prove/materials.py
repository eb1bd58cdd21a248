"""What receipts are made of but for their paths: one query for all that are wanted together."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.tree import MAX_SIZE
from provenance.db.reading import integer_array, read_rows
from provenance.db.together import Together
from provenance.log.statements import statement_for
from provenance.prove.store import ANCHORED, LogRow
from provenance.sealing import SealedRef

AT_ONCE: Final = 128
"""Entries of one query: more would make the first ones wait for the last."""

_QUERY = """
SELECT e.index, e.seq, e.at, e.prev, e.commitment, e.salt, t.trail, t.subject,
  r.first_index, r.submitter, r.statement_head, r.statement_tail, r.payload_salt, r.fields_salt,
  sha256(r.payload), a.size, a.old_size, a.checkpoint, a.tx_hash, a.log_index, a.block_number,
  a.block_hash, a.block_time, old.block_time, head.may_sign, head.anchored, last.seq, last.leaf_hash,
  r.sealed_path, r.sealed_segment, r.sealed_slot, r.sealed_opening
FROM unnest(
  %(indexes)s::bigint[], %(logs)s::integer[], %(untils)s::bigint[]
) AS asked (index, log_id, until)
JOIN entries e ON e.log_id = %(log_id)s AND e.index = asked.index
JOIN trails t ON t.log_id = e.log_id AND t.first_index = e.trail_first
JOIN records r ON r.log_id = e.log_id AND r.first_index = e.record_first
CROSS JOIN (
  SELECT state <> 'forked' AS may_sign, coalesce(%(as_of)s::bigint, (
    SELECT size FROM anchors WHERE log_id = %(log_id)s AND state = ANY(%(anchored)s)
    ORDER BY size DESC LIMIT 1), %(start_size)s::bigint) AS anchored
  FROM log_heads WHERE log_id = %(log_id)s
) head
LEFT JOIN LATERAL (
  SELECT * FROM anchors
  WHERE log_id = asked.log_id AND size > e.index AND size <= asked.until
    AND state = ANY(%(anchored)s)
  ORDER BY size LIMIT 1
) a ON true
LEFT JOIN anchors old
  ON old.log_id = asked.log_id AND old.size = a.old_size AND old.state = ANY(%(anchored)s)
LEFT JOIN LATERAL (
  SELECT seq, leaf_hash FROM entries
  WHERE log_id = e.log_id AND trail_first = e.trail_first AND index < head.anchored
  ORDER BY seq DESC LIMIT 1
) last ON true
"""


class Anchored(msgspec.Struct, frozen=True, gc=False):
    """The first anchor that covers an entry; times in milliseconds.

    ``old_time`` is None where the anchor of ``old_size`` is not on the chain, or was made by
    another log of the lineage, or there is none.
    """

    size: int
    old_size: int
    checkpoint: str
    tx_hash: bytes
    log_index: int
    block_number: int
    block_hash: bytes
    block_time: int
    old_time: int | None


class Material(msgspec.Struct, frozen=True, gc=False):
    """An entry, its record and its trail; what erasure destroyed is None.

    ``anchored`` is None while no anchor covers the entry. ``may_sign`` tells whether the log signs
    anything; ``last`` is (seq, leaf hash) of the trail's last entry below ``anchored_size``. Where
    the payload is ``sealed``, its salt and hash are not here but in the reference's opening.
    """

    index: int
    seq: int
    at: int
    prev: bytes
    commitment: bytes
    salt: bytes | None
    trail: bytes
    subject: str
    record_first: int
    submitter: UUID
    statement_head: bytes | None
    statement_tail: bytes | None
    payload_salt: bytes | None
    fields_salt: bytes | None
    payload_sha256: bytes | None
    anchored: Anchored | None
    may_sign: bool
    anchored_size: int
    last: tuple[int, bytes] | None
    sealed: SealedRef | None

    @property
    def statement(self) -> bytes | None:
        """Canonical statement bytes; None once erased."""
        if self.statement_head is None or self.statement_tail is None or self.salt is None:
            return None
        return statement_for(self.statement_head, self.subject, self.statement_tail)


class MaterialStore:
    """Reads materials of one log and of those that it succeeded."""

    def __init__(self, engine: AsyncEngine, *, lineage: Sequence[LogRow]) -> None:
        self._engine = engine
        self._lineage = lineage
        self._together = Together(self._read, at_most=AT_ONCE)

    def log_of(self, index: int) -> LogRow:
        """Return the log under which entry ``index`` was anchored."""
        return next(log for log in self._lineage if index >= log.start_size)

    async def get(self, index: int) -> Material | None:
        """Return the material of one entry; None if there is no such entry."""
        return await self._together.get(index)

    async def get_all(self, indexes: Collection[int]) -> dict[int, Material]:
        """Return the materials of several entries; those that do not exist are left out."""
        return await self._together.get_all(indexes)

    async def as_of(self, indexes: Sequence[int], *, size: int) -> dict[int, Material]:
        """Return the materials of entries below the anchored ``size``, with their trails as of it."""
        found: dict[int, Material] = {}
        for start in range(0, len(indexes), AT_ONCE):
            found |= await self._read(indexes[start : start + AT_ONCE], as_of=size)
        return found

    async def _read(
        self, indexes: Collection[int], *, as_of: int | None = None
    ) -> dict[int, Material]:
        logs = [self.log_of(index) for index in indexes]
        newest = self._lineage[0]
        parameters = {
            "indexes": integer_array(list(indexes)),
            "logs": integer_array([log.log_id for log in logs]),
            "untils": integer_array([MAX_SIZE if log.until is None else log.until for log in logs]),
            "log_id": newest.log_id,
            "start_size": newest.start_size,
            "anchored": list(ANCHORED),
            "as_of": as_of,
        }
        rows = await read_rows(self._engine, _QUERY, parameters)
        return {row[0]: _material(row) for row in rows}


def _material(row: Sequence[Any]) -> Material:
    anchored = Anchored(*row[15:24]) if row[15] is not None else None
    last = (row[26], row[27]) if row[26] is not None else None
    sealed = SealedRef(*row[28:32]) if row[29] is not None else None
    values: tuple[Any, ...] = (*row[:15], anchored, row[24], row[25], last, sealed)
    return Material(*values)
