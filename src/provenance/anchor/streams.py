"""Takes the objects of a batch apart as they come, with bounds on what is held meanwhile."""

import hashlib
from collections.abc import AsyncIterator, Iterator

from provenance.anchor.batch import Part
from provenance.anchor.errors import BatchError
from provenance.core.entry import MAX_ENTRY_BYTES

_MAX_LINE_BYTES = 512 * 1024 * 1024
"""Half of what PostgreSQL takes in one value."""


class BundleReader:
    """Takes a bundle apart as it comes."""

    def __init__(self) -> None:
        self.pending = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Entries that are complete with this chunk."""
        data = self.pending + chunk
        position = 0
        while position + 2 <= len(data):
            length = int.from_bytes(data[position : position + 2], "big")
            if length > MAX_ENTRY_BYTES:
                raise BatchError("an entry is longer than entries are")
            if position + 2 + length > len(data):
                break
            yield data[position + 2 : position + 2 + length]
            position += 2 + length
        self.pending = data[position:]


class LineReader:
    """Cuts a stream into parts of given sizes and these into lines, and hashes it."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._rest = b""
        self._digest = hashlib.sha256()

    async def lines(self, size: int) -> AsyncIterator[bytes]:
        """Give the lines of the next ``size`` bytes."""
        pending = bytearray()
        while size > 0:
            if not self._rest:
                self._rest = await self._next()
                if not self._rest:
                    raise BatchError("its rows are cut off")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            *complete, last = piece.split(b"\n")
            for line in complete:
                yield bytes(pending + line)
                pending.clear()
            pending += last
            if len(pending) > _MAX_LINE_BYTES:
                raise BatchError("a line of its rows is longer than lines are")
        if pending:
            raise BatchError("its rows are cut off")

    async def finish(self, part: Part, name: str) -> None:
        """Make sure that the stream ends here and was what the manifest says."""
        if self._rest or await self._next() or self._digest.hexdigest() != part.sha256:
            raise BatchError(f"its {name} are damaged")

    async def _next(self) -> bytes:
        chunk = await anext(self._source, b"")
        self._digest.update(chunk)
        return chunk
