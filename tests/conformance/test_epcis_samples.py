"""Published EPCIS samples: what must be accepted, what must be refused, and byte for byte."""

import json
from pathlib import Path

import pytest

from fixtures.epcis_events import SUBMISSION
from fixtures.shared_data import shared_data, shared_files
from provenance.intake.document import parse_document
from provenance.intake.errors import RefusedError
from provenance.intake.event import parse_event

SAMPLES = "openepcis-test-resources"

NAMED = {
    "Combination_of_events_with_missing_mandatory_fields.json": {
        "/epcisBody/eventList/0/action",
        "/epcisBody/eventList/1/eventTimeZoneOffset",
        "/epcisBody/eventList/1/action",
    },
    "EPCISDocument_without_context.json": {"/@context"},
    "ObjectEvent_with_invalid_action.json": {"/epcisBody/eventList/0/action"},
    "ObjectEvent_with_invalid_eventTime_format.json": {"/epcisBody/eventList/0/eventTime"},
    "ObjectEvent_with_non_standard_disposition.json": {"/epcisBody/eventList/0/disposition"},
    "ObjectEvent_with_quantity_as_text.json": {"/epcisBody/eventList/0/quantityList/0/quantity"},
    "ObjectEvent_without_identifier_list.json": {"/epcisBody/eventList/0/epcList"},
}


def refusal(data: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse_document(data, submission=SUBMISSION).require_valid()
    return caught.value


def test_every_valid_sample_is_accepted_and_kept_byte_for_byte() -> None:
    files = shared_files(f"{SAMPLES}/valid", "*.json")
    assert len(files) == 38
    for path in files:
        data = path.read_bytes()
        drafts = parse_document(data, submission=SUBMISSION).require_valid()
        expected = json.loads(data)["epcisBody"]["eventList"]
        assert [json.loads(draft.raw) for draft in drafts] == expected, path.name
        assert all(draft.raw in data for draft in drafts), path.name


@pytest.mark.parametrize("name", sorted(NAMED))
def test_an_invalid_sample_is_refused_and_the_field_named(name: str) -> None:
    error = refusal((shared_data(f"{SAMPLES}/invalid") / name).read_bytes())
    assert {reason.where for reason in error.errors} == NAMED[name]


def test_no_invalid_sample_is_left_out() -> None:
    assert {path.name for path in shared_files(f"{SAMPLES}/invalid")} == set(NAMED)


def test_every_bare_sample_event_is_accepted_and_kept_byte_for_byte() -> None:
    files = shared_files(f"{SAMPLES}/events", "*.json")
    assert len(files) == 5
    for path in files:
        data = path.read_bytes()
        assert parse_event(data, submission=SUBMISSION).raw == data, path.name


def is_capturable(path: Path) -> bool:
    return json.loads(path.read_bytes())["type"] == "EPCISDocument"


def test_the_documents_of_the_event_hash_examples_are_accepted() -> None:
    root = "epcis-event-hash-generator"
    files = [
        path
        for path in shared_files(root, "**/*.jsonld")
        if path.parent.name != "contexts" and is_capturable(path)
    ]
    assert len(files) > 20
    for path in files:
        parse_document(path.read_bytes(), submission=SUBMISSION).require_valid()


def test_a_query_document_is_refused_by_its_type() -> None:
    root = "epcis-event-hash-generator/examples"
    error = refusal((shared_data(root) / "epcisQueryDocument.jsonld").read_bytes())
    assert "/type" in {reason.where for reason in error.errors}
