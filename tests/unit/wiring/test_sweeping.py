"""Sweeps run while the log is open, again and again, whatever one of them meets."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from psycopg.errors import UndefinedTable
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from fixtures.waiting import eventually
from provenance.blobs import BlobStore
from provenance.sealing import ShelfError
from provenance.sealing.sweep import Swept
from provenance.settings import Settings
from provenance.wiring.sealing import SealedObjects
from provenance.wiring.sweeping import Sweeping, UploadTurn, upload_turn


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


async def test_a_failure_is_logged_with_what_it_is_about() -> None:
    sweeps = Sweeps()
    with capture_logs() as logs:
        async with Sweeping(sweeps, is_open=lambda: True, pause_s=0).running():
            await asyncio.wait_for(sweeps.enough.wait(), 30)
    assert logs[0] == {
        "event": "sweep_failed",
        "log_level": "warning",
        "error": "ShelfError",
        "reason": "the folder is gone",
    }


class Fails:
    """Meets the same error each time."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def sweep(self) -> Swept:
        raise self._error


async def test_a_failure_of_the_database_is_logged_without_what_it_quotes() -> None:
    fault = ProgrammingError("SELECT", {"path": "quoted"}, UndefinedTable("quoted"))
    sweeping = Sweeping(Fails(fault), is_open=lambda: True, pause_s=0)
    with capture_logs() as logs:
        async with sweeping.running():
            await eventually(lambda: len(logs) > 0)
    assert "quoted" not in str(logs[0])
    assert logs[0]["reason"].startswith("UndefinedTable")


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


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def left_over(folder: Path) -> Path:
    """What a process that was killed leaves of an upload, just now."""
    part = folder / "blobs/sealed/20260101/abc#1"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"sealed in part")
    (part.parent / "abd").write_bytes(b"sealed whole")
    return part


def turn_in(folder: Path, *, at: int | None = None) -> UploadTurn:
    store = SealedObjects(BlobStore.in_folder(folder / "blobs"))
    # A part is older than the process that looks at it; file systems keep coarser times.
    return UploadTurn(folder / "lock", store, now_ms=lambda: now_ms() + 1000 if at is None else at)


async def test_what_a_killed_upload_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    part = left_over(tmp_path)
    sweeping = Sweeping(Sweeps(), is_open=lambda: False, turn=turn_in(tmp_path), wait_s=60)
    async with sweeping.running():
        assert not part.exists()
        assert (part.parent / "abd").exists()
        # Another process uploads now: what it writes stays, whoever starts beside it.
        written = left_over(tmp_path)
        async with turn_in(tmp_path).held() as removed:
            assert removed == 0
            assert written.exists()
    async with turn_in(tmp_path).held() as removed:
        assert removed == 1


async def test_a_part_that_is_younger_than_the_process_stays(tmp_path: Path) -> None:
    part = left_over(tmp_path)
    async with turn_in(tmp_path, at=now_ms() - 60_000).held() as removed:
        assert removed == 0
        assert part.exists()


def test_a_store_that_others_may_write_to_is_left_to_its_hour(tmp_path: Path) -> None:
    shared = Settings(data_dir=tmp_path, blob_url=f"file://{tmp_path}/shared")
    assert upload_turn(shared, now_ms=now_ms) is None
    assert upload_turn(Settings(data_dir=tmp_path, blob_url=None), now_ms=now_ms) is not None
