"""Checklists fill themselves: present, missing, late or unverifiable, and by which records."""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.claims import delivery, document, event, logged, ms
from provenance.evidence.checklist import MAX_FILLED, ChecklistLine, fill_checklist
from provenance.evidence.clocks.clock import Circumstances, read_clocks
from provenance.evidence.facts import DocumentFact, EventFact, Holdings, Proof
from provenance.evidence.rules import built_in_rules

NOW = ms("2026-06-01T00:00:00Z")


def line(
    line_id: str,
    *facts: EventFact | DocumentFact,
    claim: Any = "damage",
    is_complete: bool = True,
) -> ChecklistLine:
    holdings = Holdings(
        events=tuple(fact for fact in facts if isinstance(fact, EventFact)),
        documents=tuple(fact for fact in facts if isinstance(fact, DocumentFact)),
        is_complete=is_complete,
    )
    rules = built_in_rules()
    clocks = read_clocks(rules, Circumstances(claim=claim), holdings, now=NOW)
    found = fill_checklist(rules, claim, holdings, clocks, now=NOW)
    return next(one for one in found if one.id == line_id)


def doubtful(proof: Proof, code: str = "380") -> DocumentFact:
    at = ms("2026-03-01T00:00:00Z")
    return document(code, "2026-03-01T00:00:00Z", logged=logged(50, at, proof=proof))


def test_nothing_recorded_is_missing() -> None:
    assert line("invoice").state == "missing"
    assert line("invoice").filled_by == []
    assert "may be there" in line("invoice", is_complete=False).remark


def test_a_document_of_the_right_type_fills_its_line() -> None:
    found = line("invoice", document("380", "2026-03-01T00:00:00Z", index=5))
    assert (found.state, [one.first_index for one in found.filled_by]) == ("present", [5])
    assert line("packing-list", document("380", "2026-03-01T00:00:00Z")).state == "missing"


def test_an_event_and_a_photo_fill_lines_too() -> None:
    assert line("delivered", delivery("2026-03-01T00:00:00Z")).state == "present"
    photo = document("", "2026-03-01T00:00:00Z", media_type="image/jpeg")
    assert line("photos", photo).state == "present"


@pytest.mark.parametrize("proof", [Proof.DISPROVEN, Proof.UNCHECKED, Proof.ERASED, Proof.WITHHELD])
def test_what_cannot_be_verified_does_not_make_a_line_present(proof: Proof) -> None:
    found = line("invoice", doubtful(proof))
    assert (found.state, found.filled_by[0].proof) == ("unverifiable", proof.value)


def test_something_verifiable_beside_it_does() -> None:
    good = document("380", "2026-03-02T00:00:00Z", index=60)
    found = line("invoice", doubtful(Proof.DISPROVEN), good)
    assert found.state == "present"
    assert "cannot be verified" in found.remark
    assert line("invoice", doubtful(Proof.PENDING)).state == "present"


def test_a_complaint_is_late_after_the_earliest_deadline() -> None:
    # Delivered on Sunday 1 March: CMR's seven days without Sundays end on Monday the 9th (2 to 7 are
    # six, the 8th is a Sunday), Montreal's fourteen on the 15th. The earlier one decides.
    delivered = delivery("2026-03-01T12:00:00Z")
    in_time = line("complaint", delivered, document("817", "2026-03-09T23:59:59Z"))
    late = line("complaint", delivered, document("817", "2026-03-10T00:00:00Z"))
    assert (in_time.state, late.state) == ("present", "late")
    assert late.due_at == ms("2026-03-10T00:00:00Z")
    assert "cmr-30-1-damage" in late.due
    missing = line("complaint", delivered)
    assert (missing.state, missing.remark) == ("missing", "what is recorded from now on is late")


def test_without_a_delivery_no_complaint_is_late() -> None:
    assert line("complaint", document("817", "2026-05-01T00:00:00Z")).due_at is None


def test_a_policy_that_was_recorded_after_the_taking_over_is_late() -> None:
    taken_over = event("collecting", "2026-02-01T08:00:00Z", index=2)
    before = document("530", "2026-01-31T00:00:00Z")
    after = document("520", "2026-02-01T08:00:00Z")
    assert line("insurance", taken_over, before).state == "present"
    found = line("insurance", taken_over, after)
    assert found.state == "late"
    assert "does not prove" in found.filled_by[0].remark
    assert "record 2" in found.due


def test_a_document_in_time_whose_anchor_came_later_says_so() -> None:
    taken_over = event("collecting", "2026-02-01T08:00:00Z", index=2)
    at = ms("2026-02-01T07:59:50Z")
    policy = document("530", "2026-02-01T07:59:50Z", logged=logged(3, at))
    found = line("insurance", taken_over, policy)
    assert found.state == "present"
    assert "anchor that proves it came later" in found.filled_by[0].remark


def test_a_line_that_somebody_chose_holds_against_the_type() -> None:
    report = document("380", "2026-03-01T00:00:00Z", line="damage-report")
    assert line("damage-report", report).state == "present"
    assert line("invoice", report).state == "missing"


def test_old_versions_stand_behind_new_ones_and_many_are_counted() -> None:
    old = document("380", "2026-03-01T00:00:00Z", index=5, superseded_by=9)
    new = document("380", "2026-03-02T00:00:00Z", index=9)
    found = line("invoice", old, new)
    assert [(one.first_index, one.superseded_by) for one in found.filled_by] == [(9, None), (5, 9)]
    many = [replace(new, logged=logged(100 + at, NOW)) for at in range(MAX_FILLED + 3)]
    found = line("invoice", *many)
    assert (len(found.filled_by), found.more) == (MAX_FILLED, 3)
