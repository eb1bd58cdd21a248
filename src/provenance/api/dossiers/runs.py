"""Runs of the process that writes a dossier, as the API's own process sees them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec

from provenance.api.dossiers.order import Begins, Line, Order, Refused, Told
from provenance.core.errors import ProvenanceError
from provenance.log.errors import OverloadedError
from provenance.settings import Settings

AT_ONCE: Final = 2
"""Dossiers that are written at once: each takes a processor and up to some hundred megabytes."""
WAITING: Final = 8
"""Requests that wait for their turn; more are told to come back."""
KEPT_BELOW: Final = 16 << 20
"""Bytes of a dossier after which its process takes another order; others give their memory back."""
SILENT_S: Final = 300
"""Seconds without a line: the longest step, a report of four thousand documents, takes a tenth."""
_RETRY_S: Final = 10
_LONGEST_LINE: Final = 1 << 20
_PIECE: Final = 1 << 18

_encode = msgspec.json.Encoder().encode


class DossierFailedError(ProvenanceError):
    """The process that wrote a dossier ended before it was whole."""

    code = "dossier-failed"


class DossierRun:
    """One dossier on its way; ``is_over`` once all of it was read, or why there is none."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output
        self.is_over = False
        self.size = 0

    async def line(self) -> Line:
        """Return the next line; the last one is a :class:`Begins` or a :class:`Refused`.

        Raises:
            DossierFailedError: the process ended without one.

        """
        try:
            async with asyncio.timeout(SILENT_S):
                data = await self._output.readline()
        except TimeoutError:
            raise DossierFailedError(f"nothing was heard of it for {SILENT_S} s") from None
        if not data.endswith(b"\n"):
            raise DossierFailedError("the process that gathers the dossier ended")
        line = _line(data)
        self.is_over = isinstance(line, Refused)
        return line

    async def pieces(self, size: int) -> AsyncIterator[bytes]:
        """The dossier of ``size`` bytes, after :class:`Begins`.

        Raises:
            DossierFailedError: it ended before that.

        """
        self.size = left = size
        while left:
            piece = await self._output.read(min(left, _PIECE))
            if not piece:
                raise DossierFailedError("the dossier was cut off")
            left -= len(piece)
            # Whoever takes the last piece need not come back for more.
            self.is_over = not left
            yield piece


class ProcessRuns:
    """Writes so many dossiers at once, each in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings: dict[str, Any] = settings.model_dump(mode="json")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._idle: list[_Process] = []
        self._waiting = 0

    @asynccontextmanager
    async def run(self, order: Order) -> AsyncIterator[DossierRun]:
        """Begin writing ``order``; on leaving, nobody works on it any more.

        Raises:
            OverloadedError: too many wait already.

        """
        if self._waiting >= WAITING:
            raise OverloadedError("too many dossiers are being written", retry_after=_RETRY_S)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            process = await self._process()
            run = DossierRun(process.output)
            try:
                await process.send({"settings": self._settings, "order": order})
                yield run
            finally:
                if run.is_over and run.size <= KEPT_BELOW:
                    self._idle.append(process)
                else:
                    await process.end()
        finally:
            self._turns.release()

    async def aclose(self) -> None:
        """End what waits for work."""
        while self._idle:
            await self._idle.pop().end()

    async def _process(self) -> "_Process":
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            await process.end()
        return await _Process.start()


class _Process:
    """A process that takes one order after the other; starting one takes seconds."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self.output = process.stdout

    @classmethod
    async def start(cls) -> "_Process":
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "provenance.api.dossiers")
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, limit=_LONGEST_LINE
            )
        )

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def send(self, work: dict[str, object]) -> None:
        # Where it has ended already, reading its output tells.
        with suppress(ConnectionError):
            self._input.write(_encode(work) + b"\n")
            await self._input.drain()

    async def end(self) -> None:
        self._input.close()
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        # What is left in the pipe is read, so that it closes.
        while await self.output.read(_PIECE):
            pass
        await self._process.wait()


def _line(data: bytes) -> Line:
    value = msgspec.json.decode(data)
    kind: type[Line] = Told if "doing" in value else Begins if "size" in value else Refused
    return msgspec.json.decode(data, type=kind)
