"""Customs-delay cover with its computation, and limits of liability in SDR."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.claims import delivery, event, logged, ms
from provenance.evidence.clocks.clock import Circumstances
from provenance.evidence.cover import CoverReading, CoverTerms, length, read_cover
from provenance.evidence.facts import EventFact, Holdings
from provenance.evidence.limits import LimitReading, read_limits
from provenance.evidence.money import Money
from provenance.evidence.rules import built_in_rules

HOUR = 3_600_000
TERMS = CoverTerms(agreed_hours=48, sum=Money("EUR", Decimal("250.00")))


def held(time: str, **changes: Any) -> EventFact:
    return event("holding", time, **changes)


def released(time: str, **changes: Any) -> EventFact:
    return event("inspecting", time, disposition="conformant", **{"index": 99, **changes})


def cover(
    *events: EventFact, terms: CoverTerms | None = TERMS, now: str = "2026-03-20T00:00:00Z"
) -> CoverReading:
    return read_cover(built_in_rules(), terms, Holdings(events=events), now=ms(now))


def test_a_hold_that_took_longer_than_agreed_is_payable_and_shows_how() -> None:
    found = cover(held("2026-03-01T08:00:00Z", index=1), released("2026-03-03T09:30:00Z", index=2))
    assert found.outcome == "payable"
    # 1 March 08:00 to 3 March 09:30: two days, an hour and a half.
    assert found.clearance_ms == 49 * HOUR + HOUR // 2
    assert (found.over_ms, found.currency, found.sum) == (HOUR + HOUR // 2, "EUR", "250.00")
    assert found.computation == [
        "hold: record 1 to record 2: 2 d 1 h 30 min",
        "clearance time 2 d 1 h 30 min",
        "agreed 2 d; 1 h 30 min more",
    ]


@pytest.mark.parametrize(
    ("until", "outcome"),
    [("2026-03-03T08:00:00Z", "not_payable"), ("2026-03-03T08:00:01Z", "payable")],
)
def test_exactly_the_agreed_time_is_not_longer(until: str, outcome: str) -> None:
    assert cover(held("2026-03-01T08:00:00Z"), released(until)).outcome == outcome


def test_several_holds_add_up_and_shared_time_counts_once() -> None:
    found = cover(
        held("2026-03-01T00:00:00Z", index=1, about=("a",)),
        held("2026-03-01T12:00:00Z", index=2, about=("b",)),
        released("2026-03-02T00:00:00Z", index=3, about=("a",)),
        released("2026-03-02T12:00:00Z", index=4, about=("b",)),
        held("2026-03-05T00:00:00Z", index=5, about=("a",)),
        released("2026-03-05T10:00:00Z", index=6, about=("a",)),
    )
    # a 24 h and b 24 h, 12 of them shared: 36 h; and 10 h more.
    assert found.clearance_ms == 46 * HOUR
    assert found.outcome == "not_payable"
    assert [(one.held_by, one.released_by) for one in found.holds] == [(1, 3), (2, 4), (5, 6)]


def test_a_hold_without_release_is_still_running() -> None:
    hold = held("2026-03-01T00:00:00Z", index=1)
    early = cover(hold, now="2026-03-02T00:00:00Z")
    assert (early.outcome, early.clearance_ms) == ("running", 24 * HOUR)
    assert "still running" in early.computation[0]
    late = cover(hold, now="2026-03-04T00:00:00Z")
    assert late.outcome == "payable"
    assert "still running" in late.reason


def test_a_delivery_without_release_bounds_the_hold_and_decides_only_what_it_can() -> None:
    hold = held("2026-03-01T00:00:00Z", index=1)
    short = cover(hold, delivery("2026-03-02T00:00:00Z", index=2))
    assert (short.outcome, short.holds[0].is_bound) == ("not_payable", True)
    long = cover(hold, delivery("2026-03-09T00:00:00Z", index=2))
    assert long.outcome == "not_computable"
    assert "no release is recorded" in long.reason


def test_a_release_that_was_declared_an_error_does_not_end_the_hold() -> None:
    hold = held("2026-03-01T00:00:00Z")
    wrong = released("2026-03-02T00:00:00Z", is_void=True)
    right = released("2026-03-04T00:00:00Z")
    assert cover(hold, wrong, right).clearance_ms == 72 * HOUR
    assert cover(hold, wrong).outcome == "payable"


def test_what_does_not_pair_is_told_and_changes_nothing() -> None:
    found = cover(
        released("2026-02-28T00:00:00Z", index=1),
        held("2026-03-01T00:00:00Z", index=2),
        held("2026-03-01T06:00:00Z", index=3),
        released("2026-03-02T00:00:00Z", index=4),
    )
    assert found.clearance_ms == 24 * HOUR
    assert found.notes == [
        "record 1 releases what is not held",
        "record 3 holds what record 2 holds already; the first counts",
    ]


def test_without_a_hold_or_terms_nothing_is_computed() -> None:
    assert cover().outcome == "not_computable"
    without = cover(held("2026-03-01T00:00:00Z"), released("2026-03-02T00:00:00Z"), terms=None)
    assert (without.outcome, without.clearance_ms) == ("not_computable", 24 * HOUR)
    assert "agreed_clearance_hours" in without.reason


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), min_size=1, max_size=8))
def test_the_clearance_time_is_the_hours_in_which_anything_was_held(
    spans: list[tuple[int, int]],
) -> None:
    start = ms("2026-03-01T00:00:00Z")
    events = []
    for number, (begin, hours) in enumerate(spans):
        for index, at, step in ((1, begin, "holding"), (2, begin + hours, "inspecting")):
            events.append(
                event(
                    step,
                    "2026-03-01T00:00:00Z",
                    index=2 * number + index,
                    occurred_at=start + at * HOUR,
                    logged=logged(2 * number + index, start + at * HOUR),
                    disposition=None if step == "holding" else "conformant",
                    about=(f"parcel {number}",),
                )
            )
    held_hours = {hour for begin, hours in spans for hour in range(begin, begin + hours)}
    assert cover(*events).clearance_ms == len(held_hours) * HOUR


def test_lengths_are_spelled_in_whole_units() -> None:
    assert length(0) == "0 s"
    assert length(90_061_001) == "1 d 1 h 1 min 1 s 1 ms"


def limit(
    limit_id: str, taken_over: str | None, *weights: int, claim: Any = "damage"
) -> LimitReading:
    events = () if taken_over is None else (event("collecting", taken_over),)
    found = read_limits(
        built_in_rules(),
        Circumstances(claim=claim),
        Holdings(events=events),
        weights=weights,
        now=ms("2026-06-01T00:00:00Z"),
    )
    return next(one for one in found if one.id == limit_id)


@pytest.mark.parametrize(
    ("taken_over", "rate", "since"),
    [
        ("2024-12-27T12:00:00Z", "22", "2019-12-28"),
        ("2024-12-28T00:00:00Z", "26", "2024-12-28"),
        ("2019-12-27T23:59:59Z", "19", "2009-12-30"),
        ("2009-12-29T12:00:00Z", "17", "2003-11-04"),
    ],
)
def test_the_limit_by_air_is_the_one_of_the_day_of_taking_over(
    taken_over: str, rate: str, since: str
) -> None:
    found = limit("montreal-22-3", taken_over, 2_500)
    assert (found.sdr_per_kg, found.since) == (rate, since)


def test_a_limit_is_computed_exactly_and_shown() -> None:
    found = limit("montreal-22-3", "2026-01-01T00:00:00Z", 2_500)
    # 2.5 x 26 = 65; 2.505 x 8.33 = 20.86665.
    assert found.computation == "2.5 kg x 26 SDR = 65.0 SDR"
    assert limit("cmr-23-3", "2026-01-01T00:00:00Z", 2_505).sdr == "20.86665"
    assert limit("cmr-23-5", "2026-01-01T00:00:00Z", claim="delay").basis == "carriage_charges"


def test_a_limit_without_one_weight_says_why_it_has_no_sum() -> None:
    assert "no document" in limit("montreal-22-3", "2026-01-01T00:00:00Z").reason
    assert "several" in limit("montreal-22-3", "2026-01-01T00:00:00Z", 1, 2).reason
    assert "no limit" in limit("montreal-22-3", "2003-01-01T00:00:00Z", 1).reason
    unknown = limit("montreal-22-3", None, 1_000)
    assert unknown.sdr == "26"
    assert any("no taking over" in note for note in unknown.assumptions)
