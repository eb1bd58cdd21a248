"""Capturing events over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from fixtures.application import ServiceUnderTest, document, event, parcel
from provenance.api.services import ApiLimits
from provenance.core.notes import Acknowledgement, split_note

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

LD_JSON = {"content-type": "application/ld+json"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The problem document of an answer, which must have this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, object] = answer.json()
    assert found["code"] == code
    assert found["status"] == status
    return found


async def test_a_single_event_is_acknowledged_and_comes_back_byte_for_byte(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    body = json.dumps(event(parcel(), eventID="urn:uuid:8f9e8a34-0000-4000-8000-1"), indent=3)
    answer = await carrier.post("/epcis/events", content=body, headers=LD_JSON)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    promise = Acknowledgement.parse(split_note(found["acknowledgement"]).text)
    assert (promise.first_index, promise.count) == (found["first_index"], found["count"])
    back = await carrier.get(answer.headers["location"])
    assert back.status_code == 200, back.text
    assert back.content == body.encode()
    assert back.headers["content-type"] == "application/ld+json"


async def test_an_event_without_an_id_is_found_under_the_one_it_was_given(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    answer = await carrier.post("/epcis/events", json=event(parcel()))
    back = await carrier.get(answer.headers["location"])
    assert back.content == answer.request.content


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


async def test_jobs_are_listed_newest_first_and_by_pages(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    made = [
        (await carrier.post("/epcis/capture", json=document(event(parcel())))).json()["captureID"]
        for _ in range(3)
    ]
    first = await carrier.get("/epcis/capture", params={"perPage": 2})
    second = await carrier.get(first.links["next"]["url"])
    assert [job["captureID"] for job in [*first.json(), *second.json()]] == made[::-1]
    assert "next" not in second.links


async def test_another_carrier_does_not_see_the_job(service: ServiceUnderTest) -> None:
    carrier, other = await service.new_carrier(), await service.new_carrier()
    answer = await carrier.post("/epcis/capture", json=document(event(parcel())))
    problem(await other.get(answer.headers["location"]), 404, "not-found")
    assert (await other.get("/epcis/capture")).json() == []


async def test_the_same_key_and_content_get_the_first_answer(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    body, headers = json.dumps(event(parcel())), {**LD_JSON, "idempotency-key": "k-1"}
    first = await carrier.post("/epcis/events", content=body, headers=headers)
    second = await carrier.post("/epcis/events", content=body, headers=headers)
    assert first.status_code == second.status_code == 201
    assert second.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_other_content_is_a_conflict(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    headers = {"idempotency-key": "k-2"}
    await carrier.post("/epcis/events", json=event(parcel()), headers=headers)
    answer = await carrier.post("/epcis/events", json=event(parcel()), headers=headers)
    problem(answer, 409, "idempotency-conflict")


async def test_a_repeated_capture_names_the_first_job(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    body, headers = document(event(parcel())), {"idempotency-key": "job-1"}
    first = await carrier.post("/epcis/capture", json=body, headers=headers)
    second = await carrier.post("/epcis/capture", json=body, headers=headers)
    assert second.headers["location"] == first.headers["location"]
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_repeated_capture_that_left_something_out_gets_the_first_answer(
    service: ServiceUnderTest,
) -> None:
    carrier, event_id = await service.new_carrier(), "urn:uuid:8f9e8a34-0000-4000-8000-7"
    known = await carrier.post("/epcis/events", json=event(parcel(), eventID=event_id))
    assert known.status_code == 201
    body = document(event(parcel(), eventID=event_id), {"type": "ObjectEvent"}, event(parcel()))
    headers = {"idempotency-key": "job-2", "gs1-capture-error-behaviour": "proceed"}
    first = await carrier.post("/epcis/capture", json=body, headers=headers)
    second = await carrier.post("/epcis/capture", json=body, headers=headers)
    assert len(first.json()["errors"]) > 1
    assert second.content == first.content
    stored = await carrier.get(first.headers["location"])
    assert stored.json() == {
        name: value for name, value in first.json().items() if name != "acknowledgement"
    }


async def test_a_document_that_is_repeated_without_a_key_gets_its_acknowledgement_again(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    body = document(*(event(parcel(), parcel()) for _ in range(5)))
    first = (await carrier.post("/epcis/capture", json=body)).json()
    # What others send between the two is no part of it.
    await carrier.post("/epcis/events", json=event(parcel()))
    answer = await carrier.post("/epcis/capture", json=body)
    second = answer.json()
    assert first["count"] == 10
    assert second["acknowledgement"] == first["acknowledgement"]
    assert (second["first_index"], second["count"]) == (first["first_index"], 10)
    assert second["createdAt"] <= second["finishedAt"]
    assert second["finishedAt"] > first["finishedAt"]
    stored = (await carrier.get(answer.headers["location"])).json()
    assert stored["finishedAt"] == second["finishedAt"]
    rest = document(*body["epcisBody"]["eventList"][1::2])
    third = (await carrier.post("/epcis/capture", json=rest)).json()
    assert (third["first_index"], third["count"]) == (first["first_index"] + 2, 2)


async def test_a_repeated_event_is_recognised_without_a_key(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    body = event(parcel(), eventID="urn:uuid:8f9e8a34-0000-4000-8000-2")
    first = await carrier.post("/epcis/events", json=body)
    second = await carrier.post("/epcis/events", json=body)
    assert second.json()["first_index"] == first.json()["first_index"]


async def test_the_same_event_id_with_other_content_is_a_conflict(
    service: ServiceUnderTest,
) -> None:
    carrier, event_id = await service.new_carrier(), "urn:uuid:8f9e8a34-0000-4000-8000-3"
    first = await carrier.post("/epcis/events", json=event(parcel(), eventID=event_id))
    answer = await carrier.post("/epcis/events", json=event(parcel(), eventID=event_id))
    found = problem(answer, 409, "conflict")
    assert found["first_index"] == first.json()["first_index"]


async def test_a_correction_re_uses_the_event_id_and_is_no_conflict(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, event_id = await service.new_carrier(), parcel(), "urn:uuid:8f9e8a34-4"
    original = event(epc, eventID=event_id)
    correction = {
        **original,
        "errorDeclaration": {
            "declarationTime": "2026-07-23T10:00:00Z",
            "reason": "did_not_occur",
        },
    }
    first = await carrier.post("/epcis/events", json=original)
    second = await carrier.post("/epcis/events", json=correction)
    assert second.status_code == 201, second.text
    assert second.json()["first_index"] != first.json()["first_index"]
    back = await carrier.get(first.headers["location"])
    assert back.content == first.request.content
    both = await carrier.get(back.links["related"]["url"])
    assert both.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"] == [
        original,
        correction,
    ]


async def test_rollback_takes_nothing_and_names_every_fault(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    good, bad = event(parcel()), event(parcel(), action="MAYBE")
    answer = await carrier.post("/epcis/capture", json=document(good, bad))
    found = problem(answer, 400, "refused")
    assert [fault["pointer"] for fault in found["errors"]] == ["/epcisBody/eventList/1/action"]  # type: ignore[attr-defined]
    assert (await carrier.get("/epcis/events")).json()["epcisBody"]["queryResults"]["resultsBody"][
        "eventList"
    ] == []


async def test_proceed_takes_the_others_and_notes_the_faults(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    good, bad = event(parcel()), event(parcel(), action="MAYBE")
    answer = await carrier.post(
        "/epcis/capture",
        json=document(bad, good),
        headers={"gs1-capture-error-behaviour": "proceed"},
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["gs1-capture-error-behaviour"] == "proceed"
    job = (await carrier.get(answer.headers["location"])).json()
    assert not job["success"]
    assert [fault["pointer"] for fault in job["errors"]] == ["/epcisBody/eventList/0/action"]
    assert len(job["events"]) == 1


async def test_proceed_notes_a_conflict_at_its_place_in_the_document(
    service: ServiceUnderTest,
) -> None:
    carrier, event_id = await service.new_carrier(), "urn:uuid:8f9e8a34-5"
    await carrier.post("/epcis/events", json=event(parcel(), eventID=event_id))
    answer = await carrier.post(
        "/epcis/capture",
        json=document(event(parcel()), event(parcel(), eventID=event_id)),
        headers={"gs1-capture-error-behaviour": "proceed"},
    )
    faults = answer.json()["errors"]
    assert [(one["code"], one["pointer"]) for one in faults] == [
        ("conflict", "/epcisBody/eventList/1")
    ]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"gs1-capture-error-behaviour": "hope"}, "GS1-Capture-Error-Behaviour"),
        ({"gs1-epcis-version": "1.2"}, "GS1-EPCIS-Version"),
        ({"gs1-cbv-version": "3"}, "GS1-CBV-Version"),
        ({"idempotency-key": "x" * 256}, "Idempotency-Key"),
    ],
)
async def test_a_wrong_header_is_named(
    service: ServiceUnderTest, headers: dict[str, str], name: str
) -> None:
    carrier = await service.new_carrier()
    answer = await carrier.post("/epcis/capture", json=document(event(parcel())), headers=headers)
    found = problem(answer, 400, "bad-parameter")
    assert found["errors"][0]["parameter"] == name  # type: ignore[index]


async def test_other_media_types_and_compressed_bodies_are_refused(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    xml = {"content-type": "application/xml"}
    problem(
        await carrier.post("/epcis/events", content=b"<a/>", headers=xml),
        415,
        "unsupported-media-type",
    )
    packed = {**LD_JSON, "content-encoding": "gzip"}
    problem(
        await carrier.post("/epcis/events", content=b"{}", headers=packed),
        415,
        "unsupported-content-coding",
    )


async def test_a_body_that_announces_too_much_is_not_read(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    too_much = service.services.intake.max_event_bytes + 1
    answer = await carrier.post("/epcis/events", content=b" " * too_much, headers=LD_JSON)
    problem(answer, 413, "body-too-large")


async def test_a_body_that_announces_nothing_is_read_up_to_its_bound(
    service: ServiceUnderTest,
) -> None:
    carrier, sent = await service.new_carrier(), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b" " * (1 << 16)

    answer = await carrier.post("/epcis/events", content=endless(), headers=LD_JSON)
    problem(answer, 413, "body-too-large")
    assert sent <= service.services.intake.max_event_bytes + (2 << 16)


async def test_more_large_bodies_than_fit_into_memory_are_told_to_come_back(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    arrived, go_on = asyncio.Event(), asyncio.Event()
    document_size = service.services.intake.max_document_bytes
    fitting = ApiLimits().body_budget // document_size

    async def slow() -> AsyncIterator[bytes]:
        yield b"{" + b" " * (document_size - 2)
        arrived.set()
        await go_on.wait()
        yield b"}"

    waiting = []
    for _ in range(fitting):
        arrived.clear()
        waiting.append(
            asyncio.create_task(carrier.post("/epcis/capture", content=slow(), headers=LD_JSON))
        )
        await arrived.wait()
    answer = await carrier.post("/epcis/capture", content=b"{" + b" " * (1 << 20), headers=LD_JSON)
    problem(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    go_on.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {400}
    later = await carrier.post("/epcis/capture", json=document(event(parcel())))
    assert later.status_code == 202


async def test_u_0000_is_refused_by_name(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    body = json.dumps(event(parcel(), **{"ex:note": "a\x00b"}))
    answer = await carrier.post("/epcis/events", content=body, headers=LD_JSON)
    found = problem(answer, 400, "refused")
    assert found["errors"][0]["code"] == "bad-encoding"  # type: ignore[index]


async def test_the_limits_are_announced_to_whoever_asks(service: ServiceUnderTest) -> None:
    for path in ("/epcis/capture", "/epcis/events"):
        answer = await service.anonymous.options(path)
        assert answer.status_code == 204
        assert answer.headers["allow"] == "GET, POST, OPTIONS"
        assert answer.headers["gs1-epcis-version"].startswith("2.0")
        assert int(answer.headers["gs1-epcis-capture-file-size-limit"]) == 16 << 20


async def test_a_carrier_reads_its_own_event_where_another_used_the_same_id(
    service: ServiceUnderTest,
) -> None:
    event_id = "urn:uuid:8f9e8a34-6"
    for carrier in (await service.new_carrier(), await service.new_carrier()):
        sent = await carrier.post("/epcis/events", json=event(parcel(), eventID=event_id))
        back = await carrier.get(f"/epcis/events/{quote(event_id)}")
        assert back.content == sent.request.content


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ('"a\\u0000"', "bad-encoding"),
        ('"\\ud800"', "bad-encoding"),
        ("1e400", "bad-number"),
        ('{"a:a": 1, "a:a": 2}', "duplicate-member"),
    ],
)
async def test_ambiguous_json_is_refused_with_the_pointer_to_it(
    service: ServiceUnderTest, token: str, code: str
) -> None:
    carrier = await service.new_carrier()
    bad = {**event(parcel()), "https://example.com/note": ["FAULT"]}
    pointer = "/https:~1~1example.com~1note/0"
    for path, value, base in (
        ("/epcis/events", bad, ""),
        ("/epcis/capture", document(event(parcel()), bad), "/epcisBody/eventList/1"),
    ):
        body = json.dumps(value).replace('"FAULT"', token)
        answer = await carrier.post(path, content=body, headers=LD_JSON)
        (fault,) = answer.json()["errors"]
        below = "/a:a" if code == "duplicate-member" else ""
        assert (answer.status_code, fault["code"]) == (400, code)
        assert fault["pointer"] == base + pointer + below
