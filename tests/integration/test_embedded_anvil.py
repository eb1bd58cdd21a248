"""The embedded chain keeps its identity, and every block that was called durable."""

import asyncio
import gzip
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog

from fixtures.chain_calls import RECEIVER, SENDER, call, transfer
from fixtures.embedded import ChainFixture
from fixtures.waiting import eventually, gone, kill
from provenance.embedded import EmbeddedAnvil, durable_block
from provenance.embedded.anvil_node import find_anvil
from provenance.embedded.errors import BinaryNotFoundError, ChainStateError, EmbeddedError

pytestmark = pytest.mark.services

START = """
import asyncio, sys
from pathlib import Path
from provenance.embedded import EmbeddedAnvil

async def main():
    chain = EmbeddedAnvil(Path(sys.argv[1]))
    await chain.start()
    await chain.fund(sys.argv[2])
    print(chain.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Stops what a test started, also when the test fails."""
    async with AsyncExitStack() as stack:
        yield stack


async def started(stack: AsyncExitStack, data_dir: Path) -> tuple[EmbeddedAnvil, str]:
    """A chain on which the sender has ether, and its URL."""
    chain = EmbeddedAnvil(data_dir)
    stack.push_async_callback(chain.stop)
    address = await chain.start()
    await chain.fund(SENDER)
    return chain, address.rpc_url


async def block_hash(url: str, number: int | str) -> str:
    tag = hex(number) if isinstance(number, int) else number
    return str((await call(url, "eth_getBlockByNumber", tag, False))["hash"])


def snapshots(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "chain" / "snapshots").glob("*.json.gz"))


def is_durable(data_dir: Path, receipt: dict[str, str]) -> bool:
    found = durable_block(data_dir)
    return found is not None and found.number >= int(receipt["blockNumber"], 16)


async def test_a_restarted_chain_has_its_genesis_blocks_and_transactions(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    first, url = await started(stack, tmp_path)
    receipt = await transfer(url)
    hashes = [await block_hash(url, 0), await block_hash(url, "latest")]
    await first.stop()

    _, again = await started(stack, tmp_path)

    assert again == url
    assert [await block_hash(again, 0), await block_hash(again, "latest")] == hashes
    assert await call(again, "eth_getTransactionReceipt", receipt["transactionHash"]) == receipt
    assert int(await call(again, "eth_getBalance", RECEIVER, "latest"), 16) == 1


async def test_block_times_follow_the_clock_after_a_restart(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    first, url = await started(stack, tmp_path)
    await transfer(url)
    await first.stop()

    _, url = await started(stack, tmp_path)
    receipt = await transfer(url)

    block = await call(url, "eth_getBlockByNumber", receipt["blockNumber"], False)
    assert abs(int(block["timestamp"], 16) - time.time()) < 5


async def test_a_snapshot_holds_the_block_that_it_names(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    chain, url = await started(stack, tmp_path)
    receipt = await transfer(url)

    block = await chain.snapshot()

    assert block.number >= int(receipt["blockNumber"], 16)
    assert "0x" + block.hash.hex() == await block_hash(url, block.number)
    assert durable_block(tmp_path) == block


async def test_a_block_becomes_durable_by_itself_and_survives_a_kill(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    chain, url = await started(stack, tmp_path)
    receipt = await transfer(url)
    await eventually(lambda: is_durable(tmp_path, receipt))

    await kill(chain.process.pid)
    await eventually(lambda: chain.process.restarts == 1)

    assert await call(url, "eth_getTransactionReceipt", receipt["transactionHash"]) == receipt


async def test_requests_wait_for_a_chain_that_is_being_restarted(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    chain, url = await started(stack, tmp_path)
    genesis = await block_hash(url, 0)
    ended = asyncio.Event()
    chain.process.on_exit(lambda _: ended.set())

    await kill(chain.process.pid)
    await ended.wait()

    assert await block_hash(url, 0) == genesis


async def test_a_killed_supervisor_takes_the_chain_along(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, str(tmp_path), SENDER, stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    node = int(await supervisor.stdout.readline())
    joined = EmbeddedAnvil(tmp_path)
    url = (await joined.start()).rpc_url
    receipt = await transfer(url)
    await eventually(lambda: is_durable(tmp_path, receipt))
    with pytest.raises(EmbeddedError, match="another process owns"):
        await joined.fund(SENDER)
    await joined.stop()

    supervisor.kill()
    await supervisor.wait()
    await gone(node)

    _, url = await started(stack, tmp_path)
    assert await call(url, "eth_getTransactionReceipt", receipt["transactionHash"]) == receipt


def cut_in_the_middle(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def end_the_json_early(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-200]))


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [cut_in_the_middle, end_the_json_early, empty])
async def test_a_damaged_newest_snapshot_is_passed_over_for_the_one_before(
    tmp_path: Path, stack: AsyncExitStack, damage: object
) -> None:
    chain, url = await started(stack, tmp_path)
    await transfer(url)
    await chain.snapshot()
    kept = await block_hash(url, 1)
    await transfer(url)
    await chain.stop()
    assert callable(damage)
    damage(snapshots(tmp_path)[-1])

    chain, url = await started(stack, tmp_path)

    assert await block_hash(url, 1) == kept
    durable = durable_block(tmp_path)
    assert durable is not None
    assert "0x" + durable.hash.hex() == await block_hash(url, "latest")
    await transfer(url)
    await eventually(lambda: len(snapshots(tmp_path)) == 2)


async def test_a_chain_without_any_usable_snapshot_is_not_started_empty(tmp_path: Path) -> None:
    chain = EmbeddedAnvil(tmp_path)
    await chain.start()
    await chain.stop()
    for path in snapshots(tmp_path):
        cut_in_the_middle(path)

    with pytest.raises(ChainStateError, match="backup"):
        await EmbeddedAnvil(tmp_path).start()


async def test_another_chain_id_is_refused(tmp_path: Path) -> None:
    chain = EmbeddedAnvil(tmp_path)
    await chain.start()
    await chain.stop()

    with pytest.raises(ChainStateError, match="31337"):
        await EmbeddedAnvil(tmp_path, chain_id=1_337).start()


async def test_funds_survive_a_kill(tmp_path: Path, stack: AsyncExitStack) -> None:
    chain, url = await started(stack, tmp_path)
    balance = await call(url, "eth_getBalance", SENDER, "latest")

    await kill(chain.process.pid)
    await eventually(lambda: chain.process.restarts == 1)

    assert await call(url, "eth_getBalance", SENDER, "latest") == balance
    assert int(balance, 16) > 0


async def test_two_chains_differ_and_each_has_an_address_of_its_own(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    (_, first), (_, second) = await asyncio.gather(
        started(stack, tmp_path / "a"), started(stack, tmp_path / "b")
    )

    await transfer(first)

    assert first != second
    assert int(await call(second, "eth_blockNumber"), 16) == 0


async def test_nobody_is_rich_on_a_new_chain(anvil: ChainFixture) -> None:
    assert anvil.administer("eth_accounts") == []


async def test_finalized_is_the_newest_block(tmp_path: Path, stack: AsyncExitStack) -> None:
    _, url = await started(stack, tmp_path)
    await transfer(url)

    assert await block_hash(url, "finalized") == await block_hash(url, "latest")


async def test_a_reorganised_chain_becomes_durable_anew(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    chain, url = await started(stack, tmp_path)
    for _ in range(3):
        receipt = await transfer(url)
    await eventually(lambda: is_durable(tmp_path, receipt))

    await chain.administer("anvil_reorg", 2, [])

    async def caught_up() -> bool:
        found = durable_block(tmp_path)
        newest = await block_hash(url, "latest")
        return found is not None and "0x" + found.hash.hex() == newest

    await eventually(caught_up)


def test_a_missing_anvil_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BinaryNotFoundError, match="npm ci"):
        find_anvil(folders=(tmp_path,), environment={"PATH": str(tmp_path)})
    with pytest.raises(BinaryNotFoundError, match="configured"):
        find_anvil(environment={"ANVIL": str(tmp_path / "anvil")})


async def test_a_chain_that_grows_long_asks_to_be_replaced(tmp_path: Path) -> None:
    chain = EmbeddedAnvil(tmp_path, warn_from_block=5)
    await chain.start()
    with structlog.testing.capture_logs() as logs:
        await chain.administer("anvil_mine", hex(4))
        await chain.snapshot()
        assert logs == []
        await chain.administer("anvil_mine", hex(1))
        await chain.snapshot()
    await chain.stop()

    assert [(one["event"], one["blocks"]) for one in logs] == [("embedded_chain_is_long", 5)]
