"""How far a TIFF reaches, found while its bytes stream by.

A TIFF (TIFF 6.0, section 2; BigTIFF alike) is a chain of directories that point to arrays and image
data anywhere in the file. A directory is read once it and :data:`SPAN` bytes behind it have come:
writers put it behind the data of its page or in front of it, and its arrays beside it. What is
pointed to must be there, and something must point to the file's last bytes. Where a directory or
an array lies so far back that it is not kept any more, the reach of the file can't be told, and
only what is missing is refused.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from provenance.intake.documents.errors import (
    BrokenDocumentError,
    TrailingDataError,
    TruncatedDocumentError,
)

SPAN: Final = 64 << 10
"""Bytes behind a directory's beginning in which the rest of it and its arrays are looked for."""
_KEPT: Final = 3 * SPAN
_HEAD: Final = SPAN
_MAX_DIRECTORIES: Final = 4096
_MAX_NUMBERS: Final = 1 << 20
"""Entries and pointers of all directories: about a second, and a thousand times what a page has."""

_SIZES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value by its type; all others have one."""
_PARTS: Final = ((273, 279), (324, 325), (513, 514))
"""Tags of where image data lie and how long they are: strips, tiles, and JPEG of version 6.0."""
_DIRECTORIES: Final = (330, 34665, 34853, 40965)
"""Tags that point to further directories: SubIFDs, Exif, GPS, interoperability."""
_READ: Final = frozenset(tag for pair in _PARTS for tag in pair) | frozenset(_DIRECTORIES)


@dataclass(frozen=True, slots=True)
class _Form:
    """Sizes of a directory's parts: its count, an entry, a pointer."""

    order: Literal["little", "big"]
    count: int
    entry: int
    pointer: int

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)

    def numbers(self, data: bytes, size: int) -> list[int]:
        return [self.number(data[at : at + size]) for at in range(0, len(data), size)]


class TiffEnd:
    """Follows the directories of a TIFF."""

    def __init__(self) -> None:
        self._form: _Form | None = None
        self._head = bytearray()
        self._kept = bytearray()
        self._position = 0
        self._reach = 0
        self._wanted: list[int] = []
        self._seen: set[int] = set()
        self._numbers = 0
        self._is_known = True

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BrokenDocumentError: it has more parts than an image has.

        """
        for at in range(0, len(data), SPAN):
            self._take(data[at : at + SPAN])

    def finish(self, tail: bytes) -> None:
        """Judge what came last; ``tail`` is not needed.

        Raises:
            TruncatedDocumentError: something that is pointed to is missing.
            TrailingDataError: nothing points to what comes last.

        """
        del tail
        self._follow(self._position)
        self._reach = max([self._reach, *(at + 1 for at in self._wanted)])
        if self._form is None or self._reach > self._position:
            raise TruncatedDocumentError(
                f"the TIFF has {self._position} bytes of at least {max(self._reach, 8)}; send the "
                "whole file"
            )
        left = self._position - self._reach
        if self._is_known and left and self._kept[-left:].strip(b"\0"):
            raise TrailingDataError(
                f"nothing in the TIFF points to what follows byte {self._reach}; send the image "
                "without it"
            )

    def _take(self, data: bytes) -> None:
        self._position += len(data)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        self._kept += data
        del self._kept[:-_KEPT]
        if self._form is None and self._position >= 16:
            self._begin()
        self._follow(self._position - SPAN)

    def _begin(self) -> None:
        order: Literal["little", "big"] = "little" if self._head[:1] == b"I" else "big"
        is_big = b"+" in self._head[2:4]
        self._form = _Form(order, 8, 20, 8) if is_big else _Form(order, 2, 12, 4)
        first = self._head[8:16] if is_big else self._head[4:8]
        self._want(self._form.number(bytes(first)))

    def _want(self, at: int) -> None:
        if at and at not in self._seen:
            self._seen.add(at)
            heapq.heappush(self._wanted, at)
        if len(self._seen) > _MAX_DIRECTORIES:
            self._count(_MAX_NUMBERS)

    def _count(self, numbers: int) -> None:
        self._numbers += numbers
        if self._numbers >= _MAX_NUMBERS:
            raise BrokenDocumentError("the TIFF has more parts than an image has; send it as PDF")

    def _follow(self, until: int) -> None:
        """Read the directories that begin up to ``until``."""
        while self._wanted and self._wanted[0] <= until:
            at = heapq.heappop(self._wanted)
            assert self._form is not None
            form = self._form
            raw = self._read(at, form.count)
            size = form.number(raw) * form.entry if raw is not None else 0
            self._count(_MAX_NUMBERS if size > SPAN else size // form.entry)
            body = self._read(at + form.count, size + form.pointer) if raw is not None else None
            if body is None:
                continue
            self._want(form.number(body[size:]))
            self._directory([body[n : n + form.entry] for n in range(0, size, form.entry)], form)

    def _directory(self, entries: Sequence[bytes], form: _Form) -> None:
        found: dict[int, list[int]] = {}
        for entry in entries:
            tag, kind = form.number(entry[:2]), form.number(entry[2:4])
            size = _SIZES.get(kind, 1)
            total = size * form.number(entry[4 : 4 + form.pointer])
            value = entry[4 + form.pointer :]
            if total > form.pointer:
                at = form.number(value)
                self._reach = max(self._reach, at + total)
                raw = self._read(at, total) if tag in _READ else None
            else:
                raw = value[:total]
            if tag in _READ and raw is not None:
                self._count(total // size)
                found[tag] = form.numbers(raw, size)
        for tag in _DIRECTORIES:
            for at in found.get(tag, ()):
                self._want(at)
        for at, length in _parts(found):
            self._reach = max(self._reach, at + length)
        if any((places in found) != (lengths in found) for places, lengths in _PARTS):
            self._is_known = False

    def _read(self, at: int, size: int) -> bytes | None:
        """Bytes of the file; None where they are not there yet or not kept any more."""
        self._reach = max(self._reach, at + size)
        start = self._position - len(self._kept)
        if start <= at and at + size <= self._position:
            return bytes(self._kept[at - start : at - start + size])
        if at + size <= len(self._head):
            return bytes(self._head[at : at + size])
        self._is_known = False
        return None


def _parts(found: dict[int, list[int]]) -> Iterator[tuple[int, int]]:
    for places, lengths in _PARTS:
        yield from zip(found.get(places, ()), found.get(lengths, ()), strict=False)
