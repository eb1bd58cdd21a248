"""The envelope of a document, and the events cut out of it byte for byte."""

import json
from hashlib import sha256
from typing import Any

import pytest

from fixtures.epcis_events import (
    CONTEXT,
    CONTEXT_URL,
    SUBMISSION,
    document,
    envelope,
    full_events,
    object_event,
)
from provenance.core.errors import FormatError
from provenance.intake.document import parse_document
from provenance.intake.errors import RefusedError, problem_of
from provenance.intake.event import EventFault
from provenance.intake.limits import IntakeLimits


def refusal(data: bytes, limits: IntakeLimits | None = None) -> dict[str, FormatError]:
    with pytest.raises(RefusedError) as caught:
        parse_document(data, submission=SUBMISSION, limits=limits or IntakeLimits()).require_valid()
    return {error.where: error for error in caught.value.errors}


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_events_come_out_byte_for_byte(indent: Any) -> None:
    events = full_events()
    data = json.dumps(envelope(*events), indent=indent).encode()
    drafts = parse_document(data, submission=SUBMISSION).require_valid()
    assert [json.loads(draft.raw) for draft in drafts] == events
    assert all(draft.raw in data for draft in drafts)


def test_odd_spelling_of_json_survives() -> None:
    odd = json.dumps(object_event()).replace("}", ',"ex:a":[1.50,1E2,-0,"\\u00e4\\/"] , "ex:b":{}}')
    data = document("EVENT").replace(b'"EVENT"', odd.encode())
    assert parse_document(data, submission=SUBMISSION).drafts[0].raw == odd.encode()


@pytest.mark.parametrize("name", ["@context", "type", "schemaVersion", "creationDate", "epcisBody"])
def test_a_missing_member_of_the_envelope_is_named(name: str) -> None:
    assert f"/{name}" in refusal(document(object_event(), **{name: None}))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "EPCISQueryDocument"}, "/type"),
        ({"schemaVersion": "1.2"}, "/schemaVersion"),
        ({"creationDate": "yesterday"}, "/creationDate"),
        ({"epcisBody": {}}, "/epcisBody/eventList"),
        ({"epcisBody": []}, "/epcisBody"),
        ({"epcisBody": {"eventList": {}}}, "/epcisBody/eventList"),
        ({"epcisBody": {"eventList": []}}, "/epcisBody/eventList"),
        ({"epcisBody": {"eventList": [], "events": []}}, "/epcisBody/events"),
        ({"sender": 5}, "/sender"),
        ({"colour": "red"}, "/colour"),
        ({"foo:colour": "red"}, "/foo:colour"),
        ({"id": "not a uri"}, "/id"),
        ({"@context": ["https://example.com/"]}, "/@context/0"),
        ({"@context": {"ex": "urn:ex:"}}, "/@context"),
    ],
)
def test_a_wrong_member_of_the_envelope_is_named(changes: Any, pointer: str) -> None:
    assert pointer in refusal(
        document(**({"epcisBody": {"eventList": [object_event()]}} | changes))
    )


def test_the_rest_of_the_envelope_may_be_there() -> None:
    data = document(
        object_event(),
        id="https://example.com/document/1",
        sender="urn:epc:id:pgln:9521141.00001",
        receiver="urn:epc:id:pgln:9521141.00002",
        instanceIdentifier="4711",
        epcisHeader={"epcisMasterData": {"vocabularyList": []}},
        **{"ex:more": {"a": 1}},
    )
    assert len(parse_document(data, submission=SUBMISSION).require_valid()) == 1


def test_a_bad_event_is_named_by_its_place_and_the_others_go_on() -> None:
    data = document(object_event(), object_event(action="X"), 5, object_event())
    parsed = parse_document(data, submission=SUBMISSION)
    assert [isinstance(event, EventFault) for event in parsed.events] == [False, True, True, False]
    assert [fault.index for fault in parsed.faults] == [1, 2]
    assert set(refusal(data)) == {"/epcisBody/eventList/1/action", "/epcisBody/eventList/2"}


def test_errors_are_told_up_to_a_bound_but_of_every_event_one() -> None:
    bad = object_event(eventTime="x", action="x", bizStep="x")
    limits = IntakeLimits(max_errors=4)
    parsed = parse_document(document(*[bad] * 4), submission=SUBMISSION, limits=limits)
    assert [len(fault.errors) for fault in parsed.faults] == [3, 1, 1, 1]


def test_a_problem_document_can_list_an_error() -> None:
    error = refusal(document(object_event(action="X")))["/epcisBody/eventList/0/action"]
    assert problem_of(error) == {
        "pointer": "/epcisBody/eventList/0/action",
        "code": "bad-value",
        "detail": "'X' is no action; use ADD, OBSERVE or DELETE",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"EPCISDocument"',
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"epcisBody":' * 500 + b"1" + b"}" * 500,
    ],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    assert refusal(data)


@pytest.mark.parametrize(
    "twice",
    [
        (b'"type"', b'"type": "EPCISDocument", "type"'),
        (b'"epcisBody"', b'"epcisBody": {"eventList": []}, "epcisBody"'),
        (b'"eventList"', b'"eventList": [], "eventList"'),
        (b'"@context"', b'"@context": [], "@context"'),
        (b'"action"', b'"action": "ADD", "action"'),
        (b'"action"', b'"\\u0061ction": "ADD", "action"'),
    ],
)
def test_a_member_named_twice_is_refused_wherever_it_is(twice: tuple[bytes, bytes]) -> None:
    data = document(object_event()).replace(*twice, 1)
    codes = {error.code for error in refusal(data).values()}
    assert codes == {"duplicate-member"}


def test_a_copy_of_the_events_elsewhere_does_not_hide_anything() -> None:
    events = [object_event()]
    data = json.dumps(
        {"ex:copy": {"a": events}, **envelope(*events), "ex:tail": {"b": 1, "c": events}}
    ).encode()
    assert len(parse_document(data, submission=SUBMISSION).require_valid()) == 1
    assert "duplicate-member" in {
        error.code for error in refusal(data.replace(b'"b"', b'"c"')).values()
    }


def test_the_context_in_force_is_that_of_the_document_and_then_of_the_event() -> None:
    own = {"ex2": "https://example.com/2/"}
    event = object_event(**{"@context": own, "ex:a": 1, "ex2:b": 2})
    data = json.dumps(envelope(event, object_event()), indent=1).encode()
    first, second = parse_document(data, submission=SUBMISSION).require_valid()
    outer = json.dumps(CONTEXT, indent=1).replace("\n", "\n ").encode()
    assert second.context.raw == outer
    assert second.context.sha256 == sha256(outer).digest()
    assert first.context.raw.startswith(outer)
    assert json.loads(first.context.raw.removeprefix(outer)) == own
    assert first.context.sha256 == sha256(first.context.raw).digest()


def test_a_prefix_of_one_event_does_not_reach_the_next() -> None:
    one = object_event(**{"@context": [{"ex2": "https://example.com/2/"}], "ex2:a": 1})
    assert set(refusal(document(one, object_event(**{"ex2:a": 1})))) == {
        "/epcisBody/eventList/1/ex2:a"
    }


def test_an_event_cannot_bring_a_context_from_elsewhere() -> None:
    event = object_event(**{"@context": [CONTEXT_URL, "https://example.com/c"]})
    assert set(refusal(document(event))) == {"/epcisBody/eventList/0/@context/1"}


def test_bounds_of_a_document() -> None:
    events = [object_event(epcList=[f"urn:x:{number}"]) for number in range(5)]
    data = document(*events)
    for limits in (
        IntakeLimits(max_document_bytes=len(data) - 1),
        IntakeLimits(max_events=4),
        IntakeLimits(max_document_values=data.count(b",") - 1),
        IntakeLimits(max_document_subjects=4),
        IntakeLimits(max_event_bytes=100),
    ):
        assert {error.code for error in refusal(data, limits).values()} == {"too-large"}
    at_the_bound = IntakeLimits(
        max_document_bytes=len(data),
        max_events=5,
        max_document_values=data.count(b","),
        max_document_subjects=5,
    )
    parse_document(data, submission=SUBMISSION, limits=at_the_bound).require_valid()
