"""Drafts of event records: one for each valid event of a document, or the errors of the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from provenance.core.errors import FormatError, MissingMemberError, TooLargeError, WrongTypeError
from provenance.intake.epcis.context import NAME_EPCIS, NO_CONTEXT, Context, extend
from provenance.intake.epcis.models import MODELS
from provenance.intake.epcis.reading import Reading
from provenance.intake.epcis.values import milliseconds
from provenance.intake.epcis.vocabulary import BIZ_STEP, DISPOSITION, Vocabulary, spell
from provenance.intake.errors import ContextError, RefusedError, StructureError, located
from provenance.intake.limits import DEFAULT_LIMITS, IntakeLimits
from provenance.intake.repetition import EventKeys
from provenance.intake.strictjson import parse
from provenance.intake.subjects import spelled, subjects_of

MEDIA_TYPE: Final = "application/ld+json"
"""Media type of an event's bytes."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Who submits, and what is needed to name what they send.

    ``submitter`` is a random organisation id; ``carrier`` the organisation's short name in
    subjects of waybills that are not URIs, if it has one.
    """

    submitter: str
    keys: EventKeys
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class Containment:
    """What goes into, or comes out of, a container, for a timeline that follows it.

    ``action`` is ADD, OBSERVE or DELETE; DELETE without children empties the parent.
    """

    action: str
    parent: str
    children: tuple[str, ...]


class EventDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A valid event, ready to become a record.

    A msgspec struct and not a dataclass, because one is made for each event and a frozen
    dataclass of this size costs 2 µs more. Times are milliseconds since the epoch, UTC. URIs
    are canonically spelled; ``biz_step`` and ``disposition`` are CBV's bare words or full URIs.
    ``raw`` is the event exactly as it came, and ``context`` what decides its meaning.
    """

    raw: bytes
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
    subjects: tuple[str, ...]
    containment: Containment | None
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
    raw = data.strip(b" \t\r\n")
    result = read_event(raw, base="", outer=NO_CONTEXT, submission=submission, limits=limits)
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
        return _draft(event, raw, context, submission, limits)
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
            context = extend(outer, own, event["@context"], limits=limits)
        except FormatError as error:
            raise located(error, "/@context") from None
    if not context.is_epcis:
        raise ContextError(NAME_EPCIS, where="/@context")
    return context


def _draft(
    event: dict[str, Any],
    raw: bytes,
    context: Context,
    submission: Submission,
    limits: IntakeLimits,
) -> EventDraft:
    keys, prefixes, submitter = submission.keys, context.prefixes, submission.submitter
    given = event.get("eventID")
    event_id: str = given or keys.own_id(
        submitter=submitter, context_sha256=context.sha256, raw=raw
    )
    subjects = subjects_of(
        event, prefixes=prefixes, carrier=submission.carrier, own_id=lambda: event_id
    )
    if len(subjects) > limits.max_subjects:
        raise TooLargeError(
            f"the event names {len(subjects)} subjects; at most {limits.max_subjects} are taken, "
            "split it"
        )
    error = event.get("errorDeclaration")
    declared_at = None if error is None else milliseconds(error["declarationTime"])
    occurred_at = milliseconds(event["eventTime"])
    assert occurred_at is not None
    return EventDraft(
        raw=raw,
        context=context,
        event_type=event["type"],
        event_id=event_id,
        has_event_id=given is not None,
        occurred_at=occurred_at,
        action=event.get("action"),
        biz_step=_word(event.get("bizStep"), BIZ_STEP, prefixes),
        disposition=_word(event.get("disposition"), DISPOSITION, prefixes),
        read_point=_place(event, "readPoint", prefixes),
        biz_location=_place(event, "bizLocation", prefixes),
        is_correction=error is not None,
        declared_at=declared_at,
        subjects=subjects,
        containment=_containment(event, prefixes),
        repetition_key=keys.repetition_key(
            submitter=submitter,
            event_id=event_id,
            declared_at=declared_at,
            is_correction=error is not None,
        ),
        content_mac=keys.content_mac(context_sha256=context.sha256, raw=raw),
    )


def _word(word: str | None, vocabulary: Vocabulary, prefixes: Mapping[str, str]) -> str | None:
    if word is None or word in vocabulary.words:
        return word
    return spell(word, vocabulary, prefixes)


def _place(event: Mapping[str, Any], name: str, prefixes: Mapping[str, str]) -> str | None:
    place = event.get(name)
    return None if place is None else spelled(place["id"], prefixes, at=name)


def _containment(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Containment | None:
    parent = event.get("parentID")
    if parent is None or event["type"] not in ("AggregationEvent", "AssociationEvent"):
        return None
    return Containment(
        action=event["action"],
        parent=spelled(parent, prefixes, at="parentID"),
        children=tuple(spelled(child, prefixes) for child in event.get("childEPCs", ())),
    )
