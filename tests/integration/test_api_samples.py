"""Every file of the shared samples through HTTP: taken or refused, and back byte for byte."""

import json
from pathlib import Path

import msgspec
import pytest

from fixtures.application import ServiceUnderTest
from fixtures.shared_data import shared_files

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

LD_JSON = {"content-type": "application/ld+json"}
REFUSED = {
    "Combination_of_events_with_missing_mandatory_fields.json": "/epcisBody/eventList",
    "EPCISDocument_without_context.json": "/@context",
    "ObjectEvent_with_invalid_action.json": "/epcisBody/eventList/0/action",
    "ObjectEvent_with_invalid_eventTime_format.json": "/epcisBody/eventList/0/eventTime",
    "ObjectEvent_with_non_standard_disposition.json": "/epcisBody/eventList/0/disposition",
    "ObjectEvent_with_quantity_as_text.json": "/epcisBody/eventList/0/quantityList/0/quantity",
    "ObjectEvent_without_identifier_list.json": "/epcisBody/eventList/0",
}


class _Body(msgspec.Struct):
    event_list: list[msgspec.Raw] = msgspec.field(name="eventList")


class _Document(msgspec.Struct):
    body: _Body = msgspec.field(name="epcisBody")


def events_of(path: Path) -> list[bytes]:
    """The bytes of each event of a document, cut out by a decoder that is not the product's."""
    document = msgspec.json.decode(path.read_bytes(), type=_Document)
    return [bytes(raw) for raw in document.body.event_list]


async def test_every_valid_document_is_taken_and_its_events_come_back_byte_for_byte(
    service: ServiceUnderTest,
) -> None:
    for path in shared_files("openepcis-test-resources/valid", "*.json"):
        carrier = await service.new_carrier()
        answer = await carrier.post("/epcis/capture", content=path.read_bytes(), headers=LD_JSON)
        assert answer.status_code == 202, f"{path.name}: {answer.text}"
        found: list[bytes] = []
        url = "/epcis/events?perPage=7"
        while url:
            page = await carrier.get(url)
            assert page.status_code == 200, f"{path.name}: {page.text}"
            raw = msgspec.json.decode(page.content, type=_QueryDocument)
            found += [bytes(one) for one in raw.events]
            url = page.links.get("next", {}).get("url")
        sent = events_of(path)
        assert sorted(found) == sorted(set(sent)), path.name
        for event in found:
            event_id = json.loads(event).get("eventID")
            if event_id is not None:
                same = await carrier.get("/epcis/events", params={"EQ_eventID": event_id})
                assert event in same.content, path.name


async def test_every_bare_event_is_taken_and_comes_back_byte_for_byte(
    service: ServiceUnderTest,
) -> None:
    for path in shared_files("openepcis-test-resources/events", "*.json"):
        carrier = await service.new_carrier()
        answer = await carrier.post("/epcis/events", content=path.read_bytes(), headers=LD_JSON)
        assert answer.status_code == 201, f"{path.name}: {answer.text}"
        back = await carrier.get(answer.headers["location"])
        assert back.content == path.read_bytes(), path.name


async def test_every_invalid_document_is_refused_and_the_field_named(
    service: ServiceUnderTest,
) -> None:
    for path in shared_files("openepcis-test-resources/invalid", "*.json"):
        carrier = await service.new_carrier()
        answer = await carrier.post("/epcis/capture", content=path.read_bytes(), headers=LD_JSON)
        assert answer.status_code == 400, path.name
        pointers = [fault["pointer"] for fault in answer.json()["errors"]]
        assert pointers, path.name
        assert all(pointer.startswith(REFUSED[path.name]) for pointer in pointers), pointers


class _Results(msgspec.Struct):
    body: _Body = msgspec.field(name="resultsBody")


class _Queried(msgspec.Struct):
    results: _Results = msgspec.field(name="queryResults")


class _QueryDocument(msgspec.Struct):
    body: _Queried = msgspec.field(name="epcisBody")

    @property
    def events(self) -> list[msgspec.Raw]:
        return self.body.results.body.event_list
