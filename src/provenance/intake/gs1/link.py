"""GS1 Digital Link URIs of any domain to their canonical path (GS1 Digital Link Standard: URI Syntax).

What does not identify is dropped: domain, path in front of the key, query, fragment, the
consumer product variant, and the lot of an item that also has a serial number. Check digits are
taken as they are printed: a link names whatever its resolver says it names.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from provenance.intake.gs1.characters import escape, is_digits, is_set_39, is_set_82, unescape

_HTTP: Final = re.compile(r"https?://[^/?#]+(/[^?#]*)", re.IGNORECASE)

_NAMES: Final[Mapping[str, str]] = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "gmn": "8013",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
    "glnx": "254",
    "cpsn": "8011",
    "srin": "8019",
}


def link_path(uri: str) -> str | None:
    """Canonical path of a Digital Link, or ``None`` where ``uri`` is not one."""
    match = _HTTP.fullmatch(uri.partition("#")[0].partition("?")[0])
    if match is None:
        return None
    segments = match[1].split("/")[1:]
    # The key may stand behind any path; what follows it must be understood to the end.
    for start in range(len(segments) - 1):
        key = _NAMES.get(segments[start], segments[start])
        if key in _KEYS and (path := _read(key, segments[start + 1 :])) is not None:
            return path
    return None


def _read(key: str, rest: Sequence[str]) -> str | None:
    if len(rest) % 2 == 0:
        return None
    normalise, qualifiers = _KEYS[key]
    value = unescape(rest[0])
    identified = None if value is None else normalise(value)
    if identified is None:
        return None
    found: dict[str, str] = {}
    for name, text in zip(rest[1::2], rest[2::2], strict=True):
        qualifier = _NAMES.get(name, name)
        plain = unescape(text)
        if qualifier not in qualifiers or qualifier in found or plain is None:
            return None
        if not _QUALIFIERS[qualifier](plain):
            return None
        found[qualifier] = escape(plain)
    return f"{key}/{escape(identified)}{_identifying(found)}"


def _identifying(found: Mapping[str, str]) -> str:
    for qualifier in ("21", "235", "10", "254", "8011", "8019"):
        if qualifier in found and not (qualifier == "254" and found["254"] == "0"):
            return f"/{qualifier}/{found[qualifier]}"
    return ""


def _fixed(length: int) -> Callable[[str], str | None]:
    def normalise(value: str) -> str | None:
        return value if len(value) == length and is_digits(value) else None

    return normalise


def _gtin(value: str) -> str | None:
    return value.zfill(14) if len(value) in {8, 12, 13, 14} and is_digits(value) else None


def _headed(head: int, tail: int) -> Callable[[str], str | None]:
    """``head`` digits, then up to ``tail`` characters of a serial."""

    def normalise(value: str) -> str | None:
        digits, serial = value[:head], value[head:]
        if len(digits) != head or not is_digits(digits) or len(serial) > tail:
            return None
        return value if not serial or is_set_82(serial) else None

    return normalise


def _coupon(value: str) -> str | None:
    return value if 13 <= len(value) <= 25 and is_digits(value) else None


def _asset(value: str) -> str | None:
    return _headed(14, 16)(value) if value.startswith("0") else None


def _free(length: int) -> Callable[[str], str | None]:
    def normalise(value: str) -> str | None:
        return value if 0 < len(value) <= length and is_set_82(value) else None

    return normalise


def _part(value: str) -> str | None:
    return value if 0 < len(value) <= 30 and is_set_39(value) else None


_KEYS: Final[Mapping[str, tuple[Callable[[str], str | None], frozenset[str]]]] = {
    "00": (_fixed(18), frozenset()),
    "01": (_gtin, frozenset({"22", "10", "21", "235"})),
    "253": (_headed(13, 17), frozenset()),
    "255": (_coupon, frozenset()),
    "401": (_free(30), frozenset()),
    "402": (_fixed(17), frozenset()),
    "414": (_fixed(13), frozenset({"254"})),
    "417": (_fixed(13), frozenset()),
    "8003": (_asset, frozenset()),
    "8004": (_free(30), frozenset()),
    "8006": (_fixed(18), frozenset({"22", "10", "21"})),
    "8010": (_part, frozenset({"8011"})),
    "8013": (_free(25), frozenset()),
    "8017": (_fixed(18), frozenset({"8019"})),
    "8018": (_fixed(18), frozenset({"8019"})),
}
"""Primary keys: how a value is normalised, and which qualifiers may follow."""


def _text(length: int) -> Callable[[str], bool]:
    return lambda value: len(value) <= length and is_set_82(value)


def _number(length: int) -> Callable[[str], bool]:
    return lambda value: len(value) <= length and is_digits(value)


_QUALIFIERS: Final[Mapping[str, Callable[[str], bool]]] = {
    "22": _text(20),
    "10": _text(20),
    "21": _text(20),
    "235": _text(28),
    "254": _text(20),
    "8011": _number(12),
    "8019": _number(10),
}
