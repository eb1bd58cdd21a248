"""A refill of an empty database: whoever submitted before is the same organisation afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from fixtures.application import BASE_URL, document, event, parcel, running_service
from fixtures.left import HEADS, LD_JSON, Left, start
from fixtures.waiting import eventually
from provenance.api.app import create_app
from provenance.api.server import open_services
from provenance.settings import Settings
from provenance.wiring.credentials import ORGANISATION
from provenance.worker.process import run as run_worker

pytestmark = pytest.mark.services

BODY = json.dumps(
    document(event(parcel(), eventID="urn:uuid:7f4b6f0e-0000-4000-8000-000000000001"))
)
NAMES = f"name IN ('{ORGANISATION}', 'Other')"
IDS = f"SELECT name, organisation_id FROM organisations WHERE {NAMES}"
NAMELESS = """
SELECT count(*) FROM records LEFT JOIN organisations ON organisation_id = submitter
WHERE name IS NULL
"""


@asynccontextmanager
async def worker_on(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(settings, stop=stop))
    try:
        yield worker
    finally:
        stop.set()
        await worker


def client_of(app: FastAPI, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=BASE_URL,
        headers={"authorization": f"Bearer {token}"},
    )


async def sent(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/epcis/capture", content=BODY, headers=LD_JSON)


async def indexes(*clients: httpx.AsyncClient) -> list[int]:
    """Where the same event is in the log, sent by each of them."""
    answers = [await sent(client) for client in clients]
    assert {answer.status_code for answer in answers} == {202}, answers[0].text
    return [answer.json()["first_index"] for answer in answers]


async def test_an_event_that_is_repeated_after_the_loss_of_the_database_is_recognised(
    left: Left,
) -> None:
    made = await start(left.settings, left.chain)
    async with running_service(left.settings) as service:
        _, token = await service.key("carrier", organisation="Other")
        async with (
            client_of(service.app, made.credentials.tokens["carrier"]) as machine,
            client_of(service.app, token) as other,
        ):
            first = await indexes(machine, other)
        await service.anchor()
    before, ids = left.rows(HEADS), sorted(left.rows(IDS))

    settings = left.with_an_empty_database()
    made = await start(settings, left.chain)
    async with open_services(settings) as services, services.running():
        # Keys that are made and used before the log is filled again.
        _, token = await services.accounts.create(organisation="Other", role="carrier", label="x")
        assert sorted(left.rows(IDS, settings)) != ids
        app = create_app(services)
        async with (
            client_of(app, made.credentials.tokens["carrier"]) as machine,
            client_of(app, token) as other,
        ):
            for client in (machine, other):
                refused = await sent(client)
                assert (refused.status_code, refused.json()["code"]) == (503, "log-read-only")
            async with worker_on(settings) as worker:
                await eventually(lambda: worker.done() or services.writer.is_open)
                assert await indexes(machine, other) == first
    assert left.rows(HEADS, settings) == before
    assert sorted(left.rows(IDS, settings)) == ids
    assert left.rows(NAMELESS, settings) == [(0,)]
