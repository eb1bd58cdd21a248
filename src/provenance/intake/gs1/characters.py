"""Characters and check digits of GS1 element strings (GS1 General Specifications, section 7)."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

_UNRESERVED: Final = re.compile(r"[A-Za-z0-9\-._]*")
_SET_82: Final = re.compile(r"[A-Za-z0-9!\"%&'()*+,\-./:;<=>?_]+")
_SET_39: Final = re.compile(r"[A-Z0-9#\-/]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_COMPLEMENT: Final = "0987654321"
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def unescape(text: str) -> str | None:
    """Undo percent-encoding; ``None`` where it is broken or hides what is not ASCII."""
    if "%" not in text:
        return text
    if _BROKEN_ESCAPE.search(text):
        return None
    raw = unquote_to_bytes(text)
    return raw.decode("ascii") if raw.isascii() else None


def escape(text: str) -> str:
    """Percent-encode all but RFC 3986's unreserved characters, with upper-case hex digits."""
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


def is_digits(text: str) -> bool:
    """Whether ``text`` is one or more ASCII digits."""
    return _DIGITS.fullmatch(text) is not None


def is_set_82(text: str) -> bool:
    """Whether ``text`` is made of the 82 characters of ISO/IEC 646 that GS1 allows (figure 7.11-1)."""
    return _SET_82.fullmatch(text) is not None


def is_set_39(text: str) -> bool:
    """Whether ``text`` is made of the 39 characters of component/part identifiers (figure 7.11-2)."""
    return _SET_39.fullmatch(text) is not None


def check_digit(digits: str) -> str:
    """Check digit of GS1 keys: weights 3 and 1 from the right, modulo 10."""
    codes = digits.encode("ascii")
    heavy, light = codes[-1::-2], codes[-2::-2]
    # An ASCII digit is 48 more than its value, so that 48 counts off for each weight.
    total = 3 * sum(heavy) + sum(light) - 48 * (3 * len(heavy) + len(light))
    return _COMPLEMENT[total % 10]
