"""Cut off at any numbered step, before or after its effect, the next worker carries on alike."""

import pytest

from fixtures.anchoring import World, draft
from fixtures.opening import CutOff, CutOffError
from fixtures.rotation import rotated
from fixtures.soundness import check_world
from provenance.anchor.steps import Step

pytestmark = pytest.mark.services

INTENDED = {step for step in Step if step.value > Step.STORE_INTENT.value}


MOMENTS = {"before": False, "after": True}


@pytest.mark.parametrize(("name", "moment"), rotated([step.name for step in Step], list(MOMENTS)))
async def test_no_anchor_is_lost_merged_or_made_twice(world: World, name: str, moment: str) -> None:
    step, after_effect = Step[name], MOMENTS[moment]
    async with world.working(world.worker()):
        sizes = [await world.append(5, subjects=2)]
        await world.anchored(sizes[0])
    blocks = (await world.node.latest()).number
    # A tile becomes full in the step that is cut off, and trails of the one before go on.
    cut_off = await log_mixed(world)
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
    await check_world(world, size=sizes[-1], acknowledged=world.logged)
    assert (await world.node.latest()).number == blocks + len(sizes) - 1
    assert await world.query(
        "SELECT count(*) FROM chain_transactions WHERE purpose = 'anchor'"
    ) == [(len(sizes),)]


async def log_mixed(world: World) -> int:
    """Log records of one and of several subjects, old and new ones; the log's size then."""
    await world.append(120, subjects=2)
    await world.log_drafts(draft(0, turn=1, subjects=2, event_id="urn:id:0"))
    return await world.log_drafts(
        draft(0, turn=2, subjects=2, event_id="urn:id:0", corrects="urn:id:0"),
        *(draft(number, turn=1, subjects=3) for number in range(4)),
    )
