"""Sweeps run while the log is open, again and again, whatever one of them meets."""

import asyncio
from collections.abc import Iterator

from provenance.sealing import ShelfError
from provenance.sealing.sweep import Swept
from provenance.wiring.sweeping import Sweeping


class Sweeps:
    """Fails the first time; ``enough`` is set by the third."""

    def __init__(self) -> None:
        self.count = 0
        self.enough = asyncio.Event()

    async def sweep(self) -> Swept:
        self.count += 1
        if self.count == 1:
            raise ShelfError("the folder is gone")
        if self.count == 3:
            self.enough.set()
        return Swept(keys=self.count)


async def test_sweeps_go_on_after_a_failure_and_end_with_the_service() -> None:
    sweeps = Sweeps()
    async with Sweeping(sweeps, is_open=lambda: True, pause_s=0).running():
        await asyncio.wait_for(sweeps.enough.wait(), 30)
    after = sweeps.count
    for _ in range(10):
        await asyncio.sleep(0)
    assert sweeps.count == after


async def test_nothing_is_swept_before_the_log_is_open() -> None:
    sweeps = Sweeps()
    seen: list[int] = []

    def looks() -> Iterator[bool]:
        for _ in range(3):
            seen.append(sweeps.count)
            yield False
        while True:
            yield True

    is_open = looks().__next__
    async with Sweeping(sweeps, is_open=is_open, pause_s=0, wait_s=0).running():
        await asyncio.wait_for(sweeps.enough.wait(), 30)
    assert seen == [0, 0, 0]
