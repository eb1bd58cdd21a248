"""From when a period counts: an event or a stated date, with the zone of its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta, timezone, tzinfo
from typing import Final

from provenance.evidence.clocks.calendar import is_countable, last_day, local_date
from provenance.evidence.clocks.reading import ClockStart, ZoneFrom
from provenance.evidence.clocks.zones import zone_named, zone_of_offset
from provenance.evidence.facts import (
    LATE_RECORD_MS,
    READABLE,
    EventFact,
    Logged,
    StatedFact,
    event_of,
    events_of,
    whole_days,
)
from provenance.evidence.rules.model import PAST_FACTS, ClockRule, FactName, RuleBook, Start

FACT_TITLES: Mapping[FactName, str] = {
    "agreed_delivery_on": "Agreed day of delivery",
    "arrived_on": "Day of arrival at the destination",
    "contract_on": "Day of the contract of carriage",
}
_FIRST_ZONE: Final = timezone(timedelta(hours=14))
"""Where a day begins first: a day that has not come there has come nowhere."""


@dataclass(frozen=True, slots=True)
class Places:
    """How zones are found: by place, else that of the case, else the event's own offset."""

    rules: RuleBook
    case_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A start that was found: ``day`` is the one from which the period counts."""

    shown: ClockStart
    day: date
    zone: tzinfo
    assumptions: tuple[str, ...]


def find_start(
    rule: ClockRule, events: Sequence[EventFact], stated: Sequence[StatedFact], places: Places
) -> Started | str:
    """Return the first of the rule's starts that is there, or why none is.

    A stated day that cannot be true is passed over, which is told.
    """
    passed_over: list[str] = []
    for start in rule.starts:
        fact = next((fact for fact in stated if fact.name == start.fact), None)
        if fact is not None and (doubt := _impossible(fact, start, events, places)):
            passed_over.append(doubt)
            continue
        found = (
            _from_event(start, events, places) if start.event else _from_fact(start, fact, places)
        )
        if found is not None:
            return replace(
                found, assumptions=(*passed_over, *start.assumptions, *found.assumptions)
            )
    wanted = " or ".join(_wanted(start, places.rules) for start in rule.starts)
    nothing = f"nothing is recorded that it could start from: {wanted}"
    return "; ".join([nothing, *passed_over])


def _wanted(start: Start, rules: RuleBook) -> str:
    if start.fact is not None:
        return f"{FACT_TITLES[start.fact].lower()} (state {start.fact} in the case)"
    assert start.event is not None
    return f"an event '{rules.events[start.event].title}'"


def _impossible(fact: StatedFact, start: Start, events: Sequence[EventFact], places: Places) -> str:
    """Why a stated day cannot be true; nothing where it can."""
    said = f"'{FACT_TITLES[fact.name]}' is stated as {fact.day} (record {fact.logged.first_index})"
    if fact.name in PAST_FACTS and fact.day > local_date(fact.logged.recorded_at, _FIRST_ZONE):
        return f"{said}, a day that had not come when it was stated: it is not used"
    if start.not_after is None:
        return ""
    kind = places.rules.events[start.not_after]
    event = event_of(kind, events)
    if event is None:
        return ""
    zone, *_ = _zone(event.place, event.offset, places)
    day = local_date(event.latest, zone)
    if fact.day <= day:
        return ""
    return (
        f"{said}, after '{kind.title}' of {day} (record {event.logged.first_index}), which it cannot "
        "have followed: it is not used, and the period ends earlier"
    )


def _from_fact(start: Start, fact: StatedFact | None, places: Places) -> Started | None:
    if fact is None or not is_countable(fact.day):
        return None
    zone, name, zone_from, assumptions = _zone(None, None, places)
    day = fact.day if start.after is None else last_day(fact.day, start.after)
    return Started(
        shown=ClockStart(
            what=FACT_TITLES[fact.name],
            first_index=fact.logged.first_index,
            basis="stated",
            day=fact.day.isoformat(),
            zone=name,
            zone_from=zone_from,
            recorded_at=fact.logged.recorded_at,
            logged_after=fact.logged.after,
            logged_before=fact.logged.before,
            counted_from=None if start.after is None else day.isoformat(),
        ),
        day=day,
        zone=zone,
        assumptions=("the day is as the claimant states it", *assumptions),
    )


def _from_event(start: Start, events: Sequence[EventFact], places: Places) -> Started | None:
    assert start.event is not None
    kind = places.rules.events[start.event]
    found = events_of(kind, events)
    if not found:
        return None
    event = found[-1 if kind.pick == "last" else 0]
    zone, name, zone_from, assumptions = _zone(event.place, event.offset, places)
    at = event.latest
    begun = local_date(at, zone)
    if not is_countable(begun):
        return None
    day = begun if start.after is None else last_day(begun, start.after)
    notes = list(assumptions)
    if len(found) > 1:
        notes.append(f"{len(found)} such events are recorded; the {kind.pick} of them counts")
    return Started(
        shown=ClockStart(
            what=kind.title,
            first_index=event.logged.first_index,
            basis="claimed" if at == event.occurred_at else "logged",
            day=begun.isoformat(),
            zone=name,
            zone_from=zone_from,
            recorded_at=event.logged.recorded_at,
            at=at,
            claimed_at=event.occurred_at,
            logged_after=event.logged.after,
            logged_before=event.logged.before,
            counted_from=None if start.after is None else day.isoformat(),
        ),
        day=day,
        zone=zone,
        assumptions=(*notes, *_doubts(event)),
    )


def _doubts(event: EventFact) -> list[str]:
    """What must be known about the time that was used."""
    return [*_unproven(event.logged), *_uncertain(event)]


def _unproven(logged: Logged) -> list[str]:
    if logged.proof in READABLE:
        return []
    why = f" ({logged.remark})" if logged.remark else ""
    return [f"the receipt of this event is {logged.proof}{why}: do not rely on its time"]


def _uncertain(event: EventFact) -> list[str]:
    logged = event.logged
    pending = []
    if logged.before is None:
        pending.append(
            "the event is recorded and not anchored yet: nothing bounds its time but the service"
        )
    return [*pending, *_doubtful(event)]


def _doubtful(event: EventFact) -> list[str]:
    """Whether the time that it claims is one that nothing vouches for."""
    logged = event.logged
    if event.is_ahead:
        return [
            (
                "the event claims a later time than the anchor that covers it; the anchor's time is "
                "used, after which it cannot have happened"
            )
        ]
    if logged.recorded_at - event.occurred_at > LATE_RECORD_MS:
        late = whole_days(logged.recorded_at - event.occurred_at)
        return [
            (
                f"the event was recorded {late} after the time that it claims, for which nothing "
                "but its recorder vouches; the claimed time is used, which ends the period earlier"
            )
        ]
    return []


def _zone(
    place: str | None, offset: str | None, places: Places
) -> tuple[tzinfo, str, ZoneFrom, tuple[str, ...]]:
    """Zone of a place, its name, where it is from, and what that assumes."""
    named = places.rules.places.get(place) if place is not None else None
    if named is not None:
        return zone_named(named), named, "place", ()
    if places.case_zone is not None:
        return zone_named(places.case_zone), places.case_zone, "case", ()
    fixed = zone_of_offset(offset) if offset is not None else None
    if fixed is not None and offset is not None:
        note = "the place's time zone is not known; the event's own offset is used also for the end"
        return fixed, offset, "offset", (note,)
    return UTC, "UTC", "default", ("no time zone is known; UTC is used: state the case's zone",)
