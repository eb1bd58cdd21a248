"""Sweeps now and then, while the log is open: see :mod:`provenance.sealing.sweep`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from provenance.core.errors import ProvenanceError
from provenance.sealing.sweep import Swept

_log = structlog.get_logger(__name__)
PAUSE_S: Final = 3_600.0
"""Seconds between two sweeps."""
WAIT_S: Final = 5.0
"""Seconds between looks whether the log is open."""


class Sweeps(Protocol):
    """What is done now and then."""

    async def sweep(self) -> Swept:
        """Remove what is left over."""
        ...


class Sweeping:
    """Runs a sweeper while the API runs; ``is_open`` tells whether log and chain agree."""

    def __init__(
        self,
        sweeper: Sweeps,
        *,
        is_open: Callable[[], bool],
        pause_s: float = PAUSE_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._sweeper = sweeper
        self._is_open = is_open
        self._pause_s = pause_s
        self._wait_s = wait_s

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep in the background."""
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
            _log.warning("sweep_failed", error=type(error).__name__)
            return
        if swept != Swept():
            _log.info("swept", keys=swept.keys, objects=swept.objects, parts=swept.parts)
