"""Contexts of stored events, taken apart again: what a page of events needs in common.

A stored context is the document's ``@context`` followed by the event's own, each a whole JSON
value. The event's own goes out inside the event; the document's has to be said again by the
document that the event goes out in.
"""

import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.errors import ProvenanceError
from provenance.db.tables import contexts
from provenance.intake.epcis.context import BUILT_IN, NO_CONTEXT, extend
from provenance.intake.limits import IntakeLimits

EPCIS_CONTEXT: Final = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
"""GS1's context, which every answer names first."""
MAX_CACHED: Final = 1_000
"""Contexts that are kept in memory: a few kilobytes each."""


@dataclass(frozen=True, slots=True)
class StoredContext:
    """What a context declares: ``steps`` are the prefixes after each of its parts."""

    steps: tuple[Mapping[str, str], ...]

    @property
    def prefixes(self) -> Mapping[str, str]:
        """Prefixes in force for the event."""
        return self.steps[-1] if self.steps else BUILT_IN

    def outer(self, *, has_own: bool) -> Mapping[str, str]:
        """Prefixes that the event relies on and does not declare itself."""
        steps = self.steps[:-1] if has_own else self.steps
        declared = steps[-1] if steps else {}
        return {
            prefix: namespace
            for prefix, namespace in declared.items()
            if BUILT_IN.get(prefix) != namespace
        }


class ContextLostError(ProvenanceError):
    """A stored event names a context that is not stored."""

    code = "context-lost"


class ContextStore:
    """Reads contexts by their hash."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the contexts that are there."""
        if not hashes:
            return {}
        query = select(contexts.c.sha256, contexts.c.data).where(
            contexts.c.sha256.in_(list(hashes))
        )
        async with self._engine.connect() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}


class Contexts:
    """Contexts by hash, the ones in use kept in memory; they never change."""

    def __init__(self, store: ContextStore, *, limits: IntakeLimits) -> None:
        self._store = store
        self._limits = limits
        self._known: OrderedDict[bytes, StoredContext] = OrderedDict()

    async def of(self, hashes: Iterable[bytes]) -> dict[bytes, StoredContext]:
        """Return each context.

        Raises:
            ContextLostError: one is not stored.

        """
        wanted = set(hashes)
        found = {sha256: self._known[sha256] for sha256 in wanted if sha256 in self._known}
        missing = wanted - found.keys()
        for sha256, raw in (await self._store.read(missing)).items():
            found[sha256] = self._known[sha256] = self._read(raw)
        while len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        if wanted - found.keys():
            raise ContextLostError("an event's context is not stored")
        return found

    def _read(self, raw: bytes) -> StoredContext:
        text = raw.decode("utf-8")
        steps: list[Mapping[str, str]] = []
        context, position = NO_CONTEXT, 0
        while position < len(text):
            value, end = json.JSONDecoder().raw_decode(text, position)
            part = text[position:end].encode()
            context = extend(context, part, value, limits=self._limits)
            steps.append(context.prefixes)
            while end < len(text) and text[end] in " \t\r\n":
                end += 1
            position = end
        return StoredContext(steps=tuple(steps))
