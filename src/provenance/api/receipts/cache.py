"""Receipts that were made before, as long as nothing has changed that they speak of.

A receipt is made of several reads, a path of hashes and a signature. It stays the same until the
log grows (a trail head, an erasure), an anchor is added, moves to another block or becomes final.
All that is read at most every ``LOOK_S`` seconds as one mark; while the mark is the same, what
was made under it is good. So an erasure is honoured within that time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from provenance.api.entitlement import Owner
from provenance.api.receipts.store import OwnershipStore

LOOK_S: Final = 0.2
"""Seconds for which a mark is taken to be the current one."""
CACHE_BYTES: Final = 16 << 20
"""Some five thousand receipts."""


class ReceiptCache:
    """Receipt bytes by (index, whether it discloses single fields), with whose entry it is."""

    def __init__(self, store: OwnershipStore, *, seconds: Callable[[], float]) -> None:
        self._store = store
        self._seconds = seconds
        self._mark = ""
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[str] | None = None
        self._kept: OrderedDict[tuple[int, bool], tuple[Owner, bytes]] = OrderedDict()
        self._size = 0

    async def get(self, index: int, *, discloses: bool) -> tuple[Owner, bytes] | None:
        """Return what is still good."""
        await self._look()
        found = self._kept.get((index, discloses))
        if found is not None:
            self._kept.move_to_end((index, discloses))
        return found

    @property
    def mark(self) -> str:
        """What was last seen of what receipts depend on; take it before reading for one."""
        return self._mark

    def keep(self, index: int, owner: Owner, data: bytes, *, discloses: bool, mark: str) -> None:
        """Keep a receipt that was made after ``mark`` was taken, unless that has changed."""
        if mark == self._mark and (index, discloses) not in self._kept:
            self._kept[index, discloses] = (owner, data)
            self._size += len(data)
        while self._size > CACHE_BYTES:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._size -= len(dropped)

    async def _look(self) -> None:
        if self._seconds() < self._looked_at + LOOK_S:
            return
        if self._looking is None:
            self._looking = asyncio.create_task(self._store.mark())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    def _looked(self, task: "asyncio.Task[str]") -> None:
        self._looking = None
        if task.cancelled() or task.exception() is not None:
            return
        self._looked_at = self._seconds()
        if task.result() != self._mark:
            self._mark = task.result()
            self._kept.clear()
            self._size = 0
