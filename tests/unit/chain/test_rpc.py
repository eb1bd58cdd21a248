"""Calls to a node: one connection for many, one failure for each way in which there's no answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from provenance.chain.errors import ChainUnavailableError
from provenance.chain.rpc import Rpc, RpcError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def result(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"jsonrpc": "2.0", "id": 0, "result": "0x1"})


@asynccontextmanager
async def node(answer: Answer) -> AsyncIterator[tuple[str, list[object]]]:
    """URL of a node that answers so, and the connections over which it was asked."""
    asked: list[object] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.transport)
        return await answer(request)

    runner = web.ServerRunner(web.Server(handle))  # type: ignore[arg-type]  # any request
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_calls_one_after_the_other_share_a_connection() -> None:
    async with node(result) as (url, asked):
        rpc = Rpc(url)
        assert [await rpc.ask("eth_chainId") for _ in range(3)] == ["0x1"] * 3
        await rpc.aclose()
    assert len(asked) == 3
    assert len(set(map(id, asked))) == 1


async def test_a_closed_client_may_be_asked_again() -> None:
    async with node(result) as (url, asked):
        rpc = Rpc(url)
        for _ in range(2):
            assert await rpc.ask("eth_chainId") == "0x1"
            await rpc.aclose()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not JSON", 200),
        (b"[]", 200),
        (b'"0x1"', 200),
        (b'{"jsonrpc":"2.0","id":0}', 200),
        (b"\xff\xfe", 200),
        (b"", 200),
        (b'{"jsonrpc":"2.0","id":0,"result":"0x1"}', 503),
    ],
)
async def test_what_is_no_answer_counts_as_an_outage(body: bytes, status: int) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status)

    async with node(answer) as (url, _):
        rpc = Rpc(url)
        with pytest.raises(ChainUnavailableError, match="eth_chainId"):
            await rpc.ask("eth_chainId")
        await rpc.aclose()


async def test_a_connection_that_breaks_is_an_outage_once() -> None:
    broken = iter([False, True, False])

    async def answer(request: web.Request) -> web.StreamResponse:
        if next(broken):
            assert request.transport is not None
            request.transport.abort()
        return await result(request)

    async with node(answer) as (url, asked):
        rpc = Rpc(url)
        await rpc.ask("eth_chainId")
        with pytest.raises(ChainUnavailableError):
            await rpc.ask("eth_sendRawTransaction", "0x00")
        assert await rpc.ask("eth_chainId") == "0x1"
        await rpc.aclose()
    assert len(asked) == 3, "a call that may have arrived is not sent again"


async def test_a_node_that_never_answers_is_given_up() -> None:
    silent = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await silent.wait()
        return await result(request)

    async with node(answer) as (url, _):
        rpc = Rpc(url, timeout=0.2)
        with pytest.raises(ChainUnavailableError, match=r"no answer in 0\.2 s"):
            await rpc.ask("eth_chainId")
        silent.set()
        await rpc.aclose()


async def test_an_error_object_keeps_code_and_data() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        error = {"code": 3, "message": "execution reverted", "data": "0x01ff"}
        return web.json_response({"jsonrpc": "2.0", "id": 0, "error": error})

    async with node(answer) as (url, _):
        rpc = Rpc(url)
        with pytest.raises(RpcError, match="execution reverted") as refused:
            await rpc.ask("eth_call")
        await rpc.aclose()
    assert (refused.value.number, refused.value.data) == (3, b"\x01\xff")
