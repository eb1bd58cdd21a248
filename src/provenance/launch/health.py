"""Whether the service's own programs still answer, and a new start for one that does not.

A program that ended is started again by whoever supervises it; one that hangs has not ended. It
is given up only after it has answered once since its start and has then been silent several times
in a row, each for longer than the slowest machine takes: a start that takes its time, a long
pause of this process, or load are no reason.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM
from typing import Final

import structlog

from provenance.embedded.process import SupervisedProcess

_log = structlog.get_logger(__name__)
_STOP: Final = ((SIGTERM, 10.0), (SIGKILL, 5.0))
"""What hangs has nothing left to finish."""
_STATUS_LINE: Final = 256
"""Bytes; an HTTP server's first line has some twenty."""


@dataclass(frozen=True, slots=True)
class HealthAddress:
    """What to ask for by GET; 200 is an answer."""

    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class HealthRhythm:
    """Seconds ``between`` two questions and for an ``answer``; ``silences`` in a row are too many.

    By default a program that hangs is given up after a minute and a half.
    """

    between: float = 5.0
    answer: float = 10.0
    silences: int = 6


class HealthWatch:
    """Asks one program at ``address``, which is looked up each time."""

    def __init__(
        self,
        process: SupervisedProcess,
        *,
        name: str,
        address: Callable[[], HealthAddress],
        rhythm: HealthRhythm | None = None,
    ) -> None:
        self._process = process
        self._name = name
        self._address = address
        self._rhythm = rhythm or HealthRhythm()

    async def run(self) -> None:
        """Watch until it is cancelled."""
        pid: int | None = None
        silences: int | None = None  # None until this process has answered
        while True:
            await asyncio.sleep(self._rhythm.between)
            if self._process.pid != pid:
                pid, silences = self._process.pid, None
            if await self._answers():
                silences = 0
            elif silences is not None:
                silences += 1
                _log.warning("no_answer", service=self._name, times=silences)
            if silences == self._rhythm.silences:
                await self._process.restart(
                    reason=f"it did not answer {silences} times in a row", stop=_STOP
                )

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._rhythm.answer):
                return await _status(self._address()) == 200
        except (OSError, ValueError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            return False


async def _status(address: HealthAddress) -> int:
    """Status that a GET of the address is answered with."""
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=_STATUS_LINE)
    try:
        request = f"GET {address.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode("ascii"))
        line = await reader.readuntil(b"\n")
        return int(line.split()[1])
    except IndexError:
        return 0
    finally:
        # What follows the first line is of no interest, and neither is how the other side closes.
        writer.transport.abort()
