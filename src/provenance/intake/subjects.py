"""Whom an event is about: the subjects whose trails it joins.

The rule: every instance identifier that the event names, and its waybill; where there is
neither, its EPC classes; where there are none, its read point, else its business location; else
the event itself. Each once, in the order in which the event mentions them, canonically spelled
(:func:`provenance.intake.gs1.canonical`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from provenance.core.errors import BadValueError, TooLargeError
from provenance.core.statement import MAX_SUBJECT
from provenance.intake.epcis.parts import is_waybill
from provenance.intake.epcis.values import is_uri
from provenance.intake.epcis.vocabulary import expand
from provenance.intake.gs1 import canonical, canonical_place

SHIPMENT_URN: Final = "urn:provenance:shipment:"
"""Prefix of a waybill number that is not a URI."""

_INSTANCES: Final = frozenset({"epcList", "childEPCs", "inputEPCList", "outputEPCList"})
_CLASSES: Final = frozenset(
    {"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"}
)
_PLACES: Final = ("readPoint", "bizLocation")
_COMPLETE: Final = ("urn:", "http:", "https:")


def subjects_of(
    event: Mapping[str, Any],
    *,
    prefixes: Mapping[str, str],
    carrier: str | None,
    own_id: str,
) -> tuple[str, ...]:
    """Subjects of an event that has passed its model's checks.

    Args:
        event: the decoded event.
        prefixes: the namespaces that the contexts in force declare.
        carrier: short name of the submitting carrier, for waybill numbers that are not URIs.
        own_id: the event's own id, its subject where it names nothing else.

    Raises:
        FormatError: a waybill number needs a carrier, or a name is too long; ``where`` is the
            field's pointer within the event.

    """
    found: dict[str, None] = {}
    for name, value in event.items():
        if name in _INSTANCES:
            for uri in value:
                found[spelled(uri, prefixes, at=name)] = None
        elif name == "parentID":
            found[spelled(value, prefixes, at=name)] = None
        elif name == "bizTransactionList":
            for position, transaction in enumerate(value):
                if is_waybill(transaction, prefixes):
                    number = transaction["bizTransaction"]
                    found[_waybill(number, position, prefixes, carrier)] = None
    if not found:
        found = dict.fromkeys(_fallback(event, prefixes))
    return tuple(found) if found else (own_id,)


def spelled(uri: str, prefixes: Mapping[str, str], *, at: str = "") -> str:
    """Canonical spelling of a checked URI or CURIE.

    Raises:
        TooLargeError: a CURIE whose full URI is longer than a subject may be.

    """
    if uri.startswith(_COMPLETE):
        return canonical(uri)
    whole = canonical(expand(uri, prefixes))
    if len(whole) > MAX_SUBJECT:
        raise TooLargeError(
            f"stands for a URI of more than {MAX_SUBJECT} characters", where=f"/{at}"
        )
    return whole


def spelled_place(uri: str, prefixes: Mapping[str, str]) -> str:
    """Like :func:`spelled`, remembering the places that occur again and again."""
    return canonical_place(uri) if uri.startswith(_COMPLETE) else spelled(uri, prefixes)


def shipment(number: str, carrier: str) -> str:
    """Subject of a waybill number that is not a URI."""
    return f"{SHIPMENT_URN}{quote(carrier, safe='')}:{quote(number, safe='')}"


def _waybill(number: str, position: int, prefixes: Mapping[str, str], carrier: str | None) -> str:
    at = f"bizTransactionList/{position}/bizTransaction"
    if is_uri(number):
        return spelled(number, prefixes, at=at)
    if carrier is None:
        raise BadValueError(
            "a waybill number that is not a URI needs its carrier; send a URI, or have a "
            "carrier name set for your organisation",
            where=f"/{at}",
        )
    return shipment(number, carrier)


def _fallback(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Iterator[str]:
    has_class = False
    for name, value in event.items():
        if name in _CLASSES:
            for element in value:
                has_class = True
                yield spelled(element["epcClass"], prefixes, at=name)
    if has_class:
        return
    for place in _PLACES:
        if place in event:
            yield spelled_place(event[place]["id"], prefixes)
            return
