"""Checkpoints go on chain and become final, by one worker at a time."""

import pytest

from fixtures.anchoring import World

pytestmark = pytest.mark.services


async def test_three_checkpoints_are_anchored_and_become_final(world: World) -> None:
    sizes = []
    async with world.working(world.worker()):
        for records in (3, 300, 7):
            sizes.append(await world.append(records, subjects=2))
            await world.anchored(sizes[-1])
    await world.agrees(*sizes)
