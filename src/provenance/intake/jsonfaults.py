"""Where a JSON text goes wrong: a second, slower reading of a text that was refused.

The fast decoder says that something is wrong, not where. This one walks the lexemes of the text
without recursion, keeps the JSON pointer of where it stands, and stops at the first fault. What
is wrong inside one value is told with the pointer of that value; where the structure itself is
broken no pointer means anything from there on, so that line, column and byte are told instead,
counted from the start of the text. A bad member name is told with the pointer of its object,
because a name that nobody can write can't be pointed to.

The walk is bounded by depth and number of values, 3 to 8 µs for each value.
"""

import json
import math
import re
import sys
from typing import Final, NoReturn

from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    FormatError,
    JsonSyntaxError,
    NumberError,
    TooDeepError,
)
from provenance.intake.epcis.reading import pointer_token

MAX_NUMBER_CHARACTERS: Final = 40
"""Longest number: more digits than any double has are a mistake or an attack."""

_SPACE: Final = re.compile(rb"[ \t\n\r]*+")
_LEXEME: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^ \t\n\r{}\[\]:,"]++', re.DOTALL
)
_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_MARKS: Final = frozenset({b"}", b"]", b":", b","})
_WORDS: Final = frozenset({b"true", b"false", b"null"})
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CONTINUING: Final = bytes(range(0x80, 0xC0))
"""Bytes that continue a character of UTF-8."""
_LARGEST_DOUBLE: Final = f"{sys.float_info.max:.4g}"


def first_fault(raw: bytes, *, max_depth: int, max_values: int) -> FormatError | None:
    """Find the first thing that is wrong with ``raw``, or ``None`` where nothing is.

    Args:
        raw: a text that was refused, UTF-8 or not.
        max_depth: levels of arrays and objects.
        max_values: values of all kinds that are looked at, member names not counted; what comes
            after them goes unseen.

    """
    try:
        _Walk(raw, max_depth, max_values).run()
    except _EnoughSeenError:
        return None
    except FormatError as error:
        return error
    return None


def syntax_error(raw: bytes, reason: str, offset: int) -> JsonSyntaxError:
    """Error for a text that stops being JSON at the byte ``offset``, counted from 0."""
    line = raw.count(b"\n", 0, offset) + 1
    begun = raw[raw.rfind(b"\n", 0, offset) + 1 : offset]
    column = len(begun.translate(None, _CONTINUING)) + 1
    return JsonSyntaxError(f"not JSON: {reason} at line {line}, column {column} (byte {offset})")


class _EnoughSeenError(FormatError):
    """The walk has seen as many values as it may."""


class _Open:
    """An array or an object that is not closed yet: its pointer, and what it holds so far."""

    __slots__ = ("count", "name", "names", "pointer")

    def __init__(self, pointer: str, *, is_object: bool) -> None:
        self.pointer = pointer
        self.names: set[str] | None = set() if is_object else None
        self.name = ""
        self.count = 0

    @property
    def member(self) -> str:
        """Pointer of the value that stands or comes next."""
        token = pointer_token(self.name) if self.names is not None else str(self.count)
        return f"{self.pointer}/{token}"


class _Walk:
    """One pass over a text; raises the first fault."""

    def __init__(self, raw: bytes, max_depth: int, max_values: int) -> None:
        self._raw = raw
        self._max_depth = max_depth
        self._max_values = max_values
        self._values = 0
        self._position = 0
        self._start = 0
        self._open: list[_Open] = []

    def run(self) -> None:
        if self._raw.startswith(_BYTE_ORDER_MARK):
            raise EncodingError("starts with a byte order mark; send UTF-8 without it")
        self._value(self._next("a value"))
        while self._open:
            self._step(self._open[-1])
        self._start = self._skip_space()
        if self._start < len(self._raw):
            self._broken("something after the end")

    def _step(self, container: _Open) -> None:
        """Read the next member or item of ``container``, or its end."""
        is_object = container.names is not None
        closer, what = (b"}", "'}'") if is_object else (b"]", "']'")
        lexeme = self._next(f"{what} or what comes next")
        if lexeme == closer:
            self._open.pop()
            return
        if container.count:
            if lexeme != b",":
                self._broken(f"expected ',' or {what}")
            lexeme = self._next("what comes after the comma")
        if is_object:
            self._name(container, lexeme)
            if self._next("':'") != b":":
                self._broken("expected ':'")
            lexeme = self._next("a value")
        self._value(lexeme)
        container.count += 1

    def _name(self, container: _Open, lexeme: bytes) -> None:
        if not lexeme.startswith(b'"'):
            self._broken("expected the name of a member")
        name = self._text(lexeme, container.pointer, "the name of a member")
        container.name = name
        assert container.names is not None
        if name in container.names:
            raise DuplicateMemberError(
                f"member {name[:80]!a} occurs twice in one object; keep one",
                where=container.member,
            )
        container.names.add(name)

    def _value(self, lexeme: bytes) -> None:
        self._values += 1
        if self._values > self._max_values:
            raise _EnoughSeenError("the fault lies further on")
        where = self._open[-1].member if self._open else ""
        if lexeme in (b"{", b"["):
            if len(self._open) == self._max_depth:
                message = f"nested deeper than {self._max_depth} levels; flatten it"
                raise TooDeepError(message, where=where)
            self._open.append(_Open(where, is_object=lexeme == b"{"))
        elif lexeme.startswith(b'"'):
            self._text(lexeme, where, "a string")
        elif _NUMBER.fullmatch(lexeme):
            _check_number(lexeme.decode(), where)
        elif lexeme in _MARKS:
            self._broken("expected a value")
        elif lexeme not in _WORDS:
            shown = lexeme[:40].decode("utf-8", "backslashreplace")
            raise JsonSyntaxError(f"not JSON: {shown!a} is no value", where=where)

    def _text(self, lexeme: bytes, where: str, what: str) -> str:
        try:
            spelled = lexeme.decode("utf-8")
        except UnicodeDecodeError:
            raise EncodingError(
                f"{what} is not UTF-8; encode the text as UTF-8", where=where
            ) from None
        if not _STRING.fullmatch(lexeme):
            raise JsonSyntaxError(
                f"not JSON: {what} has a control character or an escape that JSON does not have; "
                "write it as \\n, \\t or \\u and four digits",
                where=where,
            )
        text: str = json.loads(spelled)
        if "\0" in text:
            message = f"U+0000 in {what}; no text needs it, and no database keeps it"
            raise EncodingError(message, where=where)
        try:
            text.encode()
        except UnicodeEncodeError:
            message = f"a lone surrogate in {what}; write both halves or neither"
            raise EncodingError(message, where=where) from None
        return text

    def _next(self, expected: str) -> bytes:
        self._start = self._skip_space()
        found = _LEXEME.match(self._raw, self._start)
        if found is None:
            is_end = self._start == len(self._raw)
            self._broken(f"it ends before {expected}" if is_end else "a string without an end")
        self._position = found.end()
        return found.group()

    def _skip_space(self) -> int:
        found = _SPACE.match(self._raw, self._position)
        assert found is not None
        return found.end()

    def _broken(self, reason: str) -> NoReturn:
        raise syntax_error(self._raw, reason, self._start)


def _check_number(digits: str, where: str) -> None:
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise NumberError(
            f"{digits[:24]}… has {len(digits)} characters; "
            f"a number has at most {MAX_NUMBER_CHARACTERS}",
            where=where,
        )
    if math.isinf(float(digits)):
        raise NumberError(
            f"{digits} is out of range; a number lies between -{_LARGEST_DOUBLE} and "
            f"{_LARGEST_DOUBLE}, what a double holds",
            where=where,
        )
