"""Goods that count as lost because they were not delivered within a term: pure.

That they were not delivered by its end is conclusive (CMR, art. 20(1); of arrival Montreal
Convention, art. 13(3)): a delivery after it is told and undoes nothing. Within the term a delivery
takes the right away only if all parcels were delivered by records that can be relied on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from provenance.evidence.clocks.calendar import local_date
from provenance.evidence.erased import named, of_kind
from provenance.evidence.facts import LATE_RECORD_MS, READABLE, EventFact, Holdings, events_of
from provenance.evidence.rules.model import ClockRule, RuleBook

_GOODS: Final = ("taken_over", "delivered", "damaged", "lost")
"""Events that name the goods themselves; others may name what they were packed in."""
_SHOWN: Final = 4
"""Records or parcels that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Term:
    """The term within which goods are to be delivered: its end, and the zone of its days."""

    ends_at: int
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is recorded of deliveries: ``reason`` says why the goods are not lost, if they are not."""

    reason: str = ""
    notes: tuple[str, ...] = ()


def deliveries_of(
    rule: ClockRule, rules: RuleBook, holdings: Holdings, term: Term | None
) -> Deliveries:
    """Return what is recorded of deliveries where ``rule`` concerns goods that were not delivered.

    Args:
        rule: the clock.
        rules: says which events are a delivery.
        holdings: what is recorded.
        term: within which delivery is due; None where it is not known.

    """
    if not rule.concerns_lost_goods:
        return Deliveries()
    events = events_of(rules.events["delivered"], holdings.events)
    erased = of_kind(holdings.erased, "event")
    notes = [f"{named(erased)}: it may have been a delivery"] if erased else []
    if term is None:
        if events:
            notes.append(f"a delivery is recorded ({_records(events)}); the term is not known")
        return Deliveries(notes=tuple(notes))
    early = [event for event in events if event.latest < term.ends_at]
    relied = [event for event in early if _vouched(event, term)]
    left = _left(_goods(rules, holdings.events), relied)
    if relied and not left:
        told = (
            f"a delivery within the term is recorded ({_records(relied)}): the goods are not lost"
        )
        other = "; periods for damage, partial loss and delay count from it"
        return Deliveries(told if rule.effect == "right" else told + other)
    late = [event for event in events if event not in early]
    return Deliveries(
        notes=(*notes, *_partly(relied, left), *_doubtful(early, term), *_late(late, rule, term))
    )


def _vouched(event: EventFact, term: Term) -> bool:
    """Whether more than its recorder's word after the term says that it happened within it."""
    logged = event.logged
    is_afterthought = (
        logged.recorded_at >= term.ends_at
        and logged.recorded_at - event.occurred_at > LATE_RECORD_MS
    )
    return logged.proof in READABLE and not is_afterthought


def _goods(rules: RuleBook, events: Sequence[EventFact]) -> set[str]:
    found = (event for name in _GOODS for event in events_of(rules.events[name], events))
    return {parcel for event in found for parcel in event.about}


def _left(goods: set[str], delivered: Iterable[EventFact]) -> list[str]:
    """Parcels that no delivery names; one that names no parcel is of all of them."""
    left = set(goods)
    for event in delivered:
        left = left - set(event.about) if event.about else set()
    return sorted(left)


def _partly(relied: Sequence[EventFact], left: Sequence[str]) -> Iterator[str]:
    if relied:
        yield (
            f"a delivery within the term is recorded ({_records(relied)}), none of "
            f"{_listed(left)}: only what was not delivered may be treated as lost"
        )


def _doubtful(early: Iterable[EventFact], term: Term) -> Iterator[str]:
    for event in early:
        if _vouched(event, term):
            continue
        index, logged = event.logged.first_index, event.logged
        if logged.proof in READABLE:
            yield (
                f"record {index} claims a delivery within the term and was recorded after it, so "
                "that nothing but its recorder vouches for that: it is not relied on"
            )
        else:
            why = f" ({logged.remark})" if logged.remark else ""
            yield (
                f"record {index} would be a delivery within the term, and its receipt is "
                f"{logged.proof}{why}: it is not relied on"
            )


def _late(late: Sequence[EventFact], rule: ClockRule, term: Term) -> Iterator[str]:
    if not late:
        return
    day = local_date(late[0].latest, term.zone)
    told = (
        f"a delivery after the term is recorded ({_records(late)}, the first on {day}): that there "
        "was none within it is conclusive, and the goods may be treated as lost all the same"
    )
    yield told if rule.effect == "right" else f"{told}; else the period counts from that delivery"


def _records(events: Sequence[EventFact]) -> str:
    names = [f"{event.logged.first_index}" for event in events]
    return f"{'record' if len(names) == 1 else 'records'} {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
