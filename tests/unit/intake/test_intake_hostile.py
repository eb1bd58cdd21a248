"""Hostile bytes end in a draft or in an error of our family, and in nothing else."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.epcis_events import SMALL, SUBMISSION, SUBMITTER, bare, envelope, full_events
from provenance.core.digests import Salt
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement, StatementTemplate
from provenance.intake.document import EVENT_LIST, ParsedDocument, parse_document
from provenance.intake.errors import RefusedError, problem_of
from provenance.intake.event import EventDraft, parse_event
from provenance.intake.statements import event_statement, needs_fields_salt

EVENTS = [make() for make in SMALL] + full_events()
DOCUMENTS = [json.dumps(envelope(event)).encode() for event in EVENTS] + [
    json.dumps(envelope(*EVENTS), indent=1).encode()
]
WORDS = st.sampled_from(
    ["ex:a", "bol", "shipping", "urn:x:1", "ADD", "DELETE", "", "a" * 3000, "\x00", "ä", "2026"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.sampled_from(["id", "type", "@context"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def check_draft(draft: EventDraft) -> None:
    """Whatever is accepted can be committed to."""
    salt = Salt(b"s" * 32) if needs_fields_salt(draft) else None
    statement = event_statement(
        draft, submitter=SUBMITTER, payload_salt=Salt(b"p" * 32), fields_salt=salt
    )
    template = StatementTemplate.of(statement)
    for subject in draft.subjects:
        Statement.from_json(parse_canonical(template.for_subject(subject)))
    assert len(set(draft.subjects)) == len(draft.subjects)


def result_of(
    read: Callable[..., EventDraft | ParsedDocument], data: bytes
) -> EventDraft | ParsedDocument | RefusedError:
    try:
        return read(data, submission=SUBMISSION)
    except RefusedError as error:
        return error


def read_event(data: bytes) -> None:
    result = result_of(parse_event, data)
    if isinstance(result, RefusedError):
        assert all(problem_of(reason)["detail"] for reason in result.errors)
    else:
        assert isinstance(result, EventDraft)
        assert result.raw == data
        check_draft(result)


def read_document(data: bytes) -> None:
    result = result_of(parse_document, data)
    if isinstance(result, RefusedError):
        assert result.errors
        return
    assert isinstance(result, ParsedDocument)
    for fault in result.faults:
        place = f"{EVENT_LIST}/{fault.index}"
        assert all(reason.where.startswith(place) for reason in fault.errors)
    for draft in result.drafts:
        assert draft.raw in data
        check_draft(draft)


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    read_event(data)
    read_document(data)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member and item below ``value``, as its container and its key."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        container = pending.pop()
        keys = container if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], dict | list):
                pending.append(container[key])
    return found


@given(st.sampled_from(EVENTS), st.data(), JSON)
def test_any_value_in_any_place_of_an_event(event: Any, data: st.DataObject, value: Any) -> None:
    changed = json.loads(bare(event))
    container, key = data.draw(st.sampled_from(places(changed)))
    container[key] = value
    read_event(json.dumps(changed).encode())


@given(st.sampled_from(DOCUMENTS), st.data(), JSON)
def test_any_value_in_any_place_of_a_document(
    document: bytes, data: st.DataObject, value: Any
) -> None:
    changed = json.loads(document)
    container, key = data.draw(st.sampled_from(places(changed)))
    container[key] = value
    read_document(json.dumps(changed).encode())


@given(st.sampled_from(DOCUMENTS), st.integers(min_value=0), st.integers(0, 255))
@example(DOCUMENTS[0], 0, 0)
def test_any_byte_changed(document: bytes, position: int, value: int) -> None:
    position %= len(document)
    read_document(document[:position] + bytes([value]) + document[position + 1 :])


@given(st.sampled_from(DOCUMENTS), st.integers(min_value=0), st.integers(0, 40))
def test_any_stretch_cut_out(document: bytes, position: int, length: int) -> None:
    position %= len(document)
    read_document(document[:position] + document[position + length :])
