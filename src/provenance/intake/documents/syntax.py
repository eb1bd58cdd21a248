"""Whether XML and JSON are well formed, found while their bytes stream by.

What was cut off on its way, or is no XML or JSON behind its first bytes, would fill a line of a
checklist and say nothing to whoever opens it. So the syntax is followed to the end; what the data
mean, and by which schema, is not looked at. A document of more than ``MAX_CHECKED`` bytes, which
nothing here reads as data, is followed no further than that: memory stays bounded.
"""

from typing import Final
from xml.parsers import expat

import msgspec

from provenance.intake.documents.errors import BrokenDocumentError

MAX_CHECKED: Final = 8 << 20
"""Bytes: as many as invoices in XML are read at all."""
_AT_ONCE: Final = 64 << 10
"""Bytes of one step of the XML parser, which may look at an unfinished token again at each."""


class XmlEnd:
    """Parses XML (1.0, fifth edition), and keeps nothing of it.

    What may be dangerous in it, a document type with its entities, was refused before.
    """

    def __init__(self) -> None:
        # Every byte was found to be UTF-8, whatever the declaration says.
        self._parser = expat.ParserCreate("UTF-8")
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises a BrokenDocumentError."""
        self._size += len(data)
        if self._size > MAX_CHECKED:
            self._held.clear()
            return
        self._held += data
        if len(self._held) >= _AT_ONCE:
            self._parse(final=False)

    def finish(self, tail: bytes) -> None:
        """Judge the end; ``tail`` is not needed. Raises a BrokenDocumentError."""
        del tail
        if self._size <= MAX_CHECKED:
            self._parse(final=True)

    def _parse(self, *, final: bool) -> None:
        data = bytes(self._held)
        self._held.clear()
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            raise BrokenDocumentError(
                f"the XML cannot be read: {expat.errors.messages[error.code]}, line "
                f"{error.lineno}; send the whole file, or one that is well formed"
            ) from None


class JsonEnd:
    """Reads JSON (RFC 8259) to its end, and makes nothing of it."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)
        if self._size > MAX_CHECKED:
            self._held.clear()
        else:
            self._held += data

    def finish(self, tail: bytes) -> None:
        """Judge all of it; ``tail`` is not needed. Raises a BrokenDocumentError."""
        del tail
        if self._size > MAX_CHECKED:
            return
        try:
            # Goes through all of the text and builds nothing, so that depth and number are harmless.
            msgspec.json.decode(self._held, type=msgspec.Raw)
        except msgspec.DecodeError as error:
            raise BrokenDocumentError(
                f"the JSON cannot be read: {error}; send the whole file, or one that is well formed"
            ) from None
        except RecursionError:
            raise BrokenDocumentError(
                "the JSON is nested deeper than anything that is exchanged; send it flatter"
            ) from None
