"""What a report tells of a case, as people write it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from fixtures.claims import delivery, document, event, logged, ms
from provenance.evidence.assessment import assess
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import Facts, NoteAdded, Opened
from provenance.evidence.cases.fold import Case, LoggedAct, fold
from provenance.evidence.dossier.account import (
    checklist_of,
    clocks_of,
    facts_of,
    sections_of,
    verdicts_of,
)
from provenance.evidence.facts import Holdings, Proof
from provenance.evidence.money import Money
from provenance.evidence.rules import built_in_rules

NAME = "urn:provenance:case:" + "0" * 32
SHIPMENT = "urn:provenance:shipment:acme:WB1"
NOW = ms("2026-03-10T12:00:00Z")
HOLDINGS = Holdings(
    events=(delivery("2026-03-01T10:00:00+01:00", index=7),),
    documents=(
        document("740", "2026-03-02T00:00:00Z", index=8),
        document("530", "2026-03-02T00:00:00Z", index=9, logged=logged(9, NOW, proof=Proof.ERASED)),
    ),
)


def case() -> Case:
    """A case with a note, whose third act was erased."""
    opened = Opened(
        claim="damage",
        claimant="Nora Example",
        carriage=("air",),
        zone="Europe/Berlin",
        amounts=(("claimed", Money("EUR", Decimal("412.50"))),),
        facts=Facts(days={"arrived_on": date(2026, 2, 10)}),
    )
    bodies = [(opened, "A. Officer"), (NoteAdded("the box was wet"), None)]
    acts = [
        LoggedAct(
            logged(20 + number, NOW),
            UUID(int=1),
            Act(NAME, number, (SHIPMENT,), body, author),  # type: ignore[arg-type]
        )
        for number, (body, author) in enumerate(bodies)
    ]
    acts.append(LoggedAct(logged(30, NOW, proof=Proof.ERASED), UUID(int=1), None))
    found = fold(acts)
    assert found is not None
    return found


def test_the_first_table_names_claim_amounts_and_stated_facts() -> None:
    facts = facts_of(case())
    assert ("Amount claimed", "EUR 412.50") in facts
    assert ("Stated: arrived on", "2026-02-10") in facts
    assert ("Carriage", "air") in facts


def test_the_first_table_says_which_erased_acts_may_have_moved_the_case_on() -> None:
    told = dict(facts_of(case()))["State"]
    assert told == "opened, as far as is known: acts erased since may have moved it on (No. 2)"
    assert dict(facts_of(replace(case(), history=case().history[:1])))["State"] == "opened"


def test_clocks_tell_the_last_day_on_the_spot_and_what_is_left() -> None:
    assessment = assess(built_in_rules(), case(), HOLDINGS, now=NOW)
    clocks = {clock.what: clock for clock in clocks_of(assessment)}
    complaint = clocks["Written complaint of damage to cargo (running)"]
    # 1 March + 14 = 15 March, which ends at 23:00Z; from noon on the 10th five days and 11 hours.
    assert complaint.left == "last day 2026-03-15 (Europe/Berlin); 5 days left"
    assert complaint.ends == ms("2026-03-15T23:00:00Z")


def test_the_report_says_what_each_clock_rests_on() -> None:
    late = delivery(
        "2026-02-10T10:00:00+01:00", index=7, logged=logged(7, ms("2026-03-01T10:00:00Z"))
    )
    assessment = assess(built_in_rules(), case(), replace(HOLDINGS, events=(late,)), now=NOW)
    sections = {section.title: section for section in sections_of(case(), assessment)}
    rows = {row[0]: row for row in sections["What the clocks rest on"].rows}
    _, told, assumed = rows["Written complaint of damage to cargo"]
    # 10 February 09:00 to 1 March 10:00: 19 days.
    assert told == (
        "Delivered, entry 7: 2026-02-10 09:00:00 UTC, as the event claims; "
        "recorded 2026-03-01 10:00:00 UTC, 19 days after the time that it claims; "
        "anchored 2026-03-01 10:01:00 UTC"
    )
    assert "nothing but its recorder vouches" in assumed
    _, told, _ = rows["Action for damages"]
    assert told.startswith("Day of arrival at the destination, entry 20: 2026-02-10, as the claim")
    without = assess(built_in_rules(), case(), Holdings(), now=NOW)
    sections = {section.title: section for section in sections_of(case(), without)}
    rows = {row[0]: row for row in sections["What the clocks rest on"].rows}
    assert (
        "nothing is recorded that it could start from"
        in (rows["Written complaint of damage to cargo"][1])
    )


def test_a_complaint_that_was_recorded_too_late_does_not_meet_its_clock() -> None:
    def left(recorded: str) -> str:
        complaint = document("817", recorded, index=10)
        holdings = replace(HOLDINGS, documents=(complaint,))
        assessment = assess(built_in_rules(), case(), holdings, now=NOW)
        clocks = {clock.what.split(" (")[0]: clock for clock in clocks_of(assessment)}
        return clocks["Written complaint of damage to cargo"].left

    # 1 March + 14 = 15 March 2026, which ends at 23:00Z.
    assert left("2026-03-15T22:59:59Z").endswith("; met by entry 10")
    assert left("2026-03-15T23:00:00Z").endswith("; recorded late: entry 10")


def test_one_day_is_no_days() -> None:
    # 28 February 09:00Z to 1 March 10:00Z: 25 hours.
    late = delivery(
        "2026-02-28T10:00:00+01:00", index=7, logged=logged(7, ms("2026-03-01T10:00:00Z"))
    )
    assessment = assess(built_in_rules(), case(), replace(HOLDINGS, events=(late,)), now=NOW)
    sections = {section.title: section for section in sections_of(case(), assessment)}
    rows = {row[0]: row for row in sections["What the clocks rest on"].rows}
    _, told, assumed = rows["Written complaint of damage to cargo"]
    assert "1 day after the time that it claims" in told
    assert "recorded 1 day after the time" in assumed


def test_a_cover_names_its_sum_and_what_is_not_proven() -> None:
    opened = Opened(
        claim="customs_delay_cover",
        claimant="Nora Example",
        facts=Facts(days={}, agreed_clearance_hours=24, stated_sum=Money("EUR", Decimal("250.00"))),
    )
    act = LoggedAct(logged(20, NOW), UUID(int=1), Act(NAME, 0, (SHIPMENT,), opened, None))
    found = fold([act])
    assert found is not None
    held = event("holding", "2026-03-01T00:00:00Z", index=1)
    freed = event("inspecting", "2026-03-03T00:00:00Z", index=2, disposition="conformant")
    assessment = assess(built_in_rules(), found, Holdings(events=(held, freed)), now=NOW)
    sections = {section.title: section for section in sections_of(found, assessment)}
    rows = sections["Customs-delay cover"].rows
    assert rows[0][0] == "unproven"
    assert rows[0][1].startswith("EUR 250.00 would be payable")
    assert ("sum", "EUR 250.00, as the claimant states it") in rows
    assert ("not proven", "required and missing: Customs declaration") in rows
    assert ("by the log", "between the recordings: 2 d") in rows


def test_the_checklist_names_the_entries_that_fill_it() -> None:
    assessment = assess(built_in_rules(), case(), HOLDINGS, now=NOW)
    lines = {item.what: item for item in checklist_of(assessment)}
    assert (lines["Transport document"].state, lines["Transport document"].note) == (
        "present",
        "entry 8",
    )
    assert lines["Insurance policy or certificate (helpful)"].state == "unverifiable"
    assert lines["Commercial invoice"].state == "missing"


def test_acts_are_told_in_words_and_an_erased_one_keeps_its_place() -> None:
    assessment = assess(built_in_rules(), case(), HOLDINGS, now=NOW)
    sections = {section.title: section for section in sections_of(case(), assessment)}
    acts = sections["Acts of the case"].rows
    assert [row[2] for row in acts] == ["opened", "note added", "erased"]
    assert acts[0][3].startswith("A. Officer: claim: damage; claimant: Nora Example")
    assert "amounts: currency EUR role claimed value 412.50" in acts[0][3]
    assert acts[1][3] == "note: the box was wet"
    assert [row[4] for row in acts] == ["20", "21", "30"]
    assert "Customs-delay cover" not in sections


def test_verdicts_count_what_was_proven_and_what_not() -> None:
    found = {(one.check, one.outcome, one.reason) for one in verdicts_of(case(), HOLDINGS)}
    assert ("acts", "VALID", "2 proven") in found
    assert ("acts", "UNKNOWN", "1 erased") in found
    assert ("documents", "UNKNOWN", "1 erased") in found
