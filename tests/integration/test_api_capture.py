"""Capturing events over HTTP."""

import json

import pytest

from fixtures.service import ServiceUnderTest, document, event, parcel
from provenance.core.notes import Acknowledgement, split_note

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_a_single_event_is_acknowledged_and_comes_back_byte_for_byte(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    body = json.dumps(
        event(parcel(), eventID="urn:uuid:8f9e8a34-0000-4000-8000-000000000001"), indent=3
    )
    answer = await carrier.post(
        "/epcis/events", content=body, headers={"content-type": "application/ld+json"}
    )
    assert answer.status_code == 201, answer.text
    found = answer.json()
    promise = Acknowledgement.parse(split_note(found["acknowledgement"]).text)
    assert (promise.first_index, promise.count) == (found["first_index"], found["count"])
    back = await carrier.get(answer.headers["location"])
    assert back.status_code == 200, back.text
    assert back.content == body.encode()
    assert back.headers["content-type"] == "application/ld+json"


async def test_a_document_becomes_a_job_that_can_be_read_again(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    answer = await carrier.post("/epcis/capture", json=document(event(parcel()), event(parcel())))
    assert answer.status_code == 202, answer.text
    assert answer.headers["gs1-epcis-capture-limit"] == "10000"
    job = answer.json()
    assert job["success"]
    assert not job["running"]
    assert [one["count"] for one in job["events"]] == [1, 1]
    again = await carrier.get(answer.headers["location"])
    assert again.json() == {name: job[name] for name in job if name != "acknowledgement"}
    listed = await carrier.get("/epcis/capture")
    assert [one["captureID"] for one in listed.json()] == [job["captureID"]]
