"""What was submitted before gets its first answer, and what contradicts it is a conflict."""

import asyncio

import pytest

from fixtures.logs import (
    OTHER_SUBMITTER,
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from provenance.log.errors import (
    ConflictError,
    IdempotencyConflictError,
)
from provenance.log.submissions import Idempotency

pytestmark = pytest.mark.services


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
