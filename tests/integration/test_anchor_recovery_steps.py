"""A refill, and what makes chain and anchors agree, cut off at every numbered step, before and after
its effect: the next worker carries on, and then everything holds."""

from collections.abc import Awaitable, Callable

import pytest

from fixtures.anchoring import Dump, World
from fixtures.opening import CutOff, CutOffError
from fixtures.rotation import rotated
from fixtures.soundness import check_world
from provenance.anchor.fence import check_fence
from provenance.anchor.steps import AnyStep, RecoveryStep, RefillStep

pytestmark = [pytest.mark.services, pytest.mark.soak]

MOMENTS = {"before": False, "after": True}
Disaster = Callable[[World, Dump], Awaitable[list[int]]]


async def anchored(world: World, *records: int) -> list[int]:
    """Log and anchor records; the sizes of all anchors then."""
    async with world.working(world.worker()):
        for count in records:
            await world.anchored(await world.append(count, subjects=2))
        if not records:
            [(size,)] = await world.query("SELECT size FROM log_heads")
            await world.anchored(size)
    return [size for size, _ in await world.anchors()]


async def old_database(world: World, dump: Dump) -> list[int]:
    """The database is older than the chain: the refill, and anchors to be adopted."""
    await anchored(world, 5)
    await world.append(3)
    restore = await dump()
    sizes = await anchored(world, 150, 2)
    await restore()
    return sizes


async def old_database_and_chain(world: World, dump: Dump) -> list[int]:
    """Both come from one old backup: the refill, and anchors to be replayed, one of which is of
    entries that the dump has."""
    await anchored(world, 5)
    await world.append(3)
    restore = await dump()
    older = world.chain.administer("evm_snapshot")
    await anchored(world)
    sizes = await anchored(world, 150, 2)
    await restore()
    go_back(world, older)
    return sizes


async def empty_chain(world: World, _dump: Dump) -> list[int]:
    """The chain lost everything: the journal is sent again, and anchors are found elsewhere."""
    sizes = await anchored(world, 5, 150, 2)
    go_back(world, world.unopened)
    return sizes


def go_back(world: World, snapshot: str) -> None:
    """Put the chain back, but not its clock."""
    now = world.chain.administer("eth_getBlockByNumber", "latest", False)["timestamp"]
    world.chain.administer("evm_revert", snapshot)
    world.chain.administer("anvil_setTime", int(now, 16))


DISASTERS: dict[AnyStep, Disaster] = {
    **dict.fromkeys(RefillStep, old_database_and_chain),
    RecoveryStep.RESTORE_JOURNAL: empty_chain,
    RecoveryStep.NOTE_OPENING: empty_chain,
    RecoveryStep.FIND_AGAIN: empty_chain,
    RecoveryStep.ADOPT: old_database,
    RecoveryStep.REPLAY: old_database_and_chain,
}
STEPS: dict[str, AnyStep] = {step.name: step for step in DISASTERS}


async def cut_off_and_recovered(world: World, dump: Dump, step: AnyStep, moment: str) -> None:
    sizes = await DISASTERS[step](world, dump)
    acknowledged = list(world.logged)
    observer = CutOff(step, after_effect=MOMENTS[moment])
    with pytest.raises(CutOffError):
        async with world.working(world.worker(observer=observer)):
            await world.ended()
    # At whatever step it ended, nobody may write before all is there again.
    report = await check_fence(
        database_url=world.database_url, chain=world.node, log=world.log, promises=world.promises
    )
    [(size,)] = await world.query("SELECT size FROM log_heads")
    assert (report.verdict.name == "OPEN") == (size == sizes[-1])
    async with world.working(world.worker()):
        await world.anchored(sizes[-1])
        await world.until_state("open")
        sizes.append(await world.append(9, subjects=3))
        await world.anchored(sizes[-1])
    await world.agrees(*sizes)
    await check_world(world, size=sizes[-1], acknowledged=[*acknowledged, world.logged[-1]])


@pytest.mark.parametrize(("name", "moment"), rotated(STEPS, list(MOMENTS)))
async def test_whoever_comes_next_completes_it(
    world: World, dump: Dump, name: str, moment: str
) -> None:
    await cut_off_and_recovered(world, dump, STEPS[name], moment)


async def test_what_was_not_replayed_is_not_told_as_replayed(
    world: World, dump: Dump, capsys: pytest.CaptureFixture[str]
) -> None:
    await old_database_and_chain(world, dump)
    capsys.readouterr()
    observer = CutOff(RecoveryStep.REPLAY, after_effect=False)
    with pytest.raises(CutOffError):
        async with world.working(world.worker(observer=observer)):
            await world.ended()
    assert "anchor_replayed" not in capsys.readouterr().out
    async with world.working(world.worker()):
        await world.until_state("open")
        await world.anchored((await world.anchors())[-1][0])
    assert capsys.readouterr().out.count("anchor_replayed") == 3
