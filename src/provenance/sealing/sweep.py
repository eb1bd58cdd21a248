"""Removes keys and sealed objects that no record refers to: what a crash or a refusal left.

Only what is older than ``GRACE_MS`` is looked at: an upload that is being committed now has its key
and its bytes before its record. A sweep is for an open log alone: the database of one that is
behind the chain lacks records whose payloads are needed when it is refilled. What is older than the
oldest log of the database stays: it may be of a log that the database never knew.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from provenance.sealing.shelf import KeyShelf

GRACE_MS: Final = 3_600_000
"""Longer than any upload takes from its last byte to its commit."""
RECENT_MS: Final = 2 * 86_400_000
"""A sweep that is not the first one looks at the last two days."""
BATCH: Final = 500
"""References that are looked up at once."""


class References(Protocol):
    """What records refer to."""

    async def begun(self) -> int | None:
        """When the oldest log was made whose records these are, in milliseconds; None for no log."""
        ...

    async def slots(self, segments: Collection[str]) -> Mapping[str, Collection[int]]:
        """Slots of these segments that a record refers to."""
        ...

    async def paths(self, paths: Collection[str]) -> Collection[str]:
        """Those of these paths that a record refers to."""
        ...


class SweptStore(Protocol):
    """What a sweep asks of the object store."""

    def older(self, *, before_ms: int, since_ms: int) -> AsyncIterator[str]:
        """Sealed objects stored from ``since_ms`` on, and before ``before_ms``."""
        ...

    async def delete(self, path: str) -> None:
        """Remove an object."""
        ...

    async def remove_parts(self, *, before_ms: int) -> int:
        """Remove uploads that were never finished; returns how many."""
        ...


@dataclass(frozen=True, slots=True)
class Swept:
    """How many keys, objects and unfinished uploads a sweep removed."""

    keys: int = 0
    objects: int = 0
    parts: int = 0


class Sweeper:
    """Sweeps one shelf and one store."""

    def __init__(
        self,
        store: SweptStore,
        shelf: KeyShelf,
        references: References,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._references = references
        self._now_ms = now_ms
        self._is_first = True

    async def sweep(self) -> Swept:
        """Remove what is left over; the first time of all days, then of the last ones.

        Nothing is removed where the references do not know of a log.
        """
        begun = await self._references.begun()
        if begun is None:
            return Swept()
        now = self._now_ms()
        before, since = now - GRACE_MS, begun if self._is_first else max(begun, now - RECENT_MS)
        await self._shelf.finish_erasures()
        swept = Swept(
            keys=await self._keys(before, since),
            objects=await self._objects(before, since),
            parts=await self._store.remove_parts(before_ms=before),
        )
        self._is_first = False
        return swept

    async def _keys(self, before: int, since: int) -> int:
        removed = 0
        async for segments in _batches(self._shelf.older(before_ms=before, since_ms=since)):
            needed = await self._references.slots(segments)
            for segment in segments:
                left = await self._shelf.present(segment) - frozenset(needed.get(segment, ()))
                if left:
                    await self._shelf.erase(segment, left)
                    removed += len(left)
        return removed

    async def _objects(self, before: int, since: int) -> int:
        removed = 0
        async for paths in _batches(self._store.older(before_ms=before, since_ms=since)):
            needed = frozenset(await self._references.paths(paths))
            for path in paths:
                if path not in needed:
                    await self._store.delete(path)
                    removed += 1
        return removed


async def _batches(source: AsyncIterator[str]) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    async for item in source:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
