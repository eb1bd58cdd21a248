"""Puts erasure together, applies it before a start, and sees to what is left of it meanwhile."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.anchor.session import Connection, connect
from provenance.core.errors import ProvenanceError
from provenance.db.accounts import AccountStore
from provenance.db.engine import create_engine
from provenance.embedded.files import FileLock
from provenance.erasure.book import ErasureList
from provenance.erasure.eraser import Eraser
from provenance.erasure.periods import read_periods
from provenance.erasure.recording import Writes
from provenance.erasure.retention import Retention
from provenance.erasure.rows import empty, open_leaves, places, sealed_payloads
from provenance.erasure.targets import TargetStore
from provenance.evidence.cases.extent import ExtentReader
from provenance.evidence.cases.holds import LegalHolds
from provenance.evidence.cases.store import CaseStore
from provenance.evidence.cases.unclosed import OpenCases
from provenance.sealing import Vault
from provenance.settings import Settings
from provenance.wiring.chain import blob_store, file_keys
from provenance.wiring.keyring import event_keys
from provenance.wiring.logs import current_log
from provenance.wiring.sealing import erasure_list, list_path, open_vault

_log = structlog.get_logger(__name__)
OPERATOR: Final = "Operator"
"""Organisation in whose name the service itself records."""
RETENTION_S: Final = 86_400.0
"""Seconds between two looks for what has ended."""
SOON_S: Final = 2.0
"""Seconds until what was just ordered is looked after: its anchor comes first."""
PAUSE_S: Final = 60.0
"""Seconds between two looks at what is left."""
MAX_DOUBLINGS: Final = 8
"""Each look that changes nothing makes the pause twice as long, up to four hours: it rewrites
tables."""
_SOON: Final = ("batches", "log", "news")
"""What is left for a moment only."""


def open_eraser(settings: Settings, engine: AsyncEngine, *, log_id: int) -> Eraser:
    """Eraser of one log.

    Raises:
        SettingsError: the master key's settings do not go together.
        BlobStoreError: the store's URL is none.

    """
    url = settings.database_url
    assert url is not None, "erasure works on a database that runs"
    vault = open_vault(settings)
    cases = CaseStore(engine, vault, log_id=log_id)
    extents = ExtentReader(engine, vault, log_id=log_id)

    async def holds() -> LegalHolds:
        return await LegalHolds.read(cases, extents)

    async def open_cases() -> OpenCases:
        return await OpenCases.read(cases, extents)

    return Eraser(
        log_id=log_id,
        orders=erasure_list(settings),
        targets=TargetStore(engine, log_id=log_id),
        connect=lambda: connect(url),
        vault=vault,
        blobs=blob_store(settings),
        keys=event_keys(file_keys(settings)),
        now_ms=_now_ms,
        random_bytes=os.urandom,
        holds=holds,
        open_cases=open_cases,
        leads_on=extents.leads_on,
    )


async def erase_again(settings: Settings, *, origins: Sequence[str], since_ms: int) -> int:
    """Apply the erasure list to a database that was restored; returns how many orders it has.

    What was purged at ``since_ms`` or later is carried out again as a whole: the copies that came
    back may be older than the list. What is left then, the next start of the service sees to.

    Raises:
        ErasureListError: the list cannot be used.
        BlobError: the object store failed.

    """
    assert settings.database_url is not None, "erasure works on a database that runs"
    orders = erasure_list(settings)
    known = await orders.orders()
    late = [one for one in known.values() if one.purged_at and one.purged_at >= since_ms]
    if late:
        await orders.mark("reopened", late)
    engine = create_engine(settings.database_url)
    try:
        for origin in origins:
            log = await current_log(engine, origin=origin)
            eraser = open_eraser(settings, engine, log_id=log.log_id)
            await eraser.restore()
            await eraser.finish(writer=None)
    finally:
        await engine.dispose()
    return len(known)


def open_retention(settings: Settings, engine: AsyncEngine, eraser: Eraser) -> Retention:
    """Retention of the eraser's log.

    Raises:
        RetentionError: the file of periods is wrong; says the line.

    """
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=_now_ms)
    return Retention(
        periods=read_periods(settings.retention),
        targets=eraser.targets,
        cases=CaseStore(engine, eraser.vault, log_id=eraser.log_id),
        eraser=eraser,
        organisation=lambda: accounts.organisation(OPERATOR),
        now_ms=_now_ms,
    )


class EmptiesListed:
    """Empties what the list names in rows that a refill has just put back."""

    def __init__(self, orders: ErasureList, vault: Vault) -> None:
        self._orders = orders
        self._vault = vault

    async def empty(self, connection: Connection, *, log_id: int, start: int, end: int) -> None:
        """Empty what was erased of the entries ``[start, end)``, in the open transaction.

        The orders are carried out again: the copies that the rows came from hold what was erased.
        """
        orders = [one for one in (await self._orders.orders()).values() if one.is_recorded]
        if not orders:
            return
        came = await open_leaves(connection, log_id=log_id, start=start, end=end)
        again = [order for order in orders if not came.isdisjoint(order.leaves)]
        for order in again:
            found = await places(connection, log_id=log_id, leaves=order.leaves)
            firsts = sorted({first for _, first in found})
            sealed = await sealed_payloads(connection, log_id=log_id, firsts=firsts)
            await self._vault.erase_all(sealed)
            await empty(
                connection, log_id=log_id, leaves=order.leaves, firsts=firsts, erased_by=None
            )
        if again:
            await self._orders.mark("reopened", again)
            _log.warning("erasures_applied_to_refill", orders=len(again))


class Finishes(Protocol):
    """What sees to orders of which something is left."""

    async def restore(self) -> int:
        """Carry out again what an older database brought back; returns how many orders."""
        ...

    async def finish(
        self, *, writer: Writes | None, may_rewrite: bool = True
    ) -> dict[str, list[str]]:
        """Take them up; returns what is left, by order."""
        ...


class EndsRetention(Protocol):
    """What erases whatever has ended."""

    async def erase_due(self, *, writer: Writes) -> Sequence[object]:
        """Erase it; returns the orders."""
        ...


class Erasing:
    """Sees to what is left of erasures while the API runs, and once a day to what has ended.

    One process of several does.

    ``left`` tells what was left when this process looked last, by order.
    """

    def __init__(
        self,
        eraser: Finishes,
        writer: Writes,
        *,
        retention: EndsRetention,
        lock: FileLock,
        hour: int | None,
        now_ms: Callable[[], int],
        pause_s: float = PAUSE_S,
        soon_s: float = SOON_S,
    ) -> None:
        self._eraser = eraser
        self._writer = writer
        self._retention = retention
        self._ended_at: float | None = None
        self._lock = lock
        self._hour = hour
        self._now_ms = now_ms
        self._pause_s = pause_s
        self._soon_s = soon_s
        self._ordered = asyncio.Event()
        self._in_vain = 0
        self.left: dict[str, list[str]] = {}

    def wake(self) -> None:
        """Something was ordered: look soon."""
        self._ordered.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after erasures in the background."""
        task = asyncio.create_task(self._run(), name="eraser")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._lock.release()

    async def _run(self) -> None:
        was_open = False
        while True:
            is_open = self._writer.is_open
            if is_open and (self._lock.held or self._lock.acquire()):
                # What was put back while the log was behind is looked through first.
                await self._finish(is_first=not was_open)
                await self._end_retention()
            was_open = is_open
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ordered.wait(), self._pause())
                self._ordered.clear()
                self._in_vain = 0
                await asyncio.sleep(self._soon_s)

    def _pause(self) -> float:
        reasons = {what.partition(":")[0] for one in self.left.values() for what in one}
        if not self._writer.is_open or not reasons.isdisjoint(_SOON):
            return self._soon_s
        return self._pause_s * 2.0 ** min(self._in_vain, MAX_DOUBLINGS)

    async def _end_retention(self) -> None:
        """Erase what has ended, once a day."""
        now = self._now_ms() / 1000
        is_due = self._ended_at is None or now - self._ended_at >= RETENTION_S
        if not is_due:
            return
        self._ended_at = now
        try:
            if await self._retention.erase_due(writer=self._writer):
                self.wake()
        except (ProvenanceError, SQLAlchemyError, psycopg.Error, OSError) as error:
            _log.warning("retention_failed", error=type(error).__name__)

    async def _finish(self, *, is_first: bool) -> None:
        hour = datetime.fromtimestamp(self._now_ms() / 1000, UTC).hour
        may_rewrite = self._hour is None or hour == self._hour
        try:
            if is_first:
                await self._eraser.restore()
            left = await self._eraser.finish(writer=self._writer, may_rewrite=may_rewrite)
        except (ProvenanceError, SQLAlchemyError, psycopg.Error, OSError) as error:
            _log.warning("erasure_failed", error=type(error).__name__)
            return
        if left != self.left:
            reasons = sorted({what.partition(":")[0] for one in left.values() for what in one})
            _log.info("erasures_left", orders=len(left), reasons=reasons)
        self._in_vain = self._in_vain + 1 if left else 0
        self.left = left


def eraser_lock(settings: Settings) -> FileLock:
    """Lock of whoever sees to what is left of erasures."""
    path = list_path(settings)
    return FileLock(path.with_name(f"{path.name}.lock"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
