"""Reads that are wanted at the same time, made as one.

A query of one row costs nearly as much as one of fifty: connections, round trips and the client
library cost more than the rows. So whoever comes while a query runs waits for the next one,
together with all others who came meanwhile; with one reader nothing waits for anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Together(Generic[K, V]):
    """Gathers keys that are asked for and reads at most ``at_most`` of them at once."""

    def __init__(
        self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]], *, at_most: int
    ) -> None:
        self._read = read
        self._at_most = at_most
        self._wanted: dict[K, list[asyncio.Future[V | None]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return what is read for ``key``; raises what reading raises."""
        return await self._want(key)

    async def get_all(self, keys: Iterable[K]) -> dict[K, V]:
        """Return what is read for each of ``keys``; those without a value are left out."""
        wanted = [(key, self._want(key)) for key in keys]
        await asyncio.gather(*(future for _, future in wanted))
        return {key: value for key, future in wanted if (value := future.result()) is not None}

    def _want(self, key: K) -> "asyncio.Future[V | None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V | None] = loop.create_future()
        self._wanted.setdefault(key, []).append(future)
        if self._reading is None:
            self._reading = loop.create_task(self._read_all(), name="read-together")
        return future

    async def _read_all(self) -> None:
        while self._wanted:
            keys = list(islice(self._wanted, self._at_most))
            waiting = {key: self._wanted.pop(key) for key in keys}
            try:
                found = await self._read(keys)
            except Exception as error:  # noqa: BLE001 - whoever waits is told
                for future in _open(waiting):
                    future.set_exception(error)
            except BaseException:
                for future in _open(waiting):
                    future.cancel()
                raise
            else:
                for key, futures in waiting.items():
                    for future in _open({key: futures}):
                        future.set_result(found.get(key))
        self._reading = None


def _open(
    waiting: Mapping[K, list["asyncio.Future[V | None]"]],
) -> Iterator["asyncio.Future[V | None]"]:
    """Those whose waiter has not gone away."""
    return (future for futures in waiting.values() for future in futures if not future.done())
