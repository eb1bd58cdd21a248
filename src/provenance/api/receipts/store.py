"""Whose record an entry belongs to."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.erased import ERASED_AT, ERASED_GROUND, with_erasure
from provenance.db.tables import entries, records, trails
from provenance.log.opening import OpensRows, opened


@dataclass(frozen=True, slots=True)
class OwnedEntry:
    """An entry with what decides who may read it."""

    index: int
    record_first: int
    subject: str
    submitter: UUID

    @property
    def owner(self) -> tuple[str, UUID]:
        """Subject and submitter."""
        return self.subject, self.submitter


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """What was submitted, byte for byte, and the hash of the context that it came under."""

    data: bytes
    media_type: str
    context_sha256: bytes | None
    kind: str


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """What is kept of a record even when it is erased.

    ``erased_at`` (milliseconds since the epoch) and ``ground`` are those of its erasure record.
    """

    kind: str
    media_type: str
    erased_at: int | None
    ground: str | None


class OwnershipStore:
    """Reads whose entries are whose."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def record(self, first_index: int) -> list[OwnedEntry]:
        """Return the entries of the record that starts at ``first_index``."""
        count = await self.span(first_index)
        entry = entries.c.index
        return await self._owned(
            _OWNED.where(entry >= first_index, entry < first_index + count).order_by(entry)
        )

    async def span(self, first_index: int) -> int:
        """Return the number of entries of the record; 0 if none starts there."""
        query = select(records.c.count).where(
            records.c.log_id == self._log_id, records.c.first_index == first_index
        )
        async with self._engine.connect() as connection:
            return await connection.scalar(query) or 0

    async def kept(self, first_index: int) -> KeptRecord | None:
        """Return what outlives the erasure of the record; None if none starts there."""
        query = _KEPT.where(records.c.log_id == self._log_id, records.c.first_index == first_index)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else KeptRecord(*row)

    async def payload(self, first_index: int) -> StoredPayload | None:
        """Return the payload of the record; None once it was erased."""
        query = select(
            records.c.payload,
            records.c.media_type,
            records.c.context_sha256,
            records.c.kind,
            records.c.sealed_segment,
            records.c.sealed_slot,
            records.c.sealed_opening,
        ).where(
            records.c.log_id == self._log_id,
            records.c.first_index == first_index,
            records.c.payload.is_not(None),
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        stored = (row.payload, row.sealed_segment, row.sealed_slot, row.sealed_opening)
        [payload] = await opened(self._openings, [stored])
        if payload is None:
            return None
        return StoredPayload(payload, row.media_type, row.context_sha256, row.kind)

    async def opener(self, first_index: int) -> UUID | None:
        """Return who began the trail of what the record at ``first_index`` is first about.

        The case is the first subject of its acts.
        """
        query = (
            select(records.c.submitter)
            .join(
                entries,
                and_(
                    entries.c.log_id == records.c.log_id,
                    entries.c.trail_first == records.c.first_index,
                ),
            )
            .where(records.c.log_id == self._log_id, entries.c.index == first_index)
        )
        async with self._engine.connect() as connection:
            found: UUID | None = await connection.scalar(query)
        return found

    async def has_entry_in(self, subject: str, *, submitter: UUID) -> bool:
        """Whether ``submitter`` has recorded anything about ``subject``."""
        query = select(
            exists(
                _OWNED.where(
                    entries.c.log_id == self._log_id,
                    trails.c.subject == subject,
                    records.c.submitter == submitter,
                ).with_only_columns(entries.c.index)
            )
        )
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(query))

    async def mark(self) -> str:
        """Return what changes whenever a receipt may: the log's size and its newest anchors."""
        async with self._engine.connect() as connection:
            return str(await connection.scalar(_MARK, {"log_id": self._log_id}))

    async def _owned(self, query: Select[Any]) -> list[OwnedEntry]:
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.where(entries.c.log_id == self._log_id))
            return [OwnedEntry(*row) for row in rows]


# Anchors move or become final at the newest end; a thousand are more than any chain leaves open.
_MARK = text(
    """
    SELECT (SELECT size FROM log_heads WHERE log_id = :log_id) || ' ' || coalesce(
      md5(string_agg(size || state || coalesce(encode(block_hash, 'hex'), ''), ' ' ORDER BY size)),
      '')
    FROM (
      SELECT size, state, block_hash FROM anchors
      WHERE log_id = :log_id ORDER BY size DESC LIMIT 1000
    ) AS newest
    """
)
_OWNED = (
    select(
        entries.c.index,
        entries.c.record_first,
        trails.c.subject,
        records.c.submitter,
    )
    .join(
        trails,
        and_(trails.c.log_id == entries.c.log_id, trails.c.first_index == entries.c.trail_first),
    )
    .join(
        records,
        and_(records.c.log_id == entries.c.log_id, records.c.first_index == entries.c.record_first),
    )
)
_KEPT = with_erasure(select(records.c.kind, records.c.media_type, ERASED_AT, ERASED_GROUND))
