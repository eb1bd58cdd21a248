"""Large documents are read in processes beside the API, and nothing is lost with one of those."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio

from provenance.api.epcis.readers import DocumentReaders
from provenance.demo.bulk import bulk_events, in_documents
from provenance.intake.document import parse_document
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
    """The processes that read."""
    return [
        one for one in psutil.Process().children() if one.cmdline()[-1:] == ["provenance.intake"]
    ]


@pytest_asyncio.fixture
async def readers() -> AsyncIterator[DocumentReaders]:
    found = DocumentReaders()
    yield found
    await found.aclose()
    assert children() == []


async def test_a_document_is_read_as_it_is_read_here(readers: DocumentReaders) -> None:
    for seed in range(3):
        data = document(seed=seed)
        found = await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS)
        assert found == parse_document(data, submission=SUBMISSION)
    assert len(children()) == 1


async def test_faults_are_left_to_whoever_asked(readers: DocumentReaders) -> None:
    whole = document()
    for data in (whole.replace(b'"OBSERVE"', b'"LOSE"', 1), whole[:-10], b"\xff", b"[" * 100_000):
        assert await readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) is None
    assert await readers.read(whole, submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    assert len(children()) == 1


async def test_two_are_read_at_once_and_others_wait(readers: DocumentReaders) -> None:
    bodies = [document(seed=seed) for seed in range(6)]
    found = await asyncio.gather(
        *(readers.read(data, submission=SUBMISSION, limits=DEFAULT_LIMITS) for data in bodies)
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
    await asyncio.sleep(0)
    os.kill(child.pid, signal.SIGKILL)
    assert await reading is None
    assert await readers.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None


async def test_one_that_does_not_answer_is_ended() -> None:
    readers = DocumentReaders(seconds=0.5)
    warm = DocumentReaders(seconds=60)
    # Started with patience, then asked without.
    assert await warm.read(document(), submission=SUBMISSION, limits=DEFAULT_LIMITS) is not None
    readers._idle, warm._idle = warm._idle, []
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
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    other = document(seed=7)
    found = await readers.read(other, submission=SUBMISSION, limits=DEFAULT_LIMITS)
    assert found == parse_document(other, submission=SUBMISSION)
