"""Cases as they are stored: acts by case, and cases by shipment or state."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.db.tables import entries, records, trails
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import HoldPlaced, HoldReleased
from provenance.evidence.cases.fold import LoggedAct
from provenance.evidence.cases.records import KIND
from provenance.evidence.cases.states import State
from provenance.evidence.errors import UnreadableActError
from provenance.evidence.facts import Logged, Proof
from provenance.log.opening import OpensRows, opened

MAX_ACTS: Final = 1_000
"""Acts of one case: a lifetime of notes. Each has an entry in the trail of every shipment."""

_HOLD_ACTS: Final = (HoldPlaced.ACT, HoldReleased.ACT)
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
        """Return the acts of each case, in their order.

        Raises:
            UnreadableActError: a stored act cannot be read.

        """
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
            .limit(MAX_ACTS * len(cases))
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        payloads = await opened(
            self._openings,
            [
                (row.payload, row.sealed_segment, row.sealed_slot, row.sealed_opening)
                for row in rows
            ],
        )
        found: dict[str, list[LoggedAct]] = {}
        for row, payload in zip(rows, payloads, strict=True):
            found.setdefault(row.subject, []).append(
                LoggedAct(
                    logged=Logged(
                        first_index=row.first_index,
                        recorded_at=row.at,
                        proof=Proof.ERASED if payload is None else Proof.UNCHECKED,
                    ),
                    submitter=row.submitter,
                    act=None if payload is None else _read(payload, row.first_index),
                )
            )
        return found

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
        # The act of each case that no later one follows; it tells the state.
        later = entries.alias("later")
        newer = records.alias("newer")
        follows = exists(
            select(later.c.index)
            .join(
                newer,
                and_(
                    newer.c.log_id == later.c.log_id,
                    newer.c.first_index == later.c.index,
                    newer.c.kind == KIND,
                ),
            )
            .where(
                later.c.log_id == entries.c.log_id,
                later.c.trail_first == entries.c.trail_first,
                later.c.seq > entries.c.seq,
            )
        )
        query = (
            select(trails.c.subject, records.c.first_index)
            .select_from(records.join(entries, _ACT_OF_CASE).join(trails, _IN_TRAIL))
            .where(records.c.log_id == self._log_id, ~follows)
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
        if state is not None:
            query = query.where(records.c.disposition == state)
        if before is not None:
            query = query.where(records.c.first_index < before)
        async with self._engine.connect() as connection:
            return [CaseRow(*row) for row in await connection.execute(query)]

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


def _read(payload: bytes, first_index: int) -> Act:
    try:
        return Act.decode(payload)
    except FormatError as error:
        raise UnreadableActError(f"the act at index {first_index} cannot be read") from error
