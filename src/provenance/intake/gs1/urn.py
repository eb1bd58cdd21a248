"""EPC URNs to GS1 Digital Links (GS1 EPC Tag Data Standard, sections 6 to 8).

A URN tells where the GS1 company prefix ends, a link does not; this direction needs no table of
prefixes. Each reader takes the part behind the scheme and returns the path of the link, or
``None`` where the part is not what the scheme allows.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from provenance.intake.gs1.characters import check_digit, escape, is_set_39, is_set_82, unescape

Reader = Callable[[str], str | None]

_PLAIN: Final = re.compile(r"[A-Za-z0-9\-_]+")
_TWO: Final = re.compile(r"([0-9]{6,12})\.([0-9]*)")
_THREE: Final = re.compile(r"([0-9]{6,12})\.([0-9]*)\.([^.]+)")
_FREE: Final = re.compile(r"([0-9]{6,12})\.([^.]+)")
_CPI: Final = re.compile(r"([0-9]{6,12})\.([^.]+)\.([0-9]{1,12})")
_ITIP: Final = re.compile(r"([0-9]{6,12})\.([0-9]+)\.([0-9]{2})\.([0-9]{2})\.([^.]+)")


def link_path(kind: str, scheme: str, rest: str) -> str | None:
    """Path of the Digital Link for ``urn:epc:{kind}:{scheme}:{rest}``, or ``None``."""
    reader = _READERS.get((kind, scheme))
    return None if reader is None else reader(rest)


def _free(text: str, length: int) -> str | None:
    """Escaped serial or lot of up to ``length`` characters."""
    if _PLAIN.fullmatch(text):
        return text if len(text) <= length else None
    plain = unescape(text)
    if plain is None or len(plain) > length or not is_set_82(plain):
        return None
    return escape(plain)


def _gtin(prefix: str, item: str) -> str | None:
    if len(prefix) + len(item) != 13 or not item:
        return None
    digits = item[0] + prefix + item[1:]
    return digits + check_digit(digits)


def _item(key: str, length: int) -> Reader:
    """GTIN with a serial, lot or controlled serial in application identifier ``key``."""

    def read(rest: str) -> str | None:
        if (match := _THREE.fullmatch(rest)) is None:
            return None
        gtin = _gtin(match[1], match[2])
        tail = _free(match[3], length)
        return None if gtin is None or tail is None else f"01/{gtin}/{key}/{tail}"

    return read


def _item_pattern(rest: str) -> str | None:
    match = _THREE.fullmatch(rest)
    if match is None or match[3] != "*":
        return None
    gtin = _gtin(match[1], match[2])
    return None if gtin is None else f"01/{gtin}"


def _sscc(rest: str) -> str | None:
    match = _TWO.fullmatch(rest)
    if match is None or len(match[1]) + len(match[2]) != 17:
        return None
    digits = match[2][0] + match[1] + match[2][1:]
    return f"00/{digits}{check_digit(digits)}"


def _sgln(rest: str) -> str | None:
    match = _THREE.fullmatch(rest)
    if match is None or len(match[1]) + len(match[2]) != 12:
        return None
    gln = match[1] + match[2]
    extension = _free(match[3], 20)
    if extension is None:
        return None
    path = f"414/{gln}{check_digit(gln)}"
    # A single zero says that there is no extension (section 6.3.3).
    return path if extension == "0" else f"{path}/254/{extension}"


def _numbered(key: str, total: int) -> Reader:
    """Company prefix and reference of ``total`` digits together, then a check digit."""

    def read(rest: str) -> str | None:
        match = _TWO.fullmatch(rest)
        if match is None or len(match[1]) + len(match[2]) != total:
            return None
        digits = match[1] + match[2]
        return f"{key}/{digits}{check_digit(digits)}"

    return read


def _serialised(key: str, lead: str, length: int, *, numeric: bool = False) -> Reader:
    """12 digits and their check digit with a serial attached: GDTI, GRAI, coupons."""

    def read(rest: str) -> str | None:
        match = _THREE.fullmatch(rest)
        if match is None or len(match[1]) + len(match[2]) != 12:
            return None
        serial = _free(match[3], length)
        if serial is None or (numeric and not serial.isdigit()):
            return None
        digits = match[1] + match[2]
        return f"{key}/{lead}{digits}{check_digit(digits)}{serial}"

    return read


def _typed_pattern(key: str, lead: str) -> Reader:
    def read(rest: str) -> str | None:
        match = _THREE.fullmatch(rest)
        if match is None or match[3] != "*" or len(match[1]) + len(match[2]) != 12:
            return None
        digits = match[1] + match[2]
        return f"{key}/{lead}{digits}{check_digit(digits)}"

    return read


def _unstructured(key: str) -> Reader:
    """Company prefix and a free reference of 30 characters together, without a check digit."""

    def read(rest: str) -> str | None:
        if (match := _FREE.fullmatch(rest)) is None:
            return None
        reference = _free(match[2], 30 - len(match[1]))
        return None if reference is None else f"{key}/{match[1]}{reference}"

    return read


def _part(prefix: str, reference: str) -> str | None:
    plain = unescape(reference)
    if plain is None or len(prefix) + len(plain) > 30 or not is_set_39(plain):
        return None
    return f"8010/{prefix}{escape(plain)}"


def _cpi(rest: str) -> str | None:
    if (match := _CPI.fullmatch(rest)) is None:
        return None
    part = _part(match[1], match[2])
    return None if part is None else f"{part}/8011/{match[3]}"


def _cpi_pattern(rest: str) -> str | None:
    match = _FREE.fullmatch(rest.removesuffix(".*"))
    return None if match is None or not rest.endswith(".*") else _part(match[1], match[2])


def _itip(rest: str) -> str | None:
    if (match := _ITIP.fullmatch(rest)) is None:
        return None
    gtin = _gtin(match[1], match[2])
    if gtin is None:
        return None
    path = f"8006/{gtin}{match[3]}{match[4]}"
    serial = _free(match[5], 20)
    return None if serial is None else f"{path}/21/{serial}"


def _itip_pattern(rest: str) -> str | None:
    match = _ITIP.fullmatch(rest)
    if match is None or match[5] != "*":
        return None
    gtin = _gtin(match[1], match[2])
    return None if gtin is None else f"8006/{gtin}{match[3]}{match[4]}"


_READERS: Final[Mapping[tuple[str, str], Reader]] = {
    ("id", "sgtin"): _item("21", 20),
    ("id", "sscc"): _sscc,
    ("id", "sgln"): _sgln,
    ("id", "grai"): _serialised("8003", "0", 16),
    ("id", "giai"): _unstructured("8004"),
    ("id", "gsrn"): _numbered("8018", 17),
    ("id", "gsrnp"): _numbered("8017", 17),
    ("id", "gdti"): _serialised("253", "", 17),
    ("id", "cpi"): _cpi,
    ("id", "sgcn"): _serialised("255", "", 12, numeric=True),
    ("id", "ginc"): _unstructured("401"),
    ("id", "gsin"): _numbered("402", 16),
    ("id", "itip"): _itip,
    ("id", "upui"): _item("235", 28),
    ("id", "pgln"): _numbered("417", 12),
    ("class", "lgtin"): _item("10", 20),
    ("idpat", "sgtin"): _item_pattern,
    ("idpat", "upui"): _item_pattern,
    ("idpat", "grai"): _typed_pattern("8003", "0"),
    ("idpat", "gdti"): _typed_pattern("253", ""),
    ("idpat", "sgcn"): _typed_pattern("255", ""),
    ("idpat", "cpi"): _cpi_pattern,
    ("idpat", "itip"): _itip_pattern,
}
