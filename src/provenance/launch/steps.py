"""The numbered steps of a restore, so that each can be made to fail on purpose.

A restore may be cut off before or after the effect of each. Whoever restores next takes back what
was done and starts over; once ``NOTE_DONE`` has taken effect, all is in place and it only ends what
is left. No service starts before ``REMOVE_NOTE`` has taken effect.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol


class RestoreStep(Enum):
    """Steps of a restore, in order; MOVE is taken for each name in the data folder.

    Of an embedded database, MARK_DATABASE and UNMARK_DATABASE have no effect: it is moved with the
    rest.
    """

    TAKE_BACK = 1
    NOTE = 2
    COPY = 3
    TAKE_NEWER = 4
    TAKE_ERASURES = 5
    MARK_DATABASE = 6
    LOAD_DATABASE = 7
    ERASE_AGAIN = 8
    NOTE_NAMES = 9
    MOVE = 10
    NOTE_DONE = 11
    UNMARK_DATABASE = 12
    REMOVE_STAGING = 13
    REMOVE_NOTE = 14


class StepObserver(Protocol):
    """Is told before and after each step; a fault harness raises or kills from here."""

    async def before(self, step: RestoreStep) -> None:
        """The step is about to take effect."""

    async def after(self, step: RestoreStep) -> None:
        """The step has taken effect."""


class Unobserved:
    """The observer of a restore that nobody watches."""

    async def before(self, step: RestoreStep) -> None:
        """Do nothing."""

    async def after(self, step: RestoreStep) -> None:
        """Do nothing."""


@asynccontextmanager
async def observed(observer: StepObserver, step: RestoreStep) -> AsyncIterator[None]:
    """Tell ``observer`` about the step that the body takes."""
    await observer.before(step)
    yield
    await observer.after(step)
