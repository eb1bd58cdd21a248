"""Limits of liability, in special drawing rights: what the conventions cap a claim at.

An SDR's value in a currency changes daily and is not looked up: converting is for whoever settles
the claim, at the day that their law names.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from provenance.evidence.clocks.calendar import local_date
from provenance.evidence.clocks.clock import Circumstances
from provenance.evidence.clocks.zones import zone_named
from provenance.evidence.facts import Holdings, event_of
from provenance.evidence.money import plain
from provenance.evidence.rules.model import LimitRule, RuleBook

_GRAMS: Decimal = Decimal(1000)


class LimitReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit. ``sdr`` is the amount as a decimal, ``computation`` how it comes about."""

    id: str
    title: str
    carriage: Literal["air", "road", "any"]
    basis: Literal["per_kg", "carriage_charges"]
    source: str
    sdr_per_kg: str | None = None
    since: str | None = None
    sdr: str | None = None
    computation: str = ""
    reason: str = ""
    assumptions: list[str] = []


def read_limits(
    rules: RuleBook,
    circumstances: Circumstances,
    holdings: Holdings,
    *,
    weights: Sequence[int],
    now: int,
    weight_notes: Sequence[str] = (),
) -> list[LimitReading]:
    """Return the limits that concern the claim.

    Args:
        rules: the rule book.
        circumstances: what is claimed.
        holdings: what is recorded; the taking over decides which limit was in force.
        weights: gross weights in grams that the documents state; where they differ none is used.
        weight_notes: who states which weight, and what does not count.
        now: time of reading, milliseconds since the epoch; used where no taking over is recorded.

    """
    taken_over = event_of(rules.events["taken_over"], holdings.events)
    zone = zone_named(circumstances.zone or "UTC")
    day = local_date(now if taken_over is None else taken_over.latest, zone)
    return [
        _read(rule, day, weights, weight_notes, is_recorded=taken_over is not None)
        for rule in rules.limits
        if circumstances.claim in rule.claims
        and (
            rule.carriage == "any"
            or not circumstances.carriage
            or rule.carriage in circumstances.carriage
        )
    ]


def _read(
    rule: LimitRule,
    day: date,
    weights: Sequence[int],
    weight_notes: Sequence[str],
    *,
    is_recorded: bool,
) -> LimitReading:
    reading = LimitReading(
        id=rule.id,
        title=rule.title,
        carriage=rule.carriage,
        basis=rule.basis,
        source=rule.source,
        assumptions=list(rule.assumptions),
    )
    if rule.basis != "per_kg":
        return reading
    replace = msgspec.structs.replace
    reading = replace(reading, assumptions=[*reading.assumptions, *weight_notes])
    if not is_recorded:
        note = "no taking over is recorded; the limit in force today is shown"
        reading = replace(reading, assumptions=[*reading.assumptions, note])
    rate = next((rate for rate in reversed(rule.rates) if rate.since <= day), None)
    if rate is None:
        return replace(reading, reason=f"no limit was in force on {day}")
    reading = replace(
        reading,
        sdr_per_kg=plain(rate.sdr_per_kg),
        since=rate.since.isoformat(),
        source=f"{rule.source}. {rate.source}",
    )
    stated = set(weights)
    if len(stated) != 1:
        reason = "the documents state several weights" if stated else "no document states a weight"
        return replace(reading, reason=reason)
    kilograms = Decimal(stated.pop()) / _GRAMS
    amount = kilograms * rate.sdr_per_kg
    return replace(
        reading,
        sdr=plain(amount),
        computation=f"{plain(kilograms)} kg x {plain(rate.sdr_per_kg)} SDR = {plain(amount)} SDR",
    )
