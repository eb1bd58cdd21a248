"""Documents as the database knows them: references and statements, never their bytes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, and_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.erased import ERASED_AT, ERASED_GROUND, with_erasure
from provenance.db.tables import entries, records, trails
from provenance.intake.documents.statements import KIND
from provenance.log.statements import statement_for
from provenance.sealing import SealedRef


class _Said(msgspec.Struct):
    """What a list needs of a statement."""

    payload_size: int
    type: str | None = None


_said: Final = msgspec.json.Decoder(_Said)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's record.

    ``sealed`` and ``size`` are None once it was erased; ``erased_at`` (milliseconds since the
    epoch) and ``erased_ground`` are there once the log has the record of the erasure.
    """

    first_index: int
    count: int
    at: int
    submitter: UUID
    media_type: str
    type: str | None
    size: int | None
    sealed: SealedRef | None
    supersedes: int | None
    describes: int | None
    erased_at: int | None = None
    erased_ground: str | None = None


class DocumentStore:
    """Reads the documents of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def find(self, first_index: int) -> StoredDocument | None:
        """Return the document, or description, whose first entry is ``first_index``."""
        query = _DOCUMENTS.where(
            records.c.log_id == self._log_id,
            records.c.first_index == first_index,
            entries.c.index == first_index,
        )
        found = await self._documents(query)
        return found[0] if found else None

    async def about(
        self, subject: str, *, submitter: UUID | None, before: int | None, limit: int
    ) -> list[StoredDocument]:
        """Return documents about ``subject``, newest first, descriptions left out.

        With ``submitter`` only theirs; with ``before`` only those of a smaller first index.
        """
        query = (
            _DOCUMENTS.join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(
                entries.c.log_id == self._log_id,
                trails.c.subject == subject,
                records.c.describes.is_(None),
            )
            .order_by(entries.c.seq.desc())
            .limit(limit)
        )
        if submitter is not None:
            query = query.where(records.c.submitter == submitter)
        if before is not None:
            query = query.where(records.c.first_index < before)
        return await self._documents(query)

    async def full(self, subjects: Collection[str], *, submitter: UUID, limit: int) -> str | None:
        """Return one of ``subjects`` about which ``submitter`` recorded ``limit`` documents or more.

        Descriptions and what was erased count too: their entries are there for ever.
        """
        values = {
            "log_id": self._log_id,
            "subjects": list(subjects),
            "submitter": submitter,
            "most": limit,
        }
        async with self._engine.connect() as connection:
            found: str | None = await connection.scalar(_FULL, values)
        return found

    async def is_recorded(self, dedup_key: bytes) -> bool:
        """Whether the log has the record of this key."""
        query = select(records.c.first_index).where(
            records.c.log_id == self._log_id, records.c.dedup_key == dedup_key
        )
        async with self._engine.connect() as connection:
            return await connection.scalar(query) is not None

    async def superseding(self, firsts: Collection[int]) -> dict[int, list[int]]:
        """Return, for each document, first indexes of the versions that supersede it."""
        return await self._referring(records.c.supersedes, firsts)

    async def describing(self, firsts: Collection[int]) -> dict[int, list[int]]:
        """Return, for each document, first indexes of its descriptions."""
        return await self._referring(records.c.describes, firsts)

    async def _referring(
        self, column: ColumnElement[int | None], firsts: Collection[int]
    ) -> dict[int, list[int]]:
        query = (
            select(column, records.c.first_index)
            .where(records.c.log_id == self._log_id, column.in_(list(firsts)))
            .order_by(records.c.first_index)
        )
        found: dict[int, list[int]] = {}
        async with self._engine.connect() as connection:
            for referred, first_index in await connection.execute(query):
                found.setdefault(referred, []).append(first_index)
        return found

    async def _documents(self, query: Select[Any]) -> list[StoredDocument]:
        async with self._engine.connect() as connection:
            return [_document(row) for row in await connection.execute(query)]


def _document(row: Any) -> StoredDocument:
    said = None
    if row.statement_head is not None and row.statement_tail is not None:
        said = _said.decode(statement_for(row.statement_head, "", row.statement_tail))
    sealed = None
    if row.sealed_path is not None:
        sealed = SealedRef(row.sealed_path, row.sealed_segment, row.sealed_slot, row.sealed_opening)
    return StoredDocument(
        first_index=row.first_index,
        count=row.count,
        at=row.at,
        submitter=row.submitter,
        media_type=row.media_type,
        type=None if said is None else said.type,
        size=None if said is None else said.payload_size,
        sealed=sealed,
        supersedes=row.supersedes,
        describes=row.describes,
        erased_at=row.erased_at,
        erased_ground=row.erased_ground,
    )


# A trail that is shorter than the limit is not looked through.
_FULL: Final = text("""
SELECT trails.subject FROM trails
WHERE trails.log_id = :log_id AND trails.subject = ANY(:subjects) AND trails.count >= :most
  AND :most <= (
    SELECT count(*) FROM entries
    JOIN records ON records.log_id = entries.log_id AND records.first_index = entries.record_first
    WHERE entries.log_id = trails.log_id AND entries.trail_first = trails.first_index
      AND records.kind = 'document' AND records.submitter = :submitter
  )
ORDER BY trails.subject LIMIT 1
""")
_DOCUMENTS: Final = with_erasure(
    select(
        records.c.first_index,
        records.c.count,
        entries.c.at,
        records.c.submitter,
        records.c.media_type,
        records.c.statement_head,
        records.c.statement_tail,
        records.c.sealed_path,
        records.c.sealed_segment,
        records.c.sealed_slot,
        records.c.sealed_opening,
        records.c.supersedes,
        records.c.describes,
        ERASED_AT,
        ERASED_GROUND,
    )
    .join(
        entries,
        and_(entries.c.log_id == records.c.log_id, entries.c.record_first == records.c.first_index),
    )
    .where(records.c.kind == KIND)
)
