"""A load generator for HTTP that costs little itself, in a process of its own.

It writes requests that were built beforehand and reads no more of an answer than its status and
length. A connection sends its next request when the answer to the last one is there; with a rate,
requests are due at fixed times whether or not the service keeps up, and late ones count as late.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final, cast

import uvloop

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Complete HTTP/1.1 requests for one address.

    With ``rate`` (requests a second) they are due one after the other; without, ``clients``
    connections send as fast as they are answered. ``keeps_answers``: whether bodies are wanted.
    """

    host: str
    port: int
    requests: tuple[bytes, ...]
    clients: int
    rate: float | None = None
    keeps_answers: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """``sent`` and ``answered`` in seconds since the epoch; a late request was sent when due."""

    sent: float
    answered: float
    body: bytes


@dataclass(slots=True)
class Outcome:
    """What came of a load. ``seconds`` from the first request to the last answer."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.statuses.total() / self.seconds

    def require(self, status: int) -> "Outcome":
        """Return itself if every answer has ``status``."""
        if set(self.statuses) != {status}:
            raise RuntimeError(f"expected {status} for every request, found {dict(self.statuses)}")
        return self


def request(
    method: str, path: str, *, host: str, token: str = "", body: bytes = b"", media_type: str = ""
) -> bytes:
    """Bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if media_type:
        lines += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class LoadGenerator:
    """One process that sends loads; a context manager."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __enter__(self) -> "LoadGenerator":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    async def send(self, load: Load) -> Outcome:
        """Send ``load``; returns when everything is answered."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _send, load)


def _send(load: Load) -> Outcome:
    return uvloop.run(_sent(load))


async def _sent(load: Load) -> Outcome:
    run = _Run(load)
    connections = [
        (await asyncio.get_running_loop().create_connection(run.connection, load.host, load.port))
        for _ in range(load.clients)
    ]
    began = time.perf_counter()
    await run.finished()
    run.outcome.seconds = time.perf_counter() - began
    for transport, _ in connections:
        transport.close()
    return run.outcome


class _Run:
    def __init__(self, load: Load) -> None:
        self.outcome = Outcome()
        self._load = load
        self._left: Iterator[bytes] = iter(load.requests)
        self._due: deque[tuple[float, bytes]] = deque()
        self._idle: deque[_Connection] = deque()
        self._unanswered = len(load.requests)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection(self) -> "_Connection":
        connection = _Connection(self)
        self._idle.append(connection)
        return connection

    async def finished(self) -> None:
        if self._load.rate is not None:
            await self._pace(self._load.rate)
        else:
            while self._idle:
                self._next(self._idle.popleft())
        await self._done

    async def _pace(self, rate: float) -> None:
        began = time.time()
        for number, data in enumerate(self._left):
            due = began + number / rate
            if (wait := due - time.time()) > 0:
                await asyncio.sleep(wait)
            self._due.append((due, data))
            if self._idle:
                self._next(self._idle.popleft())

    def _next(self, connection: "_Connection") -> None:
        if self._due:
            due, data = self._due.popleft()
            connection.send(data, due)
        elif self._load.rate is None and (request := next(self._left, None)) is not None:
            connection.send(request, time.time())
        else:
            self._idle.append(connection)

    def answered(self, connection: "_Connection", status: int, body: bytes, sent: float) -> None:
        self.outcome.statuses[status] += 1
        kept = body if self._load.keeps_answers else b""
        self.outcome.answers.append(Answer(sent=sent, answered=time.time(), body=kept))
        self._unanswered -= 1
        if self._unanswered:
            self._next(connection)
        elif not self._done.done():
            self._done.set_result(None)

    def failed(self, reason: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(reason or ConnectionError("the service closed a connection"))


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = bytearray()
        self._needed = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.failed(exc)

    def send(self, data: bytes, sent: float) -> None:
        self._sent = sent
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._needed:
            end = received.find(_END_OF_HEAD)
            if end < 0:
                return
            self._needed = end + len(_END_OF_HEAD) + _length(bytes(received[:end]))
        if len(received) >= self._needed:
            status = int(received[9:12])
            body = bytes(received[received.find(_END_OF_HEAD) + len(_END_OF_HEAD) :])
            self._needed = 0
            received.clear()
            self._run.answered(self, status, body, self._sent)


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    if at < 0:
        raise ValueError("an answer without Content-Length")
    return int(lowered[at + len(_LENGTH) :].partition(b"\r\n")[0])
