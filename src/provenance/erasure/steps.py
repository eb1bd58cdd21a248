"""The steps of erasure, in their order, and what a crash behind each leaves.

========  ====================================================  ================================
step      what happens                                          a crash behind it leaves
========  ====================================================  ================================
LIST      the orders of one request are on the list, durably    nothing happened; the next start
                                                                looks for holds anew and goes on
LOG       their erasure records are in the log, all or none     each is found again by its order
                                                                and not logged twice
NOTE      the list says that the log has them                   from here on it is carried out,
                                                                whatever database comes back
KEYS      keys are destroyed, sealed objects removed            readers get "erased"
ROWS      rows, fingerprints and answers are emptied            the row no longer opens
COPIES    copies of batches in the object store are renewed     older copies are removed
CLEAN     tables are rewritten, the write-ahead log left behind
DONE      the list says that nothing is left
WITHDRAW  instead of LOG and all behind it: the list says that  nothing is done any more,
          the orders are off                                    whatever database comes back
========  ====================================================  ================================

LOG decides. Holds are read before LIST, and the log takes the records only if nothing that could
have placed or widened a hold was logged since: no act of a case and no erasure of one, nothing on a
trail that a hold covers. It looks under its own lock, in the transaction that gives them their
index. Otherwise what came is looked at, holds are read again where it may matter to them, and what
one covers by then is withdrawn. So nothing is destroyed against a hold with a smaller index than
the erasure record, and what the log says was erased is: no record of it is ever taken back.

An erasure that makes a hold stand again, or a stay longer, counts from ROWS on. Within one process
the next request waits for that; two processes that share a log may each decide before the other's
ROWS. Nor does one wait for the other between a look at the list and LOG: what it then logs stands,
though the other has just called it off.
"""

from collections.abc import Awaitable, Callable
from enum import Enum


class Step(Enum):
    """What was just done."""

    LIST = "list"
    LOG = "log"
    NOTE = "note"
    KEYS = "keys"
    ROWS = "rows"
    COPIES = "copies"
    CLEAN = "clean"
    DONE = "done"
    WITHDRAW = "withdraw"


Steps = Callable[[Step], Awaitable[None]]
"""Told after each step, so that a test can end the process behind every one."""


async def quietly(_step: Step) -> None:
    """Tell nobody."""
