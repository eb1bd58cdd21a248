"""Customs-delay cover: a policy that pays a stated sum when clearance takes longer than agreed.

The clearance time is computed from the recorded holds and releases, for each parcel by itself;
where parcels were held at the same time, that time counts once. Events that were declared an
error do not count. A hold without a release is still running, unless a delivery shows that it
must have ended: then only the longest that it can have been is known, and that is said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from provenance.evidence.erased import named, of_kind
from provenance.evidence.facts import EventFact, Holdings, events_of
from provenance.evidence.money import Money, plain
from provenance.evidence.rules.model import RuleBook

HOUR_MS = 3_600_000
Outcome = Literal["payable", "not_payable", "running", "not_computable"]


@dataclass(frozen=True, slots=True)
class CoverTerms:
    """What was agreed: the clearance time in whole hours, and the sum that is paid beyond it."""

    agreed_hours: int
    sum: Money


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hold of a parcel; times in milliseconds. ``until`` is absent while it runs.

    ``is_bound``: no release is recorded, and the delivery is the latest that it can have ended.
    """

    parcel: str
    since: int
    held_by: int
    held_logged_before: int | None = None
    until: int | None = None
    released_by: int | None = None
    released_logged_before: int | None = None
    is_bound: bool = False


class CoverReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the sum is payable, and how that comes about; times in milliseconds.

    ``clearance_ms`` is the time that counts; while a hold runs, what it has come to so far.
    """

    outcome: Outcome
    reason: str
    holds: list[Hold] = []
    clearance_ms: int | None = None
    agreed_ms: int | None = None
    over_ms: int | None = None
    currency: str | None = None
    sum: str | None = None
    computation: list[str] = []
    notes: list[str] = []
    assumptions: list[str] = []


@dataclass(slots=True)
class _Parcel:
    """The holds of one parcel while its events are gone through."""

    name: str
    open: EventFact | None = None
    holds: list[Hold] = field(default_factory=list)


def read_cover(
    rules: RuleBook, terms: CoverTerms | None, holdings: Holdings, *, now: int
) -> CoverReading:
    """Return whether the stated sum is payable at ``now``, milliseconds since the epoch."""
    holds, notes = _holds(rules, holdings.events)
    kinds = (rules.events["customs_held"], rules.events["customs_released"])
    assumptions = [kind.note for kind in kinds if kind.note]
    if not holdings.is_complete:
        notes.append("more is recorded than was read; a hold or a release may be missing")
    erased = of_kind(holdings.erased, "event")
    if erased:
        notes.append(f"{named(erased)}: it may have been a hold, a release or the delivery")
    if not holds:
        return CoverReading(
            outcome="not_computable",
            reason="no customs hold is recorded"
            + (f"; {named(erased)}: it may have been one" if erased else ""),
            notes=notes,
            assumptions=assumptions,
        )
    elapsed = _union((hold.since, now if hold.until is None else hold.until) for hold in holds)
    least = _union(
        (hold.since, now if hold.until is None else hold.until)
        for hold in holds
        if not hold.is_bound
    )
    is_running = any(hold.until is None for hold in holds)
    shown = CoverReading(
        outcome="not_computable",
        reason="the policy's terms are not stated: state agreed_clearance_hours and stated_sum",
        holds=holds,
        clearance_ms=elapsed,
        computation=[_spelled(hold, now) for hold in holds] + [_sum_line(holds, elapsed)],
        notes=notes,
        assumptions=assumptions,
    )
    if terms is None:
        return shown
    agreed = terms.agreed_hours * HOUR_MS
    outcome, reason = _decide(least, elapsed, agreed, is_running=is_running)
    over = elapsed - agreed
    return msgspec.structs.replace(
        shown,
        outcome=outcome,
        reason=reason,
        agreed_ms=agreed,
        over_ms=over if over > 0 else None,
        currency=terms.sum.currency,
        sum=plain(terms.sum.value),
        computation=[
            *shown.computation,
            f"agreed {length(agreed)}; {length(abs(over))} {'more' if over > 0 else 'less'}",
        ],
    )


def _decide(least: int, most: int, agreed: int, *, is_running: bool) -> tuple[Outcome, str]:
    if least > agreed:
        more = "; the hold is still running" if is_running else ""
        return "payable", f"clearance took longer than agreed{more}"
    if most <= agreed and not is_running:
        return "not_payable", "clearance took no longer than agreed"
    if is_running:
        return "running", "the hold is still running, and has not taken longer than agreed so far"
    return (
        "not_computable",
        "no release is recorded: by the delivery clearance may have taken longer than agreed, or not",
    )


def _holds(rules: RuleBook, events: Sequence[EventFact]) -> tuple[list[Hold], list[str]]:
    held = events_of(rules.events["customs_held"], events)
    released = events_of(rules.events["customs_released"], events)
    delivered = events_of(rules.events["delivered"], events)
    firsts = {event.logged.first_index for event in held}
    parcels: dict[str, _Parcel] = {}
    notes: list[str] = []
    ordered = sorted(
        [*held, *released], key=lambda event: (event.occurred_at, event.logged.first_index)
    )
    # An event that names no parcel is about the whole shipment, and then all the others are too.
    by_parcel = all(event.about for event in ordered)
    for event in ordered:
        for name in event.about if by_parcel else ("",):
            parcel = parcels.setdefault(name, _Parcel(name))
            if event.logged.first_index in firsts:
                _hold(parcel, event, notes)
            else:
                _release(parcel, event, notes)
    for parcel in parcels.values():
        if parcel.open is not None:
            _close(parcel, delivered)
    holds = [hold for parcel in parcels.values() for hold in parcel.holds]
    return sorted(holds, key=lambda hold: (hold.since, hold.held_by)), notes


def _hold(parcel: _Parcel, event: EventFact, notes: list[str]) -> None:
    if parcel.open is None:
        parcel.open = event
        return
    notes.append(
        f"record {event.logged.first_index} holds what record {parcel.open.logged.first_index} "
        "holds already; the first counts"
    )


def _release(parcel: _Parcel, event: EventFact, notes: list[str]) -> None:
    if parcel.open is None:
        notes.append(f"record {event.logged.first_index} releases what is not held")
        return
    parcel.holds.append(
        msgspec.structs.replace(
            _begun(parcel, parcel.open),
            until=event.latest,
            released_by=event.logged.first_index,
            released_logged_before=event.logged.before,
        )
    )
    parcel.open = None


def _close(parcel: _Parcel, delivered: Sequence[EventFact]) -> None:
    """End a hold that nothing released: by the delivery, or not at all."""
    assert parcel.open is not None
    hold = _begun(parcel, parcel.open)
    end = next(
        (
            event
            for event in delivered
            if event.occurred_at >= hold.since
            and (not parcel.name or not event.about or parcel.name in event.about)
        ),
        None,
    )
    if end is not None:
        hold = msgspec.structs.replace(
            hold,
            until=end.latest,
            released_by=end.logged.first_index,
            released_logged_before=end.logged.before,
            is_bound=True,
        )
    parcel.holds.append(hold)


def _begun(parcel: _Parcel, event: EventFact) -> Hold:
    return Hold(
        parcel=parcel.name,
        since=event.latest,
        held_by=event.logged.first_index,
        held_logged_before=event.logged.before,
    )


def _union(spans: Iterable[tuple[int, int]]) -> int:
    """Length of all spans together, what they share counted once."""
    total, reached = 0, None
    for since, until in sorted(spans):
        start = since if reached is None else max(since, reached)
        if until > start:
            total += until - start
            reached = until
    return total


def _spelled(hold: Hold, now: int) -> str:
    until = now if hold.until is None else hold.until
    end = (
        "now: still running"
        if hold.until is None
        else f"the delivery, record {hold.released_by}, at the latest"
        if hold.is_bound
        else f"record {hold.released_by}"
    )
    what = f" of {hold.parcel}" if hold.parcel else ""
    return f"hold{what}: record {hold.held_by} to {end}: {length(until - hold.since)}"


def _sum_line(holds: Sequence[Hold], elapsed: int) -> str:
    counted = ", time that holds share counted once" if len(holds) > 1 else ""
    return f"clearance time {length(elapsed)}{counted}"


def length(milliseconds: int) -> str:
    """Spell a length of time in days, hours, minutes and seconds."""
    seconds, rest = divmod(abs(milliseconds), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"), (rest, "ms")]
    spelled = " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
    return f"-{spelled}" if milliseconds < 0 else spelled
