"""Strict reading of JSON payloads, fast where the bytes are already canonical in form.

A payload is somebody else's JSON, so that fractions and nulls may occur; what may not is what
two readers could understand differently: a member named twice, a lone surrogate, U+0000, text
that is not UTF-8, a number that no double can hold or that has more digits than one. Integers
of many digits pass here; :mod:`provenance.intake.epcis.fields` bounds them.

msgspec decodes quickly but keeps the last of two members of one name without a word. So its
result is encoded again and compared: the compact bytes of a JSON text determine its sequence of
tokens, and a decoded object can't yield the tokens of a member that it lost. Equal bytes
therefore prove that no member was lost. Texts that differ for another reason (an escape that
need not be one, ``1.50``) are read a second time with the slower hook of the standard library.
Texts that are refused are read once more, for the place of the fault
(:mod:`provenance.intake.jsonfaults`).
"""

import json
import re

import msgspec

from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    FormatError,
    JsonSyntaxError,
    NumberError,
    TooDeepError,
    TooLargeError,
)
from provenance.intake.jsonfaults import MAX_NUMBER_CHARACTERS, first_fault
from provenance.intake.nesting import require_shallow

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def parse(raw: bytes, *, max_depth: int, max_values: int) -> object:
    """Decode one JSON text strictly.

    Args:
        raw: the text, UTF-8.
        max_depth: levels of arrays and objects.
        max_values: values of all kinds, member names not counted.

    Raises:
        FormatError: the text is not JSON or not unambiguous, or exceeds a bound; ``where`` is
            the JSON pointer of the fault, or empty where it concerns the whole text or leaves
            no value to point to, and then the message says at which line and column.

    """
    try:
        require_shallow(raw)
        value = _decoded(raw)
        openings = raw.count(b"[") + raw.count(b"{")
        # Each value follows an opening or a comma, so that these counts bound depth and values.
        if openings > max_depth or openings + raw.count(b",") >= max_values:
            _measure(value, max_depth, max_values)
        if b"\\u" in raw or not _is_lossless(value, raw):
            _parse_slowly(raw)
    except FormatError as error:
        raise (first_fault(raw, max_depth=max_depth, max_values=max_values) or error) from None
    return value


def _decoded(raw: bytes) -> object:
    try:
        return _decode(raw)
    except UnicodeDecodeError:
        raise EncodingError(
            "not UTF-8; encode the text as UTF-8 without a byte order mark"
        ) from None
    except msgspec.ValidationError as error:
        raise NumberError(f"a number that no double holds: {error}") from None
    except msgspec.DecodeError as error:
        raise JsonSyntaxError(f"not JSON: {error}") from None


def _is_lossless(value: object, raw: bytes) -> bool:
    try:
        again = _encode(value)
    except (msgspec.MsgspecError, OverflowError, UnicodeError):
        return False
    return again == raw or again == msgspec.json.format(raw, indent=-1)


def _parse_slowly(raw: bytes) -> None:
    if _NUL_ESCAPE.search(raw):
        raise EncodingError("U+0000 in a string; no text needs it, and no database keeps it")
    try:
        json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_number,
        )
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8; encode the text as UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(f"not JSON: {error.msg} at character {error.pos}") from None


def _object(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise DuplicateMemberError(f"member {name[:80]!a} occurs twice in one object; keep one")
        seen.add(name)


def _number(digits: str) -> None:
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise NumberError(f"{digits[:24]}… has more than {MAX_NUMBER_CHARACTERS} characters")


def _measure(value: object, max_depth: int, max_values: int) -> None:
    """Count values level by level, without recursion."""
    count, depth = 0, 0
    level = [value]
    while level:
        count += len(level)
        if count > max_values:
            raise TooLargeError(f"more than {max_values} values; split what it says")
        below: list[object] = []
        is_nested = False
        for item in level:
            if isinstance(item, dict):
                is_nested = True
                below.extend(item.values())
            elif isinstance(item, list):
                is_nested = True
                below.extend(item)
        depth += is_nested
        if depth > max_depth:
            raise TooDeepError(f"nested deeper than {max_depth} levels; flatten it")
        level = below
