"""A log that can't go on is carried on under another name."""

from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from fixtures.anchoring import Dump, World, steal
from fixtures.opening import CutOff, CutOffError
from provenance.anchor.bootstrap import Roles
from provenance.anchor.errors import SuccessionError
from provenance.anchor.fence import Verdict, check_fence
from provenance.anchor.steps import StepObserver, SuccessionStep
from provenance.anchor.succession import Succession, succeed
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.errors import MissingRoleError
from provenance.chain.transactions import address_of
from provenance.chain.types import LogState
from provenance.core.notes import Signer
from provenance.log.errors import LogReadOnlyError

pytestmark = pytest.mark.services

NEW_ORIGIN = "log.example/parcels-2"


async def carry_on(world: World, *, observer: StepObserver | None = None) -> Succession:
    """Succeed the log, with a fresh anchoring key; the world is the successor's then."""
    fresh = Account.from_key(bytes([0xD4]) * 32)
    world.chain.fund(fresh.address)
    keys = replace(world.keys, anchorer=fresh)
    result = await succeed(
        database_url=world.database_url,
        chain=world.node,
        blobs=world.blobs,
        log=world.log,
        new_origin=NEW_ORIGIN,
        reason="the anchoring key was stolen",
        recovery=keys.recovery,
        roles=keys.roles,
        signers=[world.signer],
        observer=observer,
    )
    world.log, world.keys = result.log, keys
    world.signer = Signer(name=NEW_ORIGIN, private_key=world.signer.private_key)
    return result


async def anchor(world: World, *records: int) -> list[int]:
    sizes = []
    async with world.working(world.worker()):
        for count in records:
            sizes.append(await world.append(count, subjects=2))
            await world.anchored(sizes[-1])
    return sizes


@pytest.mark.parametrize("garbage", [1, 500], ids=["below the log's size", "above it"])
async def test_after_garbage_the_successor_goes_on_from_the_last_agreeing_size(
    world: World, garbage: int
) -> None:
    old_log = world.log
    sizes = await anchor(world, 3, 200)
    unanchored = await world.append(10, subjects=2)
    await steal(world, sizes[-1], garbage)
    before = await world.query("SELECT index, leaf_hash FROM entries ORDER BY index")
    result = await carry_on(world)
    assert (result.size, result.log_size) == (sizes[-1], unanchored)
    assert result.abandoned == (sizes[-1] + garbage,)
    info = await world.registry.log_info(registry_log_id(old_log.origin))
    assert (info.state, info.closed_size) == (LogState.CLOSED, sizes[-1])
    async with world.working(world.worker()):
        await world.anchored(unanchored)
        newest = await world.append(5, subjects=2)
        await world.anchored(newest)
    await world.agrees(unanchored, newest, start=sizes[-1])
    assert (await world.query("SELECT index, leaf_hash FROM entries ORDER BY index"))[
        : len(before)
    ] == before
    kept = await world.query(
        "SELECT size, state FROM anchors WHERE log_id = %s ORDER BY size", old_log.log_id
    )
    assert kept == [(size, "final") for size in sizes]


async def test_the_closed_log_takes_no_more_writes(world: World) -> None:
    await anchor(world, 3)
    old_log = world.log
    await carry_on(world)
    report = await check_fence(database_url=world.database_url, chain=world.node, log=old_log)
    assert report.verdict is Verdict.CLOSED
    world.log = old_log
    with pytest.raises(LogReadOnlyError, match="succeeded by"):
        await world.append(1)


async def test_with_the_batches_gone_it_says_what_is_lost_and_goes_on(
    world: World, dump: Dump, tmp_path: Path
) -> None:
    sizes = await anchor(world, 3, 4)
    restore = await dump()
    lost = await anchor(world, 6)
    await restore()
    (tmp_path / "logs").rename(tmp_path / "gone")
    async with world.working(world.worker()):
        await world.until_state("forked")
    result = await carry_on(world)
    assert result.size == sizes[-1]
    assert result.lost == (sizes[-1], lost[0])
    assert result.abandoned == (lost[0],)
    after = await anchor(world, 2)
    await world.agrees(*after, start=sizes[-1])


async def test_batches_that_are_left_are_put_back_first(world: World, dump: Dump) -> None:
    sizes = await anchor(world, 3)
    restore = await dump()
    sizes += await anchor(world, 6)
    await steal(world, sizes[-1], 7)
    await restore()
    result = await carry_on(world)
    assert (result.size, result.log_size) == (sizes[-1], sizes[-1])
    rows = await world.query("SELECT size FROM anchors ORDER BY size")
    assert [size for (size,) in rows] == sizes


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", list(SuccessionStep), ids=lambda step: step.name.lower())
async def test_cut_off_anywhere_it_can_be_run_again(
    world: World, step: SuccessionStep, after_effect: bool
) -> None:
    sizes = await anchor(world, 3)
    old_log = world.log
    await world.append(2)
    with pytest.raises(CutOffError):
        await carry_on(world, observer=CutOff(step, after_effect=after_effect))
    result = await carry_on(world)
    assert result.size == sizes[-1]
    again = await succeed(
        database_url=world.database_url,
        chain=world.node,
        blobs=world.blobs,
        log=old_log,
        new_origin=NEW_ORIGIN,
        reason="again",
        recovery=world.keys.recovery,
        roles=world.keys.roles,
        signers=[world.signer],
    )
    assert again.log == result.log
    async with world.working(world.worker()):
        await world.anchored(result.log_size)
    await world.agrees(result.log_size, start=sizes[-1])
    assert await world.query("SELECT count(*) FROM logs") == [(2,)]


async def test_a_chain_that_lost_the_succession_gets_it_back(world: World) -> None:
    old_log = world.log
    sizes = await anchor(world, 3, 4)
    await carry_on(world)
    after = await anchor(world, 2)
    before = await world.query("SELECT tx_hash FROM anchors ORDER BY size")
    world.chain.administer("evm_revert", world.unopened)
    world.chain.fund(world.keys.anchorer.address)
    async with world.working(world.worker()):
        after.append(await world.append(1))
        await world.anchored(after[-1])
    await world.agrees(*after, start=sizes[-1])
    assert (await world.query("SELECT tx_hash FROM anchors ORDER BY size"))[:-1] == before
    for size in sizes:
        event = await world.registry.events.anchored(registry_log_id(old_log.origin), size)
        assert event is not None
        stored = await world.query(
            "SELECT block_hash FROM anchors WHERE log_id = %s AND size = %s", old_log.log_id, size
        )
        assert stored == [(event.block_hash,)]


async def test_only_the_recovery_key_can_do_it(world: World) -> None:
    await anchor(world, 3)
    with pytest.raises(MissingRoleError):
        await succeed(
            database_url=world.database_url,
            chain=world.node,
            blobs=world.blobs,
            log=world.log,
            new_origin=NEW_ORIGIN,
            reason="a coup",
            recovery=world.keys.administrator,
            roles=Roles(
                administrator=world.keys.administrator,
                anchorer=address_of(world.keys.anchorer),
                recovery=address_of(world.keys.recovery),
            ),
            signers=[world.signer],
        )


async def test_a_log_without_an_anchor_has_nothing_to_go_on_from(world: World) -> None:
    await world.append(2)
    with pytest.raises(SuccessionError, match="no anchored size"):
        await carry_on(world)
