"""What the rules make of a case and of what is held about its shipments: pure, all in one."""

import msgspec

from provenance.evidence.cases.fold import Case
from provenance.evidence.checklist import ChecklistLine, fill_checklist
from provenance.evidence.clocks.clock import read_clocks
from provenance.evidence.clocks.reading import ClockReading
from provenance.evidence.cover import CoverReading, read_cover
from provenance.evidence.crosschecks import CrossCheck, cross_check, stated_weights, weight_notes
from provenance.evidence.facts import Holdings
from provenance.evidence.limits import LimitReading, read_limits
from provenance.evidence.rules import RuleBook


class Assessment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Checklist, clocks, limits, cover and cross-checks as of ``as_of``, in milliseconds.

    ``is_complete`` is false where more is recorded than was read. ``cover`` is there for a claim on
    a customs-delay cover.
    """

    as_of: int
    is_complete: bool
    checklist: list[ChecklistLine]
    clocks: list[ClockReading]
    limits: list[LimitReading]
    cross_checks: list[CrossCheck]
    cover: CoverReading | None = None


def assess(rules: RuleBook, case: Case, holdings: Holdings, *, now: int) -> Assessment:
    """Return what the rules make of ``case`` at ``now``, milliseconds since the epoch."""
    claim = case.opened.claim
    clocks = read_clocks(rules, case.circumstances, holdings, now=now)
    checklist = fill_checklist(rules, claim, holdings, clocks, now=now)
    return Assessment(
        as_of=now,
        is_complete=holdings.is_complete,
        checklist=checklist,
        clocks=clocks,
        limits=read_limits(
            rules,
            case.circumstances,
            holdings,
            weights=stated_weights(holdings.documents),
            weight_notes=weight_notes(holdings.documents),
            now=now,
        ),
        cross_checks=cross_check(rules, holdings, zone=case.opened.zone, facts=case.stated),
        cover=(
            read_cover(rules, case.cover, holdings, now=now, lines=checklist)
            if claim == "customs_delay_cover"
            else None
        ),
    )
