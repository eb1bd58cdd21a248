"""Reads that are wanted at the same time are made as one, and nobody pays for another's fault."""

import asyncio
from collections.abc import Collection

import pytest

from provenance.db.together import Together


class Reader:
    """Squares numbers, one read at a time, when it is let; refuses odd ones above 100."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.began = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self, keys: Collection[int]) -> dict[int, int]:
        self.reads.append(list(keys))
        self.began.set()
        await self.may_answer.wait()
        if any(key > 100 for key in keys):
            raise ValueError("too large")
        return {key: key * key for key in keys if key >= 0}


async def test_what_is_asked_for_at_once_is_read_at_once() -> None:
    reader = Reader()
    together = Together(reader.read, at_most=10)
    assert await asyncio.gather(*(together.get(key) for key in (1, 2, 2, 3))) == [1, 4, 4, 9]
    assert reader.reads == [[1, 2, 3]]


async def test_who_comes_during_a_read_waits_for_the_next_one() -> None:
    reader = Reader()
    reader.may_answer.clear()
    together = Together(reader.read, at_most=10)
    first = asyncio.create_task(together.get(1))
    await reader.began.wait()
    later = [asyncio.create_task(together.get(key)) for key in (1, 2)]
    await asyncio.sleep(0)
    reader.may_answer.set()
    assert [await task for task in (first, *later)] == [1, 1, 4]
    assert reader.reads == [[1], [1, 2]]


async def test_a_read_is_bounded() -> None:
    reader = Reader()
    together = Together(reader.read, at_most=2)
    assert await together.get_all(range(5)) == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}
    assert reader.reads == [[0, 1], [2, 3], [4]]


async def test_what_does_not_exist_is_left_out() -> None:
    together = Together(Reader().read, at_most=10)
    assert await together.get(-1) is None
    assert await together.get_all([-1, 2]) == {2: 4}


async def test_a_failed_read_is_told_to_those_who_waited_and_to_nobody_else() -> None:
    reader = Reader()
    together = Together(reader.read, at_most=2)
    answers = await asyncio.gather(
        *(together.get(key) for key in (1, 101, 2, 3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int, int]
    assert await together.get(4) == 16


async def test_who_goes_away_takes_nobody_along() -> None:
    reader = Reader()
    reader.may_answer.clear()
    together = Together(reader.read, at_most=10)
    impatient, patient = (asyncio.create_task(together.get(5)) for _ in range(2))
    await reader.began.wait()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    reader.may_answer.set()
    assert await patient == 25
