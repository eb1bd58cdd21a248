"""The made-up parcels: repeatable, valid, and told as a carrier would."""

import pytest

from fixtures.epcis_events import SUBMISSION
from provenance.demo.bulk import bulk_events, in_documents
from provenance.demo.journey import Journey, make_journey
from provenance.intake.document import parse_document
from provenance.intake.event import EventDraft

START = 1784685600000


def drafts_of(journey: Journey) -> list[EventDraft]:
    return [
        draft
        for stage in journey.stages
        for draft in parse_document(stage.document(), submission=SUBMISSION).require_valid()
    ]


def test_the_same_seed_gives_the_same_journey() -> None:
    one = make_journey(seed=1, parcels=3, start=START)
    assert one == make_journey(seed=1, parcels=3, start=START)
    assert one != make_journey(seed=2, parcels=3, start=START)


@pytest.mark.parametrize("parcels", [1, 4])
def test_every_stage_is_valid_and_in_order_of_time(parcels: int) -> None:
    journey = make_journey(seed=7, parcels=parcels, start=START)
    times = [draft.occurred_at for draft in drafts_of(journey) if not draft.is_correction]
    reported = [stage.at for stage in journey.stages]
    assert reported == sorted(reported)
    assert times[0] >= START
    assert times[-1] <= reported[-1]


def test_the_way_leads_through_customs_to_the_door() -> None:
    journey = make_journey(seed=7, parcels=4, start=START)
    steps = [draft.biz_step for draft in drafts_of(journey)]
    for step in ("commissioning", "packing", "unpacking", "holding", "inspecting", "accepting"):
        assert step in steps
    assert len(journey.held) == 2


def test_one_wrong_scan_is_corrected_under_its_own_id() -> None:
    drafts = drafts_of(make_journey(seed=7, parcels=2, start=START))
    correction = next(draft for draft in drafts if draft.is_correction)
    same_id = [draft for draft in drafts if draft.event_id == correction.event_id]
    assert [draft.is_correction for draft in same_id] == [False, True]
    assert same_id[0].biz_location == correction.biz_location
    stand_in = next(draft for draft in drafts if draft.event_id in correction.corrected_by)
    assert stand_in.biz_location != correction.biz_location


def test_bulk_events_have_the_size_that_was_asked_for() -> None:
    events = bulk_events(25, seed=1, start=START, epcs_per_event=3, with_waybill=True)
    documents = list(in_documents(events, at=START, events_per_document=10))
    parsed = [
        parse_document(document, submission=SUBMISSION).require_valid() for document in documents
    ]
    assert [len(drafts) for drafts in parsed] == [10, 10, 5]
    assert all(len(draft.subjects) == 4 for drafts in parsed for draft in drafts)
