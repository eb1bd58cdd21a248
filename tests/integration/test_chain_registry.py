"""The registry seen through the client: reads at a block, events, and refusals by name."""

import pytest
from eth_account import Account

from fixtures.anchoring import World
from provenance.chain.client import ChainClient
from provenance.chain.errors import (
    ChainUnavailableError,
    MissingRoleError,
    NoContractError,
    NonceTooLowError,
    NotAnExtensionError,
    UnknownLogError,
    WrongChainError,
)
from provenance.chain.finality import Confirmations, FinalizedTag
from provenance.chain.registry import registry_at
from provenance.chain.transactions import (
    Fees,
    address_of,
    call_of,
    contract_address,
    fees_of,
    gas_of,
    sign_transaction,
)
from provenance.chain.types import Address, BlockHash, ChainIdentity
from provenance.core.digests import LeafHash, sha256

pytestmark = pytest.mark.services

LEAF = LeafHash(sha256(b"leaf"))


async def anchor(world: World, *records: int) -> list[int]:
    sizes = []
    async with world.working(world.worker()):
        for count in records:
            sizes.append(await world.append(count))
            await world.anchored(sizes[-1])
    return sizes


async def test_a_root_is_read_as_of_a_block_and_not_of_now(world: World) -> None:
    (size,) = await anchor(world, 3)
    event = await world.registry.events.anchored(world.registry_log, size)
    assert event is not None
    block = await world.node.block(event.block_hash)
    assert block is not None
    root = await world.registry.root_at(world.registry_log, size, block_hash=block.hash)
    assert root == event.root
    before = block.parent_hash
    assert await world.registry.root_at(world.registry_log, size, block_hash=before) is None
    head = await world.registry.head(world.registry_log, block_hash=before)
    assert head.size == 0


async def test_events_are_found_in_windows_of_blocks(world: World) -> None:
    sizes = await anchor(world, 2, 2)
    world.chain.administer("anvil_mine", 25)
    narrow = registry_at(world.node, world.deployment.contract)
    narrow.events._window = 4
    for size in sizes:
        assert await narrow.events.anchored(
            world.registry_log, size
        ) == await world.registry.events.anchored(world.registry_log, size)
    assert await narrow.events.anchored(world.registry_log, 3) is None
    opened = await narrow.events.opened(world.registry_log)
    assert opened is not None
    assert opened.block_number == world.deployment.start_block


async def test_the_contracts_refusals_have_names(world: World) -> None:
    anchorer = address_of(world.keys.anchorer)
    call = world.registry.anchor(world.registry_log, new_size=0, peaks=[], subtrees=[])
    with pytest.raises(NotAnExtensionError) as refused:
        await world.registry.try_call(sender=anchorer, call_data=call)
    assert refused.value.arguments == (0, 0)
    call = world.registry.anchor(world.registry_log, new_size=1, peaks=[], subtrees=[LEAF])
    with pytest.raises(MissingRoleError):
        await world.registry.try_call(sender=address_of(world.keys.recovery), call_data=call)
    call = world.registry.succeed(sha256(b"no log"), size=1, new_origin="x.example", reason="x")
    with pytest.raises(UnknownLogError):
        await world.registry.try_call(sender=address_of(world.keys.recovery), call_data=call)
    with pytest.raises(NotAnExtensionError):
        await world.registry.estimate_gas(
            sender=anchorer,
            to=world.registry.address,
            call_data=world.registry.anchor(world.registry_log, new_size=0, peaks=[], subtrees=[]),
        )


async def test_an_address_without_the_contract_is_told_apart(world: World) -> None:
    nowhere = registry_at(world.node, Address(bytes(19) + b"\x99"))
    assert not await nowhere.is_deployed()
    with pytest.raises(NoContractError):
        await nowhere.head(world.registry_log)
    world.chain.administer("anvil_setCode", "0x" + "99" * 20, "0x00")
    with pytest.raises(NoContractError, match="not this release's"):
        await registry_at(world.node, Address(b"\x99" * 20)).is_deployed()


async def test_another_genesis_is_another_chain(world: World) -> None:
    identity = await world.node.identity()
    await world.node.check_identity(identity)
    for other in (
        ChainIdentity(chain_id=1, genesis_hash=identity.genesis_hash),
        ChainIdentity(chain_id=identity.chain_id, genesis_hash=BlockHash(bytes(32))),
    ):
        with pytest.raises(WrongChainError, match="RPC_URL"):
            await world.node.check_identity(other)


async def test_what_was_signed_can_be_read_from_the_bytes(world: World) -> None:
    account = Account.from_key(b"\x07" * 32)
    fees = Fees(max_fee=30, priority_fee=2)
    signed = sign_transaction(
        account,
        chain_id=world.chain.chain_id,
        nonce=4,
        to=world.registry.address,
        call_data=b"\x01\x02",
        gas=90_000,
        fees=fees,
    )
    assert call_of(signed.raw) == (world.registry.address, b"\x01\x02")
    assert fees_of(signed.raw) == fees
    assert gas_of(signed.raw) == 90_000
    assert fees.bumped().max_fee * 10 >= fees.max_fee * 11


async def test_a_contract_lands_where_sender_and_nonce_say(world: World) -> None:
    assert contract_address(address_of(world.keys.administrator), 0) == world.registry.address


async def test_the_same_bytes_may_be_sent_twice_and_an_old_nonce_may_not(world: World) -> None:
    account = world.keys.recovery
    signed = [
        sign_transaction(
            account,
            chain_id=world.chain.chain_id,
            nonce=0,
            to=address_of(account),
            call_data=data,
            gas=50_000,
            fees=await world.node.fees(),
        )
        for data in (b"", b"other")
    ]
    world.chain.administer("evm_setAutomine", False)
    try:
        await world.node.send_raw(signed[0].raw)
        await world.node.send_raw(signed[0].raw)
        assert await world.node.knows_transaction(signed[0].tx_hash)
        assert await world.node.receipt(signed[0].tx_hash) is None
        world.chain.administer("evm_mine")
    finally:
        world.chain.administer("evm_setAutomine", True)
    assert await world.node.nonce(address_of(account)) == 1
    with pytest.raises(NonceTooLowError):
        await world.node.send_raw(signed[1].raw)


async def test_finality_counts_blocks_or_believes_the_chain(world: World) -> None:
    newest = (await world.node.latest()).number
    assert await Confirmations(1).final_number(world.node) == newest
    assert await Confirmations(4).final_number(world.node) == newest - 3
    assert await FinalizedTag().final_number(world.node) == newest


async def test_a_node_that_is_not_there_is_unavailable() -> None:
    node = ChainClient("http://127.0.0.1:9", timeout=1)
    try:
        with pytest.raises(ChainUnavailableError):
            await node.identity()
    finally:
        await node.aclose()
