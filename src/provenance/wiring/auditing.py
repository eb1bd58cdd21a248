"""What follows from a stored payload: intake's rule, in the form that the audit asks for.

``verify`` may not import what made the entries; the rule is handed to it from here.
"""

from typing import Final
from uuid import UUID

import msgspec

from provenance.core.errors import JsonSyntaxError
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.records import KIND as CASE
from provenance.evidence.cases.records import act_key, act_mac
from provenance.intake.epcis.context import NO_CONTEXT, Context, extend
from provenance.intake.errors import RefusedError
from provenance.intake.event import EventDraft, Submission, read_event
from provenance.intake.limits import DEFAULT_LIMITS
from provenance.intake.repetition import EventKeys
from provenance.intake.statements import KIND
from provenance.keys.provider import KeyProvider
from provenance.settings import Settings
from provenance.verify.audit.expected import (
    AuditedPayload,
    DerivedColumns,
    ExpectedOf,
    ExpectedRecord,
)
from provenance.wiring.keyring import event_keys


class _Declaring(msgspec.Struct):
    context: msgspec.Raw = msgspec.field(name="@context", default=msgspec.Raw(b""))


_declaring: Final = msgspec.json.Decoder(_Declaring)


def expected_events(*, keys: EventKeys, carrier: str) -> ExpectedOf:
    """Rule for events and acts of cases; of other kinds of records it says nothing."""

    def expected(audited: AuditedPayload) -> ExpectedRecord | None:
        if audited.kind == CASE:
            return _expected_act(audited, keys)
        if audited.kind != KIND:
            return None
        result = read_event(
            audited.payload,
            base="",
            outer=_outer_context(audited),
            submission=Submission(
                submitter=audited.submitter, keys=keys, carrier=carrier, may_name_reserved=True
            ),
            limits=DEFAULT_LIMITS,
        )
        if not isinstance(result, EventDraft):
            raise RefusedError(result)
        return ExpectedRecord(subjects=result.subjects, columns=_columns(result))

    return expected


def expected_records(settings: Settings, keys: KeyProvider) -> ExpectedOf:
    """Rule of the service that runs with ``settings``."""
    return expected_events(keys=event_keys(keys), carrier=settings.carrier)


def _expected_act(audited: AuditedPayload, keys: EventKeys) -> ExpectedRecord:
    act = Act.decode(audited.payload)
    return ExpectedRecord(
        subjects=act.subjects,
        columns=DerivedColumns(
            event_type=act.body.ACT,
            dedup_key=act_key(act, keys),
            content_mac=act_mac(audited.payload, submitter=UUID(audited.submitter), keys=keys),
        ),
        # The case's state after an act depends on the acts before it.
        unknown=frozenset({"disposition"}),
    )


def _columns(draft: EventDraft) -> DerivedColumns:
    return DerivedColumns(
        event_id=draft.event_id,
        event_type=draft.event_type,
        action=draft.action,
        biz_step=draft.biz_step,
        disposition=draft.disposition,
        read_point=draft.read_point,
        biz_location=draft.biz_location,
        dedup_key=draft.repetition_key,
        content_mac=draft.content_mac,
    )


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
