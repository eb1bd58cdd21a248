"""Events as facts, and those that were linked to a case from elsewhere in the log."""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import entries, records
from provenance.evidence.facts import EventFact, Logged, Proof
from provenance.log.opening import OpensRows, opened

_EARLIEST: Final = -2_208_988_800_000
_LATEST: Final = 221_845_392_000_000
"""From 1900 to 9000, in milliseconds: outside of that nobody can count days."""


class _Read(msgspec.Struct):
    """What the columns of a record do not hold."""

    offset: Any = msgspec.field(name="eventTimeZoneOffset", default=None)
    error: Any = msgspec.field(name="errorDeclaration", default=None)
    disposition: str | None = None


_decode: Final = msgspec.json.Decoder(_Read).decode


class LinkedEvents:
    """Reads events of one log by their records."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def events(self, firsts: Collection[int]) -> dict[int, EventFact]:
        """Return the events among the records ``firsts``; proofs are not looked for."""
        if not firsts:
            return {}
        correction = records.alias("correction")
        is_corrected = exists(
            select(correction.c.first_index).where(
                correction.c.log_id == records.c.log_id,
                correction.c.corrects == records.c.first_index,
            )
        )
        query = (
            select(records, entries.c.at, is_corrected.label("is_corrected"))
            .join(
                entries,
                (entries.c.log_id == records.c.log_id) & (entries.c.index == records.c.first_index),
            )
            .where(
                records.c.log_id == self._log_id,
                records.c.first_index.in_(list(firsts)),
                records.c.kind == "event",
                records.c.event_time.is_not(None),
            )
        )
        async with self._engine.connect() as connection:
            rows = list(await connection.execute(query))
        payloads = await opened(
            self._openings,
            [
                (row.payload, row.sealed_segment, row.sealed_slot, row.sealed_opening)
                for row in rows
            ],
        )
        return {
            row.first_index: event_fact(
                Logged(
                    row.first_index,
                    row.at,
                    proof=Proof.ERASED if payload is None else Proof.UNCHECKED,
                ),
                payload=payload,
                occurred_at=row.event_time,
                is_corrected=row.is_corrected,
                event_type=row.event_type or "",
                biz_step=row.biz_step,
                disposition=row.disposition,
                action=row.action,
                place=row.read_point or row.biz_location,
            )
            for row, payload in zip(rows, payloads, strict=True)
        }


def event_fact(
    logged: Logged,
    *,
    payload: bytes | None,
    occurred_at: int,
    is_corrected: bool,
    event_type: str,
    biz_step: str | None,
    disposition: str | None,
    action: str | None,
    place: str | None,
    about: tuple[str, ...] = (),
) -> EventFact:
    """Fact of a stored event; void where it was corrected, is a correction, or has no usable time."""
    read = _Read() if payload is None else _decode(payload)
    return EventFact(
        logged=logged,
        occurred_at=occurred_at,
        event_type=event_type,
        biz_step=biz_step,
        disposition=disposition,
        action=action,
        place=place,
        offset=read.offset if isinstance(read.offset, str) else None,
        about=about,
        is_void=(is_corrected or read.error is not None or not _EARLIEST <= occurred_at <= _LATEST),
        doubt=(
            ""
            if payload is None or _word(read.disposition) == _word(disposition)
            else "the table tells another disposition than the event"
        ),
    )


def _word(name: str | None) -> str | None:
    """Last part of a word, which all of its spellings have in common."""
    return None if name is None else re.split(r"[-:/#]", name)[-1]
