"""A node that lies, lags or goes silent can delay an anchor, and nothing else."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures.anchoring import World
from fixtures.lying_node import Lie, RawAnswerError, RefusalError, lying_node
from fixtures.rotation import sampled
from fixtures.waiting import eventually
from provenance.anchor.metrics import AnchorMetrics
from provenance.chain.client import ChainClient

pytestmark = pytest.mark.services

NONSENSE = {
    "nothing": b"",
    "html": b"<html>bad gateway</html>",
    "list": b"[]",
    "no result": b'{"jsonrpc":"2.0","id":1}',
    "no text": b"\xff\xfe",
}


class Failures:
    """What a worker counted."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.metrics = AnchorMetrics(self._registry)

    def count(self, code: str) -> float:
        found = self._registry.get_sample_value("provenance_anchor_failures_total", {"code": code})
        return found or 0

    def fence(self) -> float | None:
        return self._registry.get_sample_value("provenance_anchor_fence_state")


@asynccontextmanager
async def behind(world: World, lie: Lie) -> AsyncIterator[Failures]:
    """A worker whose node is a liar."""
    failures = Failures()
    with lying_node(world.chain.rpc_url, lie) as url:
        node = ChainClient(url, timeout=1.0)
        try:
            async with world.working(world.worker(node=node, metrics=failures.metrics)):
                yield failures
        finally:
            await node.aclose()


def until(moment: Callable[[], bool], lie: Lie) -> Lie:
    """A liar who becomes honest."""

    def honest_at_last(method: str, params: Any, result: Any) -> Any:
        return result if moment() else lie(method, params, result)

    return honest_at_last


class Switch:
    """Tells a liar to stop."""

    def __init__(self) -> None:
        self.honest = False

    def __call__(self) -> bool:
        return self.honest


async def one_transaction_each(world: World, *sizes: int) -> None:
    await world.agrees(*sizes)
    rows = await world.query("SELECT count(*) FROM chain_transactions WHERE purpose = 'anchor'")
    assert rows == [(len(sizes),)]


async def test_a_receipt_that_is_never_shown_is_not_waited_for_for_ever(world: World) -> None:
    def no_receipt(method: str, _params: Any, result: Any) -> Any:
        return None if method == "eth_getTransactionReceipt" else result

    switch = Switch()
    async with behind(world, until(switch, no_receipt)) as failures:
        size = await world.append(3)
        await eventually(lambda: failures.count("receipt-timeout") >= 1)
        switch.honest = True
        await world.anchored(size)
    await one_transaction_each(world, size)


async def test_a_timeout_after_the_node_took_the_transaction_makes_no_second_one(
    world: World,
) -> None:
    dropped: list[str] = []

    def silent(method: str, _params: Any, result: Any) -> Any:
        if method == "eth_sendRawTransaction" and not dropped:
            dropped.append(method)
            time.sleep(1.2)
        return result

    async with behind(world, silent) as failures:
        size = await world.append(3)
        await world.anchored(size)
        assert failures.count("chain-unavailable") >= 1
    assert dropped
    await one_transaction_each(world, size)


async def test_an_error_after_the_transaction_landed_makes_no_second_one(world: World) -> None:
    told: list[str] = []

    def failing(method: str, _params: Any, result: Any) -> Any:
        if method == "eth_sendRawTransaction" and not told:
            told.append(method)
            raise RefusalError("internal error")
        return result

    async with behind(world, failing):
        size = await world.append(3)
        await world.anchored(size)
    assert told
    await one_transaction_each(world, size)


async def test_a_stale_head_is_no_reason_to_anchor_again(world: World) -> None:
    async with world.working(world.worker()):
        sizes = [await world.append(3)]
        await world.anchored(sizes[0])
    stale = await world.node.raw_block("latest")
    nonce = await world.node.rpc.ask(
        "eth_getTransactionCount", world.keys.anchorer.address, "latest"
    )
    async with world.working(world.worker()):
        sizes.append(await world.append(3))
        await world.anchored(sizes[1])

    lies: list[str] = []

    def lagging(method: str, params: Any, result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            lies.append(method)
            return stale
        if method == "eth_getTransactionCount":
            return nonce
        if method in {"eth_getTransactionReceipt", "eth_getTransactionByHash"}:
            return None
        return [] if method == "eth_getLogs" else result

    switch = Switch()
    blocks = (await world.node.latest()).number
    async with behind(world, until(switch, lagging)):
        await eventually(lambda: len(lies) >= 5)
        switch.honest = True
        await world.anchored(sizes[1])
        sizes.append(await world.append(1))
        await world.anchored(sizes[2])
    await world.agrees(*sizes)
    assert (await world.node.latest()).number == blocks + 1


async def test_another_chain_is_refused_until_the_right_one_answers(world: World) -> None:
    def elsewhere(method: str, _params: Any, result: Any) -> Any:
        return "0x1" if method == "eth_chainId" else result

    switch = Switch()
    async with behind(world, until(switch, elsewhere)) as failures:
        size = await world.append(3)
        await eventually(lambda: failures.count("wrong-chain") >= 1)
        assert failures.fence() == 4
        assert await world.anchors() == []
        switch.honest = True
        await world.anchored(size)
    await one_transaction_each(world, size)


async def test_a_forged_head_closes_the_log_only_as_long_as_it_is_told(world: World) -> None:
    async with world.working(world.worker()):
        sizes = [await world.append(3)]
        await world.anchored(sizes[0])
    true_head = (await world.registry.root_at(world.registry_log, sizes[0]) or b"").hex()

    def forged(method: str, _params: Any, result: Any) -> Any:
        if method == "eth_call" and true_head in str(result):
            return result.replace(true_head, "ab" * 32)
        return result

    switch = Switch()
    async with behind(world, until(switch, forged)) as failures:
        await world.until_state("forked")
        assert failures.fence() == 2
        switch.honest = True
        await world.until_state("open")
        sizes.append(await world.append(1))
        await world.anchored(sizes[1])
    await one_transaction_each(world, *sizes)


@pytest.mark.parametrize("name", sampled(NONSENSE, every=2))
async def test_an_answer_that_is_no_answer_is_tried_again(world: World, name: str) -> None:
    def nonsense(_method: str, _params: Any, _result: Any) -> Any:
        raise RawAnswerError(NONSENSE[name])

    switch = Switch()
    async with behind(world, until(switch, nonsense)) as failures:
        size = await world.append(3)
        await eventually(lambda: failures.count("chain-unavailable") >= 2)
        switch.honest = True
        await world.anchored(size)
    await one_transaction_each(world, size)
