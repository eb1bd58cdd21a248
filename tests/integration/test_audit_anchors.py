"""All anchors of a log as the chain tells them, and nodes that leave something out."""

from typing import Any

import pytest

from fixtures.embedded import ChainFixture
from fixtures.lying_node import Lie, RefusalError, lying_node
from fixtures.verifying import SmallLog, open_small_log
from provenance.core.tree import root_of
from provenance.core.trustfile import Successor, TrustFile
from provenance.verify.audit.anchors import ChainReading, line_of, read_anchors
from provenance.verify.chain import ChainFactsReader
from provenance.verify.errors import ChainReadError

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def log(anvil: ChainFixture) -> SmallLog:
    """Sixty entries in sixty anchors: more than one batch of questions."""
    log = open_small_log(anvil)
    for number in range(60):
        log.add(f"urn:example:{number}", at=number)
        log.anchor()
    return log


async def read(url: str, trust: TrustFile, origin: str) -> ChainReading:
    async with ChainFactsReader(url) as reader:
        return await read_anchors(reader, line_of(trust, origin))


async def test_every_anchor_is_read_with_its_root_and_time(log: SmallLog) -> None:
    reading = await read(log.node.url, log.trust(), log.origin)
    assert [anchor.size for anchor in reading.anchors] == list(range(61))
    assert [anchor.root for anchor in reading.anchors] == [
        root_of(log.leaves[:size]) for size in range(61)
    ]
    assert [anchor.time for anchor in reading.anchors][1:] == [
        log.anchors[size].block_time for size in range(1, 61)
    ]
    assert reading.anchors[0].time == log.start_time
    assert (reading.head_size, reading.abandoned) == (60, 0)
    assert reading.anchors.window(30) == (
        log.anchors[30].block_time,
        log.anchors[31].block_time,
    )
    assert reading.anchors.window(60) is None


def without(size: int) -> Lie:
    """Leaves one anchor's event out."""

    def lie(method: str, _: Any, true: Any) -> Any:
        if method == "eth_getLogs" and true:
            return [one for one in true if int(one["topics"][-1], 16) != size]
        return true

    return lie


def other_root(method: str, params: Any, true: Any) -> Any:
    """Says another root for one size."""
    asked = method == "eth_call" and params[0]["data"].endswith(f"{40:064x}")
    return "0x" + "11" * 32 if asked else true


def other_block(method: str, params: Any, true: Any) -> Any:
    """Gives blocks other hashes when they are asked for one by one."""
    asked = method == "eth_getBlockByNumber" and params[0] not in ("0x0", "latest", "finalized")
    return {**true, "hash": "0x" + "11" * 32} if asked else true


def refusing(method: str, _: Any, true: Any) -> Any:
    """Does not search."""
    if method == "eth_getLogs":
        raise RefusalError("no")
    return true


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (without(1), "leaves out an anchor between 0 and 2"),
        pytest.param(without(40), "leaves out an anchor between 39 and 41", marks=pytest.mark.soak),
        pytest.param(without(60), "head is not its last Anchored event", marks=pytest.mark.soak),
        (other_root, "two roots at size 40"),
        (other_block, "not on the chain"),
        (refusing, "could not be searched"),
    ],
)
async def test_a_node_that_contradicts_itself_is_not_believed(
    log: SmallLog, lie: Lie, reason: str
) -> None:
    with lying_node(log.node.url, lie) as url, pytest.raises(ChainReadError, match=reason):
        await read(url, log.trust(), log.origin)


@pytest.mark.soak
async def test_another_chain_and_other_code_are_not_read(log: SmallLog) -> None:
    for changes in ({"genesis_hash": bytes(32)}, {"code_hash": bytes(32)}):
        with pytest.raises(ChainReadError, match="not the trusted"):
            await read(log.node.url, log.trust(**changes), log.origin)


async def test_a_successor_begins_where_its_predecessor_was_closed(anvil: ChainFixture) -> None:
    old = open_small_log(anvil)
    for number in range(4):
        old.add(f"urn:example:{number}", at=number)
        old.anchor()
    new = old.succeed(3, origin="carrier.example/next")
    new.add("urn:example:new", at=9)
    new.anchor()
    first = old.trusted(successor=Successor(origin=new.origin, size=3))
    reading = await read(
        old.node.url, TrustFile(operator="A test", logs=(first, new.trusted())), new.origin
    )
    assert [anchor.size for anchor in reading.anchors] == [0, 1, 2, 3, 4]
    assert reading.anchors[4].root == root_of(new.leaves)
    assert reading.abandoned == 1

    alone = await read(old.node.url, new.trust(), new.origin)
    assert [anchor.size for anchor in alone.anchors] == [3, 4]

    # A trust file that names somebody else's log as the one before is not believed.
    stranger = open_small_log(anvil)
    stranger.add("urn:example:stranger", at=1)
    stranger.anchor()
    wrong = stranger.trusted(
        origin="carrier.example/log", successor=Successor(origin=new.origin, size=3)
    )
    with pytest.raises(ChainReadError, match="does not begin where"):
        await read(
            old.node.url, TrustFile(operator="A test", logs=(wrong, new.trusted())), new.origin
        )
