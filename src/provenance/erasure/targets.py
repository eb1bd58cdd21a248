"""Finds the records that an erasure is about.

What is recorded about erasures, and heartbeats, are never erased: without them nobody could tell an
erasure from a gap, or a quiet hour from a hidden one.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import MAX_REFS, Statement
from provenance.db.tables import entries, records, trails
from provenance.erasure.records import KIND, erased_leaves
from provenance.log.statements import statement_for
from provenance.log.times import FIRST_AT

ERASABLE: Final = ("event", "document", "case", "identity")
"""Kinds of records that can be erased."""
_AT_ONCE: Final = 500
MAX_SUBJECTS: Final = 256
"""Trails of one erasure record: each gets an entry. A record with more is an order of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """A record and its entries; ``at`` in milliseconds since the epoch.

    ``type`` of a document is its UNTDID 1001 code, of another record what it is searched by.
    """

    first_index: int
    kind: str
    type: str | None
    at: int
    submitter: UUID
    subjects: tuple[str, ...]
    leaves: tuple[LeafHash, ...]
    is_erased: bool
    describes: int | None

    @property
    def is_erasable(self) -> bool:
        """Whether there is something that may be erased."""
        return self.kind in ERASABLE and not self.is_erased


@dataclass(frozen=True, slots=True)
class FoundErasure:
    """An erasure record of the log: the order that it names, and what it erases."""

    order_id: str
    first_index: int
    at: int
    ground: str
    submitter: UUID
    leaves: tuple[LeafHash, ...]


class TargetStore:
    """Reads the records of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def records(self, indexes: Collection[int]) -> list[Target]:
        """Return the records that have entries at ``indexes``, in order; others are left out."""
        firsts = select(entries.c.record_first).where(
            entries.c.log_id == self._log_id, entries.c.index.in_(list(indexes))
        )
        return await self._targets(records.c.first_index.in_(firsts))

    async def about(self, subject: str, *, limit: int) -> list[Target]:
        """Return the first ``limit`` records about ``subject`` that can be erased, in order."""
        firsts = (
            select(entries.c.record_first)
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(trails.c.log_id == self._log_id, trails.c.subject == subject)
        )
        wanted = (
            select(records.c.first_index)
            .where(
                records.c.log_id == self._log_id,
                records.c.first_index.in_(firsts),
                records.c.statement_head.is_not(None),
                records.c.kind.in_(ERASABLE),
            )
            .order_by(records.c.first_index)
            .limit(limit)
        )
        return await self._targets(records.c.first_index.in_(wanted))

    async def page(
        self, kinds: Collection[str], *, after: int, before: int, limit: int
    ) -> list[Target]:
        """Return the next records of ``kinds`` with ``after < first_index < before``, in order.

        Erased ones are left out.
        """
        wanted = (
            select(records.c.first_index)
            .where(
                records.c.log_id == self._log_id,
                records.c.first_index > after,
                records.c.first_index < before,
                records.c.statement_head.is_not(None),
                records.c.kind.in_(list(kinds)),
            )
            .order_by(records.c.first_index)
            .limit(limit)
        )
        return await self._targets(records.c.first_index.in_(wanted))

    async def first_at(self, at: int) -> int:
        """Return the index of the first entry that was recorded at ``at`` or later."""
        async with self._engine.connect() as connection:
            found: int | None = await connection.scalar(
                FIRST_AT, {"log_id": self._log_id, "at": at}
            )
        return found or 0

    async def descriptions(self, firsts: Collection[int]) -> list[Target]:
        """Return the records that describe documents at ``firsts``."""
        return await self._targets(records.c.describes.in_(list(firsts)))

    async def of_leaves(self, leaves: Collection[LeafHash]) -> list[Target]:
        """Return the records of these entries, in order."""
        firsts = select(entries.c.record_first).where(
            entries.c.leaf_hash.in_(list(leaves)), entries.c.log_id == self._log_id
        )
        return await self._targets(records.c.first_index.in_(firsts))

    async def erasure(self, order_id: str) -> int | None:
        """Return the first index of the record of an order; None where the log has none."""
        query = select(records.c.first_index).where(
            records.c.log_id == self._log_id,
            records.c.event_id == order_id,
            records.c.kind == KIND,
        )
        async with self._engine.connect() as connection:
            found: int | None = await connection.scalar(query)
        return found

    async def recorded_orders(self) -> frozenset[str]:
        """Return the orders that have a record in the log."""
        query = select(records.c.event_id).where(
            records.c.log_id == self._log_id,
            records.c.kind == KIND,
            records.c.event_id.is_not(None),
        )
        async with self._engine.connect() as connection:
            return frozenset(await connection.scalars(query))

    async def erasures(self, *, besides: Container[str]) -> list[FoundErasure]:
        """Return what the log itself says was erased, but for the orders ``besides``."""
        listed = select(records.c.first_index, records.c.event_id).where(
            records.c.log_id == self._log_id, records.c.kind == KIND
        )
        async with self._engine.connect() as connection:
            firsts = [
                first
                for first, order_id in await connection.execute(listed)
                if order_id is not None and order_id not in besides
            ]
            rows: list[Any] = []
            for start in range(0, len(firsts), _AT_ONCE):
                part = firsts[start : start + _AT_ONCE]
                rows += await connection.execute(
                    _ERASURES.where(
                        records.c.log_id == self._log_id, records.c.first_index.in_(part)
                    )
                )
        return [found for row in rows if (found := _erasure(row)) is not None]

    async def _targets(self, condition: Any) -> list[Target]:
        query: Select[Any] = (
            select(
                records.c.first_index,
                records.c.kind,
                records.c.event_type,
                records.c.submitter,
                records.c.statement_head,
                records.c.statement_tail,
                records.c.describes,
                entries.c.at,
                entries.c.leaf_hash,
                trails.c.subject,
            )
            .join(
                entries,
                and_(
                    entries.c.log_id == records.c.log_id,
                    entries.c.index >= records.c.first_index,
                    entries.c.index < records.c.first_index + records.c.count,
                ),
            )
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(records.c.log_id == self._log_id, condition)
            .order_by(entries.c.index)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return list(_grouped(rows))


_ERASURES: Final = (
    select(
        records.c.first_index,
        records.c.event_id,
        records.c.event_type,
        records.c.submitter,
        records.c.statement_head,
        records.c.statement_tail,
        entries.c.at,
    )
    .join(
        entries,
        and_(entries.c.log_id == records.c.log_id, entries.c.index == records.c.first_index),
    )
    .order_by(records.c.first_index)
)


def in_orders(targets: Iterable[Target]) -> Iterator[tuple[Target, ...]]:
    """Divide ``targets`` so that one erasure record can name each part."""
    part: list[Target] = []
    subjects: set[str] = set()
    leaves = 0
    for target in sorted(targets, key=lambda one: (one.subjects[0], one.first_index)):
        wider = subjects | set(target.subjects)
        if part and (len(wider) > MAX_SUBJECTS or leaves + len(target.leaves) > MAX_REFS):
            yield tuple(part)
            part, wider, leaves = [], set(target.subjects), 0
        part.append(target)
        subjects = wider
        leaves += len(target.leaves)
    if part:
        yield tuple(part)


def _grouped(rows: Sequence[Any]) -> Iterator[Target]:
    of_one: list[Any] = []
    for row in rows:
        if of_one and of_one[0].first_index != row.first_index:
            yield _target(of_one)
            of_one = []
        of_one.append(row)
    if of_one:
        yield _target(of_one)


def _target(rows: Sequence[Any]) -> Target:
    first = rows[0]
    statement = _statement(first, first.subject)
    return Target(
        first_index=first.first_index,
        kind=first.kind,
        type=first.event_type if statement is None else statement.type,
        at=first.at,
        submitter=first.submitter,
        subjects=tuple(row.subject for row in rows),
        leaves=tuple(LeafHash(row.leaf_hash) for row in rows),
        is_erased=first.statement_head is None,
        describes=first.describes,
    )


def _erasure(row: Any) -> FoundErasure | None:
    statement = _statement(row, "urn:any:subject")
    if statement is None or row.event_id is None:
        return None
    return FoundErasure(
        order_id=row.event_id,
        first_index=row.first_index,
        at=row.at,
        ground=row.event_type,
        submitter=row.submitter,
        leaves=erased_leaves(statement.refs),
    )


def _statement(row: Any, subject: str) -> Statement | None:
    """Statement of a record; None once erased, or where it is none any more."""
    if row.statement_head is None or row.statement_tail is None:
        return None
    try:
        data = statement_for(row.statement_head, subject, row.statement_tail)
        return Statement.from_json(parse_canonical(data))
    except FormatError:
        return None
