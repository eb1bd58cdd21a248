"""What a submitter is told, and what is in the log afterwards."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from fixtures.logs import (
    OTHER_SUBMITTER,
    SUBMITTER,
    check_acknowledgement,
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from provenance.core.errors import BadValueError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement
from provenance.core.tree import root_of
from provenance.db.tables import capture_jobs, contexts, log_heads, records
from provenance.log.errors import (
    ClockBehindError,
    ConflictError,
    DraftError,
    IdempotencyConflictError,
    LogReadOnlyError,
    OverloadedError,
    RejectedError,
    UnavailableError,
)
from provenance.log.submissions import CaptureJob, Idempotency
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


async def test_the_same_content_again_gets_the_first_answer(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        first = await writer.submit(submission(event("e", "urn:example:a", "urn:example:b")))
        again = await writer.submit(submission(event("e", "urn:example:a", "urn:example:b")))
        assert again.acknowledgement == first.acknowledgement
        assert first.records[0] is not None
        assert again.records[0] is not None
        assert again.records[0].repeated
        assert again.records[0].leaf_hashes == first.records[0].leaf_hashes
        assert (await log.store.head()).size == 2


async def test_a_repetition_within_one_submission_is_logged_once(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        logged = await writer.submit(submission(event("e"), event("f"), event("e")))
        assert [(r.first_index, r.repeated) for r in logged.records if r] == [
            (0, False),
            (1, False),
            (0, True),
        ]
        assert len(await check_log(log)) == 2


async def test_only_what_is_new_in_a_submission_is_logged(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        logged = await writer.submit(submission(event("e"), event("f")))
        assert (logged.first_index, logged.count) == (1, 1)
        assert [r.repeated for r in logged.records if r] == [True, False]


async def test_other_content_under_the_same_identifier_is_a_conflict(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        with pytest.raises(ConflictError) as caught:
            await writer.submit(submission(event("f"), event("e", content="x")))
        assert (caught.value.position, caught.value.first_index) == (1, 0)
        assert (await log.store.head()).size == 1


async def test_a_contradiction_within_one_submission_is_a_conflict(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        with pytest.raises(ConflictError):
            await writer.submit(submission(event("e"), event("e", content="x")))
        assert (await log.store.head()).size == 0


async def test_conflicts_are_left_out_where_the_submitter_asks_for_it(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        logged = await writer.submit(
            submission(event("f"), event("e", content="x"), event("g"), skip_conflicts=True)
        )
        assert [record and record.first_index for record in logged.records] == [1, None, 2]
        assert [(c.position, c.first_index) for c in logged.conflicts] == [(1, 0)]


async def test_an_idempotency_key_gets_its_first_answer_to_the_byte(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("before")))
        request = submission(
            event("before"), event("e"), idempotency=Idempotency("k", keyed("request"))
        )
        first = await writer.submit(request)
        await writer.submit(submission(event("later")))
        again = await writer.submit(request)
        assert again.acknowledgement == first.acknowledgement
        assert again.records == first.records
        assert (first.repeated, again.repeated) == (False, True)


async def test_an_idempotency_key_with_other_content_is_refused(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e"), idempotency=Idempotency("k", keyed("a"))))
        with pytest.raises(IdempotencyConflictError):
            await writer.submit(submission(event("f"), idempotency=Idempotency("k", keyed("b"))))
        assert (await log.store.head()).size == 1


async def test_an_idempotency_key_belongs_to_its_submitter(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e"), idempotency=Idempotency("k", keyed("a"))))
        other = await writer.submit(
            submission(
                event("e", submitter=OTHER_SUBMITTER), idempotency=Idempotency("k", keyed("b"))
            )
        )
        assert other.first_index == 1


async def test_an_idempotency_key_twice_in_one_group_is_logged_once(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        request = submission(event("e"), idempotency=Idempotency("k", keyed("a")))
        answers = await asyncio.gather(*(writer.submit(request) for _ in range(5)))
        assert len({answer.acknowledgement for answer in answers}) == 1
        assert sum(not answer.repeated for answer in answers) == 1
        assert (await log.store.head()).size == 1


def refs_of(statement: bytes | None) -> list[str]:
    assert statement is not None
    return [ref.leaf.hex() for ref in Statement.from_json(parse_canonical(statement)).refs]


async def test_a_correction_refers_to_every_entry_of_what_it_corrects(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        subjects = ("urn:example:a", "urn:example:b")
        original = await writer.submit(submission(event("e", *subjects, event_id="urn:id:1")))
        for n in range(2):
            await writer.submit(
                submission(
                    event(f"correction{n}", *subjects, event_id="urn:id:1", corrects="urn:id:1")
                )
            )
        entries = await check_log(log)
        assert original.records[0] is not None
        expected = [leaf.hex() for leaf in original.records[0].leaf_hashes]
        for entry in entries[2:]:
            assert refs_of(entry.statement) == expected
        async with log.engine.connect() as connection:
            corrects = await connection.scalars(
                select(records.c.corrects).order_by(records.c.first_index)
            )
            assert list(corrects) == [None, 0, 0]


async def test_a_correction_may_come_in_the_submission_of_what_it_corrects(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        logged = await writer.submit(
            submission(
                event("e", event_id="urn:id:1"),
                event("correction", event_id="urn:id:1", corrects="urn:id:1"),
            )
        )
        entries = await check_log(log)
        assert logged.records[0] is not None
        assert refs_of(entries[1].statement) == [logged.records[0].leaf_hashes[0].hex()]


async def test_a_correction_of_another_submitters_event_refers_to_nothing(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e", event_id="urn:id:1")))
        await writer.submit(
            submission(
                event("c", event_id="urn:id:1", corrects="urn:id:1", submitter=OTHER_SUBMITTER)
            )
        )
        entries = await check_log(log)
        assert refs_of(entries[1].statement) == []


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


async def test_time_never_decreases_even_when_the_clock_does(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        first = await writer.submit(submission(event("e")))
        async with log.engine.begin() as connection:
            await connection.execute(update(log_heads).values(last_at=first.at + 1500))
        second = await writer.submit(submission(event("f")))
        assert second.at >= first.at + 1500


async def test_nothing_is_written_while_the_clock_is_far_behind(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        first = await writer.submit(submission(event("e")))
        async with log.engine.begin() as connection:
            await connection.execute(update(log_heads).values(last_at=first.at + 3_600_000))
        with pytest.raises(ClockBehindError) as caught:
            await writer.submit(submission(event("f")))
        assert caught.value.retry_after > 3500
        assert (await log.store.head()).size == 1


@pytest.mark.parametrize("state", ["behind", "forked", "closed"])
async def test_nothing_is_written_to_a_log_that_is_not_open(database_url: str, state: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        async with log.engine.begin() as connection:
            await connection.execute(
                update(log_heads).values(state=state, state_reason="the chain says so")
            )
        with pytest.raises(LogReadOnlyError, match="the chain says so") as caught:
            await writer.submit(submission(event("e")))
        assert caught.value.state == state


async def test_nothing_is_taken_before_the_fence_has_passed(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(is_open=False)
        with pytest.raises(LogReadOnlyError, match="not yet checked"):
            await writer.submit(submission(event("e")))
        writer.open()
        await writer.submit(submission(event("e")))
        writer.close(state="unchecked", reason="the chain cannot be asked")
        with pytest.raises(LogReadOnlyError, match="cannot be asked"):
            await writer.submit(submission(event("f")))


async def test_a_log_smaller_than_what_was_committed_here_is_not_written(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e"), event("f")))
        async with log.engine.begin() as connection:
            await connection.execute(update(log_heads).values(size=0, frontier=b""))
        for _ in range(2):
            with pytest.raises(LogReadOnlyError, match="backup"):
                await writer.submit(submission(event("g")))
        assert not writer.is_open


async def test_a_log_smaller_than_what_the_fence_checked_is_not_written(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(is_open=False)
        writer.open(checked_size=5)
        with pytest.raises(LogReadOnlyError, match="from 5 to 0"):
            await writer.submit(submission(event("e")))


async def test_another_tree_of_the_same_size_is_not_extended(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e")))
        async with log.engine.begin() as connection:
            await connection.execute(update(log_heads).values(frontier=bytes(32)))
        with pytest.raises(LogReadOnlyError, match="not the one that was committed"):
            await writer.submit(submission(event("f")))


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


async def test_more_than_fits_into_memory_is_refused_at_once(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(waiting_entries=10))
        outcomes = await asyncio.gather(
            *(writer.submit(submission(event(f"e{n}"))) for n in range(30)),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, OverloadedError)]
        assert len(refused) == 20
        assert all(error.retry_after >= 1 for error in refused)
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
