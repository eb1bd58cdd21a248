"""The anchoring worker: waits for its turn, then keeps log and chain in agreement.

One worker acts for a log at a time, by an advisory lock on a connection of its own through which
it does all its writing. Others wait. Whatever goes wrong is counted, told, and tried again from
the fence, with a pause that grows; only what is no error of ours or of the outside ends the run.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
import structlog
from eth_account.signers.local import LocalAccount
from prometheus_client import CollectorRegistry

from provenance.anchor.anchoring import Anchoring
from provenance.anchor.assembly import Assembly
from provenance.anchor.courier import Patience
from provenance.anchor.deployment import Deployment, load_deployment
from provenance.anchor.duty import Duty, Rhythm
from provenance.anchor.errors import LockLostError
from provenance.anchor.loading import EmptiesErased
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.promises import CheckpointMark
from provenance.anchor.recovery import Recovery
from provenance.anchor.refill import Refill
from provenance.anchor.session import Connection, LockKind, connect, try_lock
from provenance.anchor.steps import StepObserver, Unobserved
from provenance.blobs import BlobStore
from provenance.chain.client import ChainClient
from provenance.chain.finality import Finality
from provenance.chain.types import Block
from provenance.core.errors import ProvenanceError
from provenance.core.notes import Signer
from provenance.db.faults import told
from provenance.log.identity import LogIdentity

_log = structlog.get_logger(__name__)


class LogsHeartbeats(Protocol):
    """What the worker needs of :class:`~provenance.anchor.heartbeat.Heartbeat`."""

    async def log(self, block: Block, *, checked_size: int) -> None:
        """Log a block."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What a worker works with; ``mark`` is where the newest signed checkpoint is kept."""

    database_url: str
    chain: ChainClient
    blobs: BlobStore
    log: LogIdentity
    account: LocalAccount
    signers: Sequence[Signer]
    finality: Finality
    heartbeat: LogsHeartbeats | None = None
    erased: EmptiesErased | None = None
    mark: CheckpointMark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How it works; durations in seconds.

    ``standby``: between two tries to get the lock. ``retry``: the first pause after a failure,
    doubled with each further one up to ``retry_most``.
    """

    rhythm: Rhythm = field(default_factory=Rhythm)
    patience: Patience = field(default_factory=Patience)
    standby: float = 1.0
    retry: float = 0.25
    retry_most: float = 15.0


class AnchorWorker:
    """Runs until it is told to stop."""

    def __init__(
        self,
        parts: WorkerParts,
        *,
        options: WorkerOptions | None = None,
        metrics: AnchorMetrics | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self._parts = parts
        self._options = options or WorkerOptions()
        self._metrics = metrics or AnchorMetrics(CollectorRegistry())
        self._observer = observer or Unobserved()
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work, or stand by, until ``stop`` is set; the anchor that is under way is finished."""
        while not stop.is_set():
            try:
                async with connect(self._parts.database_url) as connection:
                    if await self._stand_by(connection, stop):
                        await self._serve(connection, stop)
            except (psycopg.Error, LockLostError, OSError) as error:
                await self._pause_after(error, stop)
            except ProvenanceError as error:
                await self._pause_after(error, stop)
            finally:
                self._metrics.active.set(0)

    async def _stand_by(self, connection: Connection, stop: asyncio.Event) -> bool:
        told = False
        while not stop.is_set():
            if await try_lock(connection, LockKind.WORKER, self._parts.log.log_id):
                _log.info("worker_active", log=self._parts.log.log_id)
                self._metrics.active.set(1)
                return True
            if not told:
                _log.info("worker_stands_by", log=self._parts.log.log_id)
                # What waits is now for another worker to say.
                self._metrics.waiting_seconds.set(0)
                told = True
            await wait(stop, self._options.standby)
        return False

    async def _serve(self, connection: Connection, stop: asyncio.Event) -> None:
        deployment = (await load_deployment(connection, self._parts.log.log_id)).complete()
        duty = await self._duty(connection, deployment)
        while not stop.is_set():
            try:
                pause = await duty.turn()
            except LockLostError:
                raise
            except ProvenanceError as error:
                await duty.after_failure(error)
                await self._pause_after(error, stop)
            else:
                self._failures = 0
                await wait(stop, pause)

    async def _duty(self, connection: Connection, deployment: Deployment) -> Duty:
        parts = self._parts
        assembly = Assembly(
            connection=connection,
            chain=parts.chain,
            blobs=parts.blobs,
            deployment=deployment,
            account=parts.account,
            signers=parts.signers,
            finality=parts.finality,
            patience=self._options.patience,
            metrics=self._metrics,
            observer=self._observer,
            mark=parts.mark,
        )
        session = assembly.session(parts.log)
        promises = assembly.promises(parts.log)
        anchoring = Anchoring(session)
        return Duty(
            session,
            anchoring=anchoring,
            recovery=Recovery(session, anchoring, deployment.identity, promises=promises),
            refill=Refill(session, parts.blobs, promises=promises, erased=parts.erased),
            ancestors=await assembly.ancestors(parts.log),
            heartbeat=parts.heartbeat,
            start_size=deployment.start_size,
            rhythm=self._options.rhythm,
        )

    async def _pause_after(self, error: Exception, stop: asyncio.Event) -> None:
        code = error.code if isinstance(error, ProvenanceError) else type(error).__name__
        self._metrics.failures.labels(code).inc()
        pause = min(self._options.retry * 2**self._failures, self._options.retry_most)
        self._failures = min(self._failures + 1, 16)
        _log.error("anchoring_failed", code=code, reason=told(error), retry_in=pause)
        await wait(stop, pause)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not longer than until ``stop`` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
