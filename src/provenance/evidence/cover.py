"""Customs-delay cover: a policy that pays a stated sum when clearance takes longer than agreed.

The clearance time is computed from the recorded holds and releases, for each parcel by itself;
where parcels were held at the same time, that time counts once. Events that were declared an
error do not count. A hold without a release is still running, unless a delivery shows that it
must have ended: then only the longest that it can have been is known, and that is said.

Claims alone make nothing payable. Where the terms are not a policy's, a required document is
missing or late, or nobody but the recorder vouches for a time, the outcome is ``unproven``: what
it would be by the claims, and why that is not enough, stand beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from provenance.evidence.checklist import ChecklistLine
from provenance.evidence.cover_bounds import Hold, bounds_of, late_recordings, union
from provenance.evidence.cover_terms import CoverTerms, settled_terms
from provenance.evidence.erased import named, of_kind
from provenance.evidence.facts import READABLE, EventFact, Holdings, events_of
from provenance.evidence.money import plain
from provenance.evidence.rules.model import RuleBook

HOUR_MS = 3_600_000
Outcome = Literal["payable", "not_payable", "unproven", "running", "not_computable"]


class CoverReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the sum is payable, and how that comes about; times in milliseconds.

    ``clearance_ms`` is the time by the claims; while a hold runs, what it has come to so far.
    ``recorded_ms`` is the time between the recordings, ``anchored_least_ms`` and
    ``anchored_most_ms`` what the anchors leave; ``by_the_log`` says so in words. Where the outcome
    is ``unproven``, ``by_claims`` is what it would be, and ``doubts`` why that is not enough.
    ``terms_from`` is whose word the terms are, ``policy`` the policy's record.
    """

    outcome: Outcome
    reason: str
    holds: list[Hold] = []
    clearance_ms: int | None = None
    agreed_ms: int | None = None
    over_ms: int | None = None
    currency: str | None = None
    sum: str | None = None
    terms_from: str = ""
    policy: int | None = None
    by_claims: Outcome | None = None
    recorded_ms: int | None = None
    anchored_least_ms: int | None = None
    anchored_most_ms: int | None = None
    computation: list[str] = []
    by_the_log: list[str] = []
    doubts: list[str] = []
    notes: list[str] = []
    assumptions: list[str] = []


@dataclass(slots=True)
class _Parcel:
    """The holds of one parcel while its events are gone through."""

    name: str
    open: EventFact | None = None
    holds: list[Hold] = field(default_factory=list)


def read_cover(
    rules: RuleBook,
    stated: CoverTerms | None,
    holdings: Holdings,
    *,
    now: int,
    lines: Sequence[ChecklistLine] = (),
) -> CoverReading:
    """Return whether the stated sum is payable at ``now``, milliseconds since the epoch.

    Args:
        rules: the rule book.
        stated: the terms that the claimant states, if any.
        holdings: what is recorded.
        now: time of reading.
        lines: the checklist of the claim.

    """
    holds, notes = _holds(rules, holdings.events)
    kinds = (rules.events["customs_held"], rules.events["customs_released"])
    assumptions = [kind.note for kind in kinds if kind.note]
    gaps = _gaps(holdings)
    if not holds:
        erased = of_kind(holdings.erased, "event")
        return CoverReading(
            outcome="not_computable",
            reason="no customs hold is recorded"
            + (f"; {named(erased)}: it may have been one" if erased else ""),
            notes=[*notes, *gaps],
            assumptions=assumptions,
        )
    shown = _computed(holds, now)
    shown = msgspec.structs.replace(shown, notes=[*notes, *gaps], assumptions=assumptions)
    terms, doubts = settled_terms(stated, holdings.documents)
    if terms is None:
        return shown
    doubts += [
        *_lacking(lines),
        *_unverified(holds, holdings.events),
        *late_recordings(holds),
        *gaps,
    ]
    return _judged(shown, terms, doubts, now)


def _gaps(holdings: Holdings) -> list[str]:
    """What may be recorded and cannot be read."""
    found = []
    if not holdings.is_complete:
        found.append("more is recorded than was read; a hold or a release may be missing")
    erased = of_kind(holdings.erased, "event")
    if erased:
        found.append(f"{named(erased)}: it may have been a hold, a release or the delivery")
    return found


def _lacking(lines: Sequence[ChecklistLine]) -> list[str]:
    """What the claim needs and does not have; a release that is not there is computed with."""
    return [
        f"required and {line.state}: {line.title}" + (f" ({line.due})" if line.due else "")
        for line in lines
        if line.need == "required"
        and line.state != "present"
        and not (line.id == "released" and line.state == "missing")
    ]


def _computed(holds: Sequence[Hold], now: int) -> CoverReading:
    """The clearance time by the claims and by the log, before any terms."""
    elapsed = union((hold.since, now if hold.until is None else hold.until) for hold in holds)
    bounds = bounds_of(holds, now=now)
    told = [f"between the recordings: {length(bounds.recorded)}"]
    if bounds.least is not None and bounds.most is not None:
        told.append(
            f"by the anchors around them: {length(bounds.least)} at least, "
            f"{length(bounds.most)} at most"
        )
    else:
        told.append("not all of it is anchored yet: the anchors do not bound it")
    return CoverReading(
        outcome="not_computable",
        reason="the policy's terms are not stated: state agreed_clearance_hours and stated_sum",
        holds=list(holds),
        clearance_ms=elapsed,
        recorded_ms=bounds.recorded,
        anchored_least_ms=bounds.least,
        anchored_most_ms=bounds.most,
        computation=[_spelled(hold, now) for hold in holds] + [_sum_line(holds, elapsed)],
        by_the_log=told,
    )


def _judged(
    shown: CoverReading, terms: CoverTerms, doubts: Sequence[str], now: int
) -> CoverReading:
    """Apply the terms: first to what is claimed, then asking what that rests on."""
    holds, elapsed = shown.holds, shown.clearance_ms
    assert elapsed is not None
    least = union(
        (hold.since, now if hold.until is None else hold.until)
        for hold in holds
        if not hold.is_bound
    )
    agreed = terms.agreed_hours * HOUR_MS
    is_running = any(hold.until is None for hold in holds)
    by_claims, reason = _decide(least, elapsed, agreed, is_running=is_running)
    doubts = [*doubts, *_contrary(by_claims, holds, agreed, now=now)]
    is_unproven = bool(doubts) and by_claims in {"payable", "not_payable"}
    over = elapsed - agreed
    return msgspec.structs.replace(
        shown,
        outcome="unproven" if is_unproven else by_claims,
        by_claims=by_claims if is_unproven else None,
        reason=_reason(by_claims, reason, terms, is_unproven=is_unproven),
        doubts=doubts,
        agreed_ms=agreed,
        over_ms=over if over > 0 else None,
        currency=terms.sum.currency,
        sum=plain(terms.sum.value),
        terms_from=terms.source,
        policy=terms.policy,
        computation=[
            *shown.computation,
            f"agreed {length(agreed)}; {length(abs(over))} {'more' if over > 0 else 'less'}",
        ],
    )


def _contrary(by_claims: Outcome, holds: Sequence[Hold], agreed: int, *, now: int) -> Iterator[str]:
    """Whether the recordings tell otherwise than the claims."""
    if by_claims == "payable":
        sure = [hold for hold in holds if not hold.is_bound]
        recorded = bounds_of(sure, now=now).recorded
        if recorded <= agreed:
            took = length(recorded)
            yield f"between the recordings clearance took {took}, no longer than agreed"
    if by_claims == "not_payable":
        recorded = bounds_of(holds, now=now).recorded
        if recorded > agreed:
            took = length(recorded)
            yield f"between the recordings clearance took {took}, longer than agreed"


def _unverified(holds: Sequence[Hold], events: Sequence[EventFact]) -> Iterator[str]:
    """Holds and releases that cannot be relied on, or not yet."""
    used = {record for hold in holds for record in (hold.held_by, hold.released_by)}
    for event in events:
        logged = event.logged
        if logged.first_index not in used:
            continue
        if logged.proof not in READABLE:
            why = f" ({logged.remark})" if logged.remark else ""
            yield f"the receipt of record {logged.first_index} is {logged.proof}{why}"
        elif logged.before is None:
            yield f"record {logged.first_index} is not anchored yet: only the service tells its time"


def _reason(by_claims: Outcome, reason: str, terms: CoverTerms, *, is_unproven: bool) -> str:
    if is_unproven:
        would = "would be payable" if by_claims == "payable" else "would not be payable"
        return f"{terms.sum} {would} by what is claimed ({reason}), which is not proven"
    return f"{terms.sum} {terms.source}: {reason}"


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
            released_recorded_at=event.logged.recorded_at,
            released_logged_after=event.logged.after,
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
            released_recorded_at=end.logged.recorded_at,
            released_logged_after=end.logged.after,
            released_logged_before=end.logged.before,
            is_bound=True,
        )
    parcel.holds.append(hold)


def _begun(parcel: _Parcel, event: EventFact) -> Hold:
    return Hold(
        parcel=parcel.name,
        since=event.latest,
        held_by=event.logged.first_index,
        held_recorded_at=event.logged.recorded_at,
        held_logged_after=event.logged.after,
        held_logged_before=event.logged.before,
    )


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
