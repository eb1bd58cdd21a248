"""The one spelling of a URI under which it names a trail."""

import re
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
    if _CANONICAL.fullmatch(uri):
        return uri
    path = None
    if uri[:8].lower() == "urn:epc:":
        if match := _EPC.fullmatch(uri):
            path = urn.link_path(match[1].lower(), match[2].lower(), match[3])
    elif uri[:4].lower() == "http":
        path = link.link_path(uri)
    return uri if path is None else RESOLVER + path
