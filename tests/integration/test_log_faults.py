"""Every step of writing a group fails, before and after it took effect; nothing acknowledged is
lost, nothing is logged twice, and the writer goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url, text

from fixtures.anchoring import World, draft
from fixtures.embedded import PostgresFixture
from fixtures.logs import (
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from fixtures.opening import client
from fixtures.rotation import rotated
from fixtures.soundness import check_world
from fixtures.waiting import eventually
from provenance.anchor.promises import Promises
from provenance.api.readiness import Readiness
from provenance.blobs import BlobStore
from provenance.db.engine import PoolOptions
from provenance.log.errors import OutcomeUnknownError, RetryableError, UnavailableError
from provenance.log.steps import Step
from provenance.log.submissions import (
    CaptureJob,
    Idempotency,
    Logged,
    RecordDraft,
    Submission,
)
from provenance.log.writer import LogWriter, WriterLimits
from provenance.wiring.guard import FenceGuard

pytestmark = pytest.mark.services

FAULTS = ("lost connection", "killed backend")
TABLE = rotated(
    [step.name for step in Step],
    [f"{fault} {moment}" for fault in FAULTS for moment in ("before", "after")],
)


@dataclass(slots=True)
class FailOnce:
    """Runs ``fault`` at one moment of one step, the first ``times`` times it comes by."""

    step: Step
    moment: str
    fault: Callable[[], Awaitable[None]]
    times: int = 1
    armed: bool = False
    hits: int = field(default=0)
    holding: bool = False
    held: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def before(self, step: Step) -> None:
        if self.holding and step is Step.CONNECT:
            # What is submitted meanwhile becomes the next group, all of it.
            self.held.set()
            await self.release.wait()
        await self._maybe(step, "before")

    async def after(self, step: Step) -> None:
        await self._maybe(step, "after")
        if self.holding and step is Step.ANSWER:
            # The one that was held has its answer: the next group is the one that is meant.
            self.holding, self.armed = False, True

    async def _maybe(self, step: Step, moment: str) -> None:
        if self.armed and (step, moment) == (self.step, self.moment) and self.hits < self.times:
            self.hits += 1
            await self.fault()


async def lose_connection() -> None:
    raise psycopg.OperationalError("the connection is lost")


def terminate_backends(postgres: PostgresFixture, database: str) -> Callable[[], Awaitable[None]]:
    """Kills every backend of the database, as an administrator or a crash would."""

    async def fault() -> None:
        async with await psycopg.AsyncConnection.connect(
            postgres.admin.dsn, autocommit=True
        ) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )

    return fault


def requests(count: int) -> list[Submission]:
    """Submissions that share subjects, and make every step happen."""
    return [
        submission(
            event(f"e{n}", f"urn:example:own{n}", "urn:example:shared", context=b"[]"),
            idempotency=Idempotency(f"key{n}", keyed(f"request{n}")),
        )
        for n in range(count)
    ]


def mixed() -> list[Submission]:
    """Submissions of every kind, on a log that holds what :func:`before` made.

    New subjects and old ones, several in one record, a repeated record beside a new one, a
    correction, a capture job, and enough that a tile becomes full.
    """
    wide = draft(10, turn=1, subjects=40)
    return [
        requested(draft(1, turn=1), draft(2, turn=1, subjects=3)),
        requested(draft(0, event_id="urn:id:0"), draft(3, turn=1)),
        requested(draft(0, turn=1, event_id="urn:id:0", corrects="urn:id:0")),
        requested(wide, draft(4, turn=1), job=CaptureJob(uuid4(), "rollback", 1)),
        requested(draft(5), draft(5, turn=1), draft(6, subjects=2)),
    ]


def requested(*records: RecordDraft, job: CaptureJob | None = None) -> Submission:
    """A submission with an Idempotency-Key of its own."""
    return Submission(
        submitter=records[0].submitter,
        records=records,
        idempotency=Idempotency(uuid4().hex, keyed(str(records[0].dedup_key))),
        job=job,
    )


async def before(writer: LogWriter) -> list[Logged]:
    """Log what the mixed submissions repeat, correct and go on from: 230 entries."""
    return [
        await writer.submit(requested(draft(0, event_id="urn:id:0"), draft(1), draft(2))),
        await writer.submit(requested(draft(9, subjects=100), draft(10, subjects=127))),
    ]


async def in_one_group(
    writer: LogWriter, observer: FailOnce, asked: list[Submission]
) -> list[Logged | BaseException]:
    """Submit while the writer is held, so that all become one group, in which the fault strikes."""
    observer.holding = True
    first = asyncio.create_task(writer.submit(requested(draft(20))))
    await observer.held.wait()
    tasks = [asyncio.create_task(writer.submit(one)) for one in asked]
    await eventually(lambda: len(writer._queue) == len(asked))
    observer.release.set()
    await first
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    observer.armed = False
    return list(outcomes)


@pytest.mark.parametrize(("name", "fault"), TABLE)
async def test_a_fault_at_any_step_loses_and_doubles_nothing(
    world: World, postgres: PostgresFixture, name: str, fault: str
) -> None:
    step, moment = Step[name], fault.rpartition(" ")[2]
    is_killed = fault.startswith("killed")
    database = make_url(world.database_url).database or ""
    strike = terminate_backends(postgres, database) if is_killed else lose_connection
    observer = FailOnce(step, moment, strike)
    writer = LogWriter(world.engine, world.log, signers=[world.signer], observer=observer)
    await writer.start()
    writer.open()
    try:
        acknowledged = await before(writer)
        asked = mixed()
        outcomes = await in_one_group(writer, observer, asked)
        assert observer.hits == 1
        [(size,)] = await world.query("SELECT size FROM log_heads")
        acknowledged += [
            await once_more(writer, request, outcome, size)
            for request, outcome in zip(asked, outcomes, strict=True)
        ]
    finally:
        await writer.stop()
    is_unknown = any(isinstance(outcome, OutcomeUnknownError) for outcome in outcomes)
    if is_killed:
        steps = {(Step.COMMIT, "before"), (Step.UPDATE_TREE, "after")}
        assert is_unknown == ((step, moment) in steps)
    else:
        assert is_unknown == (step in {Step.COMMIT, Step.ANSWER})
    size = max(logged.first_index + logged.count for logged in acknowledged)
    assert size == 230 + 1 + 4 + 1 + 1 + 41 + 4
    async with world.working(world.worker()):
        await world.anchored(size)
    await check_world(world, size=size, acknowledged=acknowledged)
    assert await world.query("SELECT count(*), count(DISTINCT dedup_key) FROM records") == [
        (5 + 1 + 2 + 1 + 1 + 2 + 3, 5 + 1 + 2 + 1 + 1 + 2 + 3)
    ]
    # Each request and job is there once, and the correction names what it corrects.
    assert await world.query("SELECT count(*) FROM requests") == [(3 + len(asked),)]
    assert await world.query("SELECT count(*) FROM capture_jobs") == [(1,)]
    assert await world.query("SELECT corrects FROM records WHERE corrects IS NOT NULL") == [(0,)]
    assert await world.query("SELECT count(*) FROM tiles WHERE length(data) = 8192") == [(1,)]


async def once_more(
    writer: LogWriter, request: Submission, outcome: Logged | BaseException, size: int
) -> Logged:
    """Repeat a request after the fault, when the log had ``size``; its answer."""
    again = await writer.submit(request)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, RetryableError), outcome
        is_in_log = again.repeated
        assert not (is_in_log and isinstance(outcome, UnavailableError))
        assert not is_in_log or again.first_index < size
    else:
        assert again.repeated
        assert again.acknowledgement == outcome.acknowledgement
    return again


async def test_a_fault_that_stays_is_told_to_everybody(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        observer = FailOnce(Step.COPY_ENTRIES, "before", lose_connection, times=10**6)
        writer = await log.writer(observer=observer)
        observer.armed = True
        outcomes = await asyncio.gather(
            *(writer.submit(request) for request in requests(4)), return_exceptions=True
        )
        assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
        assert (await log.store.head()).size == 0
        observer.armed = False
        await writer.submit(submission(event("later")))
        await check_log(log)


async def test_a_fault_of_our_own_hits_only_its_group_of_one(database_url: str) -> None:
    async def fail() -> None:
        raise RuntimeError("a defect")

    async with log_under_test(database_url) as log:
        observer = FailOnce(Step.COPY_TRAILS, "before", fail, times=1)
        writer = await log.writer(observer=observer)
        observer.armed = True
        outcomes = await asyncio.gather(
            *(writer.submit(request) for request in requests(4)), return_exceptions=True
        )
        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(await check_log(log)) == 8


async def test_a_database_that_does_not_answer_is_given_up_and_used_again(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(transaction_seconds=0.3))
        await writer.submit(submission(event("before")))
        async with log.engine.connect() as blocker:
            await blocker.execute(text("SELECT * FROM log_heads FOR UPDATE"))
            with pytest.raises(UnavailableError, match="does not answer"):
                await writer.submit(submission(event("e")))
        await writer.submit(submission(event("e")))
        assert len(await check_log(log)) == 2


async def test_a_lock_that_is_not_granted_is_a_reason_to_come_back(database_url: str) -> None:
    async with log_under_test(database_url, options=PoolOptions(lock=1)) as log:
        writer = await log.writer()
        async with log.engine.connect() as blocker:
            await blocker.execute(text("SELECT * FROM log_heads FOR UPDATE"))
            with pytest.raises(UnavailableError, match="nothing was logged"):
                await writer.submit(submission(event("e")))
        await writer.submit(submission(event("e")))
        assert len(await check_log(log)) == 1


async def test_a_database_that_is_gone_is_a_reason_to_come_back(
    postgres: PostgresFixture, migrated_template: str
) -> None:
    address = postgres.create_database(template=migrated_template)
    async with log_under_test(address.url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        postgres.drop_database(address.database)
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await writer.submit(submission(event("f")))


async def disk_full() -> None:
    raise psycopg.errors.DiskFull("No space left on device")


async def test_a_disk_that_is_full_shows_in_readiness_until_a_write_succeeds(
    database_url: str, tmp_path: Path
) -> None:
    observer = FailOnce(Step.LOCK_AND_READ, "after", disk_full, armed=True)
    async with log_under_test(database_url) as log, client("http://127.0.0.1:9") as node:
        writer = await log.writer(observer=observer)
        promises = Promises(BlobStore.in_folder(tmp_path), origin=log.identity.origin, verifiers=[])
        guard = FenceGuard(
            writer, database_url=database_url, chain=node, log=log.identity, promises=promises
        )
        readiness = Readiness(log.engine, log.identity, writer, guard)

        async def found() -> dict[str, tuple[bool, str]]:
            return {
                check.name: (check.is_ready, check.reason) for check in await readiness.checks()
            }

        async with readiness.running():
            assert (await found())["writer"] == (True, "")
            with pytest.raises(UnavailableError):
                await writer.submit(submission(event("e")))
            is_ready, reason = (await found())["writer"]
            assert not is_ready
            assert reason.startswith("log-unavailable: ")
            await writer.submit(submission(event("f")))
            assert (await found())["writer"] == (True, "")


async def test_a_failure_of_long_ago_says_nothing_of_now(database_url: str) -> None:
    observer = FailOnce(Step.LOCK_AND_READ, "after", disk_full, armed=True)
    async with log_under_test(database_url) as log:
        writer = await log.writer(observer=observer, limits=WriterLimits(trouble_seconds=0.0))
        with pytest.raises(UnavailableError):
            await writer.submit(submission(event("e")))
        assert writer.trouble == ""
