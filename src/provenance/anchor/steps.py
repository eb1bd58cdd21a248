"""The numbered steps with an effect of their own, so that each can be made to fail on purpose.

Every step may be cut off before or after its effect; whoever runs next does the right thing
because the fence looks at chain, database and blobs, never at how far the one before had come.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol


class Step(Enum):
    """Steps of one anchor, in order; ``docs/anchoring.md`` describes each."""

    READ_HEAD = 1
    FENCE = 2
    TRY_CALL = 3
    STORE_INTENT = 4
    WRITE_BATCH = 5
    SEND = 6
    AWAIT_RECEIPT = 7
    STORE_BLOCK = 8
    RECHECK = 9


class RecoveryStep(Enum):
    """Steps that make chain and stored anchors agree, in order.

    Adopting and finding again are the reconciling; each is taken once for every anchor concerned.
    """

    RESTORE_JOURNAL = 1
    NOTE_OPENING = 2
    ADOPT = 3
    FIND_AGAIN = 4
    REPLAY = 5


class RefillStep(Enum):
    """Steps of a refill, in order; from READ_MANIFEST on they are taken for each batch.

    STAGE_ROWS to UPDATE_HEAD are in one transaction, COMMIT ends it.
    """

    STORE_STATE = 1
    FIND_BATCHES = 2
    READ_MANIFEST = 3
    STAGE_ROWS = 4
    INSERT_ROWS = 5
    INSERT_ENTRIES = 6
    UPDATE_HEAD = 7
    COMMIT = 8


class BootstrapStep(Enum):
    """Steps that open a log on chain, in order."""

    STORE_CHAIN = 1
    STORE_DEPLOYMENT = 2
    SEND_DEPLOYMENT = 3
    STORE_OPENING = 4
    SEND_OPENING = 5
    STORE_ROLE = 6
    SEND_ROLE = 7
    STORE_START = 8


class SuccessionStep(Enum):
    """Steps of a succession, in order."""

    STORE_CALL = 1
    SEND_CALL = 2
    CARRY_ON = 3


AnyStep = Step | RecoveryStep | RefillStep | BootstrapStep | SuccessionStep


class StepObserver(Protocol):
    """Is told before and after each step; a fault harness raises or kills from here."""

    async def before(self, step: AnyStep) -> None:
        """The step is about to take effect."""

    async def after(self, step: AnyStep) -> None:
        """The step has taken effect."""


class Unobserved:
    """The observer of a running service: none."""

    async def before(self, step: AnyStep) -> None:
        """Do nothing."""

    async def after(self, step: AnyStep) -> None:
        """Do nothing."""


@asynccontextmanager
async def observed(observer: StepObserver, step: AnyStep) -> AsyncIterator[None]:
    """Tell ``observer`` about the step that the body takes."""
    await observer.before(step)
    yield
    await observer.after(step)
