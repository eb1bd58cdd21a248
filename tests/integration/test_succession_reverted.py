"""A succession that database and chain have forgotten: no index is given twice, no size changes."""

import asyncio

import pytest

from fixtures.application import document, event, parcel, running_service
from fixtures.left import LD_JSON, NEW_ORIGIN, ORIGIN, Left, start
from fixtures.opening import client
from fixtures.waiting import eventually
from provenance.anchor.errors import SuccessionError
from provenance.anchor.succession import Succession
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.registry import registry_at
from provenance.chain.types import Address, LogState
from provenance.core.trustfile import TrustFile
from provenance.settings import Settings
from provenance.wiring.succession import carry_on
from provenance.wiring.trust import trust_path
from provenance.worker.process import run as run_worker

pytestmark = pytest.mark.services

UNSENT = "DELETE FROM chain_transactions WHERE purpose = 'anchor' AND size = 2"


async def capture(settings: Settings) -> None:
    """One more event, anchored."""
    async with running_service(settings) as service:
        carrier = await service.new_carrier()
        sent = await carrier.post("/epcis/capture", json=document(event(parcel())), headers=LD_JSON)
        assert sent.status_code == 202, sent.text
        await service.anchor()


async def on_chain(left: Left) -> tuple[LogState, int, int]:
    """State of the old log, the size it was closed at, and that of its head."""
    async with client(left.chain.rpc_url) as node:
        registry = registry_at(node, Address(left.trust.logs[0].contract))
        info = await registry.log_info(registry_log_id(ORIGIN))
        head = await registry.head(registry_log_id(ORIGIN))
        return info.state, info.closed_size, head.size


async def anchored_again(left: Left, settings: Settings, size: int) -> None:
    """Run a worker until the chain has the old log up to ``size``."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(settings, stop=stop))

    async def reached() -> bool:
        return worker.done() or (await on_chain(left))[2] == size

    try:
        await eventually(reached)
    finally:
        stop.set()
        await worker


async def succeed(settings: Settings, *, name: str = NEW_ORIGIN) -> Succession:
    return (await carry_on(settings, new_origin=name, reason="a test"))[0]


async def test_a_log_that_was_published_as_carried_on_takes_nothing(left: Left) -> None:
    dump, snapshot = left.copied_database(), left.chain.administer("evm_snapshot")
    await succeed(left.settings)
    await start(left.settings, left.chain)
    await capture(left.settings)
    assert left.chain.administer("evm_revert", snapshot)
    await start(dump, left.chain)

    told = f"run `provenance log succeed {NEW_ORIGIN}`"
    async with running_service(dump, closed_for=told) as service:
        carrier = await service.new_carrier()
        sent = await carrier.post("/epcis/capture", json=document(event(parcel())), headers=LD_JSON)
        assert sent.status_code == 503, sent.text
        assert told in sent.json()["detail"]
        answer = await carrier.get("/v1/receipts/0")
        assert answer.status_code == 200, answer.text

    assert left.rows("SELECT size FROM log_heads", dump) == [(1,)]
    done = await succeed(dump)
    assert (done.size, done.abandoned) == (1, ())


async def test_it_is_closed_at_the_published_size_or_not_at_all(left: Left) -> None:
    dump, snapshot = left.copied_database(), left.chain.administer("evm_snapshot")
    await capture(left.settings)
    first = await succeed(left.settings)
    assert first.size == 2
    published = trust_path(left.settings).read_bytes()
    assert left.chain.administer("evm_revert", snapshot)

    with pytest.raises(SuccessionError, match=r"from size 2.*the chain holds it up to 1"):
        await succeed(dump)
    assert await on_chain(left) == (LogState.OPEN, 0, 1)

    # The refused call has loaded the copy; a worker anchors again what it tells of.
    await anchored_again(left, dump, 2)
    again = await succeed(dump)
    assert (again.size, again.abandoned, again.lost) == (2, (), None)
    assert await on_chain(left) == (LogState.CLOSED, 2, 2)
    assert trust_path(left.settings).read_bytes() == published
    assert (await start(dump, left.chain)).trust == TrustFile.decode(published)


async def test_another_name_than_the_published_one_closes_nothing(left: Left) -> None:
    dump, snapshot = left.copied_database(), left.chain.administer("evm_snapshot")
    await succeed(left.settings)
    assert left.chain.administer("evm_revert", snapshot)
    before = left.files()
    with pytest.raises(SuccessionError, match=rf"{NEW_ORIGIN} carries {ORIGIN} on: name that one"):
        await succeed(dump, name="log.example/third")
    assert left.files() == before
    assert (await on_chain(left))[0] is LogState.OPEN


async def test_a_chain_that_came_back_older_gets_its_anchors_again_before_it_is_closed(
    left: Left,
) -> None:
    snapshot = left.chain.administer("evm_snapshot")
    await capture(left.settings)
    assert left.chain.administer("evm_revert", snapshot)

    done = await succeed(left.settings)

    assert (done.size, done.abandoned) == (2, ())
    assert await on_chain(left) == (LogState.CLOSED, 2, 2)


async def test_it_is_not_closed_below_what_it_held(left: Left) -> None:
    snapshot = left.chain.administer("evm_snapshot")
    await capture(left.settings)
    assert left.chain.administer("evm_revert", snapshot)
    left.rows(UNSENT)

    with pytest.raises(SuccessionError, match=r"holds the log up to size 1, but held it up to 2"):
        await succeed(left.settings)
    assert await on_chain(left) == (LogState.OPEN, 0, 1)

    await anchored_again(left, left.settings, 2)
    assert (await succeed(left.settings)).size == 2
