"""Dates that contradict each other: a delivery before its taking over, a policy after the loss.

Days are compared with days, in the zone of the case where it is known: a document has no time of
day. Instants of events are compared with each other as they are claimed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from provenance.evidence.clocks.calendar import local_date
from provenance.evidence.clocks.zones import zone_named, zone_of_offset
from provenance.evidence.crosschecks.model import CrossCheck, Stated
from provenance.evidence.crosschecks.statements import (
    DECLARATIONS,
    INVOICES,
    POLICIES,
    Said,
    stated,
)
from provenance.evidence.facts import EventFact, Holdings, event_of
from provenance.evidence.rules.model import RuleBook


@dataclass(frozen=True, slots=True)
class _Dated:
    day: date
    stated: Stated


def date_checks(
    rules: RuleBook, holdings: Holdings, said: Sequence[Said], *, zone: str | None
) -> Iterator[CrossCheck]:
    """Return the comparisons of dates."""

    def event(name: str) -> EventFact | None:
        return event_of(rules.events[name], holdings.events)

    taken_over, delivered = event("taken_over"), event("delivered")
    held, released = event("customs_held"), event("customs_released")
    yield from _instants(
        "delivery-before-taking-over", "Taking over before delivery", taken_over, delivered
    )
    yield from _instants("release-before-hold", "Customs hold before release", held, released)
    loss = min(
        (found for name in ("damaged", "lost") if (found := event(name)) is not None),
        key=lambda found: found.occurred_at,
        default=None,
    )
    policies = _dated(said, "issued_on", POLICIES) or _dated(said, "policy_from", None)
    invoices = _dated(said, "issued_on", INVOICES)
    declared = _dated(said, "declared_on", None) or _dated(said, "issued_on", DECLARATIONS)
    yield from _days(
        "policy-after-loss", "Policy issued before the loss", policies, _of(loss, zone)
    )
    yield from _days(
        "policy-after-taking-over",
        "Policy issued before taking over",
        policies,
        _of(taken_over, zone),
    )
    yield from _days("invoice-after-declaration", "Invoice before declaration", invoices, declared)
    yield from _days(
        "cover-ended-before-loss",
        "Loss while the cover ran",
        _of(loss, zone),
        _dated(said, "policy_to", None),
    )
    delivery = _dated(said, "delivered_on", None)
    yield from _same_day(
        "delivery-day", "Day of delivery, invoice and event", delivery, _of(delivered, zone)
    )


def _instants(
    check_id: str, title: str, first: EventFact | None, second: EventFact | None
) -> Iterator[CrossCheck]:
    if first is None or second is None:
        return
    in_order = first.occurred_at <= second.occurred_at
    yield CrossCheck(
        id=check_id,
        title=title,
        verdict="agrees" if in_order else "differs",
        stated=[_instant(first), _instant(second)],
        explanation="" if in_order else "the second claims to have happened before the first",
    )


def _days(
    check_id: str, title: str, first: Sequence[_Dated], second: Sequence[_Dated]
) -> Iterator[CrossCheck]:
    """Compare: no day of ``first`` comes after the earliest of ``second``."""
    if not first or not second:
        return
    last, earliest = max(one.day for one in first), min(one.day for one in second)
    in_order = last <= earliest
    yield CrossCheck(
        id=check_id,
        title=title,
        verdict="agrees" if in_order else "differs",
        stated=[one.stated for one in (*first, *second)],
        explanation="" if in_order else f"{last} is after {earliest}",
    )


def _same_day(
    check_id: str, title: str, first: Sequence[_Dated], second: Sequence[_Dated]
) -> Iterator[CrossCheck]:
    if not first or not second:
        return
    same = len({one.day for one in (*first, *second)}) == 1
    yield CrossCheck(
        id=check_id,
        title=title,
        verdict="agrees" if same else "differs",
        stated=[one.stated for one in (*first, *second)],
    )


def _dated(said: Sequence[Said], name: str, types: frozenset[str] | None) -> list[_Dated]:
    return [
        _Dated(
            one.value,
            stated(one),
        )
        for one in said
        if one.topic == f"date:{name}"
        and isinstance(one.value, date)
        and (types is None or one.document.type in types)
    ]


def _of(event: EventFact | None, zone: str | None) -> list[_Dated]:
    if event is None:
        return []
    return [_Dated(local_date(event.occurred_at, _zone(event, zone)), _instant(event))]


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
