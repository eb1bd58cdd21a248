"""Where a PNG or a WebP ends, found while its bytes stream by.

Both are chunks one behind the other, each with its type and length, so that a walk over them comes
to the end of the image with nothing kept but the position. A second end behind the first, or a
stated length that covers what is no chunk, is found on the way. What is inside the chunks is not
looked at.
"""

import re
from typing import Final

from provenance.intake.documents.errors import (
    BrokenDocumentError,
    TrailingDataError,
    TruncatedDocumentError,
)

_PNG_SIGNATURE: Final = 8
_PNG_FIRST: Final = b"\x00\x00\x00\x0dIHDR"
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_PNG_TYPE: Final = re.compile(rb"[A-Za-z]{4}")
_PNG_LONGEST: Final = (1 << 31) - 1
_RIFF_HEADER: Final = 12
_RIFF_TYPE: Final = re.compile(rb"[A-Za-z0-9 ]{4}")
_MAX_CHUNKS: Final = 1 << 18
"""A gigabyte in the 8 kB that most writers take; each costs a microsecond."""


class PngEnd:
    """Walks the chunks of a PNG (ISO/IEC 15948, section 5)."""

    def __init__(self) -> None:
        self._held = b""
        self._skip = _PNG_SIGNATURE
        self._position = 0
        self._chunks = 0
        self._end: int | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BrokenDocumentError: no chunk begins where one should.

        """
        start = self._position - len(self._held)
        self._position += len(data)
        data, at = self._held + data, 0
        while self._end is None:
            taken = min(self._skip, len(data) - at)
            self._skip -= taken
            at += taken
            header = data[at : at + len(_PNG_END)]
            if self._skip or len(header) < len(_PNG_END):
                break
            self._enter(header, start + at)
        self._held = b"" if self._end is not None else data[at:]

    def finish(self, tail: bytes) -> None:
        """Judge what came last; ``tail`` is not needed.

        Raises:
            TruncatedDocumentError: the end of the image is missing.
            TrailingDataError: something follows it.

        """
        del tail
        if self._end is None:
            raise TruncatedDocumentError("the PNG does not end with its IEND chunk; send all of it")
        if self._end < self._position:
            raise TrailingDataError(
                f"something follows the PNG's end at byte {self._end}; send the image without it"
            )

    def _enter(self, header: bytes, at: int) -> None:
        """Read the ``header`` of the chunk at ``at``: length, type, and the end's checksum."""
        length = int.from_bytes(header[:4], "big")
        is_first, is_last = not self._chunks, header[4:8] == b"IEND"
        self._chunks += 1
        if (
            not _PNG_TYPE.fullmatch(header[4:8])
            or length > _PNG_LONGEST
            or self._chunks > _MAX_CHUNKS
            or (is_first and not header.startswith(_PNG_FIRST))
            or (is_last and header != _PNG_END)
        ):
            raise _broken("PNG", at)
        if is_last:
            self._end = at + len(_PNG_END)
        # Length, type and checksum stand around what is counted.
        self._skip = 12 + length


class WebpEnd:
    """Walks the chunks of a WebP (RFC 9649, section 2)."""

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0
        self._position = 0
        self._chunks = 0
        self._stated: int | None = None
        """Bytes that the file has by its header."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BrokenDocumentError: no chunk begins where one should.
            TrailingDataError: it has more bytes than it states.

        """
        start = self._position - len(self._held)
        self._position += len(data)
        data, at = self._held + data, 0
        if self._stated is None and len(data) >= _RIFF_HEADER:
            self._stated = int.from_bytes(data[4:8], "little") + 8
            at = _RIFF_HEADER
        if self._stated is not None and self._position > self._stated + self._stated % 2:
            raise TrailingDataError("something follows the WebP's end; send the image without it")
        while self._stated is not None:
            taken = min(self._skip, len(data) - at)
            self._skip -= taken
            at += taken
            if self._skip or start + at >= self._stated or len(data) - at < 8:
                break
            self._enter(data[at : at + 8], start + at, self._stated)
        self._held = data[at:]

    def finish(self, tail: bytes) -> None:
        """Judge what came last; ``tail`` is not needed.

        Raises:
            TruncatedDocumentError: it has fewer bytes than it states.
            BrokenDocumentError: its last chunk ends before the file does.

        """
        del tail
        stated = self._stated or _RIFF_HEADER
        if self._position < stated:
            raise TruncatedDocumentError(
                f"the WebP has {self._position} bytes of {stated}; send all of it"
            )
        left = self._position - len(self._held)
        if left < stated:
            raise _broken("WebP", left)

    def _enter(self, header: bytes, at: int, stated: int) -> None:
        length = int.from_bytes(header[4:], "little")
        self._chunks += 1
        # The filling byte of the last chunk may be counted or not.
        if (
            not _RIFF_TYPE.fullmatch(header[:4])
            or at + 8 + length > stated
            or self._chunks > _MAX_CHUNKS
        ):
            raise _broken("WebP", at)
        self._skip = 8 + length + length % 2


def _broken(kind: str, at: int) -> BrokenDocumentError:
    return BrokenDocumentError(
        f"no chunk of the {kind} begins at byte {at}; send the file as it was written"
    )
