"""A node that lies, refuses or stalls: UNKNOWN with a reason, never VALID and never an exception."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.embedded import ChainFixture
from fixtures.lying_node import Lie, RawAnswerError, RefusalError, lying_node
from fixtures.verifying import SmallLog, open_small_log
from provenance.core.verdict import Outcome
from provenance.verify.chain import ChainFactsReader
from provenance.verify.service import ReceiptInput, verify_receipts
from provenance.verify.sets import SetReport

pytestmark = pytest.mark.services
PARCEL = "https://id.gs1.org/00/340123450000000018"
HUGE = "0x" + "f" * 64


@pytest.fixture(scope="module")
def log(anvil: ChainFixture) -> SmallLog:
    log = open_small_log(anvil)
    log.add(PARCEL)
    log.anchor()
    log.add(PARCEL)
    log.anchor()
    return log


async def judged(log: SmallLog, url: str, *, patience: float = 10) -> SetReport:
    async with ChainFactsReader(url, timeout=patience) as reader:
        items = [ReceiptInput(data=log.receipt(1).encode(), name="it")]
        return await verify_receipts(items, trust=log.trust(), facts=reader)


def instead(method: str, value: Any) -> Lie:
    """Always ``value`` for ``method``."""
    return lambda asked, _, true: value if asked == method else true


def changed(method: str, change: Callable[[Any], Any]) -> Lie:
    """The true answer to ``method``, changed."""
    return lambda asked, _, true: change(true) if asked == method and true else true


def raising(method: str, error: Exception) -> Lie:
    def lie(asked: str, _: Any, true: Any) -> Any:
        if asked == method:
            raise error
        return true

    return lie


def event(**members: Any) -> Lie:
    """Every event with other members."""
    return changed("eth_getLogs", lambda events: [{**one, **members} for one in events])


def block(**members: Any) -> Lie:
    """Every block with other members."""
    return changed("eth_getBlockByNumber", lambda true: {**true, **members})


LIES: dict[str, Lie] = {
    "no chain id": instead("eth_chainId", None),
    "a chain id that is no number": instead("eth_chainId", "0xzz"),
    "an endless chain id": instead("eth_chainId", HUGE),
    "a chain id of another type": instead("eth_chainId", 31337),
    "no block": instead("eth_getBlockByNumber", None),
    "a block that is a list": instead("eth_getBlockByNumber", []),
    "a block without hash": block(hash=None),
    "a block with a short hash": block(hash="0x12"),
    "a block with a number that is none": block(number="latest"),
    "a block without time": block(timestamp=None),
    "no code": instead("eth_getCode", None),
    "code that is not hex": instead("eth_getCode", "0xzz"),
    "no answer to a call": instead("eth_call", None),
    "an empty answer to a call": instead("eth_call", "0x"),
    "events that are no list": instead("eth_getLogs", {"a": 1}),
    "events that are strings": instead("eth_getLogs", ["0x", "0x"]),
    "null for the events": instead("eth_getLogs", None),
    "no events": instead("eth_getLogs", []),
    "an event of another contract": event(address="0x" + "11" * 20),
    "an event with other topics": event(topics=["0x" + "11" * 32] * 3),
    "an event without topics": event(topics=[]),
    "an event that was taken back": event(removed=True),
    "an event with a short datum": event(data="0x1234"),
    "an event with another root": event(data="0x" + "11" * 32 + "00" * 31 + "01"),
    "an event that extends a larger size": event(data="0x" + "11" * 64),
    "an event in another block": event(blockHash="0x" + "11" * 32),
    "an event without transaction": event(transactionHash=None),
    "the same event twice": changed("eth_getLogs", lambda events: events * 2),
    "an error for the events": raising("eth_getLogs", RefusalError("no")),
    "an error for the code": raising("eth_getCode", RefusalError("header not found")),
    "an HTTP error page": raising("eth_chainId", RawAnswerError(b"<html>", status=502)),
    "no JSON": raising("eth_chainId", RawAnswerError(b"hello")),
    "nothing at all": raising("eth_chainId", RawAnswerError(b"")),
    "JSON that is nested for ever": raising("eth_call", RawAnswerError(b"[" * 200_000)),
    "a number for an answer": raising("eth_call", RawAnswerError(b"17")),
    "a batch of other calls": raising("eth_chainId", RawAnswerError(b'[{"id": 7, "result": 1}]')),
    "an answer without result": raising("eth_call", RawAnswerError(b'{"id": 1}')),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_lie_leads_to_unknown_with_a_reason(log: SmallLog, lie: Lie) -> None:
    with lying_node(log.node.url, lie) as url:
        report = await judged(log, url)
    assert report.outcome is Outcome.UNKNOWN
    anchor = report.receipts[0].report.verdict("anchor")
    assert anchor.outcome is Outcome.UNKNOWN
    assert anchor.reason


async def test_another_root_is_invalid(log: SmallLog) -> None:
    root, old_size = "11" * 32, "00" * 31 + "01"

    def lie(method: str, params: Any, true: Any) -> Any:
        if method == "eth_call" and params[0]["data"].startswith("0x930b6ace"):
            return "0x" + root
        if method == "eth_getLogs" and true and params[0]["topics"][-1].endswith("2"):
            return [{**one, "data": "0x" + root + old_size} for one in true]
        return true

    with lying_node(log.node.url, lie) as url:
        report = await judged(log, url)
    assert report.outcome is Outcome.INVALID
    assert "another root" in report.receipts[0].report.verdict("anchor").reason


async def test_state_is_read_at_a_block_hash_and_never_at_latest(log: SmallLog) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(method: str, params: Any, true: Any) -> Any:
        asked.append((method, params))
        return true

    with lying_node(log.node.url, listen) as url:
        assert (await judged(log, url)).outcome is Outcome.VALID
    states = [params[-1] for method, params in asked if method in ("eth_call", "eth_getCode")]
    head = log.node.block("latest")["hash"]
    assert states
    assert all(state == {"blockHash": head, "requireCanonical": True} for state in states)


async def test_a_node_without_batches_will_do(log: SmallLog) -> None:
    with lying_node(log.node.url, batches=False) as url:
        assert (await judged(log, url)).outcome is Outcome.VALID


async def test_a_node_that_answers_for_few_blocks_at_a_time_will_do(log: SmallLog) -> None:
    def lie(method: str, params: Any, true: Any) -> Any:
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            asked = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if asked > 2:
                raise RefusalError("range too large")
        if method == "eth_getLogs" and "blockHash" in params[0]:
            raise RefusalError("unknown block")
        return true

    with lying_node(log.node.url, lie) as url:
        assert (await judged(log, url)).outcome is Outcome.VALID


async def test_a_node_that_stalls_is_given_up_in_time(log: SmallLog) -> None:
    enough = threading.Event()

    def lie(method: str, _: Any, true: Any) -> Any:
        if method == "eth_getLogs":
            enough.wait(20)
        return true

    with lying_node(log.node.url, lie) as url:
        report = await judged(log, url, patience=0.5)
        enough.set()
    assert report.outcome is Outcome.UNKNOWN
    assert "did not answer within 0.5 s" in report.receipts[0].report.verdict("anchor").reason
