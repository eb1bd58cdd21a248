"""Runs of the process that writes a dossier, as the API's own process sees them.

A process is held while a dossier is made, not while it is read: what it writes is spooled at once.
Those of one organisation are made one after the other, so that it never holds all places. A process
that waits for its next order has what it read last in its memory: it is ended soon, and at once
where something was erased.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from provenance.api.children import Child, Children
from provenance.api.dossiers.order import ERASED_MEANWHILE, Begins, Line, Order, Refused, Told
from provenance.api.dossiers.refusals import ErasedMeanwhileError
from provenance.api.dossiers.spool import Spooled, Spools
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
IDLE_S: Final = 60.0
"""Seconds that a process waits for another order: the next dossier often follows the last."""
_RETRY_S: Final = 10
_MODULE: Final = "provenance.api.dossiers"
_LONGEST_LINE: Final = 1 << 20
_PIECE: Final = 1 << 18
_TELL_BYTES: Final = 32 << 20

_encode = msgspec.json.Encoder().encode


class DossierFailedError(ProvenanceError):
    """The process that wrote a dossier ended before it was whole."""

    code = "dossier-failed"


class DossierRun:
    """One dossier on its way; ``is_over`` once all of it was read, or why there is none."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._output = child.output
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
            ErasedMeanwhileError: it did, because something was erased since it began.

        """
        self.size = left = size
        while left:
            piece = await self._output.read(min(left, _PIECE))
            if not piece:
                raise await self._cut_off()
            left -= len(piece)
            # Whoever takes the last piece need not come back for more.
            self.is_over = not left
            yield piece

    async def _cut_off(self) -> ProvenanceError:
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_S):
                if await self._child.status() == ERASED_MEANWHILE:
                    return ErasedMeanwhileError()
        return DossierFailedError("the dossier was cut off")


class ProcessRuns:
    """Writes so many dossiers at once, each in a process of its own."""

    def __init__(self, settings: Settings, *, idle_s: float = IDLE_S) -> None:
        self._settings: dict[str, Any] = settings.model_dump(mode="json")
        self._spools = Spools(settings.data_dir / "spool")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._own_turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._children = Children(_MODULE, limit=_LONGEST_LINE, idle_s=idle_s)
        self._waiting = 0

    async def make(
        self, order: Order, held: AsyncExitStack, *, tell: Callable[[Told], None]
    ) -> Spooled | Refused:
        """Write ``order`` to its end; what came of it is there until ``held`` is left.

        Raises:
            OverloadedError: too many wait already, or there is no room.
            DossierFailedError: the process ended before it was whole.
            ErasedMeanwhileError: something of it was erased meanwhile.

        """
        held.enter_context(self._spools.place(order.organisation))
        own = self._own_turns.setdefault(order.organisation, asyncio.Lock())
        async with own, self.run(order) as run:
            while not isinstance(line := await run.line(), Begins):
                if isinstance(line, Refused):
                    return line
                tell(line)
            spooled = held.enter_context(self._spools.spool(order.organisation, line.size))
            done = 0
            async for piece in run.pieces(line.size):
                await spooled.write(piece)
                if done // _TELL_BYTES != (done + len(piece)) // _TELL_BYTES:
                    tell(Told("writing the file", done, line.size))
                done += len(piece)
            await spooled.finish()
        return spooled

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
            process, forgotten = await self._children.take(), self._children.forgotten
            run = DossierRun(process)
            try:
                await _send(process, {"settings": self._settings, "order": order})
                yield run
            finally:
                if run.is_over and run.size <= KEPT_BELOW:
                    await self._children.give_back(process, forgotten=forgotten)
                else:
                    await process.end()
        finally:
            self._turns.release()

    async def forget(self) -> None:
        """End what still has in its memory what it read before: something was erased."""
        await self._children.forget()

    async def aclose(self) -> None:
        """End what waits for work."""
        await self._children.aclose()


async def _send(process: Child, work: dict[str, object]) -> None:
    process.tasks += 1
    # Where it has ended already, reading its output tells.
    with suppress(ConnectionError):
        process.input.write(_encode(work) + b"\n")
        await process.input.drain()


def _line(data: bytes) -> Line:
    value = msgspec.json.decode(data)
    kind: type[Line] = Told if "doing" in value else Begins if "size" in value else Refused
    return msgspec.json.decode(data, type=kind)
