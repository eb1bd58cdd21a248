"""What stands before the first element of a text, scanned while its bytes stream by.

A document type brings entities that grow or fetch, and a page runs scripts where it is shown; either
may stand behind white space, comments and instructions of any length. So the prolog (XML 1.0,
section 2.8) is followed to the first element, or to the first byte that is no markup, and not
further: HTML within a mail, a text or an element is no page.

A comment and an instruction must end where both an XML reader and a browser (HTML, section 13.2.5)
see their end: what one of them takes for a comment would be the other's page.
"""

import re
from typing import Final

from provenance.intake.documents.errors import BrokenDocumentError, PolyglotError

PAGE: Final = "HTML or SVG"
"""What a prolog leads to that is not taken: an element that a browser runs."""
DOCTYPE: Final = "XML with a document type"
"""The other: a declaration, of a document type or of what belongs into one."""

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(rb"[ \t\n\r\f\v]*+")
_NAME: Final = re.compile(rb"[^\s/>]++")
_COMMENT: Final = b"<!--"
_INSTRUCTION: Final = b"<?"
_COMMENT_END: Final = re.compile(rb"--!?>")
_HTML: Final = re.compile(rb"<!doctype\s+html", re.IGNORECASE)
_RUN: Final = frozenset((b"html", b"svg", b"script", b"iframe"))
_MAX_NAME: Final = 1024
"""Bytes of the first element's name with its prefix: ten times the longest of any schema."""
_MAX_MARKS: Final = 1000
"""Comments and instructions before the first element; the longest prologs have a dozen."""


class Prolog:
    """Follows a text to its first element; ``feed`` takes its bytes in order."""

    def __init__(self) -> None:
        self._held = b""
        self._within: bytes | None = None
        """The start of the comment or instruction that has not ended yet."""
        self._marks = 0
        self._has_begun = False
        self._is_over = False

    def feed(self, data: bytes) -> str | None:
        """Take the next bytes; returns :data:`PAGE` or :data:`DOCTYPE` where one begins, once.

        Raises:
            PolyglotError: a comment or an instruction ends earlier for a browser than for XML.
            BrokenDocumentError: there is more of it than any text has.

        """
        if self._is_over:
            return None
        data, at = self._held + data, 0
        if not self._has_begun and (len(data) >= len(_BOM) or not _BOM.startswith(data)):
            self._has_begun = True
            at = len(_BOM) if data.startswith(_BOM) else 0
        found: str | None = None
        while self._has_begun and not self._is_over and found is None:
            following = self._step(data, at)
            if following is None:
                break
            if isinstance(following, str):
                self._is_over, found = True, following
            else:
                at = following
        self._held = b"" if self._is_over else data[at:]
        return found

    def _step(self, data: bytes, at: int) -> int | str | None:
        """Go on from ``at``; returns where to, what was found, or None where more is needed."""
        if self._within == _COMMENT:
            return self._comment(data, at)
        if self._within == _INSTRUCTION:
            return self._instruction(data, at)
        space = _SPACE.match(data, at)
        assert space is not None
        if space.end() > at:
            return space.end()
        if at == len(data):
            return None
        if data[at : at + 1] != b"<":
            self._is_over = True
            return at
        return self._mark(data, at)

    def _mark(self, data: bytes, at: int) -> int | str | None:
        start = data[at : at + 6]
        if start.startswith(_INSTRUCTION):
            return self._enter(_INSTRUCTION, at)
        if start.startswith(_COMMENT) and len(start) == 6:
            if start[4:5] == b">" or start[4:] == b"->":
                raise _ends_twice("comment")
            return self._enter(_COMMENT, at)
        if start.startswith(_COMMENT) or _COMMENT.startswith(start):
            return None
        if start.startswith(b"<!"):
            return PAGE if _HTML.match(data, at) else DOCTYPE
        return self._element(data, at)

    def _enter(self, start: bytes, at: int) -> int:
        self._within = start
        self._marks += 1
        if self._marks > _MAX_MARKS:
            raise BrokenDocumentError(
                f"more than {_MAX_MARKS} comments and instructions precede the first element; "
                "remove them"
            )
        return at + len(start)

    def _comment(self, data: bytes, at: int) -> int | None:
        found = _COMMENT_END.search(data, at)
        if found is None:
            return _kept(data, at, size=3)
        if found[0] != b"-->":
            raise _ends_twice("comment")
        self._within = None
        return found.end()

    def _instruction(self, data: bytes, at: int) -> int | None:
        end = data.find(b">", at)
        if end < 0:
            return _kept(data, at, size=1)
        if end == at or data[end - 1 : end] != b"?":
            raise _ends_twice("processing instruction")
        self._within = None
        return end + 1

    def _element(self, data: bytes, at: int) -> int | str | None:
        name = _NAME.match(data, at + 1)
        if name is not None and name.end() - at > _MAX_NAME:
            raise BrokenDocumentError(
                f"the first element's name has more than {_MAX_NAME} bytes; shorten it"
            )
        if (at + 1 if name is None else name.end()) == len(data):
            return None
        self._is_over = True
        local = b"" if name is None else name[0].rpartition(b":")[2].lower()
        return PAGE if local in _RUN else at


def _kept(data: bytes, at: int, *, size: int) -> int | None:
    """Where to look on from once more has come: an end may lie across two pieces."""
    return len(data) - size if len(data) - size > at else None


def _ends_twice(what: str) -> PolyglotError:
    return PolyglotError(
        f"a browser sees the end of the {what} before the first element where XML does not; "
        f"send the document without that {what}"
    )
