"""Whole trails, and what records are, as a dossier needs them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement
from provenance.db.reading import integer_array, read_rows
from provenance.db.tables import entries, records, trails
from provenance.erasure.records import KIND as ERASURE
from provenance.erasure.records import erased_leaves
from provenance.intake.documents.statements import KIND as DOCUMENT
from provenance.log.opening import OpensRows, opened
from provenance.log.statements import statement_for

_AT_ONCE: Final = 1_000
"""Records of one query: a few megabytes of payloads."""
_ANY_SUBJECT: Final = "urn:provenance:any"
_HAS_ERASED: Final = """
SELECT EXISTS (
  SELECT FROM unnest(%(firsts)s::bigint[]) AS asked (first_index)
  JOIN records r ON r.log_id = %(log_id)s AND r.first_index = asked.first_index
  WHERE r.statement_head IS NULL
)
"""


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry of a trail, and the first entry of its record."""

    index: int
    record_first: int


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record. ``payload`` is None once erased, and of every document: those are streamed."""

    first_index: int
    count: int
    kind: str
    submitter: UUID
    media_type: str
    context_sha256: bytes | None
    payload: bytes | None
    is_erased: bool


class DossierStore:
    """Reads what dossiers of one log are made of."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def entries(self, subjects: Collection[str], *, limit: int) -> list[PlacedEntry]:
        """Return at most ``limit`` entries of the trails of ``subjects``, in order."""
        query = (
            select(entries.c.index, entries.c.record_first)
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(trails.c.log_id == self._log_id, trails.c.subject.in_(list(subjects)))
            .order_by(entries.c.index)
            .limit(limit)
        )
        async with self._engine.connect() as connection:
            return [PlacedEntry(*row) for row in await connection.execute(query)]

    async def lengths(self, subjects: Collection[str]) -> list[int]:
        """Return how many entries the trails of ``subjects`` have, each as far as it is there."""
        query = select(trails.c.count).where(
            trails.c.log_id == self._log_id, trails.c.subject.in_(list(subjects))
        )
        async with self._engine.connect() as connection:
            return list(await connection.scalars(query))

    async def documents(self, subjects: Collection[str]) -> int:
        """Return how many documents about ``subjects`` there are, without those that were erased."""
        query = (
            select(func.count(entries.c.record_first.distinct()))
            .select_from(trails)
            .join(
                entries,
                and_(
                    entries.c.log_id == trails.c.log_id,
                    entries.c.trail_first == trails.c.first_index,
                ),
            )
            .join(
                records,
                and_(
                    records.c.log_id == entries.c.log_id,
                    records.c.first_index == entries.c.record_first,
                ),
            )
            .where(
                trails.c.log_id == self._log_id,
                trails.c.subject.in_(list(subjects)),
                records.c.kind == DOCUMENT,
                records.c.statement_head.is_not(None),
            )
        )
        async with self._engine.connect() as connection:
            found: int | None = await connection.scalar(query)
        return found or 0

    async def newest(self, subjects: Collection[str]) -> int | None:
        """Return the newest entry of the trails of ``subjects``; None if there is none."""
        query = (
            select(func.max(entries.c.index))
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(trails.c.log_id == self._log_id, trails.c.subject.in_(list(subjects)))
        )
        async with self._engine.connect() as connection:
            index: int | None = await connection.scalar(query)
        return index

    async def records(self, firsts: Sequence[int]) -> dict[int, StoredRecord]:
        """Return the records that begin at ``firsts``."""
        is_shown = records.c.kind != DOCUMENT
        query = select(
            records.c.first_index,
            records.c.count,
            records.c.kind,
            records.c.submitter,
            records.c.media_type,
            records.c.context_sha256,
            records.c.statement_head.is_(None),
            case((is_shown, records.c.payload)),
            case((is_shown, records.c.sealed_segment)),
            case((is_shown, records.c.sealed_slot)),
            case((is_shown, records.c.sealed_opening)),
        ).where(records.c.log_id == self._log_id)
        found: dict[int, StoredRecord] = {}
        for start in range(0, len(firsts), _AT_ONCE):
            some = query.where(records.c.first_index.in_(firsts[start : start + _AT_ONCE]))
            async with self._engine.connect() as connection:
                rows = (await connection.execute(some)).all()
            payloads = await opened(self._openings, [tuple(row[7:]) for row in rows])
            found |= {
                row[0]: StoredRecord(*(*row[:6], payload, row[6]))
                for row, payload in zip(rows, payloads, strict=True)
            }
        return found

    async def erased_since(self, size: int) -> frozenset[LeafHash]:
        """Return the entries that erasure records at ``size`` or later name."""
        query = select(records.c.statement_head, records.c.statement_tail).where(
            records.c.log_id == self._log_id,
            records.c.kind == ERASURE,
            records.c.first_index >= size,
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return frozenset(leaf for head, tail in rows for leaf in _erased(head, tail))

    async def has_erased(self, firsts: Sequence[int]) -> bool:
        """Whether the row of one of the records at ``firsts`` was emptied."""
        parameters = {"log_id": self._log_id, "firsts": integer_array(list(firsts))}
        [(found,)] = await read_rows(self._engine, _HAS_ERASED, parameters)
        return bool(found)


def _erased(head: bytes | None, tail: bytes | None) -> tuple[LeafHash, ...]:
    """Entries that an erasure's statement names; none where it is none any more."""
    if head is None or tail is None:
        return ()
    try:
        data = statement_for(head, _ANY_SUBJECT, tail)
        return erased_leaves(Statement.from_json(parse_canonical(data)).refs)
    except FormatError:
        return ()
