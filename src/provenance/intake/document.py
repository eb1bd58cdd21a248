"""EPCIS documents: an envelope that is checked and dropped, and the events that it holds.

Nothing of the envelope is kept but its ``@context``, which the meaning of the events hangs on.
Events are cut out of the document byte for byte and read one by one, so that a bad one is named
by its place and the others can go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from provenance.core.errors import (
    BadValueError,
    EncodingError,
    FormatError,
    JsonSyntaxError,
    TooLargeError,
)
from provenance.intake.epcis import fields
from provenance.intake.epcis.context import NAME_EPCIS, NO_CONTEXT, Context, extend
from provenance.intake.epcis.fields import object_of
from provenance.intake.epcis.reading import Reading
from provenance.intake.errors import ContextError, RefusedError, located
from provenance.intake.event import EventDraft, EventFault, Submission, read_event
from provenance.intake.jsonfaults import first_fault
from provenance.intake.limits import DEFAULT_LIMITS, IntakeLimits
from provenance.intake.nesting import require_shallow
from provenance.intake.strictjson import parse

EVENT_LIST: Final = "/epcisBody/eventList"
"""Pointer of a document's events."""
_LEVELS_ABOVE: Final = 3
"""Levels of a document above an event: document, body, list."""
_LOOKED_AT: Final = 50_000
"""Values of a document among which the place of a fault is looked for: a third of a second."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The events of a document, in its order, each as a draft or as a fault."""

    context: Context
    events: tuple[EventDraft | EventFault, ...]

    @property
    def drafts(self) -> list[EventDraft]:
        """The valid events."""
        return [event for event in self.events if isinstance(event, EventDraft)]

    @property
    def faults(self) -> list[EventFault]:
        """The refused events."""
        return [event for event in self.events if isinstance(event, EventFault)]

    def require_valid(self) -> list[EventDraft]:
        """All drafts, or none.

        Raises:
            RefusedError: an event is at fault.

        """
        if faults := self.faults:
            raise RefusedError([error for fault in faults for error in fault.errors])
        return self.drafts


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a document's events that one of several readers reads; ``which`` from 0."""

    which: int = 0
    of: int = 1

    def span(self, count: int) -> tuple[int, int]:
        """Where it begins and ends among ``count`` events; all shares together are all of them."""
        return count * self.which // self.of, count * (self.which + 1) // self.of


_WHOLE: Final = Share()


def parse_document(
    data: bytes,
    *,
    submission: Submission,
    limits: IntakeLimits = DEFAULT_LIMITS,
    share: Share = _WHOLE,
) -> ParsedDocument:
    """Read an EPCISDocument, or of its events a ``share``.

    Raises:
        RefusedError: the envelope is wrong. Events at fault are returned, not raised.

    """
    try:
        raw_context, raw_events = _cut(data, limits)
    except FormatError as error:
        raise RefusedError([error]) from None
    context = _read_envelope(data, raw_context, raw_events, limits)
    try:
        items = _events(raw_events, limits)
    except FormatError as error:
        raise RefusedError([error]) from None
    start, stop = share.span(len(items))
    events = _read_events(items[start:stop], start, context, submission, limits)
    return ParsedDocument(context=context, events=events)


def require_subjects(events: Iterable[EventDraft | EventFault], limits: IntakeLimits) -> None:
    """Bound the subjects that all events of a document name; raises :class:`RefusedError`."""
    subjects = sum(len(event.subjects) for event in events if isinstance(event, EventDraft))
    if subjects > limits.max_document_subjects:
        message = (
            f"the events name {subjects} subjects; at most {limits.max_document_subjects} "
            "are taken at once, split the document"
        )
        raise RefusedError([TooLargeError(message, where=EVENT_LIST)])


def _read_events(
    items: list[msgspec.Raw],
    start: int,
    context: Context,
    submission: Submission,
    limits: IntakeLimits,
) -> tuple[EventDraft | EventFault, ...]:
    events: list[EventDraft | EventFault] = []
    errors = 0
    for index, item in enumerate(items, start):
        result = read_event(
            bytes(item),
            base=f"{EVENT_LIST}/{index}",
            outer=context,
            submission=submission,
            limits=limits,
        )
        if isinstance(result, EventDraft):
            events.append(result)
        else:
            # Of every bad event at least the first error is told, of all together only so many.
            told = result[: max(1, limits.max_errors - errors)]
            errors += len(told)
            events.append(EventFault(index=index, errors=tuple(told)))
    require_subjects(events, limits)
    return tuple(events)


_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _cut(data: bytes, limits: IntakeLimits) -> tuple[bytes, bytes]:
    """Bytes of the context and of the event list, empty where there is none."""
    if len(data) > limits.max_document_bytes:
        raise TooLargeError(
            f"the document has {len(data)} bytes; at most {limits.max_document_bytes} are taken"
        )
    if data.count(b",") > limits.max_document_values:
        raise TooLargeError("the document has too many values; split it")
    try:
        require_shallow(data)
        members = _raw_members(data)
        body = _raw_members(members["epcisBody"]) if "epcisBody" in members else {}
    except FormatError as error:
        raise (_first_fault(data, limits) or error) from None
    return bytes(members.get("@context", b"")), bytes(body.get("eventList", b""))


def _first_fault(data: bytes, limits: IntakeLimits) -> FormatError | None:
    depth = limits.max_depth + _LEVELS_ABOVE
    return first_fault(data, max_depth=depth, max_values=_LOOKED_AT)


def _raw_members(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return _members.decode(data)
    except msgspec.ValidationError:
        return {}
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8; encode the document as UTF-8") from None
    except msgspec.DecodeError as error:
        reason = str(error)
        place = "" if "(byte" in reason else f" (byte {len(bytes(data))})"
        raise JsonSyntaxError(f"not JSON: {reason}{place}") from None


def _events(raw: bytes, limits: IntakeLimits) -> list[msgspec.Raw]:
    items = _items.decode(raw)
    if len(items) > limits.max_events:
        raise TooLargeError(
            f"the document has {len(items)} events; at most {limits.max_events} are taken, "
            "split it",
            where=EVENT_LIST,
        )
    if not items:
        raise BadValueError("the document has no event; add one", where=EVENT_LIST)
    return items


def _read_envelope(
    data: bytes, raw_context: bytes, raw_events: bytes, limits: IntakeLimits
) -> Context:
    """Check all but the events, which stand empty; raises :class:`RefusedError`."""
    rest = data
    if raw_events.startswith(b"["):
        # The first occurrence may be a copy elsewhere; then the real list is read here too, and
        # what was cut is read as that list, so that nothing goes unread.
        before, _, after = data.partition(raw_events)
        rest = before + b"[]" + after
    try:
        envelope = parse(rest, max_depth=limits.max_depth, max_values=limits.max_event_values)
    except JsonSyntaxError as error:
        # Lines and bytes count in the document as it came, not in what is left of it.
        fault = None if error.where else _first_fault(data, limits)
        raise RefusedError([fault or error]) from None
    except FormatError as error:
        raise RefusedError([error]) from None
    context, errors = _document_context(envelope, raw_context, limits)
    reading = Reading(base="", context=context, limits=limits)
    _envelope(envelope, "", reading)
    if errors or reading.errors:
        raise RefusedError([*errors, *reading.errors])
    return context


def _document_context(
    envelope: object, raw: bytes, limits: IntakeLimits
) -> tuple[Context, list[FormatError]]:
    if not isinstance(envelope, dict) or "@context" not in envelope:
        return NO_CONTEXT, []
    try:
        context = extend(NO_CONTEXT, raw, envelope["@context"], limits=limits)
    except FormatError as error:
        return NO_CONTEXT, [located(error, "/@context")]
    if context.is_epcis:
        return context, []
    return context, [ContextError(NAME_EPCIS, where="/@context")]


def _is(expected: str) -> fields.Check:
    def check(value: object, at: str, reading: Reading) -> None:
        if value != expected:
            reading.refuse(BadValueError, f"expected {expected!a}", at)

    return check


def _version(value: object, at: str, reading: Reading) -> None:
    if not isinstance(value, str) or value.split(".")[:1] != ["2"] or len(value) > 16:
        reading.refuse(
            BadValueError, 'schemaVersion is "2.0"; convert older documents to EPCIS 2.0', at
        )


def _anything(value: object, at: str, reading: Reading) -> None:
    """Master data of the header: bounded like the rest of the envelope, and not kept."""


def _event_list(value: object, at: str, reading: Reading) -> None:
    if not isinstance(value, list):
        fields.wrong_type("an array of events", value, at, reading)


_HEADER: Final = object_of({"epcisMasterData": _anything})
_BODY: Final = object_of({"eventList": _event_list}, required=("eventList",))
_envelope: Final = object_of(
    {
        "@context": _anything,
        "id": fields.uri,
        "type": _is("EPCISDocument"),
        "schemaVersion": _version,
        "creationDate": fields.time,
        "instanceIdentifier": fields.text,
        "sender": fields.text,
        "receiver": fields.text,
        "epcisHeader": _HEADER,
        "epcisBody": _BODY,
    },
    required=("@context", "type", "schemaVersion", "creationDate", "epcisBody"),
)
