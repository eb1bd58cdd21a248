"""Whether the service can do its work now, for whoever decides where requests go."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.api.ports import Check
from provenance.db.faults import told
from provenance.db.tables import log_heads
from provenance.log.identity import LogIdentity
from provenance.log.writer import LogWriter
from provenance.wiring.guard import FenceGuard

_READY_S: Final = 1.5
"""Seconds that the database has to answer a question for readiness: who asks for it waits little."""


class Readiness:
    """Whether database, log and writer do their part.

    The log's state is read, because an open writer only learns of it when it next writes. That
    the database answers does not mean that it takes writes (a full disk), so the last write counts
    too, for a while. A question that the database leaves open is not asked again before it is answered, so that no
    number of them uses up the connections.
    """

    def __init__(
        self, engine: AsyncEngine, log: LogIdentity, writer: LogWriter, guard: FenceGuard
    ) -> None:
        self._engine = engine
        self._log = log
        self._writer = writer
        self._guard = guard
        self._asking: asyncio.Task[list[Check]] | None = None

    async def checks(self) -> Sequence[Check]:
        """What the service needs, and whether it is there; answers within two seconds."""
        return [
            *await self._answer_in_time(),
            self._writer_check(),
        ]

    def _writer_check(self) -> Check:
        is_open, trouble = self._writer.is_open, self._writer.trouble
        reason = trouble if is_open else self._guard.reason
        return Check(name="writer", is_ready=is_open and not trouble, reason=reason)

    async def _answer_in_time(self) -> list[Check]:
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = asyncio.create_task(self._database_and_log())
        await asyncio.wait({asking}, timeout=_READY_S)
        if not asking.done():
            reason = f"it does not answer within {_READY_S:g} s"
            return [Check(name="database", is_ready=False, reason=reason)]
        return asking.result()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer while the body runs; what the database left open is left then."""
        try:
            yield
        finally:
            if self._asking is not None:
                self._asking.cancel()
                await asyncio.wait({self._asking})

    async def _database_and_log(self) -> list[Check]:
        query = select(log_heads.c.state, log_heads.c.state_reason).where(
            log_heads.c.log_id == self._log.log_id
        )
        try:
            async with self._engine.connect() as connection:
                state, reason = (await connection.execute(query)).one()
        except (SQLAlchemyError, OSError) as error:
            reason = f"it refuses, or cannot be reached: {told(error)}; its own log says why"
            return [Check(name="database", is_ready=False, reason=reason)]
        return [
            Check(name="database", is_ready=True),
            Check(name="log", is_ready=state == "open", reason=reason and f"{state}: {reason}"),
        ]
