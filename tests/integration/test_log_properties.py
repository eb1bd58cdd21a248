"""Whatever is submitted in whatever groups, the log keeps its shape."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.logs import check_acknowledgement, check_log, event, log_under_test, submission
from provenance.log.errors import ConflictError
from provenance.log.submissions import Logged, Submission
from provenance.log.writer import WriterLimits

pytestmark = pytest.mark.services

names = st.integers(0, 40).map("e{}".format)
subjects = st.lists(
    st.integers(0, 25).map("urn:example:s{}".format), min_size=1, max_size=6, unique=True
)


@st.composite
def records(draw: st.DrawFn) -> tuple[str, tuple[str, ...], str, bool]:
    return (
        draw(names),
        tuple(draw(subjects)),
        draw(st.sampled_from(["", "", "", "x"])),
        draw(st.booleans()),
    )


def fresh_origin() -> str:
    """Examples share a database, so that each one needs a log of its own."""
    return f"log.example/{uuid4()}"


submissions = st.tuples(st.lists(records(), max_size=8), st.booleans())


def build(recipe: tuple[list[tuple[str, tuple[str, ...], str, bool]], bool]) -> Submission:
    wanted, skip = recipe
    drafts = []
    for name, named, content, corrects in wanted:
        if corrects:
            draft = event(
                f"c{name}", *named, content=content, event_id=f"urn:id:{name}",
                corrects=f"urn:id:{name}",
            )  # fmt: skip
        else:
            draft = event(name, *named, content=content, event_id=f"urn:id:{name}")
        drafts.append(draft)
    return submission(*drafts, skip_conflicts=skip)


@given(rounds=st.lists(st.lists(submissions, min_size=1, max_size=6), min_size=1, max_size=4))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_submissions_in_any_groups_leave_a_log_that_holds(
    database_url: str,
    rounds: list[list[tuple[list[tuple[str, tuple[str, ...], str, bool]], bool]]],
) -> None:
    async def check() -> None:
        origin = fresh_origin()
        async with log_under_test(database_url, origin=origin) as log:
            writer = await log.writer(limits=WriterLimits(group_entries=20))
            answers: list[Logged] = []
            for each in rounds:
                outcomes = await asyncio.gather(
                    *(writer.submit(build(recipe)) for recipe in each), return_exceptions=True
                )
                for outcome in outcomes:
                    if isinstance(outcome, Logged):
                        answers.append(outcome)
                    else:
                        assert isinstance(outcome, ConflictError), outcome
            entries = await check_log(log)
            for answer in answers:
                if answer.acknowledgement is not None:
                    check_acknowledgement(answer, origin=origin)
                for record in answer.records:
                    if record is not None:
                        there = entries[record.first_index :][: record.count]
                        assert tuple(entry.leaf_hash for entry in there) == record.leaf_hashes
                        assert {entry.record_first for entry in there} == {record.first_index}

    asyncio.run(check())


@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=4))
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_tiles_hold_across_their_borders(database_url: str, sizes: list[int]) -> None:
    async def check() -> None:
        async with log_under_test(database_url, origin=fresh_origin()) as log:
            writer = await log.writer()
            for number, size in enumerate(sizes):
                await writer.submit(submission(*(event(f"e{number}.{n}") for n in range(size))))
                if number % 2:
                    # Another process writes in between: what this one remembers is out of date.
                    other = await log.writer()
                    await other.submit(submission(event(f"e{number}.other")))
            await check_log(log)

    asyncio.run(check())
