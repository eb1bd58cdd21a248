"""The service's own programs (API, anchoring worker) as supervised children."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM
from typing import Final

from provenance.api.connection import GRACE_S
from provenance.embedded.process import Command, RunningProcess

STOP: Final = ((SIGTERM, GRACE_S + 15.0), (SIGKILL, 5.0))
"""A graceful stop finishes what was accepted, which takes as long as the slowest commit; then the
API has some seconds to answer what is left, and to close."""


@dataclass(frozen=True, slots=True)
class Program:
    """``python -m module`` with the ``environment`` of the moment; ``ready`` returns once it serves.

    The child gets SIGTERM when its supervisor dies, and finishes what it has accepted.
    """

    name: str
    module: str
    environment: Callable[[], Mapping[str, str]]
    ready: Callable[[], Awaitable[None]]

    async def prepare(self) -> Command | RunningProcess:
        """How to start it; nothing of an earlier run is adopted."""
        return Command(
            argv=(sys.executable, "-m", self.module),
            environment=self.environment(),
            stop=STOP,
            death_signal=SIGTERM,
        )

    async def wait_ready(self) -> None:
        """Return once it serves."""
        await self.ready()

    def learn_from_failure(self, log: str) -> bool:
        """A failed start is not tried again at once: its log says what to mend."""
        del log
        return False


async def wait_for_answer(host: str, port: int) -> None:
    """Return once somebody accepts connections at ``host:port``."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def at_once() -> None:
    """Return: the program is ready when it runs."""
