"""What a chain, or a node, does to our transactions, and how it heals."""

from pathlib import Path

import pytest
from eth_account import Account

from fixtures.anchoring import World, open_world
from fixtures.embedded import ChainFixture
from fixtures.waiting import eventually
from provenance.chain.finality import Confirmations, Durable
from provenance.chain.transactions import address_of
from provenance.chain.types import BlockHash

pytestmark = pytest.mark.services


async def sent(world: World) -> list[tuple[int, bytes]]:
    """Sizes and transactions of the anchors, as stored."""
    return await world.query("SELECT size, tx_hash FROM anchors ORDER BY size")


async def three_anchors(world: World) -> list[int]:
    sizes = []
    async with world.working(world.worker()):
        for records in (4, 260, 2):
            sizes.append(await world.append(records))
            await world.anchored(sizes[-1])
    return sizes


async def test_a_chain_that_lost_blocks_gets_them_back_with_the_same_transactions(
    world: World,
) -> None:
    async with world.working(world.worker()):
        sizes = [await world.append(4)]
        await world.anchored(sizes[0])
        older = world.chain.administer("evm_snapshot")
        for records in (260, 2):
            sizes.append(await world.append(records))
            await world.anchored(sizes[-1])
        before = await sent(world)
        world.chain.administer("evm_revert", older)
        await eventually(lambda: holds(world, sizes[-1]))
        sizes.append(await world.append(1))
        await world.anchored(sizes[-1])
    await world.agrees(*sizes)
    assert (await sent(world))[:-1] == before


async def test_a_chain_that_lost_everything_gets_registry_roles_and_anchors_back(
    world: World,
) -> None:
    sizes = await three_anchors(world)
    before = await sent(world)
    world.chain.administer("evm_revert", world.unopened)
    async with world.working(world.worker()):
        sizes.append(await world.append(1))
        await world.anchored(sizes[-1])
    await world.agrees(*sizes)
    assert (await sent(world))[:-1] == before


async def test_what_comes_back_in_earlier_blocks_than_before_is_found_there(
    database_url: str, chain: ChainFixture, tmp_path: Path
) -> None:
    async with open_world(database_url, chain, tmp_path, idle_blocks=50) as world:
        sizes = await three_anchors(world)
        before = world.deployment.start_block
        world.chain.administer("evm_revert", world.unopened)
        async with world.working(world.worker()):
            sizes.append(await world.append(1))
            await world.anchored(sizes[-1])
        await world.agrees(*sizes)
        rows = await world.query("SELECT start_block, start_time FROM logs")
        assert rows[0][0] == before - 50
        opened = await world.node.block(rows[0][0])
        assert opened is not None
        assert opened.time == rows[0][1]


async def test_a_gap_in_the_stored_nonces_is_closed_by_signing_anew(world: World) -> None:
    older = world.chain.administer("evm_snapshot")
    sizes = await three_anchors(world)
    before = await sent(world)
    world.chain.administer("evm_revert", older)
    await world.query("DELETE FROM chain_transactions WHERE tx_hash = %s", before[1][1])
    async with world.working(world.worker()):
        for size in sizes:
            await world.anchored(size)
        await eventually(lambda: holds(world, sizes[-1]))
    await world.agrees(*sizes)
    assert (await sent(world))[0] == before[0]


async def test_an_anchor_whose_block_was_replaced_is_found_in_its_new_block(world: World) -> None:
    async with world.working(world.worker(finality=Confirmations(3))):
        size = await world.append(4)
        await world.anchored(size, state="included")
        before = await world.query("SELECT tx_hash, block_hash FROM anchors")
        world.chain.administer("anvil_reorg", 1, [])
        await eventually(lambda: moved(world, before[0][1]))
        world.chain.administer("anvil_mine", 3)
        await world.anchored(size)
    await world.agrees(size)
    after = await world.query("SELECT tx_hash, block_hash FROM anchors")
    assert after[0][0] == before[0][0]
    assert after[0][1] != before[0][1]


async def test_a_dropped_transaction_is_sent_again(world: World) -> None:
    world.chain.administer("evm_setAutomine", False)
    try:
        async with world.working(world.worker()):
            size = await world.append(4)
            await world.anchored(size, state="submitted")
            before = await sent(world)
            world.chain.administer("anvil_dropTransaction", "0x" + before[0][1].hex())
            world.chain.administer("evm_setAutomine", True)
            await world.anchored(size)
    finally:
        world.chain.administer("evm_setAutomine", True)
    await world.agrees(size)
    assert await sent(world) == before


async def test_a_transaction_that_waits_too_long_is_replaced_with_a_higher_fee(
    world: World,
) -> None:
    world.chain.administer("evm_setAutomine", False)
    try:
        async with world.working(world.worker()):
            size = await world.append(4)
            await world.anchored(size, state="submitted")
            await eventually(lambda: signed(world, 2))
            world.chain.administer("evm_mine")
            await world.anchored(size)
    finally:
        world.chain.administer("evm_setAutomine", True)
    await world.agrees(size)
    nonces = await world.query("SELECT nonce FROM chain_transactions WHERE purpose = 'anchor'")
    assert len(set(nonces)) == 1


async def test_a_nonce_that_somebody_else_used_costs_one_more_signature(world: World) -> None:
    world.chain.administer("evm_setAutomine", False)
    try:
        async with world.working(world.worker()):
            size = await world.append(4)
            await world.anchored(size, state="submitted")
            account = world.keys.anchorer
            foreign = Account.sign_transaction(
                {
                    "chainId": world.chain.chain_id,
                    "nonce": await world.node.nonce(address_of(account)),
                    "to": account.address,
                    "value": 0,
                    "gas": 21_000,
                    "maxFeePerGas": 10**12,
                    "maxPriorityFeePerGas": 10**12,
                },
                account.key,
            )
            await world.node.send_raw(bytes(foreign.raw_transaction))
            world.chain.administer("evm_setAutomine", True)
            world.chain.administer("evm_mine")
            await world.anchored(size)
    finally:
        world.chain.administer("evm_setAutomine", True)
    await world.agrees(size)


async def test_final_on_the_embedded_chain_means_in_a_snapshot(world: World) -> None:
    durable: list[tuple[int, BlockHash]] = []
    asked = 0

    async def newest() -> tuple[int, BlockHash] | None:
        nonlocal asked
        asked += 1
        return durable[-1] if durable else None

    async with world.working(world.worker(finality=Durable(newest))):
        size = await world.append(4)
        await world.anchored(size, state="included")
        block = await world.node.latest()
        durable.append((block.number, BlockHash(bytes(32))))
        enough = asked + 3
        await eventually(lambda: asked >= enough)
        assert await world.anchors() == [(size, "included")]
        durable.append((block.number, block.hash))
        await world.anchored(size)


async def holds(world: World, size: int) -> bool:
    return await world.registry.is_deployed() and (
        await world.registry.root_at(world.registry_log, size) is not None
    )


async def moved(world: World, block_hash: bytes) -> bool:
    rows = await world.query("SELECT block_hash FROM anchors")
    return bool(rows[0][0] not in {None, block_hash})


async def signed(world: World, count: int) -> bool:
    rows = await world.query("SELECT count(*) FROM chain_transactions WHERE purpose = 'anchor'")
    return bool(rows[0][0] >= count)
