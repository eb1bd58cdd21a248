"""What a draft holds for queries, timelines, repetition and statements."""

import json
from dataclasses import replace

import pytest

from fixtures.epcis_events import (
    BAG_LINK,
    PARCEL,
    PARCEL_LINK,
    PLACE,
    PLACE_LINK,
    SUBMISSION,
    SUBMITTER,
    Json,
    aggregation_event,
    association_event,
    bare,
    full_events,
    object_event,
    transaction_event,
)
from provenance.core.digests import Salt
from provenance.core.fields import fields_root
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement, StatementTemplate, payload_commitment
from provenance.intake.event import Containment, EventDraft, parse_event
from provenance.intake.repetition import EventKeys
from provenance.intake.statements import event_statement, needs_fields_salt

SALT = Salt(b"s" * 32)
FIELDS_SALT = Salt(b"f" * 32)
ID = "urn:uuid:1b1a1c1d-0000-4000-8000-000000000009"


def draft_of(event: Json) -> EventDraft:
    return parse_event(bare(event), submission=SUBMISSION)


def test_the_bytes_are_those_that_came_with_the_space_around_them() -> None:
    data = b"\n " + bare(object_event()) + b"\r\n"
    assert parse_event(data, submission=SUBMISSION).raw == data


def test_columns_hold_what_queries_ask_for() -> None:
    draft = draft_of(
        object_event(
            eventID=ID,
            bizStep="cbv:BizStep-departing",
            disposition="in_transit",
            readPoint={"id": PLACE},
            bizLocation={"id": "https://example.com/414/9521141001011"},
        )
    )
    assert draft.event_id == ID
    assert draft.has_event_id
    assert (draft.event_type, draft.action) == ("ObjectEvent", "OBSERVE")
    assert (draft.biz_step, draft.disposition) == ("departing", "in_transit")
    assert draft.read_point == draft.biz_location == PLACE_LINK
    assert draft.occurred_at == 1784695500123
    assert draft.type == "departing"
    assert not draft.is_correction
    assert draft.declared_at is None


def test_fractions_below_a_millisecond_are_cut_off() -> None:
    draft = draft_of(object_event(eventTime="2026-07-22T04:45:00.999999Z"))
    assert draft.occurred_at % 1000 == 999


def test_a_correction_tells_when_it_was_declared_and_what_stands_in() -> None:
    error = {"declarationTime": "2026-07-23T06:45:00Z", "correctiveEventIDs": ["urn:x:2"]}
    draft = draft_of(object_event(eventID=ID, errorDeclaration=error))
    assert draft.is_correction
    assert draft.declared_at == 1784789100000
    assert draft.corrected_by == ("urn:x:2",)


def test_a_timeline_can_follow_containers() -> None:
    inside = Containment(action="ADD", parent=BAG_LINK, children=(PARCEL_LINK,))
    assert draft_of(aggregation_event()).containment == inside
    assert draft_of(association_event()).containment == inside
    emptied = draft_of(aggregation_event(action="DELETE", childEPCs=[])).containment
    assert emptied == Containment(action="DELETE", parent=BAG_LINK, children=())
    assert draft_of(object_event()).containment is None
    assert draft_of(transaction_event(parentID=PARCEL)).containment is None


def corrected(event: Json, when: str) -> Json:
    return event | {"errorDeclaration": {"declarationTime": when}}


def test_events_are_told_apart_by_id_and_declaration() -> None:
    event = object_event(eventID=ID)
    events = [
        event,
        event | {"eventID": "urn:x:other"},
        corrected(event, "2026-07-23T06:45:00Z"),
        corrected(event, "2026-07-24T06:45:00Z"),
        object_event(),
        object_event(epcList=["urn:x:other"]),
    ]
    keys = [draft_of(event).repetition_key for event in events]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_the_same_id_with_other_content_has_the_same_key_and_another_mac() -> None:
    one = draft_of(object_event(eventID=ID))
    other = draft_of(object_event(eventID=ID, action="ADD"))
    assert one.repetition_key == other.repetition_key
    assert one.content_mac != other.content_mac
    assert one.content_mac == draft_of(object_event(eventID=ID)).content_mac


def test_another_context_is_other_content() -> None:
    one = parse_event(bare(object_event(eventID=ID)), submission=SUBMISSION)
    event = {"@context": json.loads(one.context.raw)} | object_event(eventID=ID)
    spaced = json.dumps(event, indent=1).encode()
    assert parse_event(spaced, submission=SUBMISSION).content_mac != one.content_mac


def test_keys_depend_on_submitter_and_secret() -> None:
    data = bare(object_event())
    drafts = [
        parse_event(data, submission=submission)
        for submission in (
            SUBMISSION,
            replace(SUBMISSION, submitter="another"),
            replace(SUBMISSION, keys=EventKeys(b"x" * 32)),
        )
    ]
    assert len({draft.event_id for draft in drafts}) == 3
    assert len({draft.repetition_key for draft in drafts}) == 3
    assert not any(draft.has_event_id for draft in drafts)


def test_the_secret_does_not_show() -> None:
    assert "secret" not in repr(EventKeys(b"secret" * 5))


def statement_of(draft: EventDraft) -> Statement:
    return event_statement(
        draft,
        submitter=SUBMITTER,
        payload_salt=SALT,
        fields_salt=FIELDS_SALT if needs_fields_salt(draft) else None,
    )


def test_the_statement_says_what_the_event_is() -> None:
    draft = draft_of(object_event(bizStep="departing"))
    statement = statement_of(draft)
    assert statement.kind == "event"
    assert statement.subject == PARCEL_LINK
    assert statement.type == "departing"
    assert statement.occurred_at == draft.occurred_at
    assert statement.payload == payload_commitment(draft.raw, salt=SALT)
    assert statement.payload_size == len(draft.raw)
    assert statement.context_sha256 == draft.context.sha256
    assert statement.fields_root is None


def test_an_event_with_neighbours_can_be_shown_in_part() -> None:
    draft = draft_of(aggregation_event())
    assert statement_of(draft).fields_root == fields_root(draft.raw, fields_salt=FIELDS_SALT)


@pytest.mark.parametrize("event", full_events(), ids=lambda event: event["type"])
def test_every_statement_is_in_the_frozen_format(event: Json) -> None:
    draft = draft_of(event)
    statement = statement_of(draft)
    template = StatementTemplate.of(statement)
    for subject in draft.subjects:
        read = Statement.from_json(parse_canonical(template.for_subject(subject)))
        assert read == replace(statement, subject=subject)
