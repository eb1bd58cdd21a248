"""Finds the records that an erasure is about.

What is recorded about erasures, and heartbeats, are never erased: without them nobody could tell an
erasure from a gap, or a quiet hour from a hidden one.
"""

from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import MAX_REFS, Statement
from provenance.db.tables import entries, log_heads, records, trails
from provenance.erasure.records import KIND, erased_leaves
from provenance.log.reading import NEWS_ENTRIES, news_values
from provenance.log.statements import statement_for
from provenance.log.submissions import News, Unchanged
from provenance.log.times import FIRST_AT

ERASABLE: Final = ("event", "document", "case", "identity")
"""Kinds of records that can be erased."""
_AT_ONCE: Final = 500
_MAX_ANCESTORS: Final = 100_000
"""Versions of a document, one before the other: nobody makes so many."""
MAX_SUBJECTS: Final = 256
"""Trails of one erasure record: each gets an entry. A record with more is an order of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """A record and its entries; times in milliseconds since the epoch, UTC.

    ``type`` of a document is its UNTDID 1001 code, of another record what it is searched by.
    ``time`` is when it happened, or when it was recorded where it does not say. ``goes_back_to``
    are the first indexes of what it describes, supersedes or corrects.
    """

    first_index: int
    kind: str
    type: str | None
    at: int
    time: int
    submitter: UUID
    subjects: tuple[str, ...]
    leaves: tuple[LeafHash, ...]
    is_erased: bool
    describes: int | None
    goes_back_to: tuple[int, ...]

    @property
    def is_erasable(self) -> bool:
        """Whether there is something that may be erased."""
        return self.kind in ERASABLE and not self.is_erased


@dataclass(frozen=True, slots=True)
class Ancestry:
    """Records, and those that they go back to, over as many steps as there are."""

    records: Mapping[int, Target]

    def of(self, target: Target) -> list[Target]:
        """Return ``target`` and whatever it goes back to, the nearest first."""
        found = {target.first_index: target}
        waiting = deque([target])
        while waiting:
            for first in waiting.popleft().goes_back_to:
                base = self.records.get(first)
                if base is not None and first not in found:
                    found[first] = base
                    waiting.append(base)
        return list(found.values())


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

    async def ancestry(self, targets: Collection[Target]) -> Ancestry:
        """Return ``targets`` with all that they go back to, up to 100,000 records, nearest first."""
        known = {target.first_index: target for target in targets}
        going_back = [first for first, target in known.items() if target.goes_back_to]
        if going_back:
            values = {"log_id": self._log_id, "firsts": going_back, "most": _MAX_ANCESTORS}
            async with self._engine.connect() as connection:
                found = await connection.scalars(_ANCESTORS, values)
                missing = [first for first in found if first not in known]
            for start in range(0, len(missing), _AT_ONCE):
                part = missing[start : start + _AT_ONCE]
                known |= {one.first_index: one for one in await self._firsts(part)}
        return Ancestry(known)

    async def of_leaves(self, leaves: Collection[LeafHash]) -> list[Target]:
        """Return the records of these entries, in order."""
        firsts = select(entries.c.record_first).where(
            entries.c.leaf_hash.in_(list(leaves)), entries.c.log_id == self._log_id
        )
        return await self._targets(records.c.first_index.in_(firsts))

    async def size(self) -> int:
        """Return how many entries the log has."""
        query = select(log_heads.c.size).where(log_heads.c.log_id == self._log_id)
        async with self._engine.connect() as connection:
            found: int | None = await connection.scalar(query)
        return found or 0

    async def news(self, unchanged: Unchanged, *, limit: int) -> list[News]:
        """Return at most ``limit`` entries for which ``unchanged`` does not hold, in order."""
        values = {**news_values(unchanged, log_id=self._log_id), "limit": limit}
        async with self._engine.connect() as connection:
            found = await connection.exec_driver_sql(NEWS_ENTRIES, values)
            return [News(row.kind, row.subject, row.seq) for row in found]

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

    async def _firsts(self, firsts: Collection[int]) -> list[Target]:
        return await self._targets(records.c.first_index.in_(list(firsts)))

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
                records.c.supersedes,
                records.c.corrects,
                func.coalesce(records.c.event_time, entries.c.at).label("time"),
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


# UNION leaves out what was found before: it ends, and each record is looked at once.
_ANCESTORS: Final = text("""
WITH RECURSIVE found (first_index) AS (
  SELECT unnest(CAST(:firsts AS bigint[]))
  UNION
  SELECT base.first_index
  FROM found
  JOIN records ON records.log_id = :log_id AND records.first_index = found.first_index
  CROSS JOIN LATERAL unnest(
    ARRAY[records.describes, records.supersedes, records.corrects]
  ) AS base (first_index)
  WHERE base.first_index IS NOT NULL
)
SELECT first_index FROM found LIMIT :most
""")
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
        time=first.time,
        submitter=first.submitter,
        subjects=tuple(row.subject for row in rows),
        leaves=tuple(LeafHash(row.leaf_hash) for row in rows),
        is_erased=first.statement_head is None,
        describes=first.describes,
        goes_back_to=tuple(
            base for base in (first.describes, first.supersedes, first.corrects) if base is not None
        ),
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
