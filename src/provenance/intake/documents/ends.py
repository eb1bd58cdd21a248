"""Where an image ends, found while its bytes stream by.

JPEG and HEIC say of each part how long it is, so that a walk over the parts, with nothing kept but
the position, comes to the end of the image. What stands behind it belongs to no part of the format
and would be something else to another reader. Two things that cameras put there are part of how
photographs are made today and pass: further JPEG images (CIPA DC-007, previews and gain maps), and
Samsung's trailer, whose directory must account for every byte between image and end. A TIFF's parts
may lie anywhere and in any order: :mod:`provenance.intake.documents.tiff`.

What is inside the parts is not looked at: this tells where an image ends, not whether it is sound.
"""

import re
from typing import Final, Protocol

from provenance.intake.documents.errors import (
    BrokenDocumentError,
    TrailingDataError,
    TruncatedDocumentError,
)

_SAMSUNG_END: Final = b"SEFT"
_SAMSUNG_DIRECTORY: Final = b"SEFH"
_SAMSUNG_ENTRIES: Final = 64
"""More than any phone writes; the directory then lies well within the bytes that are kept."""

_MARKER_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends entropy-coded data: a marker that is neither stuffing, restart nor filling (T.81, B.1)."""
_FILLING: Final = re.compile(rb"\xff*+")
_ZEROS: Final = re.compile(rb"\x00*+")
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length: TEM, RSTn, SOI."""
_START: Final = b"\xff\xd8\xff"
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
_BOX_TYPE: Final = re.compile(rb"[A-Za-z0-9 ]{4}")
_MAX_BOXES: Final = 4096
_MAX_SEGMENTS: Final = 1 << 16
"""More than any image has: each costs a microsecond."""


class End(Protocol):
    """Finds the end of one image."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises a DocumentError."""

    def finish(self, tail: bytes) -> None:
        """All bytes were fed, the last of which are ``tail``; raises a DocumentError."""


class JpegEnd:
    """Walks the segments of a JPEG (ITU-T T.81, annex B)."""

    def __init__(self) -> None:
        self._held = b""
        self._position = 0
        self._skip = 0
        self._segments = 0
        self._in_scan = False
        self._end: int | None = None
        """Where the last image ended, once its end was reached."""
        self._trailer: int | None = None
        """Where something else begins behind it."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BrokenDocumentError: no segment begins where one should.

        """
        start = self._position - len(self._held)
        self._position += len(data)
        if self._trailer is not None:
            return
        data, at = self._held + data, 0
        while at < len(data):
            following = self._step(data, at, start)
            if following is None:
                break
            at = following
        self._held = data[at:]

    def finish(self, tail: bytes) -> None:
        """Judge what came last, the file's last bytes ``tail``.

        Raises:
            TruncatedDocumentError: the end of the image is missing.
            TrailingDataError: something follows it.

        """
        if self._end is None:
            raise TruncatedDocumentError(
                "the JPEG does not end with its EOI marker; send the whole file"
            )
        trailer = self._position - len(self._held) if self._trailer is None else self._trailer
        if trailer == self._position:
            return
        begun = self._position - samsung_trailer(tail)
        # The trailer may begin with zeros, which look like padding.
        if not self._end <= begun <= trailer:
            raise TrailingDataError(
                f"something follows the JPEG's end at byte {trailer}; send the image without it "
                "(of a moving photo, the photo alone)"
            )

    def _step(self, data: bytes, at: int, start: int) -> int | None:
        """Go on from ``at``; returns where to, or None where more bytes are needed."""
        if self._skip:
            taken = min(self._skip, len(data) - at)
            self._skip -= taken
            return at + taken
        if self._in_scan:
            return self._scan(data, at)
        if self._end is not None:
            return self._behind(data, at, start)
        if data[at] != 0xFF or self._segments > _MAX_SEGMENTS:
            raise BrokenDocumentError(
                f"no segment of the JPEG begins at byte {start + at}; send the file as the camera "
                "or scanner wrote it"
            )
        return self._marker(data, at, start)

    def _marker(self, data: bytes, at: int, start: int) -> int | None:
        # A marker may be preceded by any number of FF.
        filled = _FILLING.match(data, at)
        assert filled is not None
        if filled.end() - 1 > at:
            return filled.end() - 1
        if len(data) - at < 2:
            return None
        marker = data[at + 1]
        if marker == _END_OF_IMAGE:
            self._end = start + at + 2
        elif marker not in _ALONE:
            if len(data) - at < 4:
                return None
            self._skip = int.from_bytes(data[at + 2 : at + 4], "big")
            self._in_scan = marker == _START_OF_SCAN
        self._segments += 1
        return at + 2

    def _scan(self, data: bytes, at: int) -> int | None:
        found = _MARKER_IN_SCAN.search(data, at)
        if found is not None:
            self._in_scan = False
            return found.start()
        end = len(data) - (data[-1] == 0xFF)
        return end if end > at else None

    def _behind(self, data: bytes, at: int, start: int) -> int | None:
        zeros = _ZEROS.match(data, at)
        assert zeros is not None
        if zeros.end() > at:
            return zeros.end()
        following = data[at : at + len(_START)]
        if following == _START:
            self._end = None
            return at
        if _START.startswith(following):
            return None
        self._trailer = start + at
        return len(data)


def samsung_trailer(tail: bytes) -> int:
    """Length of Samsung's trailer at the end of ``tail``; 0 where there is none.

    The trailer ends with its directory, the directory's length and SEFT; each entry of it names a
    part by its distance from the directory and its length. Parts that do not lie one behind the
    other up to the directory make no trailer.
    """
    length = int.from_bytes(tail[-8:-4], "little")
    directory = tail[-8 - length : -8]
    count = int.from_bytes(directory[8:12], "little")
    if not tail.endswith(_SAMSUNG_END) or not directory.startswith(_SAMSUNG_DIRECTORY):
        return 0
    if len(directory) != 12 + 12 * count or not 0 < count <= _SAMSUNG_ENTRIES:
        return 0
    entries = [directory[12 + 12 * n : 24 + 12 * n] for n in range(count)]
    reached = 0
    for distance, part in sorted(
        (int.from_bytes(one[4:8], "little"), int.from_bytes(one[8:12], "little")) for one in entries
    ):
        if distance - part != reached:
            return 0
        reached = distance
    return reached + length + 8


class HeifEnd:
    """Walks the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2)."""

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0
        self._position = 0
        self._boxes = 0
        self._is_open = False
        """Whether the last box goes on to the end of the file."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            TrailingDataError: something that is no box follows the last one.

        """
        self._position += len(data)
        data = self._held + data
        while data:
            if self._is_open:
                data = b""
            taken = min(self._skip, len(data))
            self._skip -= taken
            data = data[taken:]
            if not data or not self._enter(data):
                break
        self._held = data

    def finish(self, tail: bytes) -> None:
        """Judge what came last; ``tail`` is not needed.

        Raises:
            TruncatedDocumentError: the last box is not all there.
            TrailingDataError: something that is no box follows it.

        """
        del tail
        if self._held:
            self._refuse(len(self._held))
        if self._skip:
            raise TruncatedDocumentError(
                f"the HEIC's last box lacks {self._skip} bytes; send the whole file"
            )

    def _enter(self, data: bytes) -> bool:
        """Read the header of the box that begins here; False where more bytes are needed."""
        if len(data) < 8:
            return False
        size = int.from_bytes(data[:4], "big")
        if size == 1:
            if len(data) < 16:
                return False
            size = int.from_bytes(data[8:16], "big")
        self._boxes += 1
        if size == 0:
            self._is_open = data[4:8] == b"mdat"
        self._skip = size
        is_box = _BOX_TYPE.fullmatch(data[4:8]) and (size >= 8 or self._is_open)
        if not is_box or self._boxes > _MAX_BOXES:
            self._refuse(len(data))
        return True

    def _refuse(self, left: int) -> None:
        raise TrailingDataError(
            f"no part of the HEIC begins at byte {self._position - left}; send the image without "
            "what follows it"
        )
