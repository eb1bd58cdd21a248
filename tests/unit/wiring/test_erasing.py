"""What is left of erasures is seen to while the log is open, whatever one look meets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provenance.embedded.files import FileLock
from provenance.erasure.errors import ErasureListError
from provenance.erasure.recording import Writes
from provenance.log.submissions import Logged, Submission
from provenance.wiring.erasing import Erasing

HOUR_MS = 3_600_000


class Writer:
    """A writer that is open from the ``opens``-th look on."""

    def __init__(self, *, opens: int = 0) -> None:
        self.looks = 0
        self._opens = opens

    @property
    def is_open(self) -> bool:
        self.looks += 1
        return self.looks > self._opens

    async def submit(self, submission: Submission) -> Logged:
        raise AssertionError(submission)


@dataclass
class Work:
    """Eraser and retention in one: notes what is asked of it; ``enough`` is set by the third look."""

    left: list[dict[str, list[str]]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    fails: int = 0

    async def restore(self) -> int:
        self.did.append("restore")
        return 0

    async def finish(
        self, *, writer: Writes | None, may_rewrite: bool = True
    ) -> dict[str, list[str]]:
        assert writer is not None
        self.did.append("finish" if may_rewrite else "finish later")
        if sum(one.startswith("finish") for one in self.did) == 3:
            self.enough.set()
        if self.fails:
            self.fails -= 1
            raise ErasureListError("gone")
        return self.left.pop(0) if self.left else {}

    async def erase_due(self, *, writer: Writes) -> Sequence[object]:
        del writer
        self.did.append("retention")
        return []


def erasing(
    work: Work,
    writer: Writer,
    folder: Path,
    *,
    hour: int | None = None,
    now_ms: int = 0,
    pause_s: float = 0,
) -> Erasing:
    return Erasing(
        work,
        writer,
        retention=work,
        lock=FileLock(folder / "lock"),
        hour=hour,
        now_ms=lambda: now_ms,
        pause_s=pause_s,
        soon_s=0,
    )


async def test_a_look_that_fails_is_not_the_last_and_retention_comes_once_a_day(
    tmp_path: Path,
) -> None:
    work = Work(fails=1)
    async with erasing(work, Writer(), tmp_path).running():
        await asyncio.wait_for(work.enough.wait(), 30)
    assert work.did[:2] == ["restore", "finish"]
    assert work.did.count("retention") == 1
    assert work.did.count("restore") == 1


async def test_nothing_is_done_before_the_log_is_open_and_what_is_left_is_told(
    tmp_path: Path,
) -> None:
    work, writer = (
        Work(left=[{"a": ["batches: waited for"]}, {"a": ["table records: in use"]}]),
        Writer(opens=6),
    )
    looked = erasing(work, writer, tmp_path)
    seen: list[dict[str, list[str]]] = []
    async with looked.running():
        while not work.enough.is_set():
            if looked.left not in seen:
                seen.append(looked.left)
            assert not work.did or writer.looks > 6
            await asyncio.sleep(0)
    assert {"a": ["table records: in use"]} in seen
    assert looked.left == {}


@pytest.mark.parametrize("reason", ["batches", "log", "news"])
async def test_what_is_left_for_a_moment_only_is_looked_at_soon(
    tmp_path: Path, reason: str
) -> None:
    work = Work(left=[{"a": [f"{reason}: waited for"]}] * 2)
    looked = erasing(work, Writer(), tmp_path, pause_s=3_600)
    async with looked.running():
        await asyncio.wait_for(work.enough.wait(), 30)


async def test_tables_are_rewritten_at_the_hour_that_is_set(tmp_path: Path) -> None:
    for hour, said in ((3, "finish"), (4, "finish later")):
        work = Work()
        async with erasing(work, Writer(), tmp_path, hour=hour, now_ms=3 * HOUR_MS).running():
            await asyncio.wait_for(work.enough.wait(), 30)
        assert said in work.did
        assert {"finish", "finish later"} - {said} - set(work.did)


async def test_of_two_processes_one_sees_to_it(tmp_path: Path) -> None:
    first, second = Work(), Work()
    idle = Writer()
    async with erasing(first, Writer(), tmp_path).running():
        await asyncio.wait_for(first.enough.wait(), 30)
        async with erasing(second, idle, tmp_path).running():
            while idle.looks < 3:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0)
        assert second.did == []
    async with erasing(second, Writer(), tmp_path).running():
        await asyncio.wait_for(second.enough.wait(), 30)
