"""Ranges of bytes (RFC 9110, section 14)."""

import re
from typing import Final, NamedTuple

from starlette.requests import Request

from provenance.api.errors import RangeError

_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


class ByteRange(NamedTuple):
    """Bytes ``[start, stop)``."""

    start: int
    stop: int


def wanted_range(request: Request, *, size: int, etag: str) -> ByteRange | None:
    """Range that is asked for; None where all is wanted, or several ranges, or an older version.

    Raises:
        RangeError: it lies outside.

    """
    headers = request.headers
    if headers.get("if-range", etag) != etag:
        return None
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None:
        return None
    if match[3] is not None:
        start, stop = max(size - int(match[3]), 0), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= stop:
        raise RangeError(size=size)
    return ByteRange(start, stop)
