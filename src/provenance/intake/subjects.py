"""Whom an event is about: the subjects whose trails it joins.

The rule: every instance identifier that the event names, and its waybill; where there is
neither, its EPC classes; where there are none, its read point, else its business location; else
the event itself. Each once, in the order in which the event mentions them, canonically spelled
(:func:`provenance.intake.gs1.canonical`).

What the service names itself, a case or the log, is no subject of what somebody submits: whoever
knows the name could put anything into a trail that is the service's to write.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final
from urllib.parse import quote

from provenance.core.errors import BadValueError, TooLargeError
from provenance.core.statement import MAX_SUBJECT
from provenance.intake.epcis.parts import is_waybill
from provenance.intake.epcis.values import is_uri
from provenance.intake.epcis.vocabulary import expand
from provenance.intake.errors import ReservedSubjectError
from provenance.intake.gs1 import canonical, canonical_place
from provenance.intake.repetition import EVENT_URN

SHIPMENT_URN: Final = "urn:provenance:shipment:"
"""Prefix of a waybill number that is not a URI."""
OWN_URN: Final = "urn:provenance:"
"""Prefix of all names that the service gives."""

# What is given a name for others to use: a waybill, and an event that came without one, which a
# correction names again.
_SHARED: Final = (SHIPMENT_URN, EVENT_URN)
RESERVED: Final = (
    "is a name that the service gives itself, and nothing else is recorded about it: name the "
    "shipment or parcel; what belongs to a case is linked to it, with `provenance case act CASE "
    "evidence_linked --with link.json` (docs/claims.md)"
)
"""Said to whoever submits something about a name that is the service's own."""

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
    may_be_reserved: bool = False,
) -> tuple[str, ...]:
    """Subjects of an event that has passed its model's checks.

    Args:
        event: the decoded event.
        prefixes: the namespaces that the contexts in force declare.
        carrier: short name of the submitting carrier, for waybill numbers that are not URIs.
        own_id: the event's own id, its subject where it names nothing else.
        may_be_reserved: whether it may name what the service names itself.

    Raises:
        ReservedSubjectError: it names what the service names itself.
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
    subjects = tuple(found) if found else (own_id,)
    reserved = None if may_be_reserved else next(filter(is_reserved, subjects), None)
    if reserved is not None:
        where = next(_pointers(event, reserved, prefixes), "/eventID")
        raise ReservedSubjectError(RESERVED, where=where)
    return subjects


def is_reserved(subject: str) -> bool:
    """Whether a canonical ``subject`` is one that only the service records something about.

    In any letter case: RFC 8141 holds such names for equal, and so would whoever reads them.
    """
    name = subject[: len(SHIPMENT_URN)].lower()
    return name.startswith(OWN_URN) and not name.startswith(_SHARED)


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


def _pointers(event: Mapping[str, Any], subject: str, prefixes: Mapping[str, str]) -> Iterator[str]:
    """Where an event names ``subject``, as pointers within it."""
    for at, uri in chain(_named(event, prefixes), _named_else(event)):
        # A waybill's number may be no URI; then its subject is a shipment's, and is not looked for.
        if is_uri(uri) and spelled(uri, prefixes) == subject:
            yield at


def _named(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in event.items():
        if name in _INSTANCES:
            yield from ((f"/{name}/{at}", uri) for at, uri in enumerate(value))
        elif name == "parentID":
            yield "/parentID", value
        elif name == "bizTransactionList":
            for at, one in enumerate(value):
                if is_waybill(one, prefixes):
                    yield f"/{name}/{at}/bizTransaction", one["bizTransaction"]


def _named_else(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in event.items():
        if name in _CLASSES:
            yield from ((f"/{name}/{at}/epcClass", one["epcClass"]) for at, one in enumerate(value))
    yield from ((f"/{place}/id", event[place]["id"]) for place in _PLACES if place in event)
