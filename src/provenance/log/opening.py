"""Payloads as rows hold them, open or sealed, made readable again."""

from collections.abc import Sequence
from typing import Protocol

from provenance.sealing import SealedRow

StoredBytes = tuple[bytes | None, str | None, int | None, bytes | None]
"""``payload``, ``sealed_segment``, ``sealed_slot`` and ``sealed_opening`` of a record's row."""


class OpensRows(Protocol):
    """Whoever has the keys of payloads that lie sealed in rows."""

    async def open_rows(self, rows: Sequence[SealedRow]) -> list[bytes | None]:
        """Open each; None where its key is gone."""
        ...


async def opened(openings: OpensRows, stored: Sequence[StoredBytes]) -> list[bytes | None]:
    """Return the payloads; None where one was erased, or lies in the object store.

    Raises:
        AlteredError: one is not what was sealed.
        ShelfError: the keys cannot be read.

    """
    sealed = {
        place: SealedRow(segment, slot, payload, opening)
        for place, (payload, segment, slot, opening) in enumerate(stored)
        if payload is not None and segment is not None and slot is not None and opening is not None
    }
    if not sealed:
        return [payload for payload, *_ in stored]
    found = dict(zip(sealed, await openings.open_rows(list(sealed.values())), strict=True))
    return [found.get(place, payload) for place, (payload, *_) in enumerate(stored)]
