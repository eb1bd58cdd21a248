"""Sweeps now and then, while the log is open: see :mod:`provenance.sealing.sweep`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from provenance.core.errors import ProvenanceError
from provenance.sealing.sweep import Sweeper, Swept

_log = structlog.get_logger(__name__)
PAUSE_S: Final = 3_600.0
"""Seconds between two sweeps."""
_WAIT_S: Final = 5.0
"""Seconds between looks whether the log is open."""


class Sweeping:
    """Runs a sweeper while the API runs; ``is_open`` tells whether log and chain agree."""

    def __init__(self, sweeper: Sweeper, *, is_open: Callable[[], bool]) -> None:
        self._sweeper = sweeper
        self._is_open = is_open

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
                await asyncio.sleep(_WAIT_S)
                continue
            await self._sweep()
            await asyncio.sleep(PAUSE_S)

    async def _sweep(self) -> None:
        try:
            swept = await self._sweeper.sweep()
        except (ProvenanceError, SQLAlchemyError, OSError) as error:
            _log.warning("sweep_failed", error=type(error).__name__)
            return
        if swept != Swept():
            _log.info("swept", keys=swept.keys, objects=swept.objects, parts=swept.parts)
