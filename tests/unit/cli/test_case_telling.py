"""``provenance case show``: what runs out when, from what it counts, and whose word that is."""

from typing import Any

from provenance.cli.case_telling import told

DAY = 86_400_000
AT = 1_772_355_600_000
"""2026-03-01 09:00 UTC."""


def clock(**changes: Any) -> dict[str, Any]:
    return {
        "id": "montreal-31-damage",
        "title": "Written complaint of damage to cargo",
        "state": "running",
        "source": "Montreal Convention 1999",
        "last_day": "2026-03-15",
        "left_ms": 5 * DAY + 1,
        "start": {
            "what": "Delivered",
            "first_index": 7,
            "basis": "claimed",
            "day": "2026-03-01",
            "zone": "Europe/Berlin",
            "at": AT,
            "claimed_at": AT,
            "recorded_at": AT + 12 * DAY,
            "logged_before": AT + 12 * DAY + 60_000,
        },
        "assumptions": ["the complaint is due forthwith"],
        **changes,
    }


def case(**assessment: Any) -> str:
    return text_of(assessment)


def text_of(assessment: dict[str, Any], **members: Any) -> str:
    found = {
        "case": "urn:provenance:case:0",
        "claim": "damage",
        "state": "opened",
        "seq": 1,
        "claimant": "Nora",
        "shipments": ["WB1"],
        "history": [],
        "note": "not legal advice",
        "assessment": {
            "checklist": [],
            "clocks": [],
            "limits": [],
            "cross_checks": [],
            **assessment,
        },
        **members,
    }
    return "\n".join(told(found))


def test_a_clock_says_what_is_left_what_it_counts_from_and_what_it_assumes() -> None:
    text = case(clocks=[clock()])
    assert "2026-03-15 (Europe/Berlin), 5 days left; Montreal Convention 1999" in text
    assert (
        "counts from Delivered, record 7: 2026-03-01 09:00Z, as the event claims; recorded "
        "2026-03-13 09:00Z, 12 days after the time that it claims; anchored 2026-03-13 09:01Z"
    ) in text
    assert "assumes: the complaint is due forthwith" in text


def test_a_clock_that_ended_says_how_long_ago() -> None:
    ended = clock(state="passed", late_ms=DAY)
    del ended["left_ms"]
    assert "ended 24 hours ago" in case(clocks=[ended])


def test_a_clock_tells_what_met_it_from_what_was_recorded_too_late() -> None:
    assert "      met by record 10" in case(clocks=[clock(state="met", met_by=10)])
    late = case(clocks=[clock(state="missed", met_by=10)])
    assert "      recorded late: record 10" in late
    assert "met by" not in late


def test_one_day_is_no_days() -> None:
    start = {**clock()["start"], "recorded_at": AT + DAY + 5}
    text = case(clocks=[clock(start=start, left_ms=DAY // 24)])
    assert "1 day after the time that it claims" in text
    assert ", 1 hour left" in text


def test_a_start_that_is_stated_or_not_anchored_says_so() -> None:
    start = {
        **clock()["start"],
        "basis": "stated",
    }
    for name in ("at", "claimed_at", "logged_before"):
        del start[name]
    text = case(clocks=[clock(start=start)])
    assert "record 7: 2026-03-01, as the claimant states it; recorded" in text
    assert "; not anchored yet" in text


def test_a_clock_without_a_start_says_what_is_missing_and_what_it_assumes() -> None:
    without = clock(state="not_computable", reason="nothing is recorded")
    del without["start"]
    text = case(clocks=[without])
    assert "not computable  Written complaint of damage to cargo: nothing is recorded" in text
    assert "assumes: the complaint" in text


def test_a_line_tells_its_remarks_once() -> None:
    line = {
        "id": "delivered",
        "title": "Delivery recorded",
        "need": "required",
        "state": "unverifiable",
        "remark": "record 7 was erased: it may have been this",
        "filled_by": [{"first_index": 7, "remark": "record 7 was erased"}],
    }
    text = case(checklist=[line])
    assert "unverifiable  required  Delivery recorded [delivered]  record 7" in text
    assert text.count("record 7 was erased") == 1, text
    assert "record 7 was erased: it may have been this" in text


def test_a_hold_tells_the_beginning_of_its_reason_on_one_line() -> None:
    text = text_of({}, hold={"reason": "a suit\n" + "x" * 3_000, "seq": 1})
    (line,) = [line for line in text.splitlines() if line.startswith("legal hold: ")]
    assert line.startswith("legal hold: a suit xxx")
    assert line.endswith("xxx ... (shortened, 3007 characters in all)")
    assert len(line) < 280
    assert "legal hold: a suit\n" in text_of({}, hold={"reason": "a suit", "seq": 1})


def test_acts_that_were_erased_are_said_to_be_with_what_they_may_have_done() -> None:
    text = text_of({}, erased_acts=[1, 3], state_doubts=[3])
    assert "note: what acts 1, 3 changed is not known any more: erased" in text
    assert "opened is the last state that is known; act 3 may have moved the case on" in text
    many = text_of({}, erased_acts=list(range(1, 30)))
    assert "acts 1, 2, 3, 4, 5, 6, 7, 8 and 21 more" in many
    assert "note: what" not in text_of({})


def test_a_contradiction_names_who_says_what_of_which_document() -> None:
    check = {
        "id": "weight",
        "title": "Gross weight",
        "verdict": "differs",
        "explanation": "by 100 g at most",
        "stated": [
            {"first_index": 9, "document": 8, "value": "2500 g", "organisation": "Carrier"},
            {
                "first_index": 12,
                "document": 8,
                "value": "2600 g",
                "organisation": "Member",
                "standing": "other",
            },
        ],
    }
    assert (
        "Gross weight: differs: record 9 on document 8 (Carrier): 2500 g; "
        "record 12 on document 8 (Member, not its sender): 2600 g (by 100 g at most)"
    ) in case(cross_checks=[check])


def test_a_cover_names_its_sum_and_its_doubts() -> None:
    cover = {
        "outcome": "unproven",
        "reason": "EUR 250.00 would be payable",
        "currency": "EUR",
        "sum": "250.00",
        "terms_from": "as the claimant states it",
        "doubts": ["no policy in the log"],
        "by_the_log": ["between the recordings: 2 d"],
    }
    text = case(cover=cover)
    assert "cover: unproven: EUR 250.00 would be payable" in text
    assert "  sum: EUR 250.00, as the claimant states it" in text
    assert "  not proven: no policy in the log" in text
    assert "  between the recordings: 2 d" in text
