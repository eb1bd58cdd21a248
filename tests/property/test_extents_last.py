"""Whatever is recorded once a hold stands, what the hold covers has lost nothing."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from fixtures.memory_trails import MemoryTrails
from provenance.evidence.cases.extent import CASE_LIMITS
from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.trails import TrailStore
from provenance.evidence.timelines.walking import TrailWalker

WAYBILL = "urn:example:waybill"
PARCELS = tuple(f"urn:example:parcel:{n}" for n in range(2))
CONTAINERS = tuple(f"urn:example:container:{n}" for n in range(3))
TIMES = range(8)


@dataclass(slots=True)
class Log(MemoryTrails):
    """Trails of what hypothesis draws."""

    def record(self, time: int, what: Any) -> None:
        match what:
            case ("lists", kind, action, parcel):
                self.add(
                    time, {"type": kind, "action": action, "epcList": [parcel]}, parcel, WAYBILL
                )
            case ("packs", action, container, *children):
                self.pack(time, action, container, *children)
            case ("passes", subject):
                self.add(
                    time,
                    {"type": "ObjectEvent", "action": "OBSERVE", "epcList": [subject]},
                    subject,
                )
            case ("declares an error", number) if self.events:
                first, event, subjects = self.events[number % len(self.events)]
                self.add(time, {**event, "errorDeclaration": {}}, *subjects, corrects=first)


def leads_on(log: Log, subject: str, since: int) -> bool:
    walker = TrailWalker(cast("TrailStore", log), cast("Contexts", log))
    return asyncio.run(walker.leads_on(subject, since=since, limits=CASE_LIMITS))


def covered(log: Log, lasting_from: int | None) -> set[tuple[str, int]]:
    """Subjects and times that the timeline of the waybill has, and records that lead on."""
    walker = TrailWalker(cast("TrailStore", log), cast("Contexts", log))

    async def walk() -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        async for step in walker.follow(WAYBILL, limits=CASE_LIMITS, lasting_from=lasting_from):
            found |= {(step.lead.subject, time) for time in TIMES if time in step.window}
            if lasting_from is not None:
                found |= {("packing", first) for lead in step.onward for first in lead.packings}
        return found

    return asyncio.run(walk())


PARCEL, CONTAINER = st.sampled_from(PARCELS), st.sampled_from(CONTAINERS)
ENDS = st.sampled_from(["ADD", "DELETE"])
KINDS = st.sampled_from(["ObjectEvent", "TransactionEvent"])
RECORDED = st.one_of(
    st.tuples(st.just("lists"), KINDS, ENDS, PARCEL),
    st.tuples(st.just("packs"), ENDS, CONTAINER, PARCEL),
    st.tuples(st.just("packs"), ENDS, CONTAINER, CONTAINER).filter(lambda one: one[2] != one[3]),
    st.tuples(st.just("packs"), st.just("DELETE"), CONTAINER),
    st.tuples(st.just("passes"), st.one_of(PARCEL, CONTAINER)),
    st.tuples(st.just("declares an error"), st.integers(0, 15)),
)
HISTORY = st.lists(st.tuples(st.sampled_from(TIMES), RECORDED), max_size=12)


@given(before=HISTORY, later=HISTORY)
def test_what_is_recorded_later_takes_nothing_out(before: list[Any], later: list[Any]) -> None:
    log = Log()
    for time, what in before:
        log.record(time, what)
    placed = log.size
    found = covered(log, placed)
    for time, what in later:
        log.record(time, what)
        wider = covered(log, placed)
        assert found <= wider
        assert covered(log, None) <= wider, "what is shown lies within it"
        found = wider


@given(before=HISTORY, later=HISTORY)
def test_what_leads_nowhere_on_the_trails_that_are_covered_changes_nothing(
    before: list[Any], later: list[Any]
) -> None:
    log = Log()
    for time, what in before:
        log.record(time, what)
    placed = log.size
    for time, what in later:
        found, size = covered(log, placed), log.size
        log.record(time, what)
        if not any(leads_on(log, str(subject), size) for subject, _ in found):
            assert covered(log, placed) == found
