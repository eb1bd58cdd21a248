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
"""

import json
import re
from typing import Final

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
from provenance.intake.nesting import require_shallow

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_NUMBER_CHARACTERS: Final = 40
"""Longest number: more digits than any double has are a mistake or an attack."""
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def parse(raw: bytes, *, max_depth: int, max_values: int) -> object:
    """Decode one JSON text strictly.

    Args:
        raw: the text, UTF-8.
        max_depth: levels of arrays and objects.
        max_values: values of all kinds, member names not counted.

    Raises:
        FormatError: the text is not JSON or not unambiguous, or exceeds a bound.

    """
    require_shallow(raw)
    value = _decoded(raw)
    openings = raw.count(b"[") + raw.count(b"{")
    # Each value follows an opening or a comma, so that these counts bound depth and values.
    if openings > max_depth or openings + raw.count(b",") >= max_values:
        _measure(value, max_depth, max_values)
    if b"\\u" in raw or not _is_lossless(value, raw):
        _parse_slowly(raw)
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
        raise _syntax_error(raw, str(error)) from None


def _syntax_error(raw: bytes, reason: str) -> FormatError:
    if raw.startswith(b"\xef\xbb\xbf"):
        return EncodingError("starts with a byte order mark; send UTF-8 without it")
    if re.search(rb"\\u[dD][89a-fA-F]", raw):
        return EncodingError(f"a lone surrogate in a string, or no JSON at all: {reason}")
    return JsonSyntaxError(f"not JSON: {reason}")


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
    if len(digits) > _NUMBER_CHARACTERS:
        raise NumberError(f"{digits[:24]}… has more than {_NUMBER_CHARACTERS} characters")


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
