"""Clocks of the conventions; every expected date was worked out by hand beside it."""

from dataclasses import replace

import pytest

from fixtures.claims import clock, delivery, document, event, logged, ms, stated, utc
from provenance.evidence.clocks.clock import Circumstances, read_clocks
from provenance.evidence.facts import Holdings, Proof
from provenance.evidence.rules import built_in_rules
from provenance.evidence.rules.loading import read_terms


def test_the_day_is_the_one_of_the_place_and_not_of_utc() -> None:
    # 23:30 on 2 March in New York is 04:30Z on 3 March. 2 March + 14 = 16 March; summer time began
    # on the 8th, so that the day ends at 04:00Z of the 17th. Counted in UTC it would be the 17th.
    delivered = delivery("2026-03-02T23:30:00-05:00")
    found = clock("montreal-31-damage", "damage", delivered, zone="America/New_York")
    assert (found.last_day, utc(found.ends_at)) == ("2026-03-16", "2026-03-17T04:00:00Z")
    assert clock("montreal-31-damage", "damage", delivered).last_day == "2026-03-17"


def test_the_place_of_the_event_decides_before_the_case_and_its_offset() -> None:
    terms = 'v = 1\ncarrier = "x"\n[places]\n"https://id.gs1.org/414/1" = "Asia/Tokyo"\n'
    rules = read_terms(terms, built_in_rules(), path="terms.toml")
    # 16:00Z on 1 June is 01:00 on 2 June in Tokyo: + 14 = 16 June.
    delivered = delivery("2026-06-01T16:00:00Z", place="https://id.gs1.org/414/1", offset="+02:00")
    found = clock("montreal-31-damage", "damage", delivered, zone="Europe/Berlin", rules=rules)
    assert found.start is not None
    assert (found.start.zone, found.start.zone_from) == ("Asia/Tokyo", "place")
    assert found.last_day == "2026-06-16"
    # By the offset alone it is still 1 June: + 14 = 15 June, and a note says what that assumes.
    by_offset = clock("montreal-31-damage", "damage", delivered)
    assert by_offset.start is not None
    assert (by_offset.start.zone, by_offset.start.zone_from) == ("+02:00", "offset")
    assert by_offset.last_day == "2026-06-15"
    assert any("offset" in note for note in by_offset.assumptions)


def test_a_change_of_the_clock_within_the_period_moves_its_last_instant() -> None:
    # Berlin, Friday 20 March + 14 = Friday 3 April. Summer time since 29 March: ends at 22:00Z, not
    # at 23:00Z.
    found = clock(
        "montreal-31-damage", "damage", delivery("2026-03-20T10:00:00+01:00"), zone="Europe/Berlin"
    )
    assert (found.last_day, utc(found.ends_at)) == ("2026-04-03", "2026-04-03T22:00:00Z")


@pytest.mark.parametrize(
    ("clock_id", "claim", "delivered", "expected"),
    [
        # Montreal art. 31(2): 1 + 14 = 15 March 2026, a Sunday, which stays.
        ("montreal-31-damage", "damage", "2026-03-01", "2026-03-15"),
        ("montreal-31-damage", "partial_loss", "2026-03-01", "2026-03-15"),
        # 15 December + 21: 16 days to the 31st, 5 more.
        ("montreal-31-delay", "delay", "2026-12-15", "2027-01-05"),
        # Art. 35: two years from 29 February 2028; 2030 has none.
        ("montreal-35", "damage", "2028-02-29", "2030-02-28"),
        ("montreal-35", "delay", "2026-06-30", "2028-06-30"),
        # CMR art. 30(1): Saturday 28 February 2026; Mon 2 to Sat 7 are six, Mon 9 is the seventh.
        ("cmr-30-1-damage", "damage", "2026-02-28", "2026-03-09"),
        # Wednesday 24 December 2025: no holiday is configured, so that 25 and 26 count: Thu 25, Fri
        # 26, Sat 27, Mon 29, Tue 30, Wed 31, Thu 1 January 2026.
        ("cmr-30-1-damage", "damage", "2025-12-24", "2026-01-01"),
        # Art. 30(3): Sunday 1 February 2026 + 21 = Sunday the 22nd; Sundays count, and it stays.
        ("cmr-30-3-delay", "delay", "2026-02-01", "2026-02-22"),
        # Art. 32(1)(a): a year from 29 February 2028.
        ("cmr-32-delivered", "damage", "2028-02-29", "2029-02-28"),
        ("cmr-32-delivered-wilful", "damage", "2028-02-29", "2031-02-28"),
    ],
)
def test_periods_from_the_delivery(
    clock_id: str, claim: str, delivered: str, expected: str
) -> None:
    assert clock(clock_id, claim, delivery(f"{delivered}T12:00:00Z")).last_day == expected


def test_goods_that_did_not_come_are_lost_by_the_agreed_day() -> None:
    agreed = (stated("agreed_delivery_on", "2026-01-31"),)
    # Montreal art. 13(3): 31 January + 7 = 7 February.
    assert clock("montreal-13-loss", "total_loss", facts=agreed).last_day == "2026-02-07"
    # CMR art. 20(1): + 30: 28 days to 28 February, 2 more.
    assert clock("cmr-20-loss", "total_loss", facts=agreed).last_day == "2026-03-02"
    # Art. 32(1)(b): a year from that thirtieth day.
    found = clock("cmr-32-lost", "total_loss", facts=agreed)
    assert found.last_day == "2027-03-02"
    assert found.start is not None
    assert (found.start.day, found.start.counted_from) == ("2026-01-31", "2026-03-02")
    # Montreal art. 35: two years from when the aircraft ought to have arrived.
    assert clock("montreal-35", "total_loss", facts=agreed).last_day == "2028-01-31"


def test_without_an_agreed_day_the_taking_over_decides() -> None:
    taken_over = event("collecting", "2026-01-01T08:00:00Z")
    # 1 January + 60: 30 to the 31st, 28 to 28 February, 2 more.
    found = clock("cmr-20-loss", "total_loss", taken_over)
    assert found.last_day == "2026-03-02"
    assert clock("cmr-32-lost", "total_loss", taken_over).last_day == "2027-03-02"


def test_other_cases_count_from_three_months_after_the_contract() -> None:
    # 30 November 2026 + 3 months = 28 February 2027, + 1 year = 28 February 2028.
    facts = (stated("contract_on", "2026-11-30", recorded="2026-12-01T00:00:00Z"),)
    assert clock("cmr-32-other", "customs_dispute", facts=facts).last_day == "2028-02-28"


def test_without_a_delivery_nothing_is_guessed() -> None:
    found = clock("montreal-31-damage", "damage", event("collecting", "2026-01-01T08:00:00Z"))
    assert (found.state, found.last_day, found.ends_at) == ("not_computable", None, None)
    assert "Delivered" in found.reason
    stated_only = clock("montreal-13-loss", "total_loss")
    assert "agreed_delivery_on" in stated_only.reason


def test_an_event_that_was_declared_an_error_starts_nothing() -> None:
    wrong = delivery("2026-03-01T12:00:00Z", is_void=True)
    assert clock("montreal-31-damage", "damage", wrong).state == "not_computable"
    right = delivery("2026-03-05T12:00:00Z", index=4)
    # The corrected delivery counts: 5 + 14 = 19 March.
    assert clock("montreal-31-damage", "damage", wrong, right).last_day == "2026-03-19"


def test_of_several_deliveries_the_first_counts_and_the_others_are_told_of() -> None:
    found = clock(
        "montreal-31-damage",
        "damage",
        delivery("2026-03-09T12:00:00Z", index=9),
        delivery("2026-03-01T12:00:00Z", index=3),
    )
    assert found.start is not None
    assert (found.start.first_index, found.last_day) == (3, "2026-03-15")
    assert any("2 such events" in note for note in found.assumptions)


def test_a_start_shows_its_claim_and_the_anchors_that_it_was_logged_between() -> None:
    delivered = delivery("2026-03-01T12:00:00Z", index=3)
    start = clock("montreal-31-damage", "damage", delivered).start
    assert start is not None
    assert (start.basis, start.at) == ("claimed", ms("2026-03-01T12:00:00Z"))
    assert (start.logged_after, start.logged_before) == (
        ms("2026-03-01T11:59:00Z"),
        ms("2026-03-01T12:01:00Z"),
    )


def test_a_time_after_the_anchor_that_covers_it_gives_way_to_the_anchor() -> None:
    # Recorded on 1 March with a time on the 3rd: what an anchor of the 1st covers was recorded by
    # then, and cannot have happened later. 1 + 14 = 15 March.
    early = delivery("2026-03-03T12:00:00Z", logged=logged(3, ms("2026-03-01T12:00:00Z")))
    found = clock("montreal-31-damage", "damage", early)
    assert found.start is not None
    assert (found.start.basis, found.start.claimed_at) == ("logged", ms("2026-03-03T12:00:00Z"))
    assert found.last_day == "2026-03-15"
    assert any("anchor's time is used" in note for note in found.assumptions)


def test_an_event_that_was_recorded_late_or_is_not_anchored_says_so() -> None:
    late = delivery("2026-03-01T12:00:00Z", logged=logged(3, ms("2026-03-09T13:00:00Z")))
    notes = clock("montreal-31-damage", "damage", late).assumptions
    assert any("recorded 8 days after" in note for note in notes)
    fresh = delivery("2026-03-01T12:00:00Z")
    fresh = replace(fresh, logged=replace(fresh.logged, before=None, proof=Proof.PENDING))
    notes = clock("montreal-31-damage", "damage", fresh).assumptions
    assert any("not anchored yet" in note for note in notes)


@pytest.mark.parametrize(
    ("now", "state", "left", "late"),
    [
        # The day ends at midnight of the 16th: a second before, a second is left.
        ("2026-03-15T23:59:59Z", "running", 1_000, None),
        ("2026-03-16T00:00:00Z", "passed", None, 0),
        ("2026-03-16T00:00:05Z", "passed", None, 5_000),
    ],
)
def test_what_is_left_or_how_late_it_is(
    now: str, state: str, left: int | None, late: int | None
) -> None:
    found = clock("montreal-31-damage", "damage", delivery("2026-03-01T12:00:00Z"), now=now)
    assert (found.state, found.left_ms, found.late_ms) == (state, left, late)


@pytest.mark.parametrize(
    ("recorded", "state"), [("2026-03-15T23:59:59Z", "met"), ("2026-03-16T00:00:00Z", "missed")]
)
def test_a_written_complaint_meets_the_clock_if_it_was_recorded_in_time(
    recorded: str, state: str
) -> None:
    found = clock(
        "montreal-31-damage",
        "damage",
        delivery("2026-03-01T12:00:00Z"),
        documents=(document("817", recorded, index=8),),
        now="2026-05-01T00:00:00Z",
    )
    assert (found.state, found.met_by) == (state, 8)


def test_a_complaint_that_cannot_be_verified_meets_nothing() -> None:
    doubtful = document(
        "817",
        "2026-03-02T00:00:00Z",
        logged=logged(8, ms("2026-03-02T00:00:00Z"), proof=Proof.DISPROVEN),
    )
    found = clock(
        "montreal-31-damage", "damage", delivery("2026-03-01T12:00:00Z"), documents=(doubtful,)
    )
    assert (found.state, found.met_by) == ("running", None)


def test_a_right_arises_when_its_period_has_ended() -> None:
    agreed = (stated("agreed_delivery_on", "2026-01-31"),)
    # Lost from the end of 2 March: at midnight of the 3rd.
    before = clock("cmr-20-loss", "total_loss", facts=agreed, now="2026-03-02T23:59:59Z")
    after = clock("cmr-20-loss", "total_loss", facts=agreed, now="2026-03-03T00:00:00Z")
    assert (before.state, after.state) == ("waiting", "arisen")


def test_only_the_clocks_of_the_stated_carriage_are_shown() -> None:
    def ids(*carriage: str) -> set[str]:
        about = Circumstances(claim="damage", carriage=carriage)  # type: ignore[arg-type]
        found = read_clocks(built_in_rules(), about, Holdings(), now=0)
        return {one.id.partition("-")[0] for one in found}

    assert ids("air") == {"montreal"}
    assert ids("road") == {"cmr"}
    assert ids() == ids("air", "road") == {"montreal", "cmr"}


def test_a_carriers_own_clock_runs_beside_those_of_the_conventions() -> None:
    terms = """
v = 1
carrier = "x"
[[clocks]]
id = "terms-notice"
title = "Notice by the carrier's terms"
carriage = "any"
claims = ["damage"]
effect = "complaint"
starts = [{ event = "delivered" }]
period = { days = 13 }
rolls = true
source = "General terms of 2026, section 9"
counting = "Calendar days; a last day that is a Sunday or holiday is moved"
[[holidays]]
zone = "Europe/Berlin"
dates = [2026-04-06]
source = "Easter Monday"
"""
    rules = read_terms(terms, built_in_rules(), path="terms.toml")
    # 23 March + 13 = 5 April 2026, Easter Sunday; Monday the 6th is a holiday: Tuesday the 7th.
    delivered = delivery("2026-03-23T12:00:00+01:00")
    found = clock("terms-notice", "damage", delivered, zone="Europe/Berlin", rules=rules)
    assert found.last_day == "2026-04-07"


def test_an_event_whose_receipt_does_not_verify_says_so() -> None:
    at = ms("2026-03-01T12:00:00Z")
    doubtful = delivery(
        "2026-03-01T12:00:00Z", logged=logged(3, at, proof=Proof.DISPROVEN, remark="inclusion: …")
    )
    found = clock("montreal-31-damage", "damage", doubtful)
    assert found.last_day == "2026-03-15"
    assert any("is disproven (inclusion: …)" in note for note in found.assumptions)
