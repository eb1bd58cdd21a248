"""Runs one anchoring worker; as many as one likes may run, and all but one stand by.

SIGTERM and SIGINT let it finish the anchor that is under way. Metrics are served on a loopback
port that is written to ``run/worker-metrics.port`` in the data folder.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from provenance.anchor.authority import TimestampAuthority
from provenance.anchor.courier import Patience
from provenance.anchor.deployment import load_deployment
from provenance.anchor.duty import Rhythm
from provenance.anchor.heartbeat import Heartbeat
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.session import connect
from provenance.anchor.stamping import Stamping, StampRhythm
from provenance.anchor.steps import StepObserver
from provenance.anchor.worker import AnchorWorker, WorkerOptions, WorkerParts
from provenance.chain.client import ChainClient
from provenance.db.accounts import AccountStore
from provenance.db.engine import PoolOptions, check_durability, create_engine
from provenance.db.faults import told
from provenance.db.migrate import check_schema
from provenance.embedded.files import remembered_port
from provenance.log.errors import UnavailableError
from provenance.log.writer import LogWriter
from provenance.settings import Settings
from provenance.wiring.chain import anchorer, blob_store, checkpoint_mark, file_keys, finality
from provenance.wiring.erasing import OPERATOR, EmptiesListed
from provenance.wiring.logs import current_log, signer_for
from provenance.wiring.restored import check_whole
from provenance.wiring.sealing import erasure_list, open_vault
from provenance.wiring.trust import published_successor
from provenance.worker.metrics import metrics_served

_log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Run a worker until a signal ends it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop=stop)


async def run(
    settings: Settings, *, stop: asyncio.Event, observer: StepObserver | None = None
) -> None:
    """Run a worker until ``stop`` is set; ``observer`` is told of each numbered step.

    Raises:
        DurabilityError: the server does not keep what it confirms.
        SchemaError: the database has not this release's tables.
        NotDeployedError: the log was never opened on a chain.
        UnknownLogError: the log was never made.

    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    async with _parts(settings) as parts:
        metrics = AnchorMetrics(registry)
        worker = AnchorWorker(parts, options=options(settings), metrics=metrics, observer=observer)
        port = remembered_port(settings.data_dir, "worker-metrics")
        with metrics_served(registry, port=port):
            _log.info("metrics_served", port=port)
            async with _stamping(settings, parts, metrics):
                await worker.run(stop)
    _log.info("worker_stopped")


def options(settings: Settings) -> WorkerOptions:
    """How a worker works with this chain: a node of one's own is asked more often."""
    interval = settings.anchor_interval_ms / 1000
    is_near = settings.chain_snapshots or settings.local_chain is True
    return WorkerOptions(
        rhythm=Rhythm(
            interval=interval,
            batch_entries=settings.anchor_batch,
            poll=min(0.1, interval / 4),
            watch=1.0 if is_near else 5.0,
            idle=float(settings.heartbeat_s),
        ),
        patience=Patience() if is_near else Patience(poll=1.0, stuck=120.0, give_up=900.0),
    )


def _stamping(
    settings: Settings, parts: WorkerParts, metrics: AnchorMetrics
) -> AbstractAsyncContextManager[None]:
    """Time stamps beside anchoring, where an authority is named."""
    url, certificate = settings.timestamp_url, settings.timestamp_certificate
    if url is None or certificate is None:
        return nullcontext()
    return Stamping(
        TimestampAuthority(url, roots=certificate.read_bytes),
        database_url=parts.database_url,
        log_id=parts.log.log_id,
        metrics=metrics,
        rhythm=StampRhythm(interval=float(settings.timestamp_interval_s)),
    ).beside()


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[WorkerParts]:
    assert settings.database_url is not None, "set DATABASE_URL, or use `provenance run`"
    assert settings.rpc_url is not None, "set RPC_URL, or use `provenance run`"
    check_whole(settings.data_dir)
    keys = file_keys(settings)
    async with AsyncExitStack() as stack:
        # One connection for heartbeats, one to look things up: the worker has its own besides.
        engine = create_engine(settings.database_url, options=PoolOptions(size=2, overflow=0))
        stack.push_async_callback(engine.dispose)
        chain = ChainClient(settings.rpc_url)
        stack.push_async_callback(chain.aclose)
        async with engine.connect() as checked:
            await check_durability(checked)
            await check_schema(checked)
        log = await current_log(engine, origin=settings.origin)
        signer = signer_for(log.origin, keys)
        # It logs heartbeats alone and is closed between them: what an API's writer tells of itself
        # would be false alarms here. What becomes of heartbeats is among the worker's failures.
        # A log that another is said to carry on gets no entry, but what it lost is anchored again.
        is_newest = published_successor(settings, log.origin) is None
        writer = LogWriter(engine, log, signers=[signer])
        await writer.start()
        stack.push_async_callback(writer.stop)
        accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=_now_ms)
        async with connect(settings.database_url) as connection:
            deployment = (await load_deployment(connection, log.log_id)).complete()
        yield WorkerParts(
            database_url=settings.database_url,
            chain=chain,
            blobs=blob_store(settings),
            log=log,
            account=anchorer(keys, log.origin),
            signers=[signer],
            finality=finality(settings),
            heartbeat=Heartbeat(
                writer,
                origin=log.origin,
                chain_id=deployment.identity.chain_id,
                submitter=lambda: _operator(accounts),
                random_bytes=os.urandom,
            )
            if is_newest
            else None,
            erased=EmptiesListed(erasure_list(settings), open_vault(settings)),
            mark=checkpoint_mark(settings, log.origin),
        )


async def _operator(accounts: AccountStore) -> UUID:
    """Organisation in whose name heartbeats are logged.

    Raises:
        UnavailableError: the database does not say.

    """
    try:
        return await accounts.organisation(OPERATOR)
    except SQLAlchemyError as error:
        raise UnavailableError(told(error), retry_after=1) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
