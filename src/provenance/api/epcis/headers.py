"""Headers of the EPCIS REST binding (GS1 EPCIS 2.0, section 12.6)."""

import re
from collections.abc import Mapping
from typing import Final, Literal

from starlette.requests import Request

from provenance.api.errors import ParameterError
from provenance.api.operations import Parameter, choice, header
from provenance.intake.limits import IntakeLimits
from provenance.log.submissions import Idempotency

EPCIS_VERSION: Final = "2.0.1"
CBV_VERSION: Final = "2.0.0"
OnError = Literal["rollback", "proceed"]

VERSIONS: Final[Mapping[str, str]] = {
    "gs1-epcis-version": EPCIS_VERSION,
    "gs1-cbv-version": CBV_VERSION,
}
"""Sent with every answer of these operations."""

CAPTURE_HEADERS: Final[tuple[Parameter, ...]] = (
    header("GS1-EPCIS-Version", "Version of the standard, 2.0"),
    header("GS1-CBV-Version", "Version of the vocabulary, 2.0"),
    header("Idempotency-Key", "Repeats with the same key and content get the first answer"),
)
ON_ERROR_HEADER: Final = header(
    "GS1-Capture-Error-Behaviour",
    "What a refused event does to the others: rollback (none is taken) or proceed",
    choice("rollback", "proceed"),
)

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_VERSION: Final = re.compile(r"2(?:\.[0-9]{1,3}){0,2}")


def limit_headers(limits: IntakeLimits) -> dict[str, str]:
    """Announce what a capture may hold, and versions."""
    return {
        **VERSIONS,
        "gs1-epcis-capture-limit": str(limits.max_events),
        "gs1-epcis-capture-file-size-limit": str(limits.max_document_bytes),
    }


def check_versions(request: Request) -> None:
    """Refuse a request for another version of the standard; raises :class:`ParameterError`."""
    for name in ("GS1-EPCIS-Version", "GS1-CBV-Version"):
        found = request.headers.get(name)
        if found is not None and not _VERSION.fullmatch(found.strip()):
            raise ParameterError("version 2.0 is spoken here; send 2.0 or leave it out", name=name)


def read_on_error(request: Request) -> OnError:
    """What shall happen to the other events; raises :class:`ParameterError`."""
    found = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    if found == "rollback":
        return "rollback"
    if found == "proceed":
        return "proceed"
    raise ParameterError("is rollback or proceed", name="GS1-Capture-Error-Behaviour")


def read_idempotency(request: Request, *, content_mac: bytes) -> Idempotency | None:
    """Return the Idempotency-Key with the keyed hash of the request; raises ParameterError."""
    found = request.headers.get("idempotency-key")
    if found is None:
        return None
    if not _KEY.fullmatch(found):
        raise ParameterError("has 1 to 255 printable ASCII characters", name="Idempotency-Key")
    return Idempotency(key=found, content_mac=content_mac)
