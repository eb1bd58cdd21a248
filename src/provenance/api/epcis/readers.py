"""Processes that read large documents for the API, which meanwhile answers others.

Validation is a third of what a captured event costs, and needs nothing of the log: with it in
another process, two processors work on a stream of documents instead of one. A reader that ends,
or does not answer, costs nobody more than time: the document is read here then.
"""

import asyncio
import pickle
from typing import Final

import structlog

from provenance.api.children import Child, Children
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
_AHEAD: Final = 1 << 20


class DocumentReaders:
    """Reads documents, so many at once, each in a process that stays for the next."""

    def __init__(
        self, *, at_once: int = AT_ONCE, seconds: float = SECONDS, idle_s: float = IDLE_S
    ) -> None:
        self._at_once = at_once
        self._children = Children("provenance.intake", limit=_AHEAD, idle_s=idle_s)
        self._working = 0
        self._turns = asyncio.Semaphore(at_once)
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
        forgotten = self._children.forgotten
        try:
            reader = await self._children.take()
        except OSError as error:
            _log.warning("document_reader_not_started", error=type(error).__name__)
            return None
        try:
            async with asyncio.timeout(self._seconds):
                found = await _read(reader, asked)
        except (OSError, EOFError, TimeoutError) as error:
            _log.warning("document_reader_ended", error=type(error).__name__)
            await reader.end()
            return None
        except BaseException:
            # Half an answer is in the pipe.
            await reader.end()
            raise
        await self._children.give_back(reader, forgotten=forgotten)
        return found

    async def forget(self) -> None:
        """End what still has in its memory what it read before: something was erased."""
        await self._children.forget()

    async def aclose(self) -> None:
        """End the processes."""
        await self._children.aclose()


async def _read(reader: Child, asked: bytes) -> ParsedDocument | None:
    """Ask, and take the answer; raises OSError or EOFError where the process ends."""
    reader.tasks += 1
    reader.input.write(asked)
    await reader.input.drain()
    if not (frame := await _frame(reader)):
        return None
    context = pickle.loads(frame)  # noqa: S301 - of our own child
    events: list[EventDraft] = []
    while frame := await _frame(reader):
        events += pickle.loads(frame)  # noqa: S301
        # Others have their turn between two frames.
        await asyncio.sleep(0)
    return ParsedDocument(context=context, events=tuple(events))


async def _frame(reader: Child) -> bytes:
    length = int.from_bytes(await reader.output.readexactly(LENGTH_BYTES), "big")
    return await reader.output.readexactly(length)
