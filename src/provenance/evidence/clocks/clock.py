"""Reads the clocks of a claim: pure, given what is recorded and the time of reading."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provenance.evidence.clocks.calendar import end_of, last_day
from provenance.evidence.clocks.delivering import Term, deliveries_of
from provenance.evidence.clocks.reading import ClockReading, State
from provenance.evidence.clocks.starting import Places, Started, find_start
from provenance.evidence.erased import named, of_kind
from provenance.evidence.facts import READABLE, DocumentFact, Holdings, StatedFact
from provenance.evidence.rules.model import Carriage, ClaimType, ClockRule, RuleBook


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is claimed: the type, how the goods were carried (empty: not said), stated dates.

    ``zone`` is the IANA name of the zone of the places that no better zone is known of.
    """

    claim: ClaimType
    carriage: tuple[Carriage, ...] = ()
    zone: str | None = None
    stated: tuple[StatedFact, ...] = ()


def read_clocks(
    rules: RuleBook, circumstances: Circumstances, holdings: Holdings, *, now: int
) -> list[ClockReading]:
    """Return the clocks that concern the claim, in the order of the rules.

    Args:
        rules: the rule book.
        circumstances: what is claimed.
        holdings: what is recorded.
        now: time of reading, milliseconds since the epoch.

    """
    return [
        _read(rule, rules, circumstances, holdings, now)
        for rule in applicable(rules.clocks, circumstances)
    ]


def applicable(clocks: Iterable[ClockRule], circumstances: Circumstances) -> Iterator[ClockRule]:
    """Return those that concern the claim; where no carriage is stated, those of every one."""
    for rule in clocks:
        fits = (
            rule.carriage == "any"
            or not circumstances.carriage
            or rule.carriage in circumstances.carriage
        )
        if fits and circumstances.claim in rule.claims:
            yield rule


def _read(
    rule: ClockRule,
    rules: RuleBook,
    circumstances: Circumstances,
    holdings: Holdings,
    now: int,
) -> ClockReading:
    assumptions = list(rule.assumptions)
    if not circumstances.carriage and rule.carriage != "any":
        assumptions.append(f"the goods were carried by {rule.carriage}; state the case's carriage")
    if not holdings.is_complete:
        assumptions.append("more is recorded than was read; an earlier event may be missing")
    found = find_start(
        rule, holdings.events, circumstances.stated, Places(rules, circumstances.zone)
    )
    erased = of_kind(holdings.erased, "event") if _starts_by_event(rule) else []
    if isinstance(found, str):
        if erased:
            found += f"; {named(erased)}: it may have been that"
        unknown = deliveries_of(rule, rules, holdings, None).notes
        return _reading(rule, "not_computable", [*assumptions, *unknown], reason=found)
    if erased:
        assumptions.append(
            f"{named(erased)}: if it was what the period starts from, and earlier, the period ends "
            "earlier"
        )
    day = last_day(
        found.day,
        rule.period,
        skips=rule.skips,
        holidays=rules.holidays_of(found.shown.zone),
        rolls=rule.rolls,
    )
    ends_at = end_of(day, found.zone)
    term = Term(ends_at if rule.effect == "right" else end_of(found.day, found.zone), found.zone)
    deliveries = deliveries_of(rule, rules, holdings, term)
    assumptions += [*found.assumptions, *deliveries.notes]
    if deliveries.reason:
        return _reading(rule, "not_computable", assumptions, reason=deliveries.reason)
    met = _met_by(rule, holdings.documents)
    gone = of_kind(holdings.erased, "document") if rule.met_by and met is None else []
    if gone:
        assumptions.append(f"{named(gone)}: it may have been what was due")
    return _reading(
        rule,
        _state(rule, ends_at, met, now),
        assumptions,
        started=found,
        last=day.isoformat(),
        ends_at=ends_at,
        now=now,
        met=met,
    )


def _starts_by_event(rule: ClockRule) -> bool:
    return any(start.event is not None for start in rule.starts)


def _met_by(rule: ClockRule, documents: Sequence[DocumentFact]) -> DocumentFact | None:
    found = [
        document
        for document in documents
        if document.type in rule.met_by and document.logged.proof in READABLE
    ]
    return min(found, key=lambda document: document.logged.recorded_at, default=None)


def _state(rule: ClockRule, ends_at: int, met: DocumentFact | None, now: int) -> State:
    if rule.effect == "right":
        return "arisen" if now >= ends_at else "waiting"
    if met is not None:
        return "met" if met.logged.recorded_at < ends_at else "missed"
    return "passed" if now >= ends_at else "running"


def _reading(
    rule: ClockRule,
    state: State,
    assumptions: Sequence[str],
    *,
    reason: str = "",
    started: Started | None = None,
    last: str | None = None,
    ends_at: int | None = None,
    now: int = 0,
    met: DocumentFact | None = None,
) -> ClockReading:
    left = None if ends_at is None else ends_at - now
    return ClockReading(
        id=rule.id,
        title=rule.title,
        effect=rule.effect,
        carriage=rule.carriage,
        state=state,
        source=rule.source,
        counting=rule.counting,
        period=str(rule.period),
        reason=reason,
        condition=rule.condition,
        start=None if started is None else started.shown,
        last_day=last,
        ends_at=ends_at,
        left_ms=left if left is not None and left > 0 else None,
        late_ms=-left if left is not None and left <= 0 else None,
        met_by=None if met is None else met.logged.first_index,
        assumptions=list(assumptions),
    )
