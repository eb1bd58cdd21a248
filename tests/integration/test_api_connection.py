"""Heads of requests that are too large or too slow, on sockets, in front of the server's protocol."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from fixtures.waiting import eventually
from provenance.api.connection import MAX_FIELDS, MAX_HEAD, HttpConnection, server_config
from provenance.api.edge import Edge
from provenance.api.metrics import HttpMetrics

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


class Impatient(HttpConnection):
    """Waits for a tenth of a second."""

    head_s = 0.1


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of bytes of the body, once it is read."""
    assert scope["type"] == "http"
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Wait for ever."""
    del scope, receive, send
    await asyncio.Event().wait()


async def test_a_stop_that_cannot_wait_for_a_request_answers_it_all_the_same() -> None:
    registry = CollectorRegistry()
    edge = Edge(endless, metrics=HttpMetrics(registry), random_bytes=os.urandom)
    config = server_config(edge, host="127.0.0.1", port=0)
    config.timeout_graceful_shutdown = 1
    config.lifespan = "off"
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET.replace(b"GET", b"POST") + b"Content-Length: 0\r\n\r\n")
    await eventually(lambda: registry.get_sample_value("provenance_http_requests_in_flight") == 1)
    server.should_exit = True
    status, body = await answer((reader, writer))
    assert (status, json.loads(body)["code"]) == (503, "outcome-unknown")
    writer.close()
    await running


@asynccontextmanager
async def connected(kind: type[HttpConnection] = HttpConnection) -> AsyncIterator[Streams]:
    """A connection to a server as the API is one."""
    server = uvicorn.Server(server_config(application, host="127.0.0.1", port=0, http=kind))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await running


async def answer(streams: Streams) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    async with asyncio.timeout(20):
        head = (await streams[0].readuntil(b"\r\n\r\n")).lower()
        size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split()[1]), await streams[0].readexactly(size)


async def sent(streams: Streams, data: bytes) -> tuple[int, bytes]:
    """Answer to ``data``, which need not be read to its end."""
    streams[1].write(data)
    return await answer(streams)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (GET + b"X: " + b"a" * (20 << 20) + b"\r\n\r\n", 431, "head-too-large"),
        (GET + b"X: " + b"a" * (MAX_HEAD + 1) + b"\r\n\r\n", 431, "head-too-large"),
        (GET + b"a" * (20 << 20), 431, "head-too-large"),
        (GET + b"X: a\r\n" * 200_000 + b"\r\n", 431, "head-too-large"),
        (GET + b"X: a\r\n" * MAX_FIELDS + b"\r\n", 431, "head-too-large"),
        (b"GET /" + b"a" * (20 << 20) + b" HTTP/1.1\r\n\r\n", 414, "target-too-long"),
        (b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", 414, "target-too-long"),
        (b"\r\n" * (1 << 20), 431, "head-too-large"),
        (b"nonsense\r\n\r\n", 400, "bad-request"),
    ],
    ids=[
        "a huge field", "a large field", "a huge name", "very many fields", "many fields",
        "a huge path", "a long path", "line breaks", "no HTTP",
    ],
)  # fmt: skip
async def test_a_head_that_is_too_large_is_refused_and_the_connection_closed(
    data: bytes, status: int, code: str
) -> None:
    async with connected() as streams:
        found, body = await sent(streams, data)
        assert (found, json.loads(body)["code"]) == (status, code)
        async with asyncio.timeout(10):
            assert await streams[0].read() == b""


async def test_trailers_and_chunk_extensions_are_bounded_too() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for endless in (b"1;", b"1\r\na\r\n0\r\nX: "):
        async with connected() as (reader, writer):
            writer.write(chunked + endless + b"a" * (4 << 20))
            async with asyncio.timeout(10):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readuntil(b"\r\n\r\n")


async def test_what_fits_is_answered_as_often_as_it_is_asked() -> None:
    large = GET + b"X: " + b"a" * (MAX_HEAD - 200) + b"\r\n\r\n"
    piece = b"8000\r\n" + b"b" * 0x8000 + b"\r\n"
    async with connected() as streams:
        for _ in range(3):
            assert await sent(streams, large) == (200, b"0")
        body = b"c" * 1_000_000
        head = GET.replace(b"GET", b"POST") + b"Content-Length: 1000000\r\n\r\n"
        assert await sent(streams, head + body) == (200, b"1000000")
        head = GET.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"
        assert await sent(streams, head + piece * 40 + b"0\r\n\r\n") == (200, b"1310720")
        streams[1].write((GET + b"\r\n") * 3)
        assert [await answer(streams) for _ in range(3)] == [(200, b"0")] * 3


async def test_a_head_that_trickles_in_is_given_up() -> None:
    async with connected(Impatient) as streams:
        status, body = await sent(streams, GET + b"X: a")
        assert (status, json.loads(body)["code"]) == (408, "head-timeout")


async def test_a_second_head_that_trickles_in_is_given_up() -> None:
    async with connected(Impatient) as streams:
        assert await sent(streams, GET + b"\r\n") == (200, b"0")
        assert (await sent(streams, GET))[0] == 408


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_closed(before: bytes) -> None:
    async with connected(Impatient) as (reader, writer):
        if before:
            assert await sent((reader, writer), before) == (200, b"0")
            writer.write(b"\r\n")
        async with asyncio.timeout(10):
            assert b"200" not in await reader.read()
