"""Events and capture jobs as they are stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import capture_jobs, entries, records, trails
from provenance.log.opening import OpensRows, opened
from provenance.log.times import FIRST_AT

OrderBy = Literal["eventTime", "recordTime"]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a query asks for; empty tuples and None ask for nothing in particular.

    Times are milliseconds since the epoch. An event matches if it matches each field, and a field
    if it has one of its values. ``subjects`` are alternatives in each group.
    """

    ge_event_time: int | None = None
    lt_event_time: int | None = None
    ge_record_time: int | None = None
    lt_record_time: int | None = None
    event_types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    biz_steps: tuple[str, ...] = ()
    dispositions: tuple[str, ...] = ()
    read_points: tuple[str, ...] = ()
    biz_locations: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    subjects: tuple[tuple[str, ...], ...] = ()
    submitter: UUID | None = None
    order_by: OrderBy = "recordTime"
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last event's place in the order."""

    event_time: int
    first_index: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it came, and where it is."""

    first_index: int
    count: int
    event_id: str
    event_type: str
    event_time: int
    submitter: UUID
    payload: bytes
    context_sha256: bytes
    corrects: int | None

    @property
    def position(self) -> Position:
        """Place in any order."""
        return Position(event_time=self.event_time, first_index=self.first_index)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events as they follow each other, up to ``end``; after the last batch there are no more."""

    events: list[StoredEvent]
    is_last: bool
    end: Position | None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A capture job; times in milliseconds since the epoch."""

    job_id: UUID
    submitter: UUID
    created_at: int
    finished_at: int
    success: bool
    on_error: str
    first_index: int
    count: int
    at: int
    record_firsts: list[int]
    errors: list[dict[str, str]]


_EVENT_COLUMNS = (
    records.c.first_index,
    records.c.count,
    records.c.event_id,
    records.c.event_type,
    records.c.event_time,
    records.c.submitter,
    records.c.payload,
    records.c.context_sha256,
    records.c.corrects,
    records.c.sealed_segment,
    records.c.sealed_slot,
    records.c.sealed_opening,
)
_JOB_COLUMNS = (
    capture_jobs.c.job_id,
    capture_jobs.c.submitter,
    capture_jobs.c.created_at,
    capture_jobs.c.finished_at,
    capture_jobs.c.success,
    capture_jobs.c.on_error,
    capture_jobs.c.first_index,
    capture_jobs.c.count,
    capture_jobs.c.at,
    capture_jobs.c.record_firsts,
    capture_jobs.c.errors,
)


class EventStore:
    """Reads the events of one log."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def page(
        self, asked: EventFilter, *, after: Position | None, limit: int, max_bytes: int
    ) -> EventBatch:
        """Return the next events in the order that is asked for, from ``after`` on.

        At most ``limit`` of them, and so many that all but the first stay within ``max_bytes``.
        """
        query = select(*_EVENT_COLUMNS).where(*self._conditions(asked))
        async with self._engine.connect() as connection:
            for name, at in (("ge", asked.ge_record_time), ("lt", asked.lt_record_time)):
                if at is None:
                    continue
                first = await connection.scalar(FIRST_AT, {"log_id": self._log_id, "at": at})
                bound = first or 0
                column = records.c.first_index
                query = query.where(column >= bound if name == "ge" else column < bound)
            found = _ordered(query, asked, after).limit(limit)
            rows = list(await connection.execute(_within(found, asked, max_bytes)))
        return EventBatch(
            events=await self._opened(rows),
            is_last=not rows or (rows[-1].found == len(rows) < limit),
            end=Position(rows[-1].event_time, rows[-1].first_index) if rows else None,
        )

    async def by_event_id(self, event_id: str, *, submitter: UUID | None) -> StoredEvent | None:
        """Return the first event with this id; corrections of it carry the same id later."""
        query = (
            select(*_EVENT_COLUMNS)
            .where(records.c.log_id == self._log_id, records.c.event_id == event_id)
            .where(records.c.payload.is_not(None))
            .order_by(records.c.first_index)
            .limit(1)
        )
        if submitter is not None:
            query = query.where(records.c.submitter == submitter)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        found = await self._opened(rows)
        return found[0] if found else None

    async def _opened(self, rows: Sequence[Any]) -> list[StoredEvent]:
        """Events of rows; those whose key was destroyed a moment ago are left out."""
        payloads = await opened(
            self._openings,
            [
                (row.payload, row.sealed_segment, row.sealed_slot, row.sealed_opening)
                for row in rows
            ],
        )
        return [
            StoredEvent(
                first_index=row.first_index,
                count=row.count,
                event_id=row.event_id,
                event_type=row.event_type,
                event_time=row.event_time,
                submitter=row.submitter,
                payload=payload,
                context_sha256=row.context_sha256,
                corrects=row.corrects,
            )
            for row, payload in zip(rows, payloads, strict=True)
            if payload is not None
        ]

    def _conditions(self, asked: EventFilter) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [
            records.c.log_id == self._log_id,
            records.c.kind == "event",
            records.c.payload.is_not(None),
        ]
        lists: tuple[tuple[Any, Collection[str]], ...] = (
            (records.c.event_type, asked.event_types),
            (records.c.action, asked.actions),
            (records.c.biz_step, asked.biz_steps),
            (records.c.disposition, asked.dispositions),
            (records.c.read_point, asked.read_points),
            (records.c.biz_location, asked.biz_locations),
            (records.c.event_id, asked.event_ids),
        )
        found += [column.in_(values) for column, values in lists if values]
        found += [records.c.first_index.in_(self._naming(group)) for group in asked.subjects]
        if asked.ge_event_time is not None:
            found.append(records.c.event_time >= asked.ge_event_time)
        if asked.lt_event_time is not None:
            found.append(records.c.event_time < asked.lt_event_time)
        if asked.submitter is not None:
            found.append(records.c.submitter == asked.submitter)
        return found

    def _naming(self, subjects: Sequence[str]) -> Select[tuple[int]]:
        return (
            select(entries.c.record_first)
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
                ),
            )
            .where(trails.c.log_id == self._log_id, trails.c.subject.in_(subjects))
        )


def _ordered(query: Select[Any], asked: EventFilter, after: Position | None) -> Select[Any]:
    if asked.order_by == "eventTime":
        columns: tuple[Any, ...] = (records.c.event_time, records.c.first_index)
        values: tuple[int, ...] = (after.event_time, after.first_index) if after else ()
    else:
        columns = (records.c.first_index,)
        values = (after.first_index,) if after else ()
    if values:
        here = tuple_(*columns)
        query = query.where(here < values if asked.is_descending else here > values)
    return query.order_by(*_order(records.c.event_time, records.c.first_index, asked))


def _within(found: Select[Any], asked: EventFilter, max_bytes: int) -> Select[Any]:
    """Cut ``found`` off where its payloads exceed ``max_bytes``, before any of them is read."""
    limited = found.subquery("limited")
    order = _order(limited.c.event_time, limited.c.first_index, asked)
    size = func.octet_length(limited.c.payload)
    measured = select(
        limited,
        func.count().over().label("found"),
        (func.sum(size).over(order_by=order) - size).label("before"),
    ).subquery("measured")
    columns = [measured.c[column.name] for column in _EVENT_COLUMNS]
    return (
        select(*columns, measured.c.found)
        .where(measured.c.before < max_bytes)
        .order_by(*_order(measured.c.event_time, measured.c.first_index, asked))
    )


def _order(event_time: Any, first_index: Any, asked: EventFilter) -> list[Any]:
    columns = [event_time, first_index] if asked.order_by == "eventTime" else [first_index]
    return [column.desc() if asked.is_descending else column.asc() for column in columns]


class JobStore:
    """Reads the capture jobs of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def job(self, job_id: UUID, *, submitter: UUID | None) -> StoredJob | None:
        """Return one job, if it is the submitter's or the submitter does not matter."""
        query = self._jobs(submitter).where(capture_jobs.c.job_id == job_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return StoredJob(*row) if row is not None else None

    async def page(
        self, *, submitter: UUID | None, before: UUID | None, limit: int
    ) -> list[StoredJob]:
        """Return the newest jobs, or those before ``before``."""
        query = self._jobs(submitter).order_by(capture_jobs.c.job_id.desc()).limit(limit)
        if before is not None:
            query = query.where(capture_jobs.c.job_id < before)
        async with self._engine.connect() as connection:
            return [StoredJob(*row) for row in await connection.execute(query)]

    async def spans(self, firsts: Sequence[int]) -> dict[int, int]:
        """Return the number of entries of each record."""
        query = select(records.c.first_index, records.c.count).where(
            records.c.log_id == self._log_id,
            records.c.first_index == func.any(literal(list(firsts), ARRAY(BigInteger))),
        )
        async with self._engine.connect() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    def _jobs(self, submitter: UUID | None) -> Select[Any]:
        query = select(*_JOB_COLUMNS).where(capture_jobs.c.log_id == self._log_id)
        return query if submitter is None else query.where(capture_jobs.c.submitter == submitter)
