"""The numbered steps of writing one group, so that each can be made to fail on purpose.

Intent, one commit, then effects: up to ``COMMIT`` nothing has happened, after it everything has,
and what follows is only memory and answers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol


class Step(Enum):
    """A step of :meth:`LogWriter` with an effect of its own, in order."""

    CONNECT = 1
    LOCK_AND_READ = 2
    READ_MORE = 3
    COPY_RECORDS = 4
    COPY_ENTRIES = 5
    COPY_TRAILS = 6
    COPY_REQUESTS = 7
    UPDATE_TREE = 8
    COMMIT = 9
    REMEMBER = 10
    ANSWER = 11


class StepObserver(Protocol):
    """Is told before and after each step; a fault harness raises or kills from here."""

    async def before(self, step: Step) -> None:
        """The step is about to take effect."""

    async def after(self, step: Step) -> None:
        """The step has taken effect."""


class Unobserved:
    """The observer of a running service: none."""

    async def before(self, step: Step) -> None:
        """Do nothing."""

    async def after(self, step: Step) -> None:
        """Do nothing."""


@asynccontextmanager
async def observed(observer: StepObserver, step: Step) -> AsyncIterator[None]:
    """Tell ``observer`` about the step that the body takes."""
    await observer.before(step)
    yield
    await observer.after(step)
