"""Customs-delay cover with its computation, and limits of liability in SDR."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.claims import delivery, document, event, logged, ms
from provenance.evidence.checklist import fill_checklist
from provenance.evidence.clocks.clock import Circumstances
from provenance.evidence.cover import CoverReading, length, read_cover
from provenance.evidence.cover_terms import CoverTerms
from provenance.evidence.described import Described
from provenance.evidence.facts import DescriptionFact, DocumentFact, EventFact, Holdings, Proof
from provenance.evidence.limits import LimitReading, read_limits
from provenance.evidence.money import Money
from provenance.evidence.rules import built_in_rules

HOUR = 3_600_000
TERMS = CoverTerms(agreed_hours=48, sum=Money("EUR", Decimal("250.00")))


def held(time: str, **changes: Any) -> EventFact:
    return event("holding", time, **changes)


def released(time: str, **changes: Any) -> EventFact:
    return event("inspecting", time, disposition="conformant", **{"index": 99, **changes})


def policy(terms: CoverTerms, *, index: int = 200, **changes: Any) -> DocumentFact:
    """A policy whose sender describes it with ``terms``."""
    described = Described(
        document=index,
        sha256=bytes(32),
        agreed_clearance_hours=terms.agreed_hours,
        stated_sum=terms.sum,
    )
    one = DescriptionFact(logged(index + 1, ms("2026-01-01T00:00:00Z")), described)
    fields: dict[str, Any] = {"descriptions": (one,), "organisation": "Insurer", **changes}
    return document("530", "2026-01-01T00:00:00Z", index=index, **fields)


def cover(
    *events: EventFact,
    terms: CoverTerms | None = TERMS,
    policies: tuple[DocumentFact, ...] = (policy(TERMS),),
    now: str = "2026-03-20T00:00:00Z",
) -> CoverReading:
    held = Holdings(events=events, documents=() if terms is None else policies)
    return read_cover(built_in_rules(), terms, held, now=ms(now))


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


def test_terms_that_only_the_claimant_states_make_nothing_payable() -> None:
    events = held("2026-03-01T08:00:00Z", index=1), released("2026-03-03T09:30:00Z", index=2)
    found = cover(*events, policies=())
    assert (found.outcome, found.by_claims) == ("unproven", "payable")
    assert found.reason.startswith("EUR 250.00 would be payable by what is claimed")
    assert found.terms_from == "as the claimant states it"
    (doubt,) = found.doubts
    assert "no policy in the log" in doubt
    short = cover(held("2026-03-01T08:00:00Z"), released("2026-03-01T09:00:00Z"), policies=())
    assert (short.outcome, short.by_claims) == ("unproven", "not_payable")


def test_the_policys_terms_are_taken_and_who_describes_them_is_named() -> None:
    found = cover(held("2026-03-01T08:00:00Z", index=1), released("2026-03-03T09:30:00Z", index=2))
    assert found.policy == 200
    assert found.terms_from == "by the policy, document 200, as record 201 describes it (Insurer)"
    assert found.reason == (
        "EUR 250.00 by the policy, document 200, as record 201 describes it (Insurer): "
        "clearance took longer than agreed"
    )


def test_only_the_senders_newest_word_makes_a_policys_terms() -> None:
    fact = policy(TERMS)
    (own,) = fact.descriptions
    for changes in ({"is_own": False}, {"superseded_by": 300}):
        other = replace(own, **changes)  # type: ignore[arg-type] # members of a description
        found = cover(
            held("2026-03-01T08:00:00Z"),
            released("2026-03-03T09:30:00Z"),
            policies=(replace(fact, descriptions=(other,)),),
        )
        assert (found.outcome, found.policy) == ("unproven", None)


def test_terms_that_contradict_each_other_are_told() -> None:
    more = CoverTerms(agreed_hours=24, sum=Money("EUR", Decimal("900.00")))
    events = held("2026-03-01T08:00:00Z"), released("2026-03-03T09:30:00Z")
    stated = cover(*events, terms=more)
    assert (stated.outcome, stated.sum) == ("unproven", "250.00")
    assert "the claimant states other terms: EUR 900.00 beyond 24 hours" in stated.doubts
    two = cover(*events, policies=(policy(TERMS), policy(more, index=300)))
    assert two.outcome == "unproven"
    assert "policies state different terms" in two.doubts[0]


def test_what_was_recorded_long_after_it_is_said_to_have_happened_makes_nothing_payable() -> None:
    hold = held("2026-03-01T08:00:00Z", index=1)
    late = released("2026-03-03T09:30:00Z", index=2)
    late = replace(late, logged=logged(2, ms("2026-03-18T09:30:00Z")))
    found = cover(hold, late)
    assert (found.outcome, found.by_claims) == ("unproven", "payable")
    (doubt,) = found.doubts
    assert doubt.startswith("the release, record 2, was recorded 15 days after the time that it")
    # 1 March 08:00 to 18 March 09:30 by the recordings, the anchors a minute on either side.
    assert found.recorded_ms == (17 * 24 + 1) * HOUR + HOUR // 2
    assert found.anchored_least_ms == found.recorded_ms - 2 * 60_000
    assert found.anchored_most_ms == found.recorded_ms + 2 * 60_000
    assert found.by_the_log == [
        "between the recordings: 17 d 1 h 30 min",
        "by the anchors around them: 17 d 1 h 28 min at least, 17 d 1 h 32 min at most",
    ]


def test_recordings_that_tell_otherwise_than_the_claims_are_told() -> None:
    # Claimed 49 h 30 min; the hold was recorded 20 hours later, so only 29 h 30 min are recorded.
    hold = replace(
        held("2026-03-01T08:00:00Z", index=1), logged=logged(1, ms("2026-03-02T04:00:00Z"))
    )
    found = cover(hold, released("2026-03-03T09:30:00Z", index=2))
    assert found.outcome == "unproven"
    assert found.doubts == [
        "between the recordings clearance took 1 d 5 h 30 min, no longer than agreed"
    ]


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"before": None, "proof": Proof.PENDING}, "record 2 is not anchored yet"),
        ({"proof": Proof.DISPROVEN, "remark": "other bytes"}, "is disproven (other bytes)"),
    ],
)
def test_a_release_that_is_not_proven_makes_nothing_payable(
    changes: dict[str, Any], doubt: str
) -> None:
    end = released("2026-03-03T09:30:00Z", index=2)
    end = replace(end, logged=replace(end.logged, **changes))
    found = cover(held("2026-03-01T08:00:00Z", index=1), end)
    assert found.outcome == "unproven"
    assert doubt in found.doubts[0]


def test_a_required_document_that_is_missing_or_late_makes_nothing_payable() -> None:
    rules = built_in_rules()
    late = replace(policy(TERMS), logged=logged(200, ms("2026-03-02T00:00:00Z")))
    holdings = Holdings(
        events=(held("2026-03-01T08:00:00Z", index=1), released("2026-03-03T09:30:00Z", index=2)),
        documents=(late,),
    )
    now = ms("2026-03-20T00:00:00Z")
    lines = fill_checklist(rules, "customs_delay_cover", holdings, (), now=now)
    found = read_cover(rules, TERMS, holdings, now=now, lines=lines)
    assert found.outcome == "unproven"
    assert [doubt.partition(" (")[0] for doubt in found.doubts] == [
        "required and late: Insurance policy or certificate",
        "required and missing: Customs declaration",
    ]


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
