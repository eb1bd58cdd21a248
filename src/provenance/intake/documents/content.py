"""Recognises a document while its bytes stream by, and refuses what is two things at once.

The kind is told by the first bytes; it must fit what was declared. At the end the document must
end as its kind does: an archive behind an image, or bytes behind its last part, would be one thing
for whoever looks at it and another for whoever opens it with something else. Where images end is
followed in :mod:`provenance.intake.documents.ends`, :mod:`provenance.intake.documents.chunks` and
:mod:`provenance.intake.documents.tiff`, the syntax of XML and JSON in
:mod:`provenance.intake.documents.syntax`; archives are looked for in
:mod:`provenance.intake.documents.archives`, what a text's prolog leads to in
:mod:`provenance.intake.documents.prolog`. Memory is bounded by the windows that are kept of
beginning and end.
"""

import codecs
from collections.abc import Callable, Mapping
from typing import Final

from provenance.intake.documents.archives import Archives
from provenance.intake.documents.chunks import PngEnd, WebpEnd
from provenance.intake.documents.ends import End, HeifEnd, JpegEnd
from provenance.intake.documents.errors import (
    DeclaredTypeError,
    DocumentTypeError,
    EmptyDocumentError,
    PolyglotError,
    TrailingDataError,
    TruncatedDocumentError,
)
from provenance.intake.documents.kinds import HEAD, TAKEN, Kind, kind_of, refused_as
from provenance.intake.documents.prolog import Prolog
from provenance.intake.documents.syntax import JsonEnd, XmlEnd
from provenance.intake.documents.tiff import TiffEnd

TAIL: Final = 66 << 10
"""Bytes kept of the end: a ZIP archive's end record is within 65,557 bytes of it (APPNOTE 4.3.16)."""
UNDECLARED: Final = frozenset(("", "application/octet-stream", "application/x-www-form-urlencoded"))
"""Content-Types that say nothing: none, and what clients send where nobody thought of it."""

_PDF_WINDOW: Final = 1024
"""Bytes within which lenient readers look for a PDF's header, and for its end marker."""
_ENDS: Final[Mapping[str, Callable[[], End]]] = {
    "JPEG": JpegEnd,
    "HEIC": HeifEnd,
    "PNG": PngEnd,
    "TIFF": TiffEnd,
    "WebP": WebpEnd,
    "XML": XmlEnd,
    "JSON": JsonEnd,
}
"""What follows a kind's parts to its end."""
_PLAIN: Final = "text/plain"
_PDF_END: Final = b"%%EOF"
_FILLING: Final = b" \t\n\r\f\0"
"""What may follow a PDF's end: white space as PDF has it (ISO 32000-1, table 1)."""


class ContentCheck:
    """Takes a document's bytes in order; ``declared`` is its Content-Type without parameters."""

    def __init__(self, *, declared: str = "") -> None:
        self._declared = declared.strip().lower()
        if self._declared not in UNDECLARED and self._declared not in TAKEN:
            raise DocumentTypeError(f"declared is {self._declared[:80]}; {_taken()}")
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0
        self._kind: Kind | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._prolog = Prolog()
        self._archives = Archives()
        self._end: End | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            DocumentTypeError: it is of no kind that is taken.
            DeclaredTypeError: it is of another kind than declared.
            PolyglotError: it is something else besides.
            BrokenDocumentError: its parts do not follow each other.

        """
        self._size += len(data)
        if self._kind is None:
            self._head += data
            if len(self._head) < HEAD:
                return
            data = bytes(self._head)
            self._recognise()
        self._take(data)

    def finish(self) -> str:
        """Return the media type that it is recorded as, once all bytes were fed.

        Raises:
            EmptyDocumentError: there were none.
            TruncatedDocumentError: its end is missing.
            DocumentError: as :meth:`feed`.

        """
        if not self._size:
            raise EmptyDocumentError("the document is empty; send its bytes as the body")
        if self._kind is None:
            self._recognise()
            self._take(bytes(self._head))
        assert self._kind is not None
        self._decode(b"", final=True)
        self._check_end(self._kind, bytes(self._tail))
        if self._declared in self._kind.declared:
            return self._declared
        return self._kind.media_type

    def _recognise(self) -> None:
        head = bytes(self._head[:HEAD])
        kind = kind_of(head)
        if kind is None:
            at = head.find(b"%PDF-", 0, _PDF_WINDOW)
            if at > 0:
                raise PolyglotError(
                    f"a PDF begins behind {at} other bytes; send it without what stands before it"
                )
            found = refused_as(head) or "of no kind that is known here"
            raise DocumentTypeError(
                f"the content is {found}; {_declared(self._declared)}{_taken()}"
            )
        if self._declared not in UNDECLARED and self._declared not in kind.declared:
            raise DeclaredTypeError(
                f"the content is {kind.name}, declared is {self._declared}; send "
                f"Content-Type: {kind.media_type}, or the document that was meant"
            )
        if kind.name != "PDF" and b"%PDF-" in head[:_PDF_WINDOW] and not kind.is_text:
            raise PolyglotError(
                f"the {kind.name} holds the beginning of a PDF; send one of the two"
            )
        self._kind = kind
        # Text that begins as data do, and is sent as text, says nothing of its syntax.
        if kind.name in _ENDS and self._declared != _PLAIN:
            self._end = _ENDS[kind.name]()
        if kind.is_text:
            self._decoder = codecs.getincrementaldecoder("utf-8")()

    def _take(self, data: bytes) -> None:
        self._decode(data)
        if (found := self._prolog.feed(data)) is not None:
            raise DocumentTypeError(f"the content is {found}; {_taken()}")
        assert self._kind is not None
        if not self._kind.is_text:
            self._archives.feed(data)
        if self._end is not None:
            self._end.feed(data)
        self._tail += data[-TAIL:]
        del self._tail[:-TAIL]

    def _check_end(self, kind: Kind, tail: bytes) -> None:
        if self._archives.has_zip(tail):
            raise PolyglotError(
                f"the {kind.name} is followed by a ZIP archive; send it without, and what is in "
                "the archive as documents of their own"
            )
        if self._end is not None:
            self._end.finish(tail)
        if kind.name == "PDF":
            _check_pdf_end(tail)
        if (other := self._archives.other) is not None:
            raise PolyglotError(
                f"the {kind.name} holds a {other} archive; send it without, and what is in the "
                "archive as documents of their own"
            )

    def _decode(self, data: bytes, *, final: bool = False) -> None:
        if self._decoder is None:
            return
        assert self._kind is not None
        try:
            self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise DocumentTypeError(
                f"the content begins as {self._kind.name} and is not UTF-8 throughout; convert it "
                "to UTF-8, or send it as PDF"
            ) from None
        if b"\0" in data:
            raise DocumentTypeError(
                f"the content begins as {self._kind.name} and holds U+0000; {_taken()}"
            )


def _check_pdf_end(tail: bytes) -> None:
    window = tail[-_PDF_WINDOW:]
    end = window.rfind(_PDF_END)
    if end < 0:
        raise TruncatedDocumentError(
            "the PDF does not end with %%EOF: it was cut off, or something follows it; send the "
            "whole file and nothing else"
        )
    if window[end + len(_PDF_END) :].strip(_FILLING):
        raise TrailingDataError("something follows the PDF's %%EOF; send the file without it")


def _declared(declared: str) -> str:
    return "" if declared in UNDECLARED else f"declared is {declared}; "


def _taken() -> str:
    return f"taken are {', '.join(TAKEN)} (convert other files to PDF)"
