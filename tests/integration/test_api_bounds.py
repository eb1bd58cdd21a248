"""Bounds of answers, and the application's start and stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client import CollectorRegistry

from fixtures.application import BASE_URL, EPCIS_CONTEXT, ServiceUnderTest, document, event, parcel
from fixtures.waiting import eventually
from provenance.api.app import create_app
from provenance.api.server import open_services
from provenance.api.services import ApiLimits

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

NOTE = {"@context": [EPCIS_CONTEXT, {"ex": "https://x.example/"}], "ex:note": "x" * 4_000}


@asynccontextmanager
async def limited(
    service: ServiceUnderTest, client: httpx.AsyncClient, limits: ApiLimits
) -> AsyncIterator[httpx.AsyncClient]:
    """``client`` asking an application with other limits."""
    services = replace(service.services, limits=limits, registry=CollectorRegistry())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services)),
        base_url=BASE_URL,
        headers=client.headers,
    ) as other:
        yield other


async def captured(carrier: httpx.AsyncClient, count: int, **fields: Any) -> list[dict[str, Any]]:
    sent = [event(parcel(), **{**NOTE, **fields}) for _ in range(count)]
    for one in sent:
        assert (await carrier.post("/epcis/events", json=one)).status_code == 201
    return sent


@pytest.mark.parametrize("order", [{}, {"orderBy": "eventTime", "orderDirection": "DESC"}])
async def test_a_page_ends_before_it_has_too_many_bytes_and_the_next_goes_on(
    service: ServiceUnderTest, order: dict[str, str]
) -> None:
    carrier = await service.new_carrier()
    sent = await captured(carrier, 5)
    async with limited(service, carrier, ApiLimits(max_page_bytes=9_000)) as client:
        found: list[dict[str, Any]] = []
        sizes = []
        url: str | None = f"/epcis/events?{httpx.QueryParams({**order, 'perPage': '4'})}"
        while url:
            answer = await client.get(url)
            page = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
            found += page
            sizes.append(len(page))
            url = answer.links.get("next", {}).get("url")
    assert found == (sent[::-1] if order else sent)
    assert sizes == [2, 2, 1]


async def test_an_event_larger_than_a_page_stands_alone(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    sent = await captured(carrier, 2)
    async with limited(service, carrier, ApiLimits(max_page_bytes=100)) as client:
        first = await client.get("/epcis/events")
        second = await client.get(first.links["next"]["url"])
        pages = [
            page.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
            for page in (first, second)
        ]
    assert pages == [[sent[0]], [sent[1]]]


async def test_a_timeline_leaves_out_payloads_beyond_its_bound_and_says_so(
    service: ServiceUnderTest,
) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    for day in range(1, 4):
        await captured(carrier, 1, epcList=[epc], eventTime=f"2026-07-{day:02}T00:00:00Z")
    url = f"/v1/shipments/{quote(epc, safe='')}/timeline?payloads=include"
    async with limited(service, carrier, ApiLimits(max_page_bytes=9_000)) as client:
        cut = (await client.get(url)).json()
    assert not cut["is_complete"]
    assert ["payload" in one for one in cut["events"]] == [True, True, False]
    assert not any(one.get("erased") for one in cut["events"])
    assert (await carrier.get(url)).json()["is_complete"]


async def test_a_timeline_of_too_many_events_is_cut(service: ServiceUnderTest) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    for day in range(1, 4):
        body = event(epc, eventTime=f"2026-07-{day:02}T00:00:00Z")
        assert (await carrier.post("/epcis/events", json=body)).status_code == 201
    async with limited(service, carrier, ApiLimits(max_timeline_events=2)) as client:
        found = (await client.get(f"/v1/shipments/{quote(epc, safe='')}/timeline")).json()
    assert (len(found["events"]), found["is_complete"]) == (2, False)


async def test_a_job_of_many_events_lists_them_all_and_a_list_of_jobs_none(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    body = document(*(event(parcel()) for _ in range(2_000)))
    job = (await carrier.post("/epcis/capture", json=body)).json()
    read = (await carrier.get(f"/epcis/capture/{job['captureID']}")).json()
    assert read["events"] == job["events"]
    assert len(read["events"]) == 2_000
    (listed,) = (await carrier.get("/epcis/capture")).json()
    assert "events" not in listed


async def test_the_application_opens_its_writer_at_start_and_finishes_what_it_accepted(
    service: ServiceUnderTest,
) -> None:
    async with open_services(service.settings) as services:
        app = create_app(services)
        carrier = await service.new_carrier()
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=BASE_URL, headers=carrier.headers
        )
        refused = await client.post("/epcis/events", json=event(parcel()))
        assert refused.json()["code"] == "log-read-only"
        async with app.router.lifespan_context(app):
            await eventually(lambda: services.writer.is_open)
            accepted = [
                asyncio.create_task(client.post("/epcis/events", json=event(parcel())))
                for _ in range(20)
            ]
            await asyncio.wait(accepted, return_when=asyncio.FIRST_COMPLETED)
        answers = await asyncio.gather(*accepted)
        assert not services.writer.is_open
        await client.aclose()
    assert {answer.status_code for answer in answers} <= {201, 503}
    logged = [answer.json()["first_index"] for answer in answers if answer.is_success]
    assert logged
    for first in logged:
        assert (await carrier.get(f"/v1/records/{first}/payload")).status_code == 200


async def test_two_processes_share_one_log(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    async with open_services(service.settings) as services:
        app = create_app(services)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url=BASE_URL, headers=carrier.headers
            ) as other,
        ):
            await eventually(lambda: services.writer.is_open)
            answers = await asyncio.gather(
                *(
                    client.post("/epcis/events", json=event(parcel()))
                    for _ in range(20)
                    for client in (carrier, other)
                )
            )
    indexes = [answer.json()["first_index"] for answer in answers]
    assert len(set(indexes)) == 40
