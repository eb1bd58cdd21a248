"""Days that the claimant states, and what is recorded that they cannot be true beside; by hand."""

import pytest

from fixtures.claims import clock, delivery, event, stated
from provenance.evidence.clocks.reading import ClockReading
from provenance.evidence.crosschecks import CrossCheck, cross_check
from provenance.evidence.facts import EventFact, Holdings
from provenance.evidence.rules import built_in_rules

NOW = "2026-11-26T10:00:00Z"
NEW_YORK = "America/New_York"
DELIVERED = "2024-02-15T23:30:00-05:00"
"""The 16th in UTC and the 15th on the spot."""


def action(*events: EventFact, day: str, recorded: str = NOW) -> ClockReading:
    facts = (stated("arrived_on", day, recorded=recorded),)
    return clock("montreal-35", "damage", *events, zone=NEW_YORK, facts=facts, now=NOW)


def arrivals(*events: EventFact, day: str) -> dict[str, CrossCheck]:
    facts = (stated("arrived_on", day, recorded=NOW),)
    found = cross_check(built_in_rules(), Holdings(events=events), zone=NEW_YORK, facts=facts)
    return {one.id: one for one in found if one.id.startswith("arrival")}


def test_an_arrival_after_the_delivery_extends_nothing() -> None:
    # Delivered 15 February 2024: two years end on 15 February 2026, not on 20 February 2028.
    found = action(delivery(DELIVERED, index=7), day="2026-02-20")
    assert (found.state, found.last_day) == ("passed", "2026-02-15")
    assert found.start is not None
    assert (found.start.first_index, found.start.basis) == (7, "claimed")
    assert any(
        "2026-02-20 (record 90), after 'Delivered' of 2024-02-15 (record 7)" in note
        for note in found.assumptions
    )


@pytest.mark.parametrize(
    ("day", "last_day"),
    [
        # The day of the delivery itself, and the day before it: 14 and 15 February + two years.
        ("2024-02-15", "2026-02-15"),
        ("2024-02-14", "2026-02-14"),
        # A day later is after the delivery, on the spot, though the 16th in UTC: the 15th counts.
        ("2024-02-16", "2026-02-15"),
    ],
)
def test_the_earlier_of_stated_arrival_and_delivery_counts(day: str, last_day: str) -> None:
    assert action(delivery(DELIVERED), day=day).last_day == last_day


def test_what_stands_for_the_arrival_is_told_where_it_does() -> None:
    def notes(*events: EventFact, fact: str) -> str:
        facts = (stated(fact, "2024-02-14", recorded=NOW),)
        return "; ".join(clock("montreal-35", "damage", *events, facts=facts).assumptions)

    delivered = delivery(DELIVERED)
    assert "the delivery stands for the arrival" in notes(delivered, fact="agreed_delivery_on")
    assert "stands for" not in notes(delivered, fact="arrived_on")
    agreed = notes(fact="agreed_delivery_on")
    assert "the delivery stands" not in agreed
    assert "the agreed day of delivery stands for the day" in agreed


def test_an_arrival_without_a_delivery_counts_as_it_is_stated() -> None:
    assert action(day="2026-02-20").last_day == "2028-02-20"


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2027-05-01", "not_computable"),
        # Stated at 10:00Z on the 26th: on Kiritimati it is the 27th since midnight of theirs.
        ("2026-11-27", "running"),
        ("2026-11-28", "not_computable"),
    ],
)
def test_an_arrival_that_had_not_come_when_it_was_stated_starts_nothing(
    day: str, state: str
) -> None:
    found = action(day=day, recorded="2026-11-26T10:00:00Z")
    assert found.state == state
    if state == "not_computable":
        assert f"stated as {day} (record 90), a day that had not come" in found.reason


def test_an_impossible_arrival_gives_way_to_the_day_on_which_it_was_due() -> None:
    facts = (stated("arrived_on", "2027-05-01"), stated("agreed_delivery_on", "2026-01-31"))
    # Two years from 31 January 2026.
    found = clock("montreal-35", "total_loss", facts=facts, now=NOW)
    assert found.last_day == "2028-01-31"
    assert any("had not come" in note for note in found.assumptions)


def test_an_agreed_day_may_be_yet_to_come() -> None:
    facts = (stated("agreed_delivery_on", "2027-05-01"),)
    # 1 May + 7 = 8 May 2027.
    assert clock("montreal-13-loss", "total_loss", facts=facts).last_day == "2027-05-08"


def test_a_stated_arrival_is_compared_with_taking_over_and_delivery() -> None:
    events = event("collecting", "2024-02-10T10:00:00-05:00", index=1), delivery(DELIVERED, index=7)
    late = arrivals(*events, day="2026-02-20")
    assert {name: one.verdict for name, one in late.items()} == {
        "arrival-before-taking-over": "agrees",
        "arrival-after-delivery": "differs",
    }
    shown = late["arrival-after-delivery"]
    assert shown.explanation == "2026-02-20 is after 2024-02-15"
    assert [(one.first_index, one.source, one.by) for one in shown.stated] == [
        (90, "case", "arrived_on"),
        (7, "event", "accepting"),
    ]
    early = arrivals(*events, day="2024-02-09")
    assert early["arrival-before-taking-over"].verdict == "differs"
    assert early["arrival-after-delivery"].verdict == "agrees"
