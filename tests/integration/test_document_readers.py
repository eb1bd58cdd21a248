"""Large documents are read in processes beside the API, and nothing is lost with one of those."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import psutil
import pytest
import pytest_asyncio

from fixtures.waiting import eventually
from provenance.api.epcis.readers import DocumentReaders
from provenance.demo.bulk import bulk_events, in_documents
from provenance.intake.document import parse_document
from provenance.intake.errors import RefusedError
from provenance.intake.event import Submission
from provenance.intake.limits import DEFAULT_LIMITS
from provenance.intake.repetition import EventKeys

pytestmark = pytest.mark.asyncio
SUBMISSION = Submission(submitter="one", keys=EventKeys(b"k" * 32), carrier="carrier")
AT = 1_772_000_000_000


def document(events: int = 600, *, seed: int = 1) -> bytes:
    """A valid document."""
    made = bulk_events(events, seed=seed, start=AT)
    (body,) = in_documents(made, at=AT, events_per_document=events)
    return body


def children() -> list[psutil.Process]:
    """The processes that read; one that has just ended is none."""
    return [one for one in psutil.Process().children() if _reads(one)]


def _reads(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[-1:] == ["provenance.intake"]
    except psutil.Error:
        return False


@pytest_asyncio.fixture
async def readers() -> AsyncIterator[DocumentReaders]:
    found = DocumentReaders(at_once=1)
    yield found
    await found.aclose()
    assert children() == []


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[DocumentReaders]:
    found = DocumentReaders(at_once=2)
    yield found
    await found.aclose()
    assert children() == []


async def test_a_document_is_read_as_it_is_read_here(readers: DocumentReaders) -> None:
    for seed in range(3):
        data = document(seed=seed)
        found = await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS)
        assert found == parse_document(data, submission=SUBMISSION)
    assert len(children()) == 1


@pytest.mark.parametrize("events", [599, 600])
async def test_one_that_comes_alone_is_shared(pair: DocumentReaders, events: int) -> None:
    data = document(events)
    found = await pair.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS)
    assert found == parse_document(data, submission=SUBMISSION)
    assert len(children()) == 2


async def test_the_shares_together_are_held_to_the_bounds(pair: DocumentReaders) -> None:
    limits = replace(DEFAULT_LIMITS, max_document_subjects=500)
    with pytest.raises(RefusedError, match="name 600 subjects"):
        await pair.read(document(600), submission=SUBMISSION, limits=limits)


async def test_idle_ones_end_with_what_they_remember() -> None:
    readers = DocumentReaders(idle_s=0.1)
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    await eventually(lambda: children() == [])
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    await readers.aclose()


async def test_something_that_is_erased_ends_those_that_may_remember_it(
    readers: DocumentReaders,
) -> None:
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    reading = asyncio.create_task(
        readers.read(document(9_000), submission=SUBMISSION, limits=DEFAULT_LIMITS)
    )
    await eventually(lambda: readers._working == 1)
    await readers.forget()
    assert await reading is not None
    assert children() == []


async def test_faults_are_left_to_whoever_asked(readers: DocumentReaders) -> None:
    whole = document()
    for data in (whole.replace(b'"OBSERVE"', b'"LOSE"', 1), whole[:-10], b"\xff", b"[" * 100_000):
        assert await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) is None
    assert await readers.read(whole, submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    assert len(children()) == 1


async def test_two_are_read_at_once_and_others_wait(pair: DocumentReaders) -> None:
    bodies = [document(seed=seed) for seed in range(6)]
    found = await asyncio.gather(
        *(pair.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) for data in bodies)
    )
    assert found == [parse_document(data, submission=SUBMISSION) for data in bodies]
    assert len(children()) == 2


async def test_a_reader_that_was_killed_is_replaced(readers: DocumentReaders) -> None:
    data = document()
    assert await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    (child,) = children()
    child.kill()
    # One whose end was not noticed yet costs one document its reader, and no more.
    found = [
        await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) for _ in range(2)
    ]
    assert found[-1] is not None
    assert child not in children()


async def test_one_that_is_killed_while_it_reads_costs_nobody_the_document(
    readers: DocumentReaders,
) -> None:
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    (child,) = children()
    os.kill(child.pid, signal.SIGSTOP)
    reading = asyncio.create_task(
        readers.read(document(9_000), submission=SUBMISSION, limits=DEFAULT_LIMITS)
    )
    await eventually(lambda: readers._working == 1)
    os.kill(child.pid, signal.SIGKILL)
    assert await reading is None
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None


async def test_one_that_does_not_answer_is_ended() -> None:
    readers = DocumentReaders(at_once=1, seconds=0.5)
    warm = DocumentReaders(at_once=1)
    # Started with patience, then asked without.
    assert await warm.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    readers._children._idle, warm._children._idle = warm._children._idle, []
    (child,) = children()
    os.kill(child.pid, signal.SIGSTOP)
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is None
    assert children() == []


async def test_an_asker_that_goes_away_leaves_no_half_answer(readers: DocumentReaders) -> None:
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    (child,) = children()
    os.kill(child.pid, signal.SIGSTOP)
    asking = asyncio.create_task(
        readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS)
    )
    await eventually(lambda: readers._working == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    other = document(seed=7)
    found = await readers.read(other, submission=SUBMISSION, limits=DEFAULT_LIMITS)
    assert found == parse_document(other, submission=SUBMISSION)
