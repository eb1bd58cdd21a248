"""Which subjects a stored payload names: intake's rule, in the form that the audit asks for.

``verify`` may not import what made the entries; the rule is handed to it from here.
"""

from typing import Final

import msgspec

from provenance.core.errors import JsonSyntaxError
from provenance.evidence.cases.acts import case_subjects
from provenance.evidence.cases.records import KIND as CASE
from provenance.intake.epcis.context import NO_CONTEXT, Context, extend
from provenance.intake.errors import RefusedError
from provenance.intake.event import EventDraft, Submission, read_event
from provenance.intake.limits import DEFAULT_LIMITS
from provenance.intake.repetition import EventKeys
from provenance.intake.statements import KIND
from provenance.keys.provider import KeyProvider
from provenance.settings import Settings
from provenance.verify.audit.contents import AuditedPayload, SubjectsOf


class _Declaring(msgspec.Struct):
    context: msgspec.Raw = msgspec.field(name="@context", default=msgspec.Raw(b""))


_declaring: Final = msgspec.json.Decoder(_Declaring)


def event_subjects(*, keys: EventKeys, carrier: str) -> SubjectsOf:
    """Rule for events and acts of cases; of other kinds of records it says nothing."""

    def subjects(audited: AuditedPayload) -> tuple[str, ...] | None:
        if audited.kind == CASE:
            return case_subjects(audited.payload)
        if audited.kind != KIND:
            return None
        result = read_event(
            audited.payload,
            base="",
            outer=_outer_context(audited),
            submission=Submission(submitter=audited.submitter, keys=keys, carrier=carrier),
            limits=DEFAULT_LIMITS,
        )
        if not isinstance(result, EventDraft):
            raise RefusedError(result)
        return result.subjects

    return subjects


def audited_subjects(settings: Settings, keys: KeyProvider) -> SubjectsOf:
    """Rule of the service that runs with ``settings``."""
    return event_subjects(keys=EventKeys(keys.secret("repetition")), carrier=settings.carrier)


def _outer_context(audited: AuditedPayload) -> Context:
    """What was in force around the event: the stored bytes without the event's own."""
    try:
        own = bytes(_declaring.decode(audited.payload).context)
        outer = (audited.context or b"").removesuffix(own)
        if not outer:
            return NO_CONTEXT
        value = msgspec.json.decode(outer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JsonSyntaxError("not JSON", where="payload") from None
    return extend(NO_CONTEXT, outer, value, limits=DEFAULT_LIMITS)
