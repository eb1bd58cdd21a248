"""Subjects as callers name them: an identifier in any spelling, or a waybill number."""

import re
from typing import Final

from provenance.api.epcis.filters import identifier
from provenance.api.errors import ParameterError, ReservedParameterError
from provenance.intake.epcis.values import is_uri
from provenance.intake.subjects import RESERVED, is_reserved, shipment

MAX_NUMBER: Final = 200
"""Characters of a waybill number that is not a URI."""
_SHOWN: Final = 80
_CARRIER: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def subject_of(text: str, *, carrier: str, name: str) -> str:
    """Canonical subject of ``text``, which is a URI or a waybill number of ``carrier``.

    Raises:
        ParameterError: it can be neither.

    """
    if is_uri(text):
        return identifier(text, name=name)
    if not 0 < len(text) <= MAX_NUMBER or not text.isprintable():
        raise ParameterError(
            f"is a URI or a waybill number of at most {MAX_NUMBER} characters", name=name
        )
    return shipment(text, carrier)


def recorded_subject_of(text: str, *, carrier: str, name: str) -> str:
    """Return :func:`subject_of` what is to be recorded.

    Raises:
        ReservedParameterError: the service names it itself.
        ParameterError: it can be no subject.

    """
    subject = subject_of(text, carrier=carrier, name=name)
    if is_reserved(subject):
        raise ReservedParameterError(f"{subject[:_SHOWN]} {RESERVED}", name=name)
    return subject


def carrier_of(text: str | None, *, default: str) -> str:
    """Short name of a carrier; raises ParameterError where it can't be one."""
    if text is None:
        return default
    if not _CARRIER.fullmatch(text):
        raise ParameterError("is a short name of lower-case letters and digits", name="carrier")
    return text
