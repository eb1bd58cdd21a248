"""Time zones: by IANA name, or the fixed offset that an event carries."""

import re
from datetime import timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from provenance.evidence.errors import ZoneError

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
_OFFSET: Final = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")


def zone_named(name: str, *, where: str = "") -> ZoneInfo:
    """Return the zone of an IANA name such as ``Europe/Berlin``.

    Raises:
        ZoneError: there is none of that name.

    """
    if _NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            pass
    raise ZoneError(
        f"{name[:80]!a} is no time zone of the IANA database; write one such as 'Europe/Berlin'",
        where=where,
    )


def zone_of_offset(offset: str) -> tzinfo | None:
    """Return the fixed zone of an EPCIS ``eventTimeZoneOffset`` such as ``+02:00``."""
    found = _OFFSET.fullmatch(offset)
    if found is None:
        return None
    length = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-length if found[1] == "-" else length, offset)
