"""When nothing is written: the clock, the log's state, or its tree is not as it should be."""

import pytest
from sqlalchemy import update

from fixtures.logs import (
    event,
    log_under_test,
    submission,
)
from provenance.db.tables import log_heads
from provenance.log.errors import (
    ClockBehindError,
    LogReadOnlyError,
)

pytestmark = pytest.mark.services


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
