"""What a submitter is told, and what is in the log afterwards."""

import asyncio
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text

from fixtures.logs import (
    SUBMITTER,
    check_acknowledgement,
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from provenance.core.errors import BadValueError
from provenance.core.tree import root_of
from provenance.db.tables import capture_jobs, contexts, records
from provenance.log.errors import (
    DraftError,
    LogReadOnlyError,
    OverloadedError,
    RejectedError,
    UnavailableError,
)
from provenance.log.metrics import LogMetrics
from provenance.log.submissions import CaptureJob
from provenance.log.writer import WriterLimits

pytestmark = pytest.mark.services


async def test_a_submission_gets_contiguous_entries_and_a_signed_promise(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("before")))
        logged = await writer.submit(
            submission(event("one", "urn:example:a", "urn:example:b"), event("two"))
        )
        assert (logged.first_index, logged.count, logged.repeated) == (1, 3, False)
        assert [(r.first_index, r.count) for r in logged.records if r] == [(1, 2), (3, 1)]
        entries = await check_log(log)
        promise = check_acknowledgement(logged)
        assert promise.root == root_of([entry.leaf_hash for entry in entries[1:]])
        assert logged.records[0] is not None
        assert logged.records[0].leaf_hashes == tuple(e.leaf_hash for e in entries[1:3])


async def test_concurrent_submissions_become_groups_and_each_gets_its_own_range(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        answers = await asyncio.gather(
            *(
                writer.submit(submission(event(f"e{n}", f"urn:example:s{n % 7}")))
                for n in range(600)
            )
        )
        assert sorted(answer.first_index for answer in answers) == list(range(600))
        entries = await check_log(log)
        for answer in answers:
            check_acknowledgement(answer)
            record = answer.records[0]
            assert record is not None
            assert entries[record.first_index].leaf_hash == record.leaf_hashes[0]


async def test_one_subject_twice_in_a_group_continues_its_trail(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(*(event(f"e{n}", "urn:example:one") for n in range(5))))
        await writer.submit(submission(event("e5", "urn:example:one")))
        entries = await check_log(log)
        assert [entry.entry.seq for entry in entries] == [0, 1, 2, 3, 4, 5]


async def test_a_capture_job_is_stored_with_its_events_and_conflicts(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        job = CaptureJob(
            job_id=uuid4(),
            on_error="proceed",
            created_at=5,
            errors=({"pointer": "/epcisBody/eventList/0", "code": "bad-value"},),
            pointers=("/epcisBody/eventList/1", "/epcisBody/eventList/2"),
        )
        logged = await writer.submit(
            submission(event("f"), event("e", content="x"), job=job, skip_conflicts=True)
        )
        assert logged.job_id == job.job_id
        async with log.engine.connect() as connection:
            row = (await connection.execute(select(capture_jobs))).one()
        assert (row.job_id, row.success, row.events, row.record_firsts) == (
            job.job_id,
            False,
            3,
            [1],
        )
        assert [error["pointer"] for error in row.errors] == [
            "/epcisBody/eventList/0",
            "/epcisBody/eventList/2",
        ]
        assert row.errors[1]["code"] == "conflict"


async def test_a_job_without_any_event_is_stored_and_acknowledges_nothing(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        job = CaptureJob(job_id=uuid4(), on_error="rollback", created_at=5, errors=({"code": "x"},))
        logged = await writer.submit(submission(job=job))
        assert (logged.records, logged.count, logged.acknowledgement) == ((), 0, None)
        async with log.engine.connect() as connection:
            assert (await connection.execute(select(capture_jobs.c.success))).scalar_one() is False


async def test_contexts_are_stored_once_by_their_hash(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        for n in range(3):
            await writer.submit(submission(event(f"e{n}", context=b'["context"]')))
        async with log.engine.connect() as connection:
            assert [row.data for row in await connection.execute(select(contexts))] == [
                b'["context"]'
            ]


async def test_a_submission_larger_than_a_group_is_one_transaction(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(group_entries=10))
        small = [writer.submit(submission(event(f"small{n}"))) for n in range(15)]
        large = writer.submit(submission(*(event(f"large{n}") for n in range(300))))
        logged, *_ = await asyncio.gather(large, *small)
        assert logged.count == 300
        entries = await check_log(log)
        times = {entry.entry.at for entry in entries[logged.first_index :][:300]}
        assert times == {logged.at}


async def test_one_bad_submission_leaves_its_neighbours_unharmed(database_url: str) -> None:
    # An index of PostgreSQL takes at most some 2,700 bytes: a fault that no check here foresees.
    unindexable = "".join(keyed(str(n)).hex() for n in range(100))
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        outcomes = await asyncio.gather(
            *(
                writer.submit(submission(event(f"e{n}", event_id=unindexable if n == 13 else None)))
                for n in range(40)
            ),
            return_exceptions=True,
        )
        failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
        assert failed == [13]
        assert isinstance(outcomes[13], RejectedError)
        assert len(await check_log(log)) == 39


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (event("e", "urn:example:a", "no uri"), BadValueError),
        (event("e", "urn:example:a", "urn:example:a"), DraftError),
    ],
)
async def test_a_draft_that_cannot_become_entries_is_refused(
    database_url: str, draft: object, error: type[Exception]
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        with pytest.raises(error):
            await writer.submit(submission(draft))  # type: ignore[arg-type]
        assert (await log.store.head()).size == 0


def submissions_counted(registry: CollectorRegistry, outcome: str) -> float:
    return (
        registry.get_sample_value("provenance_log_submissions_total", {"outcome": outcome}) or 0.0
    )


async def test_what_is_refused_before_it_waits_is_counted_by_its_code(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        registry = CollectorRegistry()
        writer = await log.writer(is_open=False, metrics=LogMetrics(registry))
        with pytest.raises(LogReadOnlyError):
            await writer.submit(submission(event("e")))
        writer.open()
        await writer.stop()
        with pytest.raises(UnavailableError):
            await writer.submit(submission(event("e")))
        assert submissions_counted(registry, "log-read-only") == 1
        assert submissions_counted(registry, "log-unavailable") == 1


async def test_more_than_fits_into_memory_is_refused_at_once(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        registry = CollectorRegistry()
        writer = await log.writer(
            limits=WriterLimits(waiting_entries=10), metrics=LogMetrics(registry)
        )
        outcomes = await asyncio.gather(
            *(writer.submit(submission(event(f"e{n}"))) for n in range(30)),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, OverloadedError)]
        assert len(refused) == 20
        assert all(error.retry_after >= 1 for error in refused)
        assert submissions_counted(registry, "overloaded") == 20
        assert submissions_counted(registry, "logged") == 10
        assert len(await check_log(log)) == 10
        await writer.submit(submission(event("later")))


async def test_a_submitter_who_gives_up_does_not_disturb_the_others(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        tasks = [asyncio.create_task(writer.submit(submission(event(f"e{n}")))) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for n, outcome in enumerate(outcomes):
            if n % 3:
                check_acknowledgement(outcome)  # type: ignore[arg-type]
        entries = await check_log(log)
        assert len(entries) >= sum(1 for n in range(50) if n % 3)


async def test_stopping_finishes_what_was_accepted(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(group_entries=10))
        tasks = [asyncio.create_task(writer.submit(submission(event(f"e{n}")))) for n in range(100)]
        await asyncio.sleep(0)
        await writer.stop()
        outcomes = await asyncio.gather(*tasks)
        assert len(outcomes) == 100
        with pytest.raises(UnavailableError):
            await writer.submit(submission(event("late")))
        assert len(await check_log(log)) == 100


async def test_a_writer_goes_on_after_the_server_closed_its_idle_connection(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        async with log.engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await writer.submit(submission(event("f")))
        assert len(await check_log(log)) == 2


async def test_submitter_is_the_one_of_the_records(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        async with log.engine.connect() as connection:
            assert (await connection.scalar(select(records.c.submitter))) == SUBMITTER
