"""The fields of a JSON payload: where each one is, and how exactly it is spelled.

Payloads are kept byte for byte and need not be canonical, so that a field is its JSON token
(``1.50`` stays ``1.50``). Strings come spelled with or without escapes: without any, what was
decoded is what was spelled, and a walk over the decoded value is enough; else the lexemes are
walked, which takes three times as long.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    JsonSyntaxError,
    TooLargeError,
)
from provenance.core.jcs import check_depth, check_text

MAX_PAYLOAD = 1 << 20
"""Bytes of a payload with fields: twice the largest event that intake takes."""
MAX_DEPTH = 32
"""Levels of nesting: EPCIS needs 5."""
MAX_FIELDS = 1 << 16
"""Fields of one payload: an event of the largest size that intake takes has fewer."""
MAX_TOKEN = 1 << 17
"""Characters of a token: the longest string that intake takes, every character escaped."""
MAX_POINTER = 2_048
"""Characters of a pointer; every field below a long name repeats it."""

SpelledField = tuple[str, str]
"""Pointer and token of a field."""

_WORDS: Final = {None: "null", True: "true", False: "false"}
_CLOSERS: Final = {"{": "}", "[": "]"}
_LEXEME = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]++')


@dataclass(frozen=True, slots=True)
class Field:
    """One scalar or empty container: where it is (RFC 6901) and its exact JSON token."""

    pointer: str
    token: str


def flatten(payload: bytes) -> list[Field]:
    """Fields of a JSON payload, ordered by the UTF-8 bytes of their pointers.

    Raises:
        FormatError: not JSON, a member twice in one object, or too many fields.

    """
    return [Field(pointer=pointer, token=token) for pointer, token in spelled_fields(payload)]


def spelled_fields(payload: bytes) -> list[SpelledField]:
    """Return :func:`flatten` as plain pairs, of which a tree is made in half the time."""
    if len(payload) > MAX_PAYLOAD:
        raise TooLargeError(f"more than {MAX_PAYLOAD} bytes", where="payload")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8", where="payload") from None
    check_depth(text, maximum=MAX_DEPTH)
    try:
        if "\\" in text:
            _ESCAPED.decode(text)
            found = _Scanner(_LEXEME.findall(text)).scan()
        else:
            found = _walk(_PLAIN.decode(text))
    except json.JSONDecodeError:
        raise JsonSyntaxError("not JSON", where="payload") from None
    # Code points have the order of their UTF-8 bytes, and no pointer occurs twice.
    found.sort()
    return found


def _check_names(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        check_text(name, where="payload")
        if name in seen:
            raise DuplicateMemberError(
                f"member {name[:80]!a} occurs twice in one object", where="payload"
            )
        seen.add(name)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _check_names(pairs)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise JsonSyntaxError(f"{name} is not JSON", where="payload")


class _Number(str):
    """A number as it is spelled: its size is nobody's business here."""

    __slots__ = ()


_ESCAPED: Final = json.JSONDecoder(
    object_pairs_hook=_check_names, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)
_PLAIN: Final = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_refuse_constant,
)


def _walk(value: object) -> list[SpelledField]:
    """Fields of a decoded text without a backslash, where strings are spelled as what they are.

    A third of the time that the lexemes take; a property test compares the two.
    """
    found: list[SpelledField] = []
    if not isinstance(value, dict | list) or not value:
        return [_checked("", _token(value))]
    stack: list[tuple[str, dict[str, object] | list[object]]] = [("", value)]
    while stack:
        base, container = stack.pop()
        if len(found) + len(stack) + len(container) > MAX_FIELDS:
            raise TooLargeError(f"more than {MAX_FIELDS} fields", where="payload")
        for name, member in _named(container):
            pointer = f"{base}/{name}"
            kind = type(member)
            if kind is str:
                found.append(_checked(pointer, f'"{member}"'))
            elif member and (kind is dict or kind is list):
                # Before it is repeated for each field below: that could fill the memory.
                _check_pointer(pointer)
                stack.append((pointer, member))  # type: ignore[arg-type]  # what kind says
            else:
                found.append(_checked(pointer, _token(member)))
    return found


def _named(
    container: dict[str, object] | list[object],
) -> Iterable[tuple[str | int, object]]:
    if isinstance(container, list):
        return enumerate(container)
    if any("/" in name or "~" in name for name in container):
        return [(_escape(name), member) for name, member in container.items()]
    return container.items()


def _token(value: object) -> str:
    if isinstance(value, str):
        return str(value) if isinstance(value, _Number) else f'"{value}"'
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return _WORDS[value]  # type: ignore[index]  # nothing else comes out of a decoder


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _check_pointer(pointer: str) -> None:
    if len(pointer) > MAX_POINTER:
        raise TooLargeError("the names on the way to a field are too long", where=pointer)


def _checked(pointer: str, token: str) -> SpelledField:
    _check_pointer(pointer)
    if len(token) > MAX_TOKEN:
        raise TooLargeError(f"a token of more than {MAX_TOKEN} characters", where=pointer)
    return pointer, token


class _Scanner:
    """Walks the lexemes of JSON that is known to be well-formed, without recursion."""

    def __init__(self, lexemes: list[str]) -> None:
        self._lexemes = lexemes
        self._fields: list[SpelledField] = []

    def scan(self) -> list[SpelledField]:
        lexemes, position = self._lexemes, 0
        # One (pointer, next array index or None for an object) for each open container.
        stack: list[tuple[str, int | None]] = []
        pointer = ""
        while position < len(lexemes):
            lexeme = lexemes[position]
            position += 1
            if lexeme in _CLOSERS:
                if lexemes[position] == _CLOSERS[lexeme]:
                    self._add(pointer, lexeme + _CLOSERS[lexeme])
                    position += 1
                else:
                    stack.append((pointer, None if lexeme == "{" else 0))
                    pointer, position = self._enter(stack, position)
            elif lexeme in "}]":
                stack.pop()
            elif lexeme == ",":
                base, index = stack.pop()
                stack.append((base, None if index is None else index + 1))
                pointer, position = self._enter(stack, position)
            else:
                self._add(pointer, lexeme)
        return self._fields

    def _enter(self, stack: list[tuple[str, int | None]], position: int) -> tuple[str, int]:
        base, index = stack[-1]
        if index is not None:
            return f"{base}/{index}", position
        name: str = json.loads(self._lexemes[position])
        pointer = f"{base}/{_escape(name)}"
        _check_pointer(pointer)
        return pointer, position + 2

    def _add(self, pointer: str, token: str) -> None:
        if len(self._fields) >= MAX_FIELDS:
            raise TooLargeError(f"more than {MAX_FIELDS} fields", where="payload")
        self._fields.append(_checked(pointer, token))
