"""Notices a database that keeps its connections open and answers nothing.

A server that was stopped, or whose disk hangs, looks alive to the operating system: its kernel
confirms what it is sent, and no time limit of its own ends a statement. So it is asked something
that takes no time, on a connection of its own; statements that take long are left alone while
that is answered. What waits for a silent server is cut off, and told as any lost connection is.

Patience is counted in turns of the event loop and not by the clock alone: a process that was held
up itself does not take that for silence.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import psycopg
import structlog
from psycopg import AsyncConnection
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.engine import PoolOptions, connect_arguments, database_url

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchRhythm:
    """Seconds ``between`` two questions, and ``turns`` of ``turn`` seconds to wait for an answer.

    By default silence is noticed after 8 to 11 seconds: an overloaded machine answers sooner.
    """

    between: float = 3.0
    turn: float = 0.5
    turns: int = 16

    @property
    def patience(self) -> float:
        """Seconds to wait for an answer."""
        return self.turn * self.turns


def sever(connection: AsyncConnection[Any]) -> None:
    """Break a connection under whoever waits for it, who gets an OperationalError.

    The descriptor stays open, so that the loop does not watch another file by its number.
    """
    with suppress(psycopg.Error, OSError):
        duplicate = socket.socket(fileno=os.dup(connection.pgconn.socket))
        with duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


class PooledConnections:
    """All connections of some engines, so that they can be severed."""

    def __init__(self, *engines: AsyncEngine) -> None:
        self._open: WeakSet[AsyncConnection[Any]] = WeakSet()
        for engine in engines:
            event.listen(engine.sync_engine, "connect", self._note)

    def sever(self) -> None:
        """Break all of them."""
        for connection in tuple(self._open):
            sever(connection)

    def _note(self, adapted: Any, _record: object) -> None:
        self._open.add(adapted.driver_connection)


class DatabaseWatch:
    """Asks the server at ``url`` while it runs; ``silenced`` is called each time in vain."""

    def __init__(
        self,
        url: str,
        *,
        silenced: Callable[[], None],
        rhythm: WatchRhythm | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conninfo = (
            database_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        self._options: dict[str, Any] = connect_arguments(PoolOptions())
        self._silenced = silenced
        self._rhythm = rhythm or WatchRhythm()
        self._seconds = seconds
        self._connection: AsyncConnection[Any] | None = None
        self._silent_since: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the last question was not answered."""
        return self._silent_since is not None

    @property
    def silent_seconds(self) -> float:
        """Seconds since the question that was not answered; 0 where all were."""
        return 0.0 if self._silent_since is None else self._seconds() - self._silent_since

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch while the body runs; the first question is asked after a pause."""
        watching = asyncio.create_task(self._watch(), name="database-watch")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            await self._hang_up()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._rhythm.between)
            asked_at = self._seconds()
            if await self._is_answered():
                if self.is_silent:
                    _log.warning("database_answers_again", after=round(self.silent_seconds, 1))
                self._silent_since = None
                continue
            if self._silent_since is None:
                self._silent_since = asked_at
            _log.error("database_silent", seconds=round(self.silent_seconds, 1))
            self._silenced()

    async def _is_answered(self) -> bool:
        asking = asyncio.create_task(self._ask())
        try:
            for _ in range(self._rhythm.turns):
                await asyncio.wait({asking}, timeout=self._rhythm.turn)
                if asking.done():
                    return asking.result()
            return False
        finally:
            if not asking.done():
                await self._hang_up()
                asking.cancel()
                await asyncio.wait({asking})

    async def _ask(self) -> bool:
        """Whether somebody answers, be it that he refuses."""
        try:
            if self._connection is None:
                self._connection = await AsyncConnection.connect(
                    self._conninfo, autocommit=True, **self._options
                )
            await self._connection.execute("SELECT 1")
        except psycopg.errors.ConnectionTimeout:
            return False
        except (psycopg.Error, OSError):
            # Gone, starting, or full: whoever has a connection of his own learns of it there.
            await self._hang_up()
        return True

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            sever(connection)
            await connection.close()
