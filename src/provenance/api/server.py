"""The API as a process: puts its parts together and serves them.

``python -m provenance.api`` runs it; ``provenance run`` starts that and guards it.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import structlog
import uvicorn
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.anchor.promises import Promises
from provenance.api.app import create_app
from provenance.api.connection import server_config
from provenance.api.dossiers.runs import ProcessRuns
from provenance.api.epcis.readers import DocumentReaders
from provenance.api.metrics import process_registry
from provenance.api.readiness import Readiness
from provenance.api.services import ApiLimits, Services
from provenance.chain.client import ChainClient
from provenance.core.trustfile import TrustFile
from provenance.db.accounts import AccountStore
from provenance.db.engine import PoolOptions, check_durability, create_engine
from provenance.db.migrate import check_schema
from provenance.db.watch import DatabaseWatch, PooledConnections
from provenance.evidence.rules import load_rules
from provenance.log.identity import LogIdentity
from provenance.log.metrics import LogMetrics
from provenance.log.store import LogStore
from provenance.log.tilestore import TileStore
from provenance.log.writer import LogWriter, WriterLimits
from provenance.prove.materials import MaterialStore
from provenance.prove.prover import Prover
from provenance.prove.store import ProofStore
from provenance.settings import Settings
from provenance.verify.chain import ChainFactsReader
from provenance.wiring.chain import blob_store, checkpoint_mark, file_keys
from provenance.wiring.erasing import Erasing, eraser_lock, open_eraser, open_retention
from provenance.wiring.guard import FenceGuard
from provenance.wiring.keyring import event_keys
from provenance.wiring.logs import current_log, signer_for
from provenance.wiring.restored import check_whole
from provenance.wiring.sealing import open_vault, sweeper
from provenance.wiring.shelved import check_shelf
from provenance.wiring.sweeping import Sweeping, upload_turn
from provenance.wiring.trust import check_newest, read_trust

_log = structlog.get_logger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _check_outside(engine: AsyncEngine, settings: Settings, log: LogIdentity) -> None:
    """Refuse writes where what lies beside database and chain speaks against them."""
    await asyncio.to_thread(check_newest, settings, log.origin)
    await check_shelf(engine, settings, log_ids=[log.log_id])


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Put the parts together; database and chain must have been set up.

    Raises:
        DurabilityError: the server does not keep what it confirms.
        HalfRestoredError: a restore of database or data folder was cut off.
        SchemaError: the database has not this release's tables.
        UnknownLogError: the log was never made.
        RulesError: the carrier's terms are wrong; says the line.
        ErasureListError: the erasure list was altered.
        RetentionError: the file of retention periods is wrong; says the line.

    """
    assert settings.database_url is not None, "set DATABASE_URL, or use `provenance run`"
    assert settings.rpc_url is not None, "set RPC_URL, or use `provenance run`"
    rules = load_rules(settings.carrier_terms)
    check_whole(settings.data_dir)
    keys = file_keys(settings)
    engine = create_engine(settings.database_url)
    # One connection for what receipts are made of and one for tiles, each read by one at a time.
    by_key = create_engine(
        settings.database_url, options=PoolOptions(size=2, overflow=2, plans_once=True)
    )
    watch = DatabaseWatch(settings.database_url, silenced=PooledConnections(engine, by_key).sever)
    chain = ChainClient(settings.rpc_url)
    facts = ChainFactsReader(settings.rpc_url)
    dossiers = ProcessRuns(settings)
    readers = DocumentReaders()
    registry = process_registry(settings.data_dir)
    try:
        async with engine.connect() as connection:
            await check_durability(connection)
            await check_schema(connection)
        log = await current_log(engine, origin=settings.origin)
        signers = (signer_for(log.origin, keys),)
        # A read is one statement, or several that need no common snapshot: without BEGIN and
        # ROLLBACK around each it takes one round trip instead of three.
        reads = engine.execution_options(isolation_level="AUTOCOMMIT")
        proofs = ProofStore(reads)
        lineage = await proofs.lineage(log.log_id)
        proving = by_key.execution_options(isolation_level="AUTOCOMMIT")
        tiles = TileStore(proving, log_id=log.log_id)
        writer = LogWriter(
            engine,
            log,
            signers=signers,
            limits=WriterLimits(waiting_entries=settings.queue_entries),
            metrics=LogMetrics(registry),
        )
        guard = FenceGuard(
            writer,
            database_url=settings.database_url,
            chain=chain,
            log=log,
            promises=Promises(
                blob_store(settings),
                origin=log.origin,
                verifiers=[signer.verifier() for signer in signers],
                mark=checkpoint_mark(settings, log.origin),
            ),
            check=partial(_check_outside, reads, settings, log),
        )
        vault = open_vault(settings)
        sweeping = Sweeping(
            sweeper(settings, reads),
            is_open=lambda: writer.is_open,
            turn=upload_turn(settings, now_ms=_now_ms),
        )
        eraser = open_eraser(settings, reads, log_id=log.log_id)
        await eraser.restore()
        retention = open_retention(settings, engine, eraser)
        erasing = Erasing(
            eraser,
            writer,
            retention=retention,
            lock=eraser_lock(settings),
            hour=settings.erasure_hour,
            now_ms=_now_ms,
        )
        Gauge(
            "provenance_erasure_left",
            "Erasures of which something is left; 0 in processes that do not look after them",
            registry=registry,
        ).set_function(lambda: len(erasing.left))
        Gauge(
            "provenance_database_silent_seconds",
            "Seconds for which the database has left a question open; 0 while it answers",
            registry=registry,
        ).set_function(lambda: watch.silent_seconds)
        readiness = Readiness(engine, log, writer, guard)

        @asynccontextmanager
        async def running() -> AsyncIterator[None]:
            async with (
                watch.running(),
                readiness.running(),
                guard.running(),
                sweeping.running(),
                erasing.running(),
            ):
                yield

        async def trust() -> TrustFile:
            return await read_trust(engine, settings=settings, keys=keys)

        yield Services(
            log=log,
            lineage=lineage,
            engine=reads,
            writer=writer,
            running=running,
            entries=LogStore(reads, log_id=log.log_id),
            tiles=tiles,
            prover=Prover(
                store=proofs,
                materials=MaterialStore(proving, lineage=lineage),
                tiles=tiles,
                lineage=lineage,
                signers=signers,
                openings=vault,
            ),
            vault=vault,
            eraser=eraser,
            erasing=erasing,
            retention=retention,
            limits=ApiLimits(
                max_document_bytes=settings.document_bytes,
                max_documents_per_subject=settings.documents_per_subject,
            ),
            trust=trust,
            facts=facts,
            accounts=AccountStore(engine, random_bytes=os.urandom, now_ms=_now_ms),
            readiness=readiness,
            event_keys=event_keys(keys),
            carrier=settings.carrier,
            registry=registry,
            clock=_now_ms,
            seconds=time.monotonic,
            random_bytes=os.urandom,
            rules=rules,
            readers=readers,
            dossiers=dossiers,
        )
    finally:
        await dossiers.aclose()
        await readers.aclose()
        await facts.aclose()
        await chain.aclose()
        await by_key.dispose()
        await engine.dispose()


class _Server(uvicorn.Server):
    """Server that ends when it is told to, and leaves it to its caller to end the process.

    uvicorn's own way is to raise the signal again, which would skip what is left to close.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT; a second SIGINT does not wait for open requests."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def _calm_collector() -> None:
    """Let the garbage collector look at what requests make, and not again at all of the program.

    What exists now stays. A capture makes tens of thousands of objects, nearly all of which go by
    themselves; with the usual thresholds looking for cycles among them took a tenth of the time,
    in pauses of up to a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was accepted."""
    async with open_services(settings) as services:
        await services.prover.warm_up()
        config = server_config(create_app(services), host=settings.api_host, port=settings.api_port)
        _calm_collector()
        _log.info("api_starts", host=settings.api_host, port=settings.api_port)
        await _Server(config).serve()
    _log.info("api_stopped")
