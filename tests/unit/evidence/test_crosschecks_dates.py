"""Dates that documents and events state, compared with each other and for each parcel by itself."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fixtures.claims import delivery, document, event, logged, ms
from provenance.evidence.crosschecks import CrossCheck, cross_check
from provenance.evidence.crosschecks.parcels import MAX_PARCELS
from provenance.evidence.described import Described
from provenance.evidence.facts import DescriptionFact, DocumentFact, EventFact, Holdings
from provenance.evidence.rules import built_in_rules

WAYBILL, POD, POLICY, REPORT = "740", "737", "530", "809"


def tells(code: str, index: int, *about: str, issued_on: str = "", **days: str) -> DocumentFact:
    """A document whose sender describes its dates."""
    described = Described(
        document=index,
        sha256=bytes(32),
        issued_on=date.fromisoformat(issued_on) if issued_on else None,
        dates={name: date.fromisoformat(day) for name, day in days.items()},
    )
    description = DescriptionFact(logged(100 + index, ms("2026-11-20T00:00:00Z")), described)
    fact = document(code, "2026-11-20T00:00:00Z", index=index, about=about)
    return replace(fact, descriptions=(description,))


def found(*facts: DocumentFact | EventFact) -> list[CrossCheck]:
    holdings = Holdings(
        events=tuple(fact for fact in facts if isinstance(fact, EventFact)),
        documents=tuple(fact for fact in facts if isinstance(fact, DocumentFact)),
    )
    return cross_check(built_in_rules(), holdings, zone="UTC")


def verdicts(*facts: DocumentFact | EventFact) -> dict[str, str]:
    return {one.id: one.verdict for one in found(*facts)}


def pickup(day: str, index: int, *about: str) -> EventFact:
    return event("collecting", f"{day}T08:00:00Z", index=index, about=about)


def handed_over(day: str, index: int, *about: str) -> EventFact:
    return delivery(f"{day}T12:00:00Z", index=index, about=about)


def test_a_proof_of_delivery_before_the_recorded_pickup_differs() -> None:
    proof = tells(POD, 5, delivered_on="2026-11-09")
    checks = {one.id: one for one in found(pickup("2026-11-10", 1), proof)}
    check = checks["delivery-before-pickup"]
    assert (check.verdict, check.explanation) == ("differs", "2026-11-10 is after 2026-11-09")
    assert [one.first_index for one in check.stated] == [1, 105]


@pytest.mark.parametrize(
    ("waybill", "others", "check", "verdict"),
    [
        ("2026-11-10", [pickup("2026-11-10", 1)], "pickup-day", "agrees"),
        ("2026-11-12", [pickup("2026-11-10", 1)], "pickup-day", "differs"),
        ("2026-11-10", [tells(POD, 6, taken_over_on="2026-11-10")], "pickup-day", "agrees"),
        ("2026-11-10", [tells(POD, 6, taken_over_on="2026-11-11")], "pickup-day", "differs"),
        (
            "2026-11-10",
            [tells(POD, 6, delivered_on="2026-11-09")],
            "delivery-before-pickup",
            "differs",
        ),
        (
            "2026-11-10",
            [tells(POD, 6, delivered_on="2026-11-12")],
            "delivery-before-pickup",
            "agrees",
        ),
        ("2026-11-10", [handed_over("2026-11-09", 2)], "delivery-before-pickup", "differs"),
    ],
)
def test_the_pickup_of_a_waybill_is_compared(
    waybill: str, others: list[Any], check: str, verdict: str
) -> None:
    stated = tells(WAYBILL, 5, taken_over_on=waybill)
    assert verdicts(stated, *others)[check] == verdict


def test_the_day_of_delivery_of_a_proof_is_that_of_the_event() -> None:
    event = handed_over("2026-11-12", 2)
    assert verdicts(tells(POD, 5, delivered_on="2026-11-12"), event)["delivery-day"] == "agrees"
    assert verdicts(tells(POD, 5, delivered_on="2026-11-13"), event)["delivery-day"] == "differs"


def test_a_stated_loss_is_compared_with_policies_and_pickups() -> None:
    policy = tells(POLICY, 5, issued_on="2026-11-09", policy_to="2026-11-30")
    early = verdicts(policy, tells(REPORT, 6, lost_on="2026-11-08"), pickup("2026-11-09", 1))
    assert early["policy-after-loss"] == "differs"
    assert early["loss-before-taking-over"] == "differs"
    late = verdicts(policy, tells(REPORT, 6, lost_on="2026-12-01"), pickup("2026-11-09", 1))
    assert late["policy-after-loss"] == "agrees"
    assert late["loss-before-taking-over"] == "agrees"
    assert late["loss-outside-cover"] == "differs"


def test_each_parcel_is_compared_by_itself() -> None:
    # Parcel 2 was delivered before it was collected; the first pick-up and delivery hide it.
    checks = [
        one
        for one in found(
            pickup("2026-11-05", 1, "p1"),
            handed_over("2026-11-07", 2, "p1"),
            handed_over("2026-11-08", 3, "p2"),
            pickup("2026-11-10", 4, "p2"),
        )
        if one.id == "delivery-before-taking-over"
    ]
    assert [(one.parcel, one.verdict) for one in checks] == [("p2", "differs"), ("p1", "agrees")]
    assert [one.first_index for one in checks[0].stated] == [4, 3]


def test_parcels_that_were_delivered_without_a_pickup_contradict_no_other() -> None:
    facts = pickup("2026-11-10", 1, "p1"), handed_over("2026-11-08", 2, "p2")
    assert "delivery-before-taking-over" not in verdicts(*facts)


def test_a_proof_about_one_parcel_is_not_held_against_another() -> None:
    facts = (
        handed_over("2026-11-08", 1, "p1"),
        handed_over("2026-11-12", 2, "p2"),
        tells(POD, 5, "p2", delivered_on="2026-11-12"),
    )
    assert verdicts(*facts)["delivery-day"] == "agrees"
    assert verdicts(*facts[:2], tells(POD, 5, "p1", delivered_on="2026-11-12"))["delivery-day"] == (
        "differs"
    )
    # About the whole shipment it may be the day of any of them.
    assert verdicts(*facts[:2], tells(POD, 5, delivered_on="2026-11-12"))["delivery-day"] == (
        "agrees"
    )
    assert verdicts(*facts[:2], tells(POD, 5, delivered_on="2026-11-11"))["delivery-day"] == (
        "differs"
    )


def test_many_parcels_are_counted_and_those_that_contradict_themselves_are_shown() -> None:
    events = []
    for number in range(40):
        day = "2026-11-01" if number < 20 else "2026-11-09"
        events.append(handed_over(day, 2 * number, f"p{number}"))
        events.append(pickup("2026-11-05", 2 * number + 1, f"p{number}"))
    checks = [one for one in found(*events) if one.id == "delivery-before-taking-over"]
    assert [one.verdict for one in checks] == ["differs"] * MAX_PARCELS + ["agrees"]
    assert checks[MAX_PARCELS - 1].explanation.endswith("so for 4 more parcels")
    assert checks[-1].explanation == "so for 20 parcels, each by itself; one is shown"


def test_one_event_about_many_parcels_is_one_comparison() -> None:
    parcels = [f"p{number}" for number in range(50)]
    (check,) = found(pickup("2026-11-05", 1, *parcels), handed_over("2026-11-09", 2, *parcels))
    assert (check.verdict, check.parcel) == ("agrees", "")


def test_a_policy_without_a_day_of_issue_counts_from_its_cover() -> None:
    policy = tells(POLICY, 5, policy_from="2026-11-09")
    loss = tells(REPORT, 6, lost_on="2026-11-08")
    assert verdicts(policy, loss)["policy-after-loss"] == "differs"
    issued = tells(POLICY, 5, issued_on="2026-11-01", policy_from="2026-11-09")
    assert verdicts(issued, loss)["policy-after-loss"] == "agrees"


@pytest.mark.parametrize(
    ("lost", "verdict", "explanation"),
    [
        # Cover from the 23rd to 10 December: the 21st is two days early, both its ends are covered.
        ("2026-11-21", "differs", "2026-11-23 is after 2026-11-21"),
        ("2026-11-23", "agrees", ""),
        ("2026-12-10", "agrees", ""),
        ("2026-12-11", "differs", "2026-12-11 is after 2026-12-10"),
    ],
)
def test_a_loss_is_compared_with_begin_and_end_of_the_cover_beside_the_day_of_issue(
    lost: str, verdict: str, explanation: str
) -> None:
    policy = tells(
        *(POLICY, 5), issued_on="2026-11-01", policy_from="2026-11-23", policy_to="2026-12-10"
    )
    damage = event("accepting", f"{lost}T11:45:00Z", index=2, disposition="damaged")
    checks = {one.id: one for one in found(pickup("2026-11-20", 1), damage, policy)}
    cover = checks["loss-outside-cover"]
    assert (cover.verdict, cover.explanation) == (verdict, explanation)
    assert [one.value[:10] for one in cover.stated] == ["2026-11-23", lost, "2026-12-10"]
    assert checks["policy-after-loss"].verdict == "agrees"


def test_a_cover_without_an_end_and_one_without_a_loss() -> None:
    begun = tells(POLICY, 5, issued_on="2026-11-01", policy_from="2026-11-23")
    assert verdicts(begun, tells(REPORT, 6, lost_on="2026-11-22"))["loss-outside-cover"] == (
        "differs"
    )
    whole = tells(POLICY, 5, policy_from="2026-11-23", policy_to="2026-12-10")
    assert "loss-outside-cover" not in verdicts(whole, pickup("2026-11-20", 1))


def test_what_another_says_of_a_date_stands_beside_it() -> None:
    policy = tells(POLICY, 5, issued_on="2026-11-09")
    other = DescriptionFact(
        logged(200, ms("2026-11-20T00:00:00Z")),
        Described(document=5, sha256=bytes(32), issued_on=date(2026, 1, 1)),
        submitter="member",
        is_own=False,
    )
    policy = replace(policy, descriptions=(*policy.descriptions, other))
    loss = tells(REPORT, 6, lost_on="2026-11-08")
    checks = {one.id: one for one in found(policy, loss)}
    assert checks["policy-after-loss"].verdict == "differs"
    assert checks["date-issued-on"].verdict == "differs"
    assert [one.value for one in checks["date-issued-on"].stated] == ["2026-11-09", "2026-01-01"]
