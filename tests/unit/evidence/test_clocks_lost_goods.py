"""Goods that were not delivered within the term, or not all, or nobody knows; dates by hand."""

from dataclasses import replace

import pytest

from fixtures.claims import clock, delivery, event, logged, ms, stated, utc
from provenance.evidence.clocks.clock import Circumstances, read_clocks
from provenance.evidence.clocks.reading import ClockReading
from provenance.evidence.facts import ErasedFact, EventFact, Holdings, Proof
from provenance.evidence.rules import built_in_rules

BERLIN = "Europe/Berlin"
# 20 August 2026 + 60 days: 11 to the 31st, 30 in September, 19 more: 19 October, which ends in
# Berlin, summer time, at 22:00Z.
LAST_DAY, ENDS_AT = "2026-10-19", "2026-10-19T22:00:00Z"
LATER = "2026-11-26T10:00:00Z"


def taken_over(*about: str) -> EventFact:
    return event("collecting", "2026-08-20T09:00:00+02:00", index=1, about=about)


def lost(*events: EventFact, now: str = LATER) -> ClockReading:
    return clock("cmr-20-loss", "total_loss", *events, zone=BERLIN, now=now)


def action(*events: EventFact) -> ClockReading:
    return clock("cmr-32-lost", "total_loss", *events, zone=BERLIN, now=LATER)


def test_a_delivery_after_the_term_does_not_undo_the_right() -> None:
    late = delivery("2026-11-25T09:00:00+01:00", index=7)
    found = lost(taken_over(), late)
    assert (found.state, found.last_day, utc(found.ends_at)) == ("arisen", LAST_DAY, ENDS_AT)
    assert any(
        "after the term is recorded (record 7, the first on 2026-11-25)" in note
        for note in found.assumptions
    )
    # Art. 32(1)(b): a year from that sixtieth day; what the delivery changes is said.
    running = action(taken_over(), late)
    assert (running.state, running.last_day) == ("running", "2027-10-19")
    assert any(
        "record 7" in note and "counts from that delivery" in note for note in running.assumptions
    )


def test_cargo_that_came_after_the_seven_days_may_be_treated_as_lost() -> None:
    agreed = (stated("agreed_delivery_on", "2026-01-31"),)

    def found(delivered: str) -> ClockReading:
        there = delivery(delivered, index=7)
        return clock("montreal-13-loss", "total_loss", there, facts=agreed, now=LATER)

    # Montreal art. 13(3): 31 January + 7 = 7 February, which ends at midnight.
    assert found("2026-02-08T00:00:00Z").state == "arisen"
    assert found("2026-02-07T23:59:59Z").state == "not_computable"


@pytest.mark.parametrize(
    ("delivered", "state"),
    [("2026-10-19T23:59:59+02:00", "not_computable"), ("2026-10-20T00:00:00+02:00", "arisen")],
)
def test_the_end_of_the_term_on_the_spot_decides(delivered: str, state: str) -> None:
    assert lost(taken_over(), delivery(delivered, index=7)).state == state


def test_goods_that_were_delivered_within_the_term_are_not_lost() -> None:
    there = delivery("2026-08-25T09:00:00+02:00", index=7)
    right, year = lost(taken_over(), there), action(taken_over(), there)
    assert (right.state, right.last_day) == ("not_computable", None)
    assert "record 7" in right.reason
    assert "not lost" in right.reason
    assert year.state == "not_computable"
    assert "count from it" in year.reason


def test_one_parcel_of_several_is_not_the_goods() -> None:
    one = delivery("2026-08-25T09:00:00+02:00", index=7, about=("p1",))
    other = delivery("2026-11-25T09:00:00+01:00", index=8, about=("p2",))
    found = lost(taken_over("p1", "p2"), one, other)
    assert found.state == "arisen"
    assert any("(record 7), none of p2" in note for note in found.assumptions)
    assert any("after the term is recorded (record 8" in note for note in found.assumptions)
    both = replace(other, occurred_at=one.occurred_at, logged=logged(8, one.occurred_at))
    assert lost(taken_over("p1", "p2"), one, both).state == "not_computable"
    whole = replace(one, about=())
    assert lost(taken_over("p1", "p2"), whole).state == "not_computable"


def test_before_the_end_of_the_term_a_part_that_was_delivered_is_told() -> None:
    one = delivery("2026-08-25T09:00:00+02:00", index=7, about=("p1",))
    found = lost(taken_over("p1", "p2"), one, now="2026-09-01T00:00:00Z")
    assert found.state == "waiting"
    assert any("none of p2" in note for note in found.assumptions)


@pytest.mark.parametrize("proof", [Proof.DISPROVEN, Proof.UNCHECKED, Proof.ERASED])
def test_a_delivery_that_cannot_be_relied_on_takes_no_right_away(proof: Proof) -> None:
    at = ms("2026-08-25T09:00:00+02:00")
    doubtful = delivery(
        "2026-08-25T09:00:00+02:00", logged=logged(7, at, proof=proof, remark="why")
    )
    found = lost(taken_over(), doubtful)
    assert found.state == "arisen"
    assert any(
        "record 7 would be" in note and f"is {proof} (why)" in note for note in found.assumptions
    )


def test_a_delivery_that_was_claimed_once_the_term_had_ended_takes_no_right_away() -> None:
    # Claimed for 25 August and recorded on 25 November, five weeks after the term.
    claimed = delivery(
        "2026-08-25T09:00:00+02:00", logged=logged(7, ms("2026-11-25T09:00:00+01:00"))
    )
    found = lost(taken_over(), claimed)
    assert found.state == "arisen"
    assert any("nothing but its recorder vouches" in note for note in found.assumptions)
    # Recorded days late, and within the term: it cannot have happened after it.
    slow = replace(claimed, logged=logged(7, ms("2026-10-19T12:00:00Z")))
    assert lost(taken_over(), slow).state == "not_computable"


def test_a_delivery_is_told_of_where_the_term_is_not_known() -> None:
    found = clock("montreal-13-loss", "total_loss", delivery("2026-08-25T09:00:00Z", index=7))
    assert found.state == "not_computable"
    assert "agreed_delivery_on" in found.reason
    assert any("(record 7); the term is not known" in note for note in found.assumptions)


def test_an_erased_event_may_have_been_the_delivery() -> None:
    erased = ErasedFact(logged(7, ms("2026-08-25T07:00:00Z"), proof=Proof.ERASED), "event")
    (found,) = (
        one
        for one in read_clocks(
            built_in_rules(),
            Circumstances(claim="total_loss", zone=BERLIN),
            Holdings(events=(taken_over(),), erased=(erased,)),
            now=ms(LATER),
        )
        if one.id == "cmr-20-loss"
    )
    assert found.state == "arisen"
    assert any("it may have been a delivery" in note for note in found.assumptions)
