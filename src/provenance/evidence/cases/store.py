"""Cases as they are stored: acts by case, and cases by shipment or state.

The state of a case is that of its last act that brings one and is not erased, as the fold has it.
The row of every act tells the state after it, which finds most cases by an index; where acts were
erased, rows of later ones may tell a state that no act of the case brings any more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Exists,
    FromClause,
    ScalarSelect,
    Select,
    and_,
    exists,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.db.tables import entries, records, trails
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import HoldPlaced, HoldReleased, Opened, StateChanged
from provenance.evidence.cases.fold import LoggedAct
from provenance.evidence.cases.records import KIND
from provenance.evidence.cases.states import State
from provenance.evidence.facts import Logged, Proof
from provenance.log.opening import OpensRows, StoredBytes, opened
from provenance.sealing import AlteredError

MAX_ACTS: Final = 1_000
"""Acts of one case: a lifetime of notes. Each has an entry in the trail of every shipment."""
MAX_ENDING_ACTS: Final = 24
"""Acts beyond :data:`MAX_ACTS` that only end something. A hold is released once and a case submitted,
decided and closed once; what more there may be is for acts that were erased and are done again."""

_HOLD_ACTS: Final = (HoldPlaced.ACT, HoldReleased.ACT)
_STATE_ACTS: Final = (Opened.ACT, StateChanged.ACT)
_OPENED: Final[State] = "opened"
_EVIDENCE: Final = ("event", "document")
"""Kinds of records that tell of a shipment; a case about it tells of itself."""
_IN_TRAIL = and_(trails.c.log_id == entries.c.log_id, trails.c.first_index == entries.c.trail_first)
# The case is the first subject of an act, so that the record's first entry is the case's.
_ACT_OF_CASE = and_(
    records.c.log_id == entries.c.log_id,
    records.c.first_index == entries.c.index,
    records.c.kind == KIND,
)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case by its last act, which is at ``last``."""

    case: str
    last: int


@dataclass(frozen=True, slots=True)
class Linkable:
    """A record that can be put to a case."""

    leaf: LeafHash
    subjects: frozenset[str]


class CaseStore:
    """Reads the cases of one log."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._openings = openings
        self._log_id = log_id

    async def acts(self, cases: Collection[str]) -> dict[str, list[LoggedAct]]:
        """Return the acts of each case, in their order; a damaged one says that it is."""
        query = (
            select(
                trails.c.subject,
                records.c.first_index,
                entries.c.at,
                records.c.submitter,
                records.c.payload,
                records.c.sealed_segment,
                records.c.sealed_slot,
                records.c.sealed_opening,
            )
            .select_from(entries.join(trails, _IN_TRAIL).join(records, _ACT_OF_CASE))
            .where(trails.c.log_id == self._log_id, trails.c.subject.in_(list(cases)))
            .order_by(entries.c.seq)
            .limit((MAX_ACTS + MAX_ENDING_ACTS) * len(cases))
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        payloads = await self._payloads(
            [(row.payload, row.sealed_segment, row.sealed_slot, row.sealed_opening) for row in rows]
        )
        found: dict[str, list[LoggedAct]] = {}
        for row, (payload, is_whole) in zip(rows, payloads, strict=True):
            is_erased = payload is None and is_whole
            act = None if payload is None else _read(payload)
            found.setdefault(row.subject, []).append(
                LoggedAct(
                    logged=Logged(
                        first_index=row.first_index,
                        recorded_at=row.at,
                        proof=Proof.ERASED if is_erased else Proof.UNCHECKED,
                    ),
                    submitter=row.submitter,
                    act=act,
                    is_damaged=act is None and not is_erased,
                )
            )
        return found

    async def _payloads(self, stored: Sequence[StoredBytes]) -> list[tuple[bytes | None, bool]]:
        """Return each payload, None once erased, and whether it is what was sealed."""
        try:
            return [(payload, True) for payload in await opened(self._openings, stored)]
        except AlteredError:
            if len(stored) == 1:
                return [(None, False)]
            # One case that was altered must not hide the others.
            return [found for one in stored for found in await self._payloads([one])]

    async def page(
        self,
        *,
        opener: UUID | None,
        shipment: str | None,
        state: State | None,
        before: int | None,
        limit: int,
    ) -> list[CaseRow]:
        """Return cases, the one with the newest act first.

        Args:
            opener: organisation that opened them; None: of everybody.
            shipment: canonical subject that they are about.
            state: state that they are in.
            before: the last act of the case after which the page begins.
            limit: at most so many.

        """
        query = (
            select(trails.c.subject, records.c.first_index)
            .select_from(records.join(entries, _ACT_OF_CASE).join(trails, _IN_TRAIL))
            .where(records.c.log_id == self._log_id, ~_is_followed())
            .order_by(records.c.first_index.desc())
            .limit(limit)
        )
        if opener is not None:
            opening = records.alias("opening")
            query = query.where(
                exists(
                    select(opening.c.first_index).where(
                        opening.c.log_id == trails.c.log_id,
                        opening.c.first_index == trails.c.first_index,
                        opening.c.submitter == opener,
                    )
                )
            )
        if shipment is not None:
            query = query.where(records.c.first_index.in_(self._about(shipment)))
        if before is not None:
            query = query.where(records.c.first_index < before)
        if state is not None:
            query = self._in_state(query, state, limit=limit)
        async with self._engine.connect() as connection:
            return [CaseRow(*row) for row in await connection.execute(query)]

    def _in_state(self, query: Select[Any], state: State, *, limit: int) -> Select[Any]:
        """Narrow a query of cases to those in ``state``."""
        query = query.where(_state_by_acts() == state)
        by_row = query.where(records.c.disposition == state).subquery()
        # Few cases live on with acts erased; a whole case that was erased has no opening.
        opening, place = records.alias("opening"), entries.alias("place")
        gone, gone_place = records.alias("gone"), entries.alias("gone_place")
        lives_on = (
            select(place.c.trail_first)
            .select_from(opening.join(place, _places(opening, place)))
            .where(
                opening.c.log_id == self._log_id,
                opening.c.kind == KIND,
                opening.c.disposition == _OPENED,
                opening.c.event_type == Opened.ACT,
                exists(
                    select(gone.c.first_index)
                    .select_from(gone.join(gone_place, _places(gone, gone_place)))
                    .where(
                        gone_place.c.log_id == place.c.log_id,
                        gone_place.c.trail_first == place.c.trail_first,
                        gone.c.kind == KIND,
                        gone.c.event_type.is_(None),
                    )
                ),
            )
            .cte("lives_on")
        )
        by_acts = query.where(
            entries.c.trail_first.in_(select(lives_on.c.trail_first)),
            records.c.disposition.is_distinct_from(state),
        ).subquery()
        both = union_all(select(by_row), select(by_acts)).subquery()
        return select(both).order_by(both.c.first_index.desc()).limit(limit)

    async def unrecorded(self, shipments: Sequence[str]) -> list[str]:
        """Return those of ``shipments`` about which no event and no document is recorded."""
        query = select(trails.c.subject).where(
            trails.c.log_id == self._log_id,
            trails.c.subject.in_(shipments),
            exists(
                select(entries.c.index)
                .join(
                    records,
                    and_(
                        records.c.log_id == entries.c.log_id,
                        records.c.first_index == entries.c.record_first,
                    ),
                )
                .where(_IN_TRAIL, records.c.kind.in_(_EVIDENCE))
                .correlate(trails)
            ),
        )
        async with self._engine.connect() as connection:
            found = set(await connection.scalars(query))
        return [shipment for shipment in shipments if shipment not in found]

    async def on_hold(self) -> list[str]:
        """Return the cases on which a legal hold stands."""
        later = records.alias("later")
        place = entries.alias("place")
        followed = exists(
            select(later.c.first_index)
            .join(
                place,
                and_(place.c.log_id == later.c.log_id, place.c.index == later.c.first_index),
            )
            .where(
                later.c.log_id == records.c.log_id,
                later.c.kind == KIND,
                later.c.event_type.in_(_HOLD_ACTS),
                place.c.trail_first == entries.c.trail_first,
                place.c.seq > entries.c.seq,
            )
        )
        query = (
            select(trails.c.subject)
            .select_from(records.join(entries, _ACT_OF_CASE).join(trails, _IN_TRAIL))
            .where(
                records.c.log_id == self._log_id,
                records.c.event_type == HoldPlaced.ACT,
                ~followed,
            )
            .order_by(records.c.first_index)
        )
        async with self._engine.connect() as connection:
            return [row[0] for row in await connection.execute(query)]

    async def linkable(self, firsts: Sequence[int]) -> dict[int, Linkable]:
        """Return each of the records that is there: its first leaf hash, and what it is about."""
        query = (
            select(entries.c.record_first, entries.c.index, entries.c.leaf_hash, trails.c.subject)
            .join(trails, _IN_TRAIL)
            .where(entries.c.log_id == self._log_id, entries.c.record_first.in_(list(firsts)))
            .order_by(entries.c.index)
        )
        leaves: dict[int, LeafHash] = {}
        subjects: dict[int, set[str]] = {}
        async with self._engine.connect() as connection:
            for first, index, leaf, subject in await connection.execute(query):
                subjects.setdefault(first, set()).add(subject)
                if index == first:
                    leaves[first] = LeafHash(leaf)
        return {first: Linkable(leaf, frozenset(subjects[first])) for first, leaf in leaves.items()}

    def _about(self, shipment: str) -> Select[tuple[int]]:
        return (
            select(entries.c.record_first)
            .join(trails, _IN_TRAIL)
            .where(trails.c.log_id == self._log_id, trails.c.subject == shipment)
        )


def _read(payload: bytes) -> Act | None:
    try:
        return Act.decode(payload)
    except FormatError:
        return None


def _places(record: FromClause, place: FromClause) -> ColumnElement[bool]:
    """Where an act is in the trail of its case."""
    return and_(place.c.log_id == record.c.log_id, place.c.index == record.c.first_index)


def _is_followed() -> Exists:
    """Whether a later act of the case follows that of the row."""
    later, newer = entries.alias("later"), records.alias("newer")
    return exists(
        select(later.c.index)
        .join(newer, and_(_places(newer, later), newer.c.kind == KIND))
        .where(
            later.c.log_id == entries.c.log_id,
            later.c.trail_first == entries.c.trail_first,
            later.c.seq > entries.c.seq,
        )
    )


def _state_by_acts() -> ScalarSelect[str]:
    """State that the last act of the row's case brings, of those that are not erased."""
    told, place = records.alias("told"), entries.alias("told_place")
    return (
        select(told.c.disposition)
        .select_from(told.join(place, _places(told, place)))
        .where(
            place.c.log_id == entries.c.log_id,
            place.c.trail_first == entries.c.trail_first,
            told.c.kind == KIND,
            told.c.event_type.in_(_STATE_ACTS),
        )
        .order_by(place.c.seq.desc())
        .limit(1)
        .correlate(entries)
        .scalar_subquery()
    )
