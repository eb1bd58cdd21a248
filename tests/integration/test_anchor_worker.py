"""Checkpoints go on chain and become final, by one worker at a time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.anchoring import World, open_world
from fixtures.embedded import ChainFixture

pytestmark = pytest.mark.services


@pytest.fixture
async def world(database_url: str, chain: ChainFixture, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database_url, chain, tmp_path) as one:
        yield one


async def test_three_checkpoints_are_anchored_and_become_final(world: World) -> None:
    sizes = []
    async with world.working(world.worker()):
        for records in (3, 300, 7):
            sizes.append(await world.append(records, subjects=2))
            await world.anchored(sizes[-1])
    await world.agrees(*sizes)
