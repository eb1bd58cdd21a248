"""Values that occur in many fields: times, offsets, URIs, numbers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_UOM: Final = re.compile(r"[A-Z0-9]{2,3}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")

EARLIEST_MS: Final = 0
"""Earliest time of an event, in milliseconds since the epoch: no parcel is older."""
LATEST_MS: Final = 253_402_300_799_999
"""Latest time of an event: the last of year 9999 in UTC, behind which ISO 8601 has no years."""
ZONE_OFFSETS: Final = frozenset(
    f"{sign}{hour:02}:{minute:02}"
    for sign in "+-"
    for hour in range(15)
    for minute in range(60)
    if hour < 14 or minute == 0
)
"""What an ``eventTimeZoneOffset`` can be: up to fourteen hours (XSD 1.1, section 3.3.7)."""


def milliseconds(text: str) -> int | None:
    """Milliseconds since the epoch of an ISO 8601 time with zone, cut off, or ``None``."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def is_uri(text: str) -> bool:
    """Whether ``text`` is an absolute URI or a CURIE (RFC 3986: ASCII, no spaces)."""
    return _URI.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    """Whether ``text`` can be a unit of UN/CEFACT Recommendation 20."""
    return _UOM.fullmatch(text) is not None


def is_hex(text: str) -> bool:
    """Whether ``text`` is one or more hexadecimal digits."""
    return _HEX.fullmatch(text) is not None
