"""Trails with the records that their entries belong to, as far as timelines need them."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.erased import ERASED_AT, ERASED_GROUND, with_erasure
from provenance.db.tables import entries, records, trails
from provenance.intake.documents.statements import KIND as DOCUMENT
from provenance.log.opening import OpensRows, opened


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """An entry of a trail with its record.

    ``payload`` is None once erased (then ``payload_size`` is too), and where it was left out or is
    sealed (then ``payload_size`` is 0). ``event_type`` of a document is its UNTDID 1001 code.
    """

    index: int
    seq: int
    at: int
    record_first: int
    kind: str
    submitter: UUID
    payload: bytes | None
    context_sha256: bytes | None
    event_id: str | None
    event_type: str | None
    event_time: int | None
    action: str | None
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    corrects: int | None
    erased_at: int | None
    erased_ground: str | None
    payload_size: int | None

    @property
    def time(self) -> int:
        """When it happened, or was recorded where it does not say."""
        return self.at if self.event_time is None else self.event_time


# A document has its type in its statement alone; the tail begins behind the subject.
_STATED = cast(
    literal('{"subject":""') + func.convert_from(records.c.statement_tail, "UTF8"), JSONB
)
_TYPE = func.coalesce(
    records.c.event_type, case((records.c.kind == DOCUMENT, _STATED["type"].astext))
)


_SEALED: Final = ("sealed_path", "sealed_segment", "sealed_slot", "sealed_opening")
_EVENT: Final = "event"


class TrailStore:
    """Reads trails of one log."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def trail(
        self,
        subject: str,
        *,
        limit: int,
        max_bytes: int,
        before: int | None = None,
        since: int = 0,
    ) -> list[TrailEntry]:
        """Return at most ``limit`` entries of a subject's trail, in order, with indexes ``before``.

        The first is number ``since``. Payloads beyond ``max_bytes`` in all are left out.
        """
        found = with_erasure(
            select(
                entries.c.index,
                entries.c.seq,
                entries.c.at,
                entries.c.record_first,
                records.c.kind,
                records.c.submitter,
                records.c.payload,
                records.c.context_sha256,
                records.c.event_id,
                _TYPE.label("event_type"),
                records.c.event_time,
                records.c.action,
                records.c.biz_step,
                records.c.disposition,
                records.c.read_point,
                records.c.biz_location,
                records.c.corrects,
                ERASED_AT,
                ERASED_GROUND,
                records.c.sealed_path,
                records.c.sealed_segment,
                records.c.sealed_slot,
                records.c.sealed_opening,
            )
            .join(
                trails,
                and_(
                    trails.c.log_id == entries.c.log_id,
                    trails.c.first_index == entries.c.trail_first,
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
                trails.c.subject == subject,
                entries.c.seq >= since,
                *(() if before is None else (entries.c.index < before,)),
            )
            .order_by(entries.c.seq)
            .limit(limit)
        ).subquery("found")
        size = func.octet_length(found.c.payload)
        fits = func.sum(size).over(order_by=found.c.seq) <= max_bytes
        columns = [
            case((fits, found.c.payload)).label("payload") if column.name == "payload" else column
            for column in found.c
        ]
        # A sealed payload lies elsewhere; that it is there is told by its size too.
        known = func.coalesce(size, case((found.c.sealed_path.is_not(None), 0)))
        query = select(
            *(column for column in columns if column.name not in _SEALED),
            known.label("payload_size"),
            found.c.sealed_segment,
            found.c.sealed_slot,
            found.c.sealed_opening,
        ).order_by(found.c.seq)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        # Only what an event says is shown: nothing else is opened.
        payloads = await opened(
            self._openings,
            [
                (
                    row.payload if row.kind == _EVENT else None,
                    row.sealed_segment,
                    row.sealed_slot,
                    row.sealed_opening,
                )
                for row in rows
            ],
        )
        return [_entry(row, payload) for row, payload in zip(rows, payloads, strict=True)]


def _entry(row: Any, payload: bytes | None) -> TrailEntry:
    values = {
        name: value
        for name, value in row._mapping.items()  # noqa: SLF001 - SQLAlchemy's public way
        if name not in _SEALED
    }
    if payload is None and row.kind == _EVENT and row.payload is not None:
        # Its key is gone, and with it what it said.
        values["payload_size"] = None
    elif payload is None and row.payload is not None:
        values["payload_size"] = 0
    return TrailEntry(**{**values, "payload": payload})
