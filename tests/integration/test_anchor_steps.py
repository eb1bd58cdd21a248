"""Cut off at any numbered step, before or after its effect, the next worker carries on alike."""

import pytest

from fault.invariants import check_copies
from fixtures.anchoring import World
from fixtures.opening import CutOff, CutOffError
from provenance.anchor.session import connect
from provenance.anchor.steps import Step
from provenance.anchor.tree import StoredTree

pytestmark = pytest.mark.services

INTENDED = {step for step in Step if step.value > Step.STORE_INTENT.value}


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.name.lower())
async def test_no_anchor_is_lost_merged_or_made_twice(
    world: World, step: Step, after_effect: bool
) -> None:
    async with world.working(world.worker()):
        sizes = [await world.append(5)]
        await world.anchored(sizes[0])
    blocks = (await world.node.latest()).number
    cut_off = await world.append(300)
    with pytest.raises(CutOffError):
        async with world.working(world.worker(observer=CutOff(step, after_effect=after_effect))):
            await world.ended()
    if step in INTENDED or (step is Step.STORE_INTENT and after_effect):
        sizes.append(cut_off)
    sizes.append(await world.append(9, subjects=3))
    async with world.working(world.worker()):
        for size in sizes:
            await world.anchored(size)
    await world.agrees(*sizes)
    await copies_agree(world, sizes[-1])
    assert (await world.node.latest()).number == blocks + len(sizes) - 1
    assert await world.query(
        "SELECT count(*) FROM chain_transactions WHERE purpose = 'anchor'"
    ) == [(len(sizes),)]


async def copies_agree(world: World, size: int) -> None:
    """The blob store holds each anchored step whole."""
    anchored = await world.query(
        "SELECT origin, old_size, size, root FROM anchors JOIN logs USING (log_id) ORDER BY size"
    )
    async with connect(world.database_url) as connection:
        leaves = await StoredTree(connection, world.log.log_id).leaves(0, size)
    await check_copies(world.blobs, anchored, leaves)
