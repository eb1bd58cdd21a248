"""Query parameters: known by name or refused, each with its own check."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_plus

from starlette.requests import Request

from provenance.api.errors import ParameterError, UnsupportedParameterError

MAX_QUERY: Final = 16_384
"""Bytes of a query string: two screens of identifiers, and what servers agree to take."""
MAX_PARAMETERS: Final = 256
"""Parameters of one request, repeated ones counted singly."""

_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Parameters:
    """The query of one request; names outside ``known`` have been refused."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: Request, *, known: Iterable[str]) -> "Parameters":
        """Read the query of ``request``.

        Raises:
            UnsupportedParameterError: a name that is not ``known``.
            ParameterError: too many, not UTF-8, or with control characters.

        """
        raw: bytes = request.scope["query_string"]
        if len(raw) > MAX_QUERY or raw.count(b"&") >= MAX_PARAMETERS:
            raise ParameterError("the query is too long; ask for less at once", name="query")
        names = frozenset(known)
        values: dict[str, list[str]] = {}
        for part in raw.split(b"&") if raw else ():
            name, _, value = part.partition(b"=")
            decoded = _decode(name, "query")
            if decoded not in names:
                raise UnsupportedParameterError(
                    f"is not supported here; supported are {', '.join(sorted(names)) or 'none'}",
                    name=decoded[:80],
                )
            values.setdefault(decoded, []).append(_decode(value, decoded))
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return the value of a parameter that may occur once; None where it does not occur."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise ParameterError("occurs more than once", name=name)
        if not values[0]:
            raise ParameterError("is empty; leave it out or give a value", name=name)
        return values[0]

    def texts(self, name: str, *, maximum: int) -> tuple[str, ...]:
        """Return the values of a parameter that may be repeated, each once, at most ``maximum``."""
        values = tuple(dict.fromkeys(self._values.get(name, ())))
        if len(values) > maximum:
            raise ParameterError(f"occurs more than {maximum} times", name=name)
        if not all(values):
            raise ParameterError("is empty; leave it out or give a value", name=name)
        return values

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """Return one of ``choices``."""
        value = self.text(name)
        allowed = tuple(choices)
        if value is not None and value not in allowed:
            raise ParameterError(f"is one of {', '.join(allowed)}", name=name)
        return value

    def integer(self, name: str, *, minimum: int = 0, maximum: int = 2**53 - 1) -> int | None:
        """Return a decimal integer within bounds."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise ParameterError(f"is an integer from {minimum} to {maximum}", name=name)
        return int(value)

    def items(self, name: str) -> tuple[str, ...]:
        """Return the values of a list: repeated, or separated by commas or by bars."""
        found = [item for value in self._values.get(name, ()) for item in re.split(r"[,|]", value)]
        if not all(found):
            raise ParameterError("has an empty item", name=name)
        return tuple(dict.fromkeys(found))


def _decode(raw: bytes, name: str) -> str:
    try:
        text = unquote_plus(raw.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        raise ParameterError("is not percent-encoded UTF-8", name=name) from None
    if _CONTROL.search(text):
        raise ParameterError("holds a control character", name=name)
    return text


def path_text(request: Request, name: str, *, maximum: int = 2048) -> str:
    """Return a path parameter, which must be printable and of bounded length."""
    text: str = request.path_params[name]
    if len(text) > maximum or _CONTROL.search(text) or "\ufffd" in text:
        raise ParameterError(f"has at most {maximum} printable characters", name=name)
    return text


def path_integer(request: Request, name: str) -> int:
    """Return a path parameter that is a decimal integer up to 2^53-1."""
    text: str = request.path_params[name]
    if not _INTEGER.fullmatch(text) or int(text) > 2**53 - 1:
        raise ParameterError("is an integer from 0 to 2^53-1", name=name)
    return int(text)
