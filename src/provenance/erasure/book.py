"""The erasure list as a file: append-only, synced, each line bound to the one before it.

Several processes may append; each takes the file's lock and reads what the others wrote first. A
last line without its newline was never confirmed to anybody and is cut off. The hashes show a line
that was altered or taken out of the middle; lines that are missing at the end are found again in
the log, whose erasure records name the same leaves.
"""

import asyncio
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from provenance.erasure.errors import ErasureListError
from provenance.erasure.orders import Chain, Event, Line, Order


class ErasureList:
    """The list in the file ``path``, which is made with its first line."""

    def __init__(self, path: Path, *, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        self._chain = Chain.empty()
        self._offset = 0
        self._mutex = threading.Lock()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    async def orders(self) -> dict[str, Order]:
        """Return all orders by id, oldest first.

        Raises:
            ErasureListError: the list was altered, or cannot be read.

        """
        return await asyncio.to_thread(self._orders)

    async def add(self, *orders: Order) -> None:
        """Put new orders on the list, durably.

        Raises:
            ErasureListError: it cannot be written.

        """
        lines = [Line("requested", order.id, order.at, order) for order in orders]
        await asyncio.to_thread(self._append, lines)

    async def mark(self, event: Event, orders: Sequence[Order]) -> list[Order]:
        """Note what has happened to ``orders``; returns them as they are now.

        Raises:
            ErasureListError: it cannot be written.

        """
        at = self._now_ms()
        known = await asyncio.to_thread(
            self._append, [Line(event, order.id, at) for order in orders]
        )
        return [known[order.id] for order in orders]

    async def take_over(self, other: Path) -> int:
        """Add what the list in the file ``other`` has and this one lacks; returns how many orders.

        Of an order that is only requested here and decided there, the decision is added: a
        database that comes back need not have the hold for which it was withdrawn.

        Raises:
            ErasureListError: there is no such list, or one of the two was altered.

        """
        known = await self.orders()
        theirs = ErasureList(other, now_ms=self._now_ms)
        if not await asyncio.to_thread(other.exists):
            raise ErasureListError(f"there is no erasure list {other}")
        found = await theirs.orders()
        missing = [order for order in found.values() if order.id not in known]
        undecided = {id_ for id_, order in known.items() if order.state == "requested"}
        lines: list[Line] = []
        for order in found.values():
            if order.id not in known:
                bare = replace(order, is_recorded=False, purged_at=None, is_withdrawn=False)
                lines.append(Line("requested", order.id, order.at, bare))
            elif order.id not in undecided:
                continue
            if order.is_withdrawn:
                lines.append(Line("withdrawn", order.id, order.at))
            elif order.is_recorded:
                lines.append(Line("recorded", order.id, order.at))
        if lines:
            await asyncio.to_thread(self._append, lines)
        return len(missing)

    def _orders(self) -> dict[str, Order]:
        with self._mutex, _errors(self._path):
            try:
                with self._path.open("rb") as file:
                    self._catch_up(file)
            except FileNotFoundError:
                if self._offset:
                    raise ErasureListError(
                        f"{self._path} is gone; put it back from a backup"
                    ) from None
            return dict(self._chain.orders)

    def _append(self, lines: Sequence[Line]) -> dict[str, Order]:
        with self._mutex, _errors(self._path):
            is_new = not self._path.exists()
            with os.fdopen(_open(self._path), "r+b") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
                self._catch_up(file)
                file.truncate(self._offset)
                file.seek(self._offset)
                try:
                    self._write(file, lines)
                except OSError:
                    # What is on disk now is found out by the next one who asks.
                    self._chain, self._offset = Chain.empty(), 0
                    raise
            if is_new:
                _sync_folder(self._path.parent)
            return dict(self._chain.orders)

    def _write(self, file: IO[bytes], lines: Sequence[Line]) -> None:
        for line in lines:
            data = self._chain.encode(line)
            file.write(data)
            self._chain.append(data[:-1])
            self._offset += len(data)
        file.flush()
        os.fsync(file.fileno())

    def _catch_up(self, file: IO[bytes]) -> None:
        if os.fstat(file.fileno()).st_size < self._offset:
            raise ErasureListError(f"{self._path} became shorter; put it back from a backup")
        file.seek(self._offset)
        for data in file:
            if not data.endswith(b"\n"):
                return
            self._chain.append(data[:-1])
            self._offset += len(data)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ErasureListError(f"the erasure list {path} cannot be used: {error}") from error
