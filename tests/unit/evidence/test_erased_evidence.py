"""What was erased is not missing: it may have been what is asked for, and that is said."""

from typing import Any

from fixtures.claims import delivery, document, logged, ms
from provenance.evidence.checklist import ChecklistLine, fill_checklist
from provenance.evidence.clocks.clock import Circumstances, read_clocks
from provenance.evidence.clocks.reading import ClockReading
from provenance.evidence.cover import read_cover
from provenance.evidence.crosschecks import cross_check
from provenance.evidence.facts import DocumentFact, ErasedFact, EventFact, Holdings, Proof
from provenance.evidence.rules import built_in_rules

NOW = ms("2026-03-05T00:00:00Z")
RECORDED = "2026-03-01T12:00:00Z"
TOLD = "record 7 was erased at 2026-03-04 00:00:00 UTC, ground: data subject request"


def erased(kind: Any, index: int = 7, **changes: Any) -> ErasedFact:
    fields: dict[str, Any] = {
        "logged": logged(index, ms(RECORDED), proof=Proof.ERASED),
        "kind": kind,
        "media_type": "application/pdf",
        "erased_at": ms("2026-03-04T00:00:00Z"),
        "ground": "data_subject_request",
    }
    return ErasedFact(**{**fields, **changes})


def holdings(*facts: ErasedFact | EventFact | DocumentFact) -> Holdings:
    return Holdings(
        events=tuple(one for one in facts if isinstance(one, EventFact)),
        documents=tuple(one for one in facts if isinstance(one, DocumentFact)),
        erased=tuple(one for one in facts if isinstance(one, ErasedFact)),
    )


def clocks(*facts: Any) -> dict[str, ClockReading]:
    found = read_clocks(built_in_rules(), Circumstances(claim="damage"), holdings(*facts), now=NOW)
    return {one.id: one for one in found}


def lines(*facts: Any) -> dict[str, ChecklistLine]:
    found = fill_checklist(
        built_in_rules(), "damage", holdings(*facts), list(clocks(*facts).values()), now=NOW
    )
    return {one.id: one for one in found}


def test_an_erased_event_may_have_been_the_delivery() -> None:
    line = lines(erased("event"))["delivered"]
    assert line.state == "unverifiable"
    assert line.remark.startswith(TOLD)
    assert [(one.first_index, one.proof) for one in line.filled_by] == [(7, "erased")]
    assert lines(erased("event"))["invoice"].state == "missing"


def test_an_erased_document_may_have_been_any_document() -> None:
    found = lines(erased("document"))
    assert found["invoice"].state == found["complaint"].state == "unverifiable"
    assert found["delivered"].state == "missing"


def test_it_takes_nothing_from_what_is_there() -> None:
    found = lines(erased("event"), delivery("2026-03-01T12:00:00Z", index=3))["delivered"]
    assert (found.state, [one.first_index for one in found.filled_by]) == ("present", [3])


def test_a_late_line_may_have_been_filled_in_time_by_what_is_erased() -> None:
    delivered = delivery("2026-03-01T12:00:00Z", index=3)
    late = document("817", "2026-03-12T00:00:00Z", index=9)
    found = lines(delivered, late, erased("document"))["complaint"]
    assert (found.state, found.remark) == ("late", f"{TOLD}: it may have been this, in time")


def test_what_was_put_to_a_line_may_have_been_that_alone() -> None:
    found = lines(erased("document", line="invoice"))
    assert found["invoice"].state == "unverifiable"
    assert found["complaint"].state == "missing"


def test_an_erased_document_is_told_once() -> None:
    at = logged(7, ms(RECORDED), proof=Proof.ERASED)
    photo = document("", RECORDED, logged=at, media_type="image/jpeg")
    found = lines(photo, erased("document", media_type="image/jpeg"))["photos"]
    assert [one.first_index for one in found.filled_by] == [7]
    assert found.remark.startswith(TOLD)


def test_a_clock_without_a_start_names_what_was_erased() -> None:
    found = clocks(erased("event"))["montreal-31-damage"]
    assert found.state == "not_computable"
    assert found.reason.endswith(f"{TOLD}: it may have been that")


def test_a_clock_with_a_start_says_that_an_earlier_one_may_be_erased() -> None:
    found = clocks(delivery("2026-03-01T12:00:00Z"), erased("event"), erased("document", 8))
    notes = found["montreal-31-damage"].assumptions
    assert any(note.startswith(TOLD) and "earlier" in note for note in notes)
    assert any("record 8 was erased" in note and "what was due" in note for note in notes)


def test_a_cover_without_a_hold_names_what_was_erased() -> None:
    found = read_cover(built_in_rules(), None, holdings(erased("event")), now=NOW)
    assert found.reason == f"no customs hold is recorded; {TOLD}: it may have been one"


def test_of_many_erased_records_some_are_named() -> None:
    many = [erased("event", index) for index in range(20)]
    found = lines(*many)["delivered"]
    assert "and 17 more" in found.remark
    assert (len(found.filled_by), found.more) == (8, 12)


def test_an_erasure_that_the_log_does_not_tell_yet_has_no_time() -> None:
    assert erased("event", erased_at=None, ground="").told == "record 7 was erased"


def test_what_was_erased_is_not_compared_and_that_is_said() -> None:
    held = holdings(erased("event", 5), erased("document", 6), erased("description", 7))
    (check,) = cross_check(built_in_rules(), held, zone=None)
    assert (check.id, check.verdict) == ("erased", "not_comparable")
    assert [one.first_index for one in check.stated] == [6, 7]
    assert check.stated[1].value == TOLD
    assert "newer one was erased" in check.explanation


def test_an_erased_description_was_no_document() -> None:
    assert lines(erased("description"))["invoice"].state == "missing"
