"""Problem documents, health, metrics and headers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from fixtures.application import BASE_URL, ServiceUnderTest, event, parcel
from provenance.api.app import create_app
from provenance.db.engine import create_engine
from provenance.log.writer import LogWriter

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


def client_of(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url=BASE_URL,
        headers=headers,
    )


@pytest_asyncio.fixture(loop_scope="module")
async def failing(service: ServiceUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with one more route, which fails."""
    app = create_app(replace(service.services, registry=CollectorRegistry()))

    async def fail(_request: Request) -> Response:
        raise ValueError("parcel 4711 of Jane Doe")

    app.add_route("/fail", fail)
    async with client_of(app) as client:
        yield client


async def test_an_unexpected_error_gives_a_reference_and_no_internals(
    failing: httpx.AsyncClient,
) -> None:
    with structlog.testing.capture_logs() as logged:
        answer = await failing.get("/fail")
    assert answer.status_code == 500
    found = answer.json()
    assert found["code"] == "internal"
    assert found["reference"] == answer.headers["x-request-id"]
    assert "Jane" not in answer.text
    assert "Jane" not in str(logged)
    assert any(line.get("reference") == found["reference"] for line in logged)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/v1/receipts/", 404, "not-found"),
        ("PUT", "/epcis/events", 405, "method-not-allowed"),
        ("POST", "/v1/log/checkpoint/1", 405, "method-not-allowed"),
        ("GET", "/v1/log/checkpoint/one", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoint/-1", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoint/9007199254740993", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoints?limit=0", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoints?colour=red", 400, "unsupported-parameter"),
        ("GET", "/v1/log/checkpoints?limit=1&limit=2", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoints?limit=%ff", 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoints?" + "a=1&" * 300, 400, "bad-parameter"),
        ("GET", "/v1/log/checkpoints?above=" + "1" * 20_000, 400, "bad-parameter"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem_document(
    service: ServiceUnderTest, method: str, path: str, status: int, code: str
) -> None:
    answer = await service.anonymous.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (found["code"], found["status"]) == (code, status)
    assert found["type"] == f"urn:provenance:problem:{code}"


async def test_a_path_that_takes_other_methods_names_them(service: ServiceUnderTest) -> None:
    answer = await service.anonymous.put("/v1/verify")
    assert answer.headers["allow"] == "POST"


async def test_every_answer_has_the_security_headers(service: ServiceUnderTest) -> None:
    for path in ("/health/live", "/nothing", "/docs", "/v1/log/checkpoints"):
        answer = await service.anonymous.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert len(answer.headers["x-request-id"]) == 16, path


async def test_what_belongs_to_a_key_is_not_kept_by_caches(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    sent = await carrier.post("/epcis/events", json=event(parcel()))
    for answer in (sent, await carrier.get("/epcis/events"), await carrier.get("/nothing")):
        assert "no-store" in answer.headers["cache-control"]


async def test_a_read_only_log_answers_reads_and_puts_off_writes(
    service: ServiceUnderTest,
) -> None:
    writer = LogWriter(service.services.engine, service.services.log, signers=())
    app = create_app(replace(service.services, writer=writer, registry=CollectorRegistry()))
    _, token = await service.key("carrier", organisation="Reader")
    async with client_of(app, authorization=f"Bearer {token}") as client:
        refused = await client.post("/epcis/events", json=event(parcel()))
        assert refused.status_code == 503
        assert refused.json()["code"] == "log-read-only"
        assert int(refused.headers["retry-after"]) > 0
        assert (await client.get("/epcis/events")).status_code == 200


async def test_a_database_that_is_gone_is_503_and_not_ready(service: ServiceUnderTest) -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/nowhere")
    gone = replace(service.services, engine=engine, registry=CollectorRegistry())
    carrier_key = await service.key("carrier")
    async with client_of(create_app(gone), authorization=f"Bearer {carrier_key[1]}") as client:
        with structlog.testing.capture_logs() as logged:
            answer = await client.get("/epcis/events")
        assert answer.status_code == 503
        assert answer.json()["code"] == "database-unavailable"
        assert answer.headers["retry-after"]
        metrics = (await client.get("/metrics")).text
    assert [line["code"] for line in logged if line["event"] == "request"] == [
        "database-unavailable"
    ]
    counted = 'provenance_http_problems_total{code="database-unavailable",status="503"} 1.0'
    assert counted in metrics
    await engine.dispose()


async def test_readiness_says_what_is_there(service: ServiceUnderTest) -> None:
    assert (await service.anonymous.get("/health/live")).json() == {"status": "live"}
    answer = await service.anonymous.get("/health/ready")
    assert answer.status_code == 200
    assert {check["name"] for check in answer.json()["checks"]} >= {"database", "writer"}


async def test_metrics_count_by_pattern_and_never_by_path(service: ServiceUnderTest) -> None:
    member = await service.as_role("member")
    await member.get("/v1/shipments/secret-waybill/timeline")
    text = (await service.anonymous.get("/metrics")).text
    assert "secret-waybill" not in text
    assert 'route="/v1/shipments/{shipment:path}/timeline"' in text
    assert "provenance_log_entries_total" in text


async def test_nothing_that_a_caller_sent_is_logged(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    with structlog.testing.capture_logs() as logged:
        await carrier.post("/epcis/events", json=event("urn:example:jane-doe", action="MAYBE"))
        await carrier.get("/v1/shipments/jane-doe/timeline")
        await carrier.get("/epcis/events", params={"jane-doe": "1"})
    assert len(logged) >= 3
    assert "jane-doe" not in str(logged)


async def test_the_reference_page_needs_nobody_else(service: ServiceUnderTest) -> None:
    page = await service.anonymous.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/epcis/capture" in page.text
    assert "<td><code>organisation</code></td><td>string</td><td>required</td>" in page.text
    assert "<script" not in page.text
    assert "src=" not in page.text


@pytest.mark.parametrize(
    ("charset", "status"),
    [("", 400), ("; charset=utf-8", 400), ('; Charset="UTF-8"', 400), ("; charset=latin-1", 415)],
)
async def test_json_is_in_utf_8(service: ServiceUnderTest, charset: str, status: int) -> None:
    headers = {"content-type": f"application/json{charset}"}
    answer = await service.anonymous.post("/v1/verify", content=b"[]", headers=headers)
    assert answer.status_code == status, answer.text


async def test_the_root_says_where_to_read_on(service: ServiceUnderTest) -> None:
    answer = await service.anonymous.get("/")
    assert answer.status_code == 200
    assert answer.json()["documentation"] == "/docs"
    page = (await service.anonymous.get("/docs")).text
    assert "`" not in page
    assert "<code>expected_seq</code>" in page


async def test_the_public_log_is_open_to_pages_of_other_origins_and_nothing_else_is(
    service: ServiceUnderTest,
) -> None:
    public = service.anonymous
    preflight = {"origin": "https://a.example", "access-control-request-method": "POST"}
    answer = await public.options("/v1/verify", headers=preflight)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    answer = await public.get("/v1/log/checkpoints")
    assert answer.headers["access-control-allow-origin"] == "*"
    for path in ("/epcis/events", "/v1/log/tile/entries/000.p/1", "/v1/keys"):
        answer = await public.options(path, headers=preflight)
        assert "access-control-allow-origin" not in answer.headers, path
