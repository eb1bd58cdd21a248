"""A TCP proxy that a test can slow down, block and cut, at a moment that it names.

It stands between a service and its database. ``trap`` cuts the connection at a given text in what
the client sends: before it is passed on, or after it was, so that the answer never arrives.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK = 1 << 16


@dataclass(slots=True)
class Trap:
    """Cuts the first connection on which ``text`` is sent after ``once``; then ``sprung`` is set."""

    text: bytes
    once: bytes
    after: bool
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Wire:
    """Connections from ``port`` of this machine to ``target``.

    ``delay`` are seconds for each piece that the server sends; while ``flowing`` is not set
    nothing passes in either direction, but connections stay open.
    """

    target: tuple[str, int]
    delay: float = 0.0
    traps: list[Trap] = field(default_factory=list)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    is_open: bool = True
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection, and refuse new ones until :meth:`mend`."""
        self.is_open = False
        self._break()

    def mend(self) -> None:
        """Let connections through again."""
        self.is_open = True

    def trap(self, text: bytes, *, once: bytes = b"", after: bool) -> Trap:
        """Cut the next connection that sends ``text``, having sent ``once`` before."""
        trap = Trap(text, once, after)
        self.traps.append(trap)
        return trap

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not self.is_open:
                return
            there, away = await asyncio.open_connection(*self.target)
            self._writers.add(away)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(reader, away, (writer, away), is_client=True))
                    group.create_task(self._pump(there, writer, (writer, away), is_client=False))
            finally:
                self._writers.discard(away)
                away.close()
        except* OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        is_client: bool,
    ) -> None:
        seen: set[bytes] = set()
        while data := await source.read(_CHUNK):
            await self.flowing.wait()
            trap = self._sprung_by(data, seen) if is_client else None
            if trap is None or trap.after:
                sink.write(data)
                await sink.drain()
            if trap is not None:
                # The client is cut off; the server sees it only after it has done its work.
                both[0].transport.abort()
                both[1].write_eof()
                trap.sprung.set()
                return
            if not is_client and self.delay:
                await asyncio.sleep(self.delay)
        sink.close()

    def _sprung_by(self, data: bytes, seen: set[bytes]) -> Trap | None:
        seen.update(trap.once for trap in self.traps if trap.once in data)
        for trap in self.traps:
            if trap.text in data and trap.once in seen:
                self.traps.remove(trap)
                return trap
        return None


@asynccontextmanager
async def wire_to(host: str, port: int) -> AsyncIterator[Wire]:
    """A proxy on a port of its own, in the running loop."""
    wire = Wire((host, port))
    wire.flowing.set()
    server = await asyncio.start_server(wire._serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.flowing.set()
        wire._break()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 5)
