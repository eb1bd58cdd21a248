"""Processes that read large documents for the API, which meanwhile answers others.

Validation is a third of what a captured event costs, and needs nothing of the log: with it in
another process, two processors work on a stream of documents instead of one. A reader that ends,
or does not answer, costs nobody more than time: the document is read here then.
"""

import asyncio
import pickle
import sys
from contextlib import suppress
from typing import Final, Self

import structlog

from provenance.intake.apart import LENGTH_BYTES, request
from provenance.intake.document import ParsedDocument, Share, require_subjects
from provenance.intake.event import EventDraft, Submission
from provenance.intake.limits import IntakeLimits

_log = structlog.get_logger(__name__)
AT_ONCE: Final = 2
"""Readers: one keeps up with what the log's writer takes; a second one, for while it has a document
of ten thousand events. Each has some 30 MB."""
SECONDS: Final = 60.0
"""The largest document takes a second or two of one processor."""
IDLE_S: Final = 60.0
"""After which an idle reader ends, and with it what it still has in its memory."""
_PIECE: Final = 1 << 20


class DocumentReaders:
    """Reads documents, so many at once, each in a process that stays for the next."""

    def __init__(
        self, *, at_once: int = AT_ONCE, seconds: float = SECONDS, idle_s: float = IDLE_S
    ) -> None:
        self._at_once = at_once
        self._idle_s = idle_s
        self._ending: set[asyncio.Task[None]] = set()
        self._forgotten = 0
        self._working = 0
        self._turns = asyncio.Semaphore(at_once)
        self._idle: list[_Reader] = []
        self._seconds = seconds

    async def read(
        self, data: bytes, *, submission: Submission, limits: IntakeLimits
    ) -> ParsedDocument | None:
        """Read an EPCISDocument; None where it has faults, or no reader could be had.

        Where nobody else is read for, all readers have a share of it.
        """
        of = self._at_once if self._working == 0 else 1
        shares = [Share(which, of) for which in range(of)]
        parts = await asyncio.gather(
            *(self._share(request(data, submission, limits, share)) for share in shares)
        )
        found = [part for part in parts if part is not None]
        if len(found) < of:
            return None
        events = tuple(event for part in found for event in part.events)
        require_subjects(events, limits)
        return ParsedDocument(context=found[0].context, events=events)

    async def _share(self, asked: bytes) -> ParsedDocument | None:
        async with self._turns:
            self._working += 1
            try:
                return await self._ask(asked)
            finally:
                self._working -= 1

    async def _ask(self, asked: bytes) -> ParsedDocument | None:
        forgotten = self._forgotten
        try:
            reader = await self._reader()
        except OSError as error:
            _log.warning("document_reader_not_started", error=type(error).__name__)
            return None
        try:
            async with asyncio.timeout(self._seconds):
                found = await reader.read(asked)
        except (OSError, EOFError, TimeoutError) as error:
            _log.warning("document_reader_ended", error=type(error).__name__)
            await reader.end()
            return None
        except BaseException:
            # Half an answer is in the pipe.
            await reader.end()
            raise
        if forgotten == self._forgotten:
            self._rest(reader)
        else:
            await reader.end()
        return found

    async def forget(self) -> None:
        """End what still has in its memory what it read before: something was erased."""
        self._forgotten += 1
        while self._idle:
            await self._idle.pop().end()

    async def aclose(self) -> None:
        """End the processes."""
        await self.forget()
        await asyncio.gather(*self._ending)

    def _rest(self, reader: "_Reader") -> None:
        """Keep ``reader`` for the next document, for a while."""
        self._idle.append(reader)
        asyncio.get_running_loop().call_later(self._idle_s, self._retire, reader, reader.documents)

    def _retire(self, reader: "_Reader", documents: int) -> None:
        # It may have read since, and wait anew.
        if reader in self._idle and reader.documents == documents:
            self._idle.remove(reader)
            task = asyncio.get_running_loop().create_task(reader.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _reader(self) -> "_Reader":
        while self._idle:
            reader = self._idle.pop()
            if reader.is_alive:
                return reader
            await reader.end()
        return await _Reader.start()


class _Reader:
    """A process that reads one document after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self.documents = 0
        """Documents that it was given."""

    @classmethod
    async def start(cls) -> Self:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "provenance.intake")
        return cls(
            await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_PIECE)
        )

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def read(self, asked: bytes) -> ParsedDocument | None:
        """Ask, and take the answer; raises OSError or EOFError where the process ends."""
        self.documents += 1
        self._input.write(asked)
        await self._input.drain()
        if not (frame := await self._frame()):
            return None
        context = pickle.loads(frame)  # noqa: S301 - of our own child
        events: list[EventDraft] = []
        while frame := await self._frame():
            events += pickle.loads(frame)  # noqa: S301
            # Others have their turn between two frames.
            await asyncio.sleep(0)
        return ParsedDocument(context=context, events=tuple(events))

    async def end(self) -> None:
        self._input.close()
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        # What is left in the pipe is read, so that it closes.
        while await self._output.read(_PIECE):
            pass
        await self._process.wait()

    async def _frame(self) -> bytes:
        length = int.from_bytes(await self._output.readexactly(LENGTH_BYTES), "big")
        return await self._output.readexactly(length)
