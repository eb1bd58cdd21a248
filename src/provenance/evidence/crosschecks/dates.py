"""Dates that contradict each other: a delivery before its taking over, a policy after the loss.

Days are compared with days, in the zone of the case where it is known: a document's date is the
day as it is written. Instants of events are compared with each other as they are claimed. Each
parcel is compared by itself; what names no parcel concerns all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from itertools import groupby, pairwise

from provenance.evidence.clocks.calendar import local_date
from provenance.evidence.clocks.zones import zone_named, zone_of_offset
from provenance.evidence.crosschecks.model import CrossCheck, Stated
from provenance.evidence.crosschecks.parcels import for_each_parcel, together
from provenance.evidence.crosschecks.showing import compared
from provenance.evidence.crosschecks.statements import (
    DECLARATIONS,
    INVOICES,
    POLICIES,
    Said,
    stated,
)
from provenance.evidence.facts import EventFact, Holdings, StatedFact, event_of, events_of
from provenance.evidence.rules.model import EventKind, RuleBook


@dataclass(frozen=True, slots=True)
class _Dated:
    """A day that a document or an event tells."""

    day: date
    stated: Stated
    about: tuple[str, ...]
    is_event: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """Every day that is told, by what happened on it."""

    pickups: list[_Dated]
    deliveries: list[_Dated]
    losses: list[_Dated]
    policies: list[_Dated]
    cover_begins: list[_Dated]
    cover_ends: list[_Dated]
    invoices: list[_Dated]
    declarations: list[_Dated]
    arrivals: list[_Dated] = field(default_factory=list)


def date_checks(
    rules: RuleBook,
    holdings: Holdings,
    said: Sequence[Said],
    *,
    zone: str | None,
    facts: Sequence[StatedFact] = (),
) -> Iterator[CrossCheck]:
    """Return the comparisons of dates."""
    yield from together(_instants(rules, holdings))
    told = replace(
        _told(rules, holdings, said, zone),
        arrivals=[_claimed(fact) for fact in facts if fact.name == "arrived_on"],
    )
    yield from together(_orders(told))
    for check, days in (
        (("pickup-day", "Day of pick-up, documents and event"), told.pickups),
        (("delivery-day", "Day of delivery, documents and event"), told.deliveries),
    ):
        yield from together(_same_day(*check, days))
    yield from _by_all(said)


def _told(rules: RuleBook, holdings: Holdings, said: Sequence[Said], zone: str | None) -> _Told:
    def days(name: str) -> list[_Dated]:
        return [_of(event, zone) for event in _first(rules.events[name], holdings.events)]

    return _Told(
        pickups=[*_dated(said, ("taken_over_on", None)), *days("taken_over")],
        deliveries=[*_dated(said, ("delivered_on", None)), *days("delivered")],
        losses=[*_dated(said, ("lost_on", None)), *days("damaged"), *days("lost")],
        policies=_dated(said, ("issued_on", POLICIES), ("policy_from", None)),
        cover_begins=_dated(said, ("policy_from", None)),
        cover_ends=_dated(said, ("policy_to", None)),
        invoices=_dated(said, ("issued_on", INVOICES)),
        declarations=_dated(said, ("declared_on", None), ("issued_on", DECLARATIONS)),
    )


def _first(kind: EventKind, events: Sequence[EventFact]) -> list[EventFact]:
    """The event of a kind that counts, of each parcel by itself."""
    found: dict[int, EventFact] = {}
    for _, (concerning,) in for_each_parcel(events_of(kind, events)):
        event = event_of(kind, concerning)
        if event is not None:
            found[event.logged.first_index] = event
    return list(found.values())


def _instants(rules: RuleBook, holdings: Holdings) -> Iterator[CrossCheck]:
    """Compare events with events, of each parcel by itself."""
    for check_id, title, one, other in (
        ("delivery-before-taking-over", "Taking over before delivery", "taken_over", "delivered"),
        ("release-before-hold", "Customs hold before release", "customs_held", "customs_released"),
    ):
        kinds = rules.events[one], rules.events[other]
        groups = for_each_parcel(*(events_of(kind, holdings.events) for kind in kinds))
        for parcel, concerning in groups:
            first, second = (
                event_of(kind, events) for kind, events in zip(kinds, concerning, strict=True)
            )
            if first is None or second is None:
                continue
            in_order = first.occurred_at <= second.occurred_at
            yield compared(
                check_id,
                title,
                [_instant(first), _instant(second)],
                verdict="agrees" if in_order else "differs",
                explanation=""
                if in_order
                else "the second claims to have happened before the first",
                parcel=parcel,
            )


def _orders(told: _Told) -> Iterator[CrossCheck]:
    """Compare days that have an order, of each parcel by itself."""
    groups = for_each_parcel(
        *(told.pickups, told.deliveries, told.losses, told.policies),
        *(told.cover_begins, told.cover_ends, told.invoices, told.declarations),
        told.arrivals,
    )
    agreeing: set[str] = set()
    for parcel, concerning in groups:
        pickups, deliveries, losses, policies, *others = concerning
        begins, ends, invoices, declarations, arrivals = others
        if any(not one.is_event for one in (*pickups, *deliveries)):
            yield from _days(
                ("delivery-before-pickup", "Pick-up before delivery, by documents and events"),
                (pickups, deliveries),
                parcel,
                agreeing,
            )
        if losses:
            cover = ("loss-outside-cover", "Loss while the cover ran")
            yield from _days(cover, (begins, losses, ends), parcel, agreeing)
        for check, pair in (
            (("arrival-before-taking-over", "Taking over before arrival"), (pickups, arrivals)),
            (("arrival-after-delivery", "Arrival before delivery"), (arrivals, deliveries)),
            (("loss-before-taking-over", "Taking over before the loss"), (pickups, losses)),
            (("policy-after-loss", "Policy issued before the loss"), (policies, losses)),
            (
                ("policy-after-taking-over", "Policy issued before taking over"),
                (policies, pickups),
            ),
            (
                ("invoice-after-declaration", "Invoice before declaration"),
                (invoices, declarations),
            ),
        ):
            yield from _days(check, pair, parcel, agreeing)


def _days(
    check: tuple[str, str],
    order: Sequence[Sequence[_Dated]],
    parcel: str,
    agreeing: set[str],
) -> Iterator[CrossCheck]:
    """Compare: no day of one group comes after the earliest of the next; empty ones are left out.

    Of the parcels that agree the first is told whole and the others are counted; ``agreeing``
    are the comparisons of which that is done.
    """
    groups = [group for group in order if group]
    if len(groups) < 2:
        return
    broken = [_out_of_order(first, second) for first, second in pairwise(groups)]
    in_order = not any(broken)
    if in_order and check[0] in agreeing:
        groups = [group[-1:] for group in groups]
    elif in_order:
        agreeing.add(check[0])
    yield compared(
        *check,
        [one.stated for group in groups for one in group],
        verdict="agrees" if in_order else "differs",
        explanation=", ".join(filter(None, broken)),
        parcel=parcel,
    )


def _out_of_order(first: Sequence[_Dated], second: Sequence[_Dated]) -> str:
    last, earliest = max(one.day for one in first), min(one.day for one in second)
    return f"{last} is after {earliest}" if last > earliest else ""


def _same_day(check_id: str, title: str, told: Sequence[_Dated]) -> Iterator[CrossCheck]:
    """Compare what documents about the same parcels tell with the events of these parcels.

    A document about several parcels agrees with the day of any of them: they may have been
    handed over one after the other.
    """
    events = [one for one in told if one.is_event]
    documents = sorted((one for one in told if not one.is_event), key=lambda one: one.about)
    for about, group in groupby(documents, key=lambda one: one.about):
        found = list(group)
        scope = set(about)
        there = [
            one for one in events if not scope or not one.about or not scope.isdisjoint(one.about)
        ]
        if len(found) + len(there) < 2:
            continue
        days, expected = {one.day for one in found}, {one.day for one in there}
        same = len(days) == 1 and (not expected or days <= expected)
        yield compared(
            check_id,
            title,
            [one.stated for one in (*found, *there)],
            verdict="agrees" if same else "differs",
            parcel=about[0] if len(about) == 1 else "",
        )


def _by_all(said: Sequence[Said]) -> Iterator[CrossCheck]:
    """Compare what is told of one date of one document, by it and by all who describe it."""

    def key(one: Said) -> tuple[int, str]:
        return one.document.logged.first_index, one.topic

    dates = sorted((one for one in said if isinstance(one.value, date)), key=key)
    for (document, topic), group in groupby(dates, key=key):
        found = list(group)
        if len(found) < 2:
            continue
        name = topic.partition(":")[2]
        same = len({one.value for one in found}) == 1
        yield compared(
            f"date-{name.replace('_', '-')}",
            f"Date '{name.replace('_', ' ')}' of document {document}, by all who tell it",
            [stated(one) for one in found],
            verdict="agrees" if same else "differs",
        )


def _dated(said: Sequence[Said], *wanted: tuple[str, frozenset[str] | None]) -> list[_Dated]:
    """Days of the first of ``wanted`` (name, types of documents) that each record tells."""
    found: dict[tuple[int, str], _Dated] = {}
    for name, types in wanted:
        for one in said:
            if one.topic != f"date:{name}" or not isinstance(one.value, date):
                continue
            if types is None or one.document.type in types:
                place = one.first_index, one.source
                found.setdefault(place, _Dated(one.value, stated(one), one.document.about))
    return list(found.values())


def _of(event: EventFact, zone: str | None) -> _Dated:
    day = local_date(event.occurred_at, _zone(event, zone))
    return _Dated(day, _instant(event), event.about, is_event=True)


def _claimed(fact: StatedFact) -> _Dated:
    told = Stated(
        first_index=fact.logged.first_index,
        value=fact.day.isoformat(),
        source="case",
        by=fact.name,
    )
    return _Dated(fact.day, told, ())


def _zone(event: EventFact, zone: str | None) -> tzinfo:
    if zone is not None:
        return zone_named(zone)
    return (zone_of_offset(event.offset) if event.offset is not None else None) or zone_named("UTC")


def _instant(event: EventFact) -> Stated:
    seconds, rest = divmod(event.occurred_at, 1000)
    moment = datetime.fromtimestamp(seconds, zone_named("UTC"))
    return Stated(
        first_index=event.logged.first_index,
        value=f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z",
        source="event",
        by=event.biz_step or event.event_type,
    )
