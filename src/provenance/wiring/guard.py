"""Opens this process's writer once the fence has passed, and again after it closed itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from provenance.anchor.fence import Verdict, check_fence
from provenance.anchor.promises import Promises
from provenance.anchor.states import LogState
from provenance.chain.client import ChainClient
from provenance.core.errors import ProvenanceError
from provenance.db.faults import told
from provenance.log.identity import LogIdentity
from provenance.log.writer import LogWriter

_log = structlog.get_logger(__name__)
_CHECK_AGAIN_S: Final = 0.5
"""Pause between looks while the writer is closed; while it is open, it watches itself."""


class FenceGuard:
    """Keeps a writer closed until log and chain agree and ``check``, if given, raises nothing."""

    def __init__(
        self,
        writer: LogWriter,
        *,
        database_url: str,
        chain: ChainClient,
        log: LogIdentity,
        promises: Promises,
        check: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._writer = writer
        self._database_url = database_url
        self._chain = chain
        self._identity = log
        self._promises = promises
        self._check = check
        self.reason = "log and chain were not compared yet"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the writer and watch over it; on leaving, finish what was accepted."""
        await self._writer.start()
        watching = asyncio.create_task(self._watch(), name="fence-guard")
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await self._writer.stop()

    async def _watch(self) -> None:
        while True:
            if not self._writer.is_open:
                await self._try_to_open()
            await asyncio.sleep(_CHECK_AGAIN_S)

    async def _try_to_open(self) -> None:
        try:
            report = await check_fence(
                database_url=self._database_url,
                chain=self._chain,
                log=self._identity,
                promises=self._promises,
            )
            if report.verdict is Verdict.OPEN and self._check is not None:
                await self._check()
        except (ProvenanceError, SQLAlchemyError, psycopg.Error, OSError) as error:
            self._close("unchecked", told(error))
            return
        if report.verdict is Verdict.OPEN:
            self.reason = ""
            self._writer.open(checked_size=report.log.size)
            _log.info("writer_opened", size=report.log.size)
        elif report.verdict is Verdict.BEHIND and report.log.state is LogState.FORKED:
            # The worker has looked for the copies and says what is lost.
            self._close(LogState.FORKED.value, report.log.reason)
        else:
            self._close(report.verdict.name.lower(), report.reason)

    def _close(self, state: str, reason: str) -> None:
        if reason != self.reason:
            _log.warning("writer_stays_closed", state=state, reason=reason)
        self.reason = reason
        self._writer.close(state=state, reason=reason)
