"""Has checkpoints stamped by an authority, beside anchoring and never in its way.

Rules: a task and a connection of its own; whatever goes wrong is counted, told and tried again
with a pause that grows, and ends nothing else. One process of several stamps, by an advisory lock.
A token is stored beside the checkpoint that it is over; at most one is asked for in an interval,
over the newest anchored checkpoint: it dates every entry below.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg
import structlog

from provenance.anchor.authority import Token
from provenance.anchor.errors import TimestampError
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.session import Connection, LockKind, connect, try_lock
from provenance.anchor.worker import wait
from provenance.core.errors import ProvenanceError
from provenance.db.faults import told

_log = structlog.get_logger(__name__)

_DUE: Final = """
SELECT newest.size, newest.checkpoint
FROM (
  SELECT size, checkpoint FROM anchors
  WHERE log_id = %(log)s AND state IN ('included', 'final') ORDER BY size DESC LIMIT 1
) newest LEFT JOIN LATERAL (
  SELECT size, created_at FROM timestamps WHERE log_id = %(log)s ORDER BY size DESC LIMIT 1
) stamped ON true
WHERE stamped.size IS NULL OR (
  stamped.size < newest.size
  AND stamped.created_at <= extract(epoch FROM clock_timestamp()) * 1000 - %(interval)s::bigint)
"""
_KEEP: Final = """
INSERT INTO timestamps (log_id, size, checkpoint, token, stated_at, created_at)
VALUES (%s, %s, %s, %s, %s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (log_id, size) DO NOTHING
"""


class Stamps(Protocol):
    """What is needed of :class:`~provenance.anchor.authority.TimestampAuthority`."""

    async def stamp(self, data: bytes) -> Token:
        """Ask for a token over ``data``; raises a :class:`TimestampError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StampRhythm:
    """When it works; durations in seconds.

    ``interval``: least time between two tokens. ``poll``: between two looks for a checkpoint.
    ``retry``: the first pause after a failure, doubled with each further one up to ``retry_most``.
    """

    interval: float = 3600.0
    poll: float = 5.0
    retry: float = 5.0
    retry_most: float = 900.0


class Stamping:
    """Stamps the checkpoints of one log."""

    def __init__(
        self,
        authority: Stamps,
        *,
        database_url: str,
        log_id: int,
        metrics: AnchorMetrics,
        rhythm: StampRhythm | None = None,
    ) -> None:
        self._authority = authority
        self._database_url = database_url
        self._log_id = log_id
        self._metrics = metrics
        self._rhythm = rhythm or StampRhythm()
        self._failures = 0

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Stamp while the body runs."""
        stop = asyncio.Event()
        task = asyncio.create_task(self._run(stop), name="stamping")
        try:
            yield
        finally:
            stop.set()
            # What an authority has not answered by now is asked for again after the next start.
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with connect(self._database_url) as connection:
                    if await try_lock(connection, LockKind.TIMESTAMPS, self._log_id):
                        await self._work(connection, stop)
                await wait(stop, self._rhythm.poll)
            except Exception as error:  # noqa: BLE001 - nothing that happens here may end anchoring
                await self._pause_after(error, stop)

    async def _work(self, connection: Connection, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._turn(connection)
            except TimestampError as error:
                await self._pause_after(error, stop)
            else:
                await wait(stop, self._rhythm.poll)

    async def _turn(self, connection: Connection) -> None:
        parameters = {"log": self._log_id, "interval": round(1000 * self._rhythm.interval)}
        row = await (await connection.execute(_DUE, parameters)).fetchone()
        if row is None:
            return
        size, checkpoint = row
        token = await self._authority.stamp(checkpoint.encode())
        kept = (self._log_id, size, checkpoint, token.response, token.stated_at)
        await connection.execute(_KEEP, kept)
        self._failures = 0
        self._metrics.timestamps.inc()
        self._metrics.timestamp_size.set(size)
        _log.info("checkpoint_stamped", size=size, stated_at=token.stated_at)

    async def _pause_after(self, error: Exception, stop: asyncio.Event) -> None:
        known = isinstance(error, ProvenanceError | psycopg.Error | OSError)
        code = error.code if isinstance(error, ProvenanceError) else type(error).__name__
        self._metrics.timestamp_failures.labels(code).inc()
        pause = min(self._rhythm.retry * 2**self._failures, self._rhythm.retry_most)
        self._failures = min(self._failures + 1, 16)
        tell = _log.warning if known else _log.exception
        tell("checkpoint_not_stamped", code=code, reason=told(error)[:500], retry_in=pause)
        await wait(stop, pause)
