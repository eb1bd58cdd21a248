"""API keys: made, shown once, revoked."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from prometheus_client import CollectorRegistry

from fixtures.application import BASE_URL, ServiceUnderTest
from provenance.api.app import create_app
from provenance.api.services import Services

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

ASKED = {"organisation": "Example Claims", "role": "claims", "label": "desk 1"}


def bearing(service: ServiceUnderTest, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app),
        base_url=BASE_URL,
        headers={"authorization": f"Bearer {token}"},
    )


async def works(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/epcis/events", params={"MATCH_anyEPC": "urn:example:1"})
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def test_a_key_is_shown_once_works_and_stops_when_revoked(service: ServiceUnderTest) -> None:
    admin = await service.as_role("admin")
    made = await admin.post("/v1/keys", json=ASKED)
    assert made.status_code == 201
    key = made.json()
    token = key.pop("token")
    listed = (await admin.get("/v1/keys")).json()["keys"]
    assert key in listed
    assert token not in (await admin.get("/v1/keys")).text
    async with bearing(service, token) as client:
        assert await works(client)
        revoked = await admin.delete(f"/v1/keys/{key['key_id']}")
        assert revoked.json()["revoked_at"] >= key["created_at"]
        assert not await works(client)


async def test_another_process_honours_a_revocation_within_the_cache_time(
    service: ServiceUnderTest,
) -> None:
    now = 0.0
    services = service.services
    other = create_app(_with_clock(services, lambda: now))
    key_id, token = await service.key("claims")
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(other),
        base_url=BASE_URL,
        headers={"authorization": f"Bearer {token}"},
    )
    async with client:
        assert await works(client)
        await services.accounts.revoke(key_id)
        now = services.limits.key_cache_s - 0.1
        assert await works(client)
        now = services.limits.key_cache_s
        assert not await works(client)


def _with_clock(services: Services, seconds: Callable[[], float]) -> Services:
    return replace(services, seconds=seconds, registry=CollectorRegistry())


async def test_requests_at_once_with_a_fresh_key_are_all_answered(
    service: ServiceUnderTest,
) -> None:
    _, token = await service.key("claims")
    async with bearing(service, token) as client:
        assert all(await asyncio.gather(*(works(client) for _ in range(20))))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic prov_x",
        "Bearer prov_0000000000000000_" + "0" * 64,
        "Bearer prov_\u00e9",
        "Bearer " + "x" * 5_000,
    ],
)
async def test_what_is_no_key_is_unauthenticated(
    service: ServiceUnderTest, authorization: str
) -> None:
    headers = {"authorization": authorization.encode("latin-1")}
    answer = await service.anonymous.get("/v1/keys", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"role": "king"}, "/role"),
        ({"label": ""}, "/label"),
        ({"organisation": "a\nb"}, "/organisation"),
        ({"label": 1}, "/label"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_and_the_member_named(
    service: ServiceUnderTest, change: dict[str, object], pointer: str
) -> None:
    admin = await service.as_role("admin")
    answer = await admin.post("/v1/keys", json={**ASKED, **change})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_an_unknown_key_cannot_be_revoked(service: ServiceUnderTest) -> None:
    admin = await service.as_role("admin")
    assert (await admin.delete("/v1/keys/0000000000000000")).status_code == 404


async def test_the_last_admin_key_cannot_be_revoked(service: ServiceUnderTest) -> None:
    admin = await service.as_role("admin")
    keys = (await admin.get("/v1/keys")).json()["keys"]
    own, token = await service.key("admin")
    async with bearing(service, token) as client:
        for key in keys:
            if key["role"] == "admin" and "revoked_at" not in key:
                assert (await client.delete(f"/v1/keys/{key['key_id']}")).status_code == 200
        answer = await client.delete(f"/v1/keys/{own}")
        assert (answer.status_code, answer.json()["code"]) == (409, "last-admin-key")
        assert "make another one first" in answer.json()["detail"]
        assert await works(client)
    # The module's other tests make an admin anew.
    for known in [known for known in service._clients if known[0] == "admin"]:
        del service._clients[known]
