"""Sweeps now and then, while the log is open: see :mod:`provenance.sealing.sweep`.

What a killed process left of an upload is removed at once, where that is certain to be nobody's:
:class:`UploadTurn`. Everything else waits for its hour.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from provenance.core.errors import ProvenanceError
from provenance.db.faults import told
from provenance.embedded.files import make_folder
from provenance.sealing.sweep import Swept
from provenance.settings import Settings
from provenance.wiring.chain import blob_store
from provenance.wiring.sealing import SealedObjects

_log = structlog.get_logger(__name__)
PAUSE_S: Final = 3_600.0
"""Seconds between two sweeps."""
WAIT_S: Final = 5.0
"""Seconds between looks whether the log is open."""
_MAX_REASON: Final = 500
"""Characters of an error that are logged: an object store may answer with a page."""


class Sweeps(Protocol):
    """What is done now and then."""

    async def sweep(self) -> Swept:
        """Remove what is left over."""
        ...


class RemovesParts(Protocol):
    """A store of sealed objects, of which uploads that never ended leave parts."""

    async def remove_parts(self, *, before_ms: int) -> int:
        """Remove them; returns how many there were."""
        ...


class UploadTurn:
    """A lock that all processes share while they upload to one folder.

    Whoever finds nobody there removes what uploads have left: none of them goes on. The kernel
    releases the lock of a process that was killed.
    """

    def __init__(self, path: Path, parts: RemovesParts, *, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._parts = parts
        self._now_ms = now_ms

    @asynccontextmanager
    async def held(self) -> AsyncIterator[int]:
        """Take part for as long as this is open; gives the number of parts that were removed."""
        make_folder(self._path.parent)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            removed = 0
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                removed = await self._remove()
            # Waits for another one that removes them now.
            await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_SH)
            yield removed
        finally:
            os.close(descriptor)

    async def _remove(self) -> int:
        try:
            return await self._parts.remove_parts(before_ms=self._now_ms())
        except ProvenanceError as error:
            # The sweep takes it up.
            _tell_failure(error)
            return 0


def upload_turn(settings: Settings, *, now_ms: Callable[[], int]) -> UploadTurn | None:
    """Return the turn of the settings' store; None where others may write to it unseen."""
    if settings.blob_url is not None:
        return None
    path = settings.data_dir / "run" / "uploads.lock"
    return UploadTurn(path, SealedObjects(blob_store(settings)), now_ms=now_ms)


class Sweeping:
    """Runs a sweeper while the API runs; ``is_open`` tells whether log and chain agree.

    Uploads are taken in ``turn``, where there is one.
    """

    def __init__(
        self,
        sweeper: Sweeps,
        *,
        is_open: Callable[[], bool],
        turn: UploadTurn | None = None,
        pause_s: float = PAUSE_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._sweeper = sweeper
        self._is_open = is_open
        self._turn = turn
        self._pause_s = pause_s
        self._wait_s = wait_s

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep in the background."""
        async with AsyncExitStack() as stack:
            if self._turn is not None:
                removed = await stack.enter_async_context(self._turn.held())
                if removed:
                    _log.info("swept", keys=0, objects=0, parts=removed)
            task = asyncio.create_task(self._run(), name="sweeper")
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _run(self) -> None:
        while True:
            if not self._is_open():
                await asyncio.sleep(self._wait_s)
                continue
            await self._sweep()
            await asyncio.sleep(self._pause_s)

    async def _sweep(self) -> None:
        try:
            swept = await self._sweeper.sweep()
        except (ProvenanceError, SQLAlchemyError, OSError) as error:
            _tell_failure(error)
            return
        if swept != Swept():
            _log.info("swept", keys=swept.keys, objects=swept.objects, parts=swept.parts)


def _tell_failure(error: Exception) -> None:
    # What is swept has random names: a path or an origin is nobody's data.
    _log.warning("sweep_failed", error=type(error).__name__, reason=told(error)[:_MAX_REASON])
