"""What a case rests on: trails, each within times, and what was linked to it.

Rules: the trails of the case, of its shipments and of the parcels in their timelines belong to it
as a whole, as they stand in its dossier; a container's while a parcel of the case was in it. A
trail that is known and was not read, because there were too many, belongs to it too, and so do the
packings that lead to a container. What is logged after the act that the extent counts from, the
placing of a hold say, makes it wider and never narrower; an error that was declared, whenever that
was, takes nothing out of it. What was linked counts with what it describes or corrects, whatever it
is about. What goes back to a record of the case, by describing, correcting or superseding it, is
for the caller to find: it is asked for together with that record.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import records
from provenance.evidence.cases.fold import Case
from provenance.evidence.errors import UnfollowedCaseError
from provenance.evidence.timelines.contexts import ContextLostError, Contexts, ContextStore
from provenance.evidence.timelines.events import UnreadableEventError
from provenance.evidence.timelines.following import Window
from provenance.evidence.timelines.trails import TrailStore
from provenance.evidence.timelines.walking import TrailWalker, WalkLimits
from provenance.intake.limits import DEFAULT_LIMITS
from provenance.log.opening import OpensRows
from provenance.sealing import AlteredError

CASE_LIMITS: Final = WalkLimits(trails=1_024, records=20_000, payload_bytes=64 << 20)
"""How far the timeline of a case's shipment is followed: twice a large shipment's."""
_ALWAYS: Final = Window()

Trails = Mapping[str, frozenset[Window]]
"""Subjects, with the times in which what is recorded about them belongs to a case."""


class Recorded(Protocol):
    """A record: where it is, what it is about, and when it happened (milliseconds, UTC)."""

    @property
    def first_index(self) -> int:
        """Index of its first entry."""
        ...

    @property
    def subjects(self) -> Collection[str]:
        """What it is about."""
        ...

    @property
    def time(self) -> int:
        """When it happened, or was recorded where it does not say."""
        ...


@dataclass(frozen=True, slots=True)
class Extent:
    """What one case rests on, or several; ``linked`` are first indexes of single records."""

    trails: Trails
    linked: frozenset[int]

    def __contains__(self, record: Recorded) -> bool:
        if record.first_index in self.linked:
            return True
        return any(
            record.time in window
            for subject in record.subjects
            for window in self.trails.get(subject, ())
        )


def merged(extents: Iterable[Extent]) -> Extent:
    """Return what any of ``extents`` has."""
    trails: dict[str, frozenset[Window]] = {}
    linked: set[int] = set()
    for extent in extents:
        linked |= extent.linked
        for subject, windows in extent.trails.items():
            trails[subject] = trails.get(subject, frozenset()) | windows
    return Extent(trails, frozenset(linked))


class ExtentReader:
    """Follows the timelines of cases of one log; each shipment's is read once a call."""

    def __init__(self, engine: AsyncEngine, openings: OpensRows, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id
        contexts = Contexts(ContextStore(engine), limits=DEFAULT_LIMITS)
        self._walker = TrailWalker(TrailStore(engine, openings, log_id=log_id), contexts)

    async def extents(
        self, cases: Sequence[Case], *, lasting_from: Callable[[Case], int]
    ) -> dict[str, Extent]:
        """Return the extent of each case.

        ``lasting_from`` gives the index of the act from which on a case's extent never shrinks.

        Raises:
            UnfollowedCaseError: a record is damaged, so that nobody knows where it leads.

        """
        followed: dict[tuple[str, int], Extent] = {}
        bases = await self._bases({first for case in cases for first in case.evidence})
        found: dict[str, Extent] = {}
        for case in cases:
            linked = {base for first in case.evidence for base in bases.get(first, (first,))}
            parts = [Extent({case.case: frozenset({_ALWAYS})}, frozenset(linked))]
            for shipment in case.shipments:
                key = shipment, lasting_from(case)
                if key not in followed:
                    followed[key] = await self._followed(shipment, case.case, lasting_from=key[1])
                parts.append(followed[key])
            found[case.case] = merged(parts)
        return found

    async def leads_on(self, since: Mapping[str, int]) -> bool:
        """Whether an event of one of these trails, from that number on, may widen an extent.

        They are trails of extents that were read before it was logged, or after. What is damaged
        may: it is told by who follows the trail.
        """
        try:
            for subject, seq in since.items():
                if await self._walker.leads_on(subject, since=seq, limits=CASE_LIMITS):
                    return True
        except (UnreadableEventError, ContextLostError, AlteredError):
            return True
        return False

    async def _followed(self, shipment: str, case: str, *, lasting_from: int) -> Extent:
        try:
            found, is_whole = await self._walked(shipment, lasting_from=lasting_from)
            if not is_whole:
                # What came later must not use up the limits either.
                earlier, _ = await self._walked(
                    shipment, lasting_from=lasting_from, before=lasting_from
                )
                found = merged((found, earlier))
        except (UnreadableEventError, ContextLostError, AlteredError) as error:
            raise UnfollowedCaseError(case=case, shipment=shipment, why=error) from error
        return found

    async def _walked(
        self, shipment: str, *, lasting_from: int, before: int | None = None
    ) -> tuple[Extent, bool]:
        """Return what the timeline has, and whether all of it was read."""
        trails: dict[str, frozenset[Window]] = {}
        packings: set[int] = set()
        is_whole = True
        async for step in self._walker.follow(
            shipment, limits=CASE_LIMITS, lasting_from=lasting_from, before=before
        ):
            subject = step.lead.subject
            window = step.window if step.lead.reason == "container" else _ALWAYS
            trails[subject] = trails.get(subject, frozenset()) | {window}
            packings.update(*(lead.packings for lead in step.onward))
            is_whole = is_whole and step.is_whole
        return Extent(trails, frozenset(packings)), is_whole

    async def _bases(self, firsts: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Return each of the records, with what it describes or corrects."""
        if not firsts:
            return {}
        query = select(records.c.first_index, records.c.describes, records.c.corrects).where(
            records.c.log_id == self._log_id, records.c.first_index.in_(list(firsts))
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(query)
            return {row[0]: tuple(one for one in row if one is not None) for row in rows}
