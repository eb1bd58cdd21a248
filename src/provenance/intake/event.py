"""Drafts of event records: one for each valid event of a document, or the errors of the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from provenance.core.digests import sha256
from provenance.core.errors import FormatError, MissingMemberError, TooLargeError, WrongTypeError
from provenance.intake.epcis.context import NAME_EPCIS, NO_CONTEXT, Context, extend
from provenance.intake.epcis.models import MODELS
from provenance.intake.epcis.reading import Reading
from provenance.intake.epcis.vocabulary import BIZ_STEP, DISPOSITION, Vocabulary, spell
from provenance.intake.errors import ContextError, RefusedError, StructureError, located
from provenance.intake.limits import DEFAULT_LIMITS, IntakeLimits
from provenance.intake.repetition import EventKeys
from provenance.intake.strictjson import parse
from provenance.intake.subjects import spelled, spelled_place, subjects_of

MEDIA_TYPE: Final = "application/ld+json"
"""Media type of an event's bytes."""
_REMEMBERED_CONTEXTS: Final = 64
"""One megabyte at most."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Who submits, and what is needed to name what they send.

    ``submitter`` is a random organisation id; ``carrier`` the organisation's short name in
    subjects of waybills that are not URIs, if it has one. ``may_name_reserved`` is for what the log
    holds already: it may be older than the rule that nobody records anything about names that the
    service gives itself.
    """

    submitter: str
    keys: EventKeys
    carrier: str | None = None
    may_name_reserved: bool = False


@dataclass(frozen=True, slots=True)
class Containment:
    """What goes into, or comes out of, a container, for a timeline that follows it.

    ``action`` is ADD, OBSERVE or DELETE; DELETE without children empties the parent.
    """

    action: str
    parent: str
    children: tuple[str, ...]


class EventDraft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A valid event, ready to become a record.

    A msgspec struct and not a dataclass, because one is made for each event and a frozen
    dataclass of this size costs 2 µs more; outside garbage collection, as it is in no cycle.
    Times are milliseconds since the epoch, UTC. URIs are canonically spelled; ``biz_step`` and
    ``disposition`` are CBV's bare words or full URIs. ``raw`` is the event exactly as it came,
    and ``context`` what decides its meaning. ``is_correction`` tells that it declares an error
    of the event with the same id, ``declared_at`` when, and ``corrected_by`` names the events
    that stand in for it. ``has_extensions``: it holds more than the standard's own fields.
    """

    raw: bytes
    payload_sha256: bytes
    context: Context
    event_type: str
    event_id: str
    has_event_id: bool
    occurred_at: int
    action: str | None
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    is_correction: bool
    declared_at: int | None
    corrected_by: tuple[str, ...]
    subjects: tuple[str, ...]
    containment: Containment | None
    has_extensions: bool
    repetition_key: bytes
    content_mac: bytes

    @property
    def type(self) -> str:
        """``type`` of the statement: the business step, or the event type without one."""
        return self.biz_step or self.event_type


@dataclass(frozen=True, slots=True)
class EventFault:
    """An event of a document that is refused; ``index`` is its place in the event list."""

    index: int
    errors: tuple[FormatError, ...]


def parse_event(
    data: bytes, *, submission: Submission, limits: IntakeLimits = DEFAULT_LIMITS
) -> EventDraft:
    """Read one bare event, which carries its own ``@context``.

    Raises:
        RefusedError: with everything that is wrong with it.

    """
    result = read_event(data, base="", outer=NO_CONTEXT, submission=submission, limits=limits)
    if isinstance(result, EventDraft):
        return result
    raise RefusedError(result)


def read_event(
    raw: bytes, *, base: str, outer: Context, submission: Submission, limits: IntakeLimits
) -> EventDraft | list[FormatError]:
    """Read an event at the pointer ``base``, under the context ``outer``; never raises."""
    try:
        event = _decode(raw, limits)
        context = _context(event, raw, outer, limits)
    except FormatError as error:
        return [located(error, base)]
    reading = Reading(base=base, context=context, limits=limits)
    kind = event.get("type")
    model = MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        reading.refuse(
            MissingMemberError if kind is None else StructureError,
            f"type is one of {', '.join(MODELS)}",
            "/type",
        )
        return reading.errors
    model.check(event, reading)
    if reading.errors:
        return reading.errors
    try:
        return _draft(event, raw, reading, submission)
    except FormatError as error:
        return [located(error, base)]


def _decode(raw: bytes, limits: IntakeLimits) -> dict[str, Any]:
    if len(raw) > limits.max_event_bytes:
        raise TooLargeError(
            f"the event has {len(raw)} bytes; at most {limits.max_event_bytes} are taken"
        )
    event = parse(raw, max_depth=limits.max_depth, max_values=limits.max_event_values)
    if type(event) is not dict:
        raise WrongTypeError("an event is a JSON object")
    return event


class _Declaring(msgspec.Struct):
    context: msgspec.Raw = msgspec.field(name="@context")


_declaring: Final = msgspec.json.Decoder(_Declaring)


def _context(
    event: Mapping[str, object], raw: bytes, outer: Context, limits: IntakeLimits
) -> Context:
    context = outer
    if "@context" in event:
        own = bytes(_declaring.decode(raw).context)
        try:
            if outer is NO_CONTEXT:
                context = _alone(own, limits)
            else:
                context = extend(outer, own, event["@context"], limits=limits)
        except FormatError as error:
            raise located(error, "/@context") from None
    if not context.is_epcis:
        raise ContextError(NAME_EPCIS, where="/@context")
    return context


@lru_cache(maxsize=_REMEMBERED_CONTEXTS)
def _alone(raw: bytes, limits: IntakeLimits) -> Context:
    # Most single events of a day come with one of a handful of contexts.
    return extend(NO_CONTEXT, raw, msgspec.json.decode(raw), limits=limits)


def _draft(
    event: dict[str, Any], raw: bytes, reading: Reading, submission: Submission
) -> EventDraft:
    keys, prefixes, submitter = submission.keys, reading.prefixes, submission.submitter
    context_sha256, payload_sha256 = reading.context.sha256, sha256(raw)
    given = event.get("eventID")
    event_id: str = given or keys.own_id(
        submitter=submitter, context_sha256=context_sha256, payload_sha256=payload_sha256
    )
    subjects = subjects_of(
        event,
        prefixes=prefixes,
        carrier=submission.carrier,
        own_id=event_id,
        may_be_reserved=submission.may_name_reserved,
    )
    if len(subjects) > reading.limits.max_subjects:
        raise TooLargeError(
            f"the event names {len(subjects)} subjects; at most {reading.limits.max_subjects} "
            "are taken, split it"
        )
    is_correction = "errorDeclaration" in event
    declared_at = reading.instants["/errorDeclaration/declarationTime"] if is_correction else None
    return EventDraft(
        raw=raw,
        payload_sha256=payload_sha256,
        context=reading.context,
        event_type=event["type"],
        event_id=event_id,
        has_event_id=given is not None,
        occurred_at=reading.instants["/eventTime"],
        action=event.get("action"),
        biz_step=_word(event.get("bizStep"), BIZ_STEP, prefixes),
        disposition=_word(event.get("disposition"), DISPOSITION, prefixes),
        read_point=_place(event.get("readPoint"), prefixes),
        biz_location=_place(event.get("bizLocation"), prefixes),
        is_correction=is_correction,
        declared_at=declared_at,
        corrected_by=_corrections(event) if is_correction else (),
        subjects=subjects,
        has_extensions=reading.has_extensions,
        containment=_containment(event, prefixes) if "parentID" in event else None,
        repetition_key=keys.repetition_key(
            submitter=submitter,
            event_id=event_id,
            declared_at=declared_at,
            is_correction=is_correction,
        ),
        content_mac=keys.content_mac(context_sha256=context_sha256, payload_sha256=payload_sha256),
    )


def _corrections(event: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(event["errorDeclaration"].get("correctiveEventIDs", ()))


def _word(word: str | None, vocabulary: Vocabulary, prefixes: Mapping[str, str]) -> str | None:
    if word is None or word in vocabulary.words:
        return word
    return spell(word, vocabulary, prefixes)


def _place(place: Mapping[str, str] | None, prefixes: Mapping[str, str]) -> str | None:
    return None if place is None else spelled_place(place["id"], prefixes)


def _containment(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Containment | None:
    if event["type"] not in ("AggregationEvent", "AssociationEvent"):
        return None
    return Containment(
        action=event["action"],
        parent=spelled(event["parentID"], prefixes),
        children=tuple(spelled(child, prefixes) for child in event.get("childEPCs", ())),
    )
