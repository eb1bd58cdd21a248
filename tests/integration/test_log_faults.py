"""Every step of writing a group fails, before and after it took effect; nothing acknowledged is
lost, nothing is logged twice, and the writer goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psycopg
import pytest
from sqlalchemy import text

from fixtures.embedded import PostgresFixture
from fixtures.logs import (
    LogUnderTest,
    check_acknowledgement,
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from fixtures.opening import client
from provenance.api.readiness import Readiness
from provenance.db.engine import PoolOptions
from provenance.embedded import PostgresAddress
from provenance.log.errors import OutcomeUnknownError, RetryableError, UnavailableError
from provenance.log.steps import Step
from provenance.log.submissions import Idempotency, Submission
from provenance.log.writer import WriterLimits
from provenance.wiring.guard import FenceGuard

pytestmark = pytest.mark.services

MOMENTS = ("before", "after")
STEPS = [(step, moment) for step in Step for moment in MOMENTS]


@dataclass(slots=True)
class FailOnce:
    """Runs ``fault`` at one moment of one step, the first ``times`` times it comes by."""

    step: Step
    moment: str
    fault: Callable[[], Awaitable[None]]
    times: int = 1
    armed: bool = False
    hits: int = field(default=0)

    async def before(self, step: Step) -> None:
        await self._maybe(step, "before")

    async def after(self, step: Step) -> None:
        await self._maybe(step, "after")

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


async def fail_and_repeat(log: LogUnderTest, observer: FailOnce) -> list[object]:
    """Submit a group while the fault strikes, then repeat what failed; returns the outcomes."""
    writer = await log.writer(observer=observer)
    first = await writer.submit(submission(event("first", "urn:example:shared")))
    observer.armed = True
    asked = requests(6)
    outcomes = await asyncio.gather(
        *(writer.submit(request) for request in asked), return_exceptions=True
    )
    observer.armed = False
    size_after_fault = (await log.store.head()).size
    for request, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, RetryableError), outcome
            again = await writer.submit(request)
            is_in_log = again.first_index < size_after_fault
            assert is_in_log == again.repeated
            assert not (is_in_log and isinstance(outcome, UnavailableError))
        else:
            again = await writer.submit(request)
            assert again.acknowledgement == outcome.acknowledgement
        check_acknowledgement(again)
    check_acknowledgement(first)
    entries = await check_log(log)
    assert len(entries) == 1 + 2 * len(asked)
    return list(outcomes)


@pytest.mark.parametrize(("step", "moment"), STEPS, ids=lambda value: getattr(value, "name", value))
async def test_a_lost_connection_at_any_step_loses_and_doubles_nothing(
    database_url: str, step: Step, moment: str
) -> None:
    async with log_under_test(database_url) as log:
        observer = FailOnce(step, moment, lose_connection)
        outcomes = await fail_and_repeat(log, observer)
        assert observer.hits or step is Step.READ_MORE
        is_unknown = any(isinstance(outcome, OutcomeUnknownError) for outcome in outcomes)
        assert is_unknown == (step in {Step.COMMIT, Step.ANSWER})


@pytest.mark.parametrize(("step", "moment"), STEPS, ids=lambda value: getattr(value, "name", value))
async def test_a_killed_backend_at_any_step_loses_and_doubles_nothing(
    database: PostgresAddress, postgres: PostgresFixture, step: Step, moment: str
) -> None:
    async with log_under_test(database.url) as log:
        fault = terminate_backends(postgres, database.database)
        outcomes = await fail_and_repeat(log, FailOnce(step, moment, fault))
        is_unknown = any(isinstance(outcome, OutcomeUnknownError) for outcome in outcomes)
        assert is_unknown == (
            (step, moment) in {(Step.COMMIT, "before"), (Step.UPDATE_TREE, "after")}
        )


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
    database_url: str,
) -> None:
    observer = FailOnce(Step.LOCK_AND_READ, "after", disk_full, armed=True)
    async with log_under_test(database_url) as log, client("http://127.0.0.1:9") as node:
        writer = await log.writer(observer=observer)
        guard = FenceGuard(writer, database_url=database_url, chain=node, log=log.identity)
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
