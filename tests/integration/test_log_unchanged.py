"""What rests on the log as it was read is logged only while that still holds."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from fixtures.logs import LogUnderTest, check_log, event, log_under_test, submission
from provenance.log.errors import OvertakenError
from provenance.log.submissions import RecordDraft, Unchanged
from provenance.log.writer import WriterLimits

pytestmark = pytest.mark.services
ABOUT = "urn:example:about"
CASE = "urn:example:case"


def of_kind(kind: str, name: str, *subjects: str) -> RecordDraft:
    draft = event(name, *subjects)
    return msgspec.structs.replace(draft, statement=replace(draft.statement, kind=kind))


async def seen(log: LogUnderTest) -> Unchanged:
    return Unchanged(size=(await log.store.head()).size, subjects=frozenset({ABOUT}))


@pytest.mark.parametrize(
    ("kind", "subject", "overtakes"),
    [
        ("case", "urn:example:another", True),
        ("event", ABOUT, True),
        ("document", ABOUT, True),
        ("event", "urn:example:another", False),
        ("erasure", ABOUT, True),
        ("erasure", CASE, True),
        ("erasure", "urn:example:another", False),
        ("heartbeat", ABOUT, False),
    ],
)
async def test_acts_of_cases_and_news_of_its_subjects_overtake_it(
    database_url: str, kind: str, subject: str, *, overtakes: bool
) -> None:
    async with log_under_test(database_url) as log:
        writer, other = await log.writer(), await log.writer()
        await writer.submit(submission(event("before", ABOUT), of_kind("case", "act", CASE)))
        unchanged = await seen(log)
        await other.submit(submission(of_kind(kind, "news", subject)))
        rests = submission(event("rests", ABOUT), unchanged=unchanged)
        if overtakes:
            with pytest.raises(OvertakenError, match="nothing was logged"):
                await writer.submit(rests)
            assert (await log.store.head()).size == 3
            rests = replace(rests, unchanged=await seen(log))
        await writer.submit(rests)
        assert len(await check_log(log)) == 4


async def test_what_is_in_the_log_already_is_repeated_though_it_was_overtaken(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        rests = submission(event("rests", ABOUT), unchanged=await seen(log))
        first = await writer.submit(rests)
        await writer.submit(submission(of_kind("case", "act")))
        assert (await writer.submit(rests)).acknowledgement == first.acknowledgement


async def test_in_one_group_it_goes_before_what_would_overtake_it(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(linger_seconds=30))
        await asyncio.gather(*(writer.submit(submission(event(str(n)))) for n in range(3)))
        unchanged = await seen(log)
        act, rests, more = await asyncio.gather(
            writer.submit(submission(of_kind("case", "act"))),
            writer.submit(submission(event("rests", ABOUT), unchanged=unchanged)),
            writer.submit(submission(event("more", ABOUT))),
        )
        assert (rests.first_index, act.first_index, more.first_index) == (3, 4, 5)
        await check_log(log)


async def test_in_one_group_one_overtakes_the_next(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer(limits=WriterLimits(linger_seconds=30))
        await asyncio.gather(*(writer.submit(submission(event(str(n)))) for n in range(2)))
        unchanged = await seen(log)
        first, second = await asyncio.gather(
            *(
                writer.submit(submission(event(name, ABOUT), unchanged=unchanged))
                for name in ("one", "two")
            ),
            return_exceptions=True,
        )
        assert not isinstance(first, BaseException)
        assert first.first_index == 2
        assert isinstance(second, OvertakenError)
        await check_log(log)
