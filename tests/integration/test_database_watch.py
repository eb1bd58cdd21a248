"""A database that is there and silent is given up; one that is busy is not."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from fault.wire import Wire, wire_to
from fixtures.anchoring import World
from fixtures.logs import event, log_under_test, submission
from fixtures.waiting import eventually
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.session import connect
from provenance.api.readiness import Readiness
from provenance.db.engine import create_engine
from provenance.db.errors import DatabaseSilentError
from provenance.db.watch import DatabaseWatch, PooledConnections, WatchRhythm
from provenance.embedded import PostgresAddress
from provenance.log.errors import UnavailableError
from provenance.log.metrics import LogMetrics
from provenance.log.writer import LogWriter, WriterLimits
from provenance.wiring.guard import FenceGuard

pytestmark = pytest.mark.services

QUICK = WatchRhythm(between=0.05, turn=0.05, turns=4)


@pytest.fixture
async def wire(database: PostgresAddress) -> AsyncIterator[Wire]:
    async with wire_to(database.host, database.port) as wire:
        yield wire


@pytest.fixture
def url(database: PostgresAddress, wire: Wire) -> str:
    return database.url.replace(f":{database.port}/", f":{wire.port}/")


async def test_whoever_waits_for_a_silent_server_is_told(url: str, wire: Wire) -> None:
    async def ask() -> None:
        async with connect(url, rhythm=QUICK) as connection, asyncio.timeout(20):
            wire.flowing.clear()
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseSilentError, match="has not answered for"):
        await ask()


async def test_a_transaction_ends_with_the_connection(url: str, wire: Wire) -> None:
    async def ask() -> None:
        async with (
            connect(url, rhythm=QUICK) as connection,
            asyncio.timeout(20),
            connection.transaction(),
        ):
            await connection.execute("SELECT 1")
            wire.flowing.clear()
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseSilentError):
        await ask()


async def test_a_long_statement_is_left_alone(url: str) -> None:
    async with connect(url, rhythm=QUICK) as connection:
        cursor = await connection.execute("SELECT pg_sleep(1.5), 7")
        assert (await cursor.fetchone() or ())[1] == 7


async def test_a_process_that_was_held_up_does_not_take_that_for_silence(url: str) -> None:
    told: list[str] = []
    watch = DatabaseWatch(url, silenced=lambda: told.append("silent"), rhythm=QUICK)
    async with watch.running():
        for _ in range(4):
            await asyncio.sleep(0.06)
            time.sleep(1.0)  # noqa: ASYNC251 - the loop is what is held up
    assert told == []


async def test_an_error_of_a_server_that_answers_stays_what_it_is(url: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with connect(url, rhythm=QUICK) as connection:
            await connection.execute("SELECT 1 / 0")


async def test_a_server_that_speaks_again_is_noticed(url: str, wire: Wire) -> None:
    watch = DatabaseWatch(url, silenced=lambda: None, rhythm=QUICK)
    with structlog.testing.capture_logs() as logged:
        async with watch.running():
            wire.flowing.clear()
            await eventually(lambda: watch.silent_seconds > 0.3)
            wire.flowing.set()
            await eventually(lambda: not watch.is_silent)
    assert watch.silent_seconds == 0
    events = [line["event"] for line in logged]
    assert events[0] == "database_silent"
    assert events[-1] == "database_answers_again"


async def test_all_connections_of_a_pool_are_given_up(url: str, wire: Wire) -> None:
    engine = create_engine(url)
    watch = DatabaseWatch(url, silenced=PooledConnections(engine).sever, rhythm=QUICK)

    async def ask() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            wire.flowing.clear()
            await connection.execute(text("SELECT 2"))

    async with watch.running(), asyncio.timeout(20):
        found = await asyncio.gather(ask(), ask(), return_exceptions=True)
    assert [type(error) for error in found] == [OperationalError, OperationalError]
    wire.flowing.set()
    await engine.dispose()


async def test_readiness_answers_in_time_with_the_reason_and_asks_once(
    world: World, url: str, wire: Wire
) -> None:
    engine = create_engine(url)
    writer = LogWriter(engine, world.log, signers=[world.signer])
    guard = FenceGuard(
        writer, database_url=url, chain=world.node, log=world.log, promises=world.promises
    )
    readiness = Readiness(engine, world.log, writer, guard)
    wire.flowing.clear()
    async with readiness.running():
        began = time.monotonic()
        for checks in await asyncio.gather(*(readiness.checks() for _ in range(30))):
            assert checks[0].name == "database"
            assert not checks[0].is_ready
            assert "does not answer" in checks[0].reason
        assert time.monotonic() - began < 10
        assert engine.pool.checkedout() <= 1
    wire.flowing.set()
    await engine.dispose()


@pytest.mark.soak
async def test_those_who_wait_behind_a_silent_server_are_told_with_the_first(
    url: str, wire: Wire
) -> None:
    limits = WriterLimits(group_entries=1, transaction_seconds=0.5, patience_seconds=0.2)
    registry = CollectorRegistry()
    async with log_under_test(url) as log:
        writer = await log.writer(limits=limits, metrics=LogMetrics(registry))
        await writer.submit(submission(event("before")))
        wire.flowing.clear()
        sent = [
            asyncio.create_task(writer.submit(submission(event(f"e{number}"))))
            for number in range(30)
        ]
        await eventually(
            lambda: (registry.get_sample_value("provenance_log_waiting_seconds") or 0) > 0.2
        )
        # One by one they would take half a second each, and ten more for each new connection.
        async with asyncio.timeout(14):
            outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UnavailableError}
        wire.flowing.set()
        assert registry.get_sample_value("provenance_log_waiting_seconds") == 0
        assert (await writer.submit(submission(event("after")))).first_index == 1


@pytest.mark.soak
async def test_a_worker_counts_the_silence_and_goes_on(world: World, wire: Wire) -> None:
    direct, world.database_url = world.database_url, _through(world.database_url, wire)
    registry = CollectorRegistry()

    def sample(name: str, **labels: str) -> float:
        return registry.get_sample_value(f"provenance_anchor_{name}", labels) or 0.0

    async with world.working(world.worker(metrics=AnchorMetrics(registry))):
        world.database_url = direct
        await world.anchored(await world.append(3))
        wire.flowing.clear()
        await eventually(lambda: sample("failures_total", code="database-silent") > 0)
        await eventually(lambda: sample("worker_active") == 0)
        size = await world.append(3)
        wire.flowing.set()
        await world.anchored(size)
        assert sample("worker_active") == 1


def _through(url: str, wire: Wire) -> str:
    port = url.rpartition(":")[2].partition("/")[0]
    return url.replace(f":{port}/", f":{wire.port}/")


def test_what_waits_grows_older_while_nobody_can_look() -> None:
    now = [100.0]
    registry = CollectorRegistry()
    metrics = AnchorMetrics(registry, seconds=lambda: now[0])
    metrics.waiting_seconds.set(2.5)
    now[0] += 60
    assert registry.get_sample_value("provenance_anchor_waiting_seconds") == 62.5
    metrics.waiting_seconds.set(0)
    now[0] += 60
    assert registry.get_sample_value("provenance_anchor_waiting_seconds") == 0


async def test_readiness_tells_how_a_database_refuses(world: World, url: str) -> None:
    engine = create_engine(url.rsplit("/", 1)[0] + "/no_such_database")
    writer = LogWriter(engine, world.log, signers=[world.signer])
    guard = FenceGuard(
        writer, database_url=url, chain=world.node, log=world.log, promises=world.promises
    )
    readiness = Readiness(engine, world.log, writer, guard)
    async with readiness.running():
        database, _ = await readiness.checks()
    assert not database.is_ready
    assert database.reason.startswith("it refuses, or cannot be reached: OperationalError")
    await engine.dispose()
