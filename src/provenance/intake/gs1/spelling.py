"""The one spelling of a URI under which it names a trail."""

import re
from functools import lru_cache
from typing import Final

from provenance.intake.gs1 import link, urn

RESOLVER: Final = "https://id.gs1.org/"
"""Domain of canonical Digital Links (GS1 Digital Link Standard, section 6)."""

_EPC: Final = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.IGNORECASE)
# What is spelled canonically already, which is most of what a careful sender sends.
_CANONICAL: Final = re.compile(
    r"https://id\.gs1\.org/"
    r"(?:00/[0-9]{18}"
    r"|01/[0-9]{14}(?:/(?:10|21)/[A-Za-z0-9\-._]{1,20})?"
    r"|41[47]/[0-9]{13}"
    r"|8004/[A-Za-z0-9\-._]{1,30})"
)


def canonical(uri: str) -> str:
    """Spell ``uri`` canonically.

    A GS1 identifier, whether EPC URN or Digital Link, becomes a Digital Link at id.gs1.org;
    any other URI, and one that only looks like a GS1 identifier, comes back as it is.
    """
    if uri.startswith("urn:epc:id:"):
        scheme, _, rest = uri[11:].partition(":")
        path = urn.link_path("id", scheme, rest)
    elif _CANONICAL.fullmatch(uri):
        return uri
    else:
        path = _any_path(uri)
    return uri if path is None else RESOLVER + path


def _any_path(uri: str) -> str | None:
    """Path of a URN of any kind, in any letter case, or of a link of any domain."""
    if match := _EPC.fullmatch(uri):
        return urn.link_path(match[1].lower(), match[2].lower(), match[3])
    return link.link_path(uri) if uri[:4].lower() == "http" else None


@lru_cache(maxsize=4096)
def canonical_place(uri: str) -> str:
    """Spell the URI of a place canonically.

    The same few thousand places occur in all events of a carrier, so that this pure function
    remembers them; identifiers of parcels seldom come twice.
    """
    return canonical(uri)
