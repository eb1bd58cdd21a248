"""Reads XML into a small tree, within bounds and without ever looking outside.

Expat calls back as it goes, so that each bound is checked before anything is kept and nothing is
expanded: a document type declaration ends the reading where it begins, and without one no entity
can be declared.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from xml.parsers import expat

from provenance.evidence.invoices.errors import (
    XmlDoctypeError,
    XmlEncodingError,
    XmlEntityError,
    XmlError,
    XmlIncludeError,
    XmlSyntaxError,
    XmlTooDeepError,
    XmlTooLargeError,
    XmlTooManyError,
)

MAX_BYTES: Final = 8 << 20
"""An invoice of some ten thousand lines."""
MAX_DEPTH: Final = 64
"""UBL nests 13 deep, with extensions some 20."""
MAX_ELEMENTS: Final = 250_000
"""Twenty-five for each of ten thousand lines."""
MAX_ATTRIBUTES: Final = 32
"""Of one element; the standards use five."""

_ENCODINGS: Final = frozenset({"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1"})
_XINCLUDE: Final = "http://www.w3.org/2001/XInclude"
_CHUNK: Final = 64 << 10


@dataclass(slots=True)
class Element:
    """An element: namespace and local name, attributes without a namespace, text, children."""

    namespace: str
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def first(self, *path: str) -> "Element | None":
        """Return the first element at ``path`` of local names."""
        found: Element | None = self
        for name in path:
            assert found is not None
            found = next((child for child in found.children if child.name == name), None)
            if found is None:
                return None
        return found

    def said(self, *path: str) -> str:
        """Text at ``path`` without white space around it; empty if it is not there."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


def read_xml(data: bytes) -> Element:
    """Return the root element.

    Raises:
        XmlError: one of its subclasses for each way of being refused.

    """
    if len(data) > MAX_BYTES:
        raise XmlTooLargeError(f"{len(data)} bytes; at most {MAX_BYTES} are read")
    return _Builder().read(data)


class _Builder:
    def __init__(self) -> None:
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._root: Element | None = None
        self._count = 0

    def read(self, data: bytes) -> Element:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = _declared
        parser.StartDoctypeDeclHandler = _doctype
        parser.EntityDeclHandler = _entity
        parser.ExternalEntityRefHandler = _entity
        parser.SkippedEntityHandler = _entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            for at in range(0, len(data), _CHUNK):
                parser.Parse(data[at : at + _CHUNK], False)
            parser.Parse(b"", True)
        except XmlError:
            raise
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            kind = XmlEntityError if error.code == _UNDEFINED_ENTITY else XmlSyntaxError
            raise kind(f"{reason} in line {error.lineno}; send well-formed XML") from None
        except (ValueError, LookupError):
            raise XmlEncodingError("the encoding cannot be read; send UTF-8") from None
        assert self._root is not None, "expat refuses a text without an element"
        return self._root

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise XmlTooManyError(f"more than {MAX_ELEMENTS} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise XmlTooManyError(f"an element with more than {MAX_ATTRIBUTES} attributes")
        if len(self._open) >= MAX_DEPTH:
            raise XmlTooDeepError(f"nested deeper than {MAX_DEPTH} elements")
        namespace, _, name = qualified.rpartition(" ")
        if namespace == _XINCLUDE:
            raise XmlIncludeError("includes another file; send the document whole")
        element = Element(
            namespace, name, {key: value for key, value in attributes.items() if " " not in key}
        )
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _qualified: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)


_UNDEFINED_ENTITY: Final = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise XmlEncodingError(f"encoding {encoding[:32]!a} is not read; send UTF-8")


def _doctype(*_: Any) -> NoReturn:
    raise XmlDoctypeError("a document type declaration is not read; remove the <!DOCTYPE> part")


def _entity(*_: Any) -> NoReturn:
    raise XmlEntityError("entities are not read; write the characters themselves")
