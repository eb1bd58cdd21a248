"""Strict JSON, and its one canonical spelling: RFC 8785 (JCS), restricted.

The restriction makes every implementation agree: member names are printable ASCII, numbers
are integers within ±(2^53-1), ``null`` does not occur. The parser refuses what the grammar
allows but two readers could understand differently: duplicate members, ``1.0``, ``-0``,
``1e3``, lone surrogates, a byte order mark, U+0000, and anything over its bounds. It leaves
out, on purpose, any repair.
"""

import json
import operator
import re
from dataclasses import dataclass
from itertools import accumulate, count
from typing import TypeAlias, cast

from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    JsonSyntaxError,
    MemberNameError,
    NotCanonicalError,
    NullError,
    NumberError,
    TooDeepError,
    TooLargeError,
    WrongTypeError,
)

JsonValue: TypeAlias = "str | bool | int | list[JsonValue] | dict[str, JsonValue]"
"""What the restricted JSON can hold: no float, no null."""

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader represents exactly (RFC 8259, section 6)."""

_MEMBER_NAME = re.compile(r"[\x20-\x7e]*")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Possessive, and content with a missing end quote: backtracking would be quadratic.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x02\x02\x00\x00")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that are checked before work is done.

    ``max_bytes`` is for a whole receipt with its path, notes and disclosed fields (a few
    kilobytes in practice); ``max_depth`` is far above what our own formats need (5) and far
    below what would exhaust the stack. ``max_values`` bounds commas and opening brackets outside
    strings, no fewer than the values less one: an empty array takes three bytes of text and sixty
    of memory.
    """

    max_bytes: int = 1 << 20
    max_depth: int = 32
    max_values: int = 1 << 20


DEFAULT_LIMITS = Limits()
_MAX_DEPTH = 64


def canonicalize(value: object) -> bytes:
    """RFC 8785 bytes of ``value``.

    Raises:
        NumberError: an integer out of range, or a float.
        NullError: ``None`` anywhere.
        MemberNameError: a member name that is not printable ASCII.
        EncodingError: a lone surrogate or U+0000 in a string.
        WrongTypeError: a Python type that JSON does not have.

    """
    _check_value(value, None, 0)
    return _spell(value)


def _spell(value: object) -> bytes:
    """RFC 8785 bytes of a value that was checked."""
    # For ASCII names, code point order (which sort_keys uses) is the UTF-16 order that RFC 8785
    # asks for, and json's escapes are exactly those of section 3.2.2.2.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def json_string(text: str) -> bytes:
    """RFC 8785 bytes of one string.

    Raises:
        EncodingError: a lone surrogate or U+0000.

    """
    check_text(text)
    return json.dumps(text, ensure_ascii=False).encode()


def parse(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> JsonValue:
    """Parse strict, restricted JSON.

    Raises:
        FormatError: one of its subclasses for each way of being malformed.

    """
    text = _decode(data, limits)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise TooDeepError("JSON is nested too deeply") from None
    _check_value(value, None, 0)
    return cast("JsonValue", value)


def parse_canonical(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> JsonValue:
    """Parse, and refuse what is not exactly the canonical bytes of its value.

    Raises:
        NotCanonicalError: another spelling of the same value.
        FormatError: see :func:`parse`.

    """
    value = parse(data, limits=limits)
    if _spell(value) != data:
        raise NotCanonicalError("the bytes are not the canonical JSON (RFC 8785) of their value")
    return value


def check_depth(text: str, *, maximum: int) -> None:
    """Refuse JSON text that is nested too deeply, before a parser recurses into it.

    Raises:
        TooDeepError: more than ``maximum`` levels of arrays and objects.

    """
    if text.count("[") + text.count("{") > maximum:
        _check_depth(_STRING.sub("", text), maximum)


def _check_depth(unquoted: str, maximum: int) -> None:
    """As :func:`check_depth`, of text without its strings."""
    brackets = unquoted.encode("utf-8", "replace").translate(_STEPS, _NO_BRACKETS)
    # 2 for each opening, 0 for each closing, less 1 for each bracket: the depth after it.
    if max(map(operator.sub, accumulate(brackets), count(1)), default=0) > maximum:
        raise TooDeepError(f"nested deeper than {maximum} levels")


def _check_shape(text: str, limits: Limits) -> None:
    """Refuse what is nested too deeply, or has too many values, before a parser makes them."""
    opened = text.count("[") + text.count("{")
    if opened <= limits.max_depth and opened + text.count(",") <= limits.max_values:
        return
    unquoted = _STRING.sub("", text)
    # Counting is cheaper than following each bracket, and bounds what that has to follow.
    if sum(unquoted.count(mark) for mark in ",[{") > limits.max_values:
        raise TooLargeError(f"more than {limits.max_values} values")
    _check_depth(unquoted, limits.max_depth)


def check_text(text: str, *, where: str = "") -> None:
    """Refuse what not every reader of JSON can hold.

    Raises:
        EncodingError: U+0000 or a lone surrogate.

    """
    if "\x00" in text:
        raise EncodingError("U+0000 in a string", where=where)
    if _SURROGATE.search(text):
        raise EncodingError("a lone surrogate in a string", where=where)


def _decode(data: bytes, limits: Limits) -> str:
    if len(data) > limits.max_bytes:
        raise TooLargeError(f"{len(data)} bytes; at most {limits.max_bytes} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise EncodingError("starts with a byte order mark")
    _check_shape(text, limits)
    return text


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DuplicateMemberError(f"member {name[:80]!a} occurs twice in one object")
            seen.add(name)
    return result


def _integer(digits: str) -> int:
    if not _INTEGER.fullmatch(digits) or digits == "-0":
        raise NumberError(f"{digits[:24]} is not a canonical integer within ±(2^53-1)")
    value = int(digits)
    if abs(value) > MAX_INTEGER:
        raise NumberError(f"{digits} is outside ±(2^53-1)")
    return value


def _refuse_float(digits: str) -> object:
    raise NumberError(f"{digits[:24]} is not an integer; write amounts as strings")


def _refuse_constant(name: str) -> object:
    raise NumberError(f"{name} is not JSON")


_Place: TypeAlias = "tuple[_Place, str | int] | None"
"""Where a value stands, innermost step last; spelled out only for an error: doing so for every
value would be quadratic in a hostile input of long names and many items."""


def _check_value(value: object, place: _Place, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise TooDeepError("nested too deeply", where=_pointer(place))
    if isinstance(value, str):
        if "\x00" in value or _SURROGATE.search(value):
            check_text(value, where=_pointer(place))
    elif isinstance(value, int):  # bool too: it is within any range
        if abs(value) > MAX_INTEGER:
            raise NumberError("integer outside ±(2^53-1)", where=_pointer(place))
    elif isinstance(value, float):
        raise NumberError("not an integer; write amounts as strings", where=_pointer(place))
    elif value is None:
        raise NullError("null; leave the member out", where=_pointer(place))
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_name(name, place)
            _check_value(member, (place, name), depth + 1)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check_value(item, (place, position), depth + 1)
    else:
        raise WrongTypeError(f"JSON has no {type(value).__name__}", where=_pointer(place))


def _check_name(name: object, place: _Place) -> None:
    if not isinstance(name, str) or not _MEMBER_NAME.fullmatch(name):
        shown = name[:80] if isinstance(name, str) else name
        raise MemberNameError(
            f"member name {shown!a} is not printable ASCII", where=_pointer(place)
        )


def _pointer(place: _Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(str(step)[:256].replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps))
