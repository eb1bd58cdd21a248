"""Records of the log out of validated events."""

from collections.abc import Callable
from uuid import UUID

from provenance.core.digests import Salt
from provenance.core.fields import fields_root
from provenance.core.statement import Statement, payload_digest_commitment
from provenance.intake.event import MEDIA_TYPE, EventDraft
from provenance.intake.statements import KIND, needs_fields_salt
from provenance.log.submissions import EventColumns, RecordDraft


def record_of(
    draft: EventDraft, *, submitter: UUID, random_bytes: Callable[[int], bytes]
) -> RecordDraft:
    """Record of one event, with fresh salts."""
    payload_salt = Salt(random_bytes(32))
    fields_salt = Salt(random_bytes(32)) if needs_fields_salt(draft) else None
    statement = Statement(
        kind=KIND,
        subject=draft.subjects[0],
        submitter=str(submitter),
        media_type=MEDIA_TYPE,
        payload=payload_digest_commitment(draft.payload_sha256, salt=payload_salt),
        payload_size=len(draft.raw),
        type=draft.type,
        occurred_at=draft.occurred_at,
        context_sha256=draft.context.sha256,
        fields_root=(
            None if fields_salt is None else fields_root(draft.raw, fields_salt=fields_salt)
        ),
    )
    return RecordDraft(
        submitter=submitter,
        subjects=draft.subjects,
        statement=statement,
        payload=draft.raw,
        payload_salt=payload_salt,
        fields_salt=fields_salt,
        dedup_key=draft.repetition_key,
        content_mac=draft.content_mac,
        context=draft.context.raw,
        columns=EventColumns(
            event_id=draft.event_id,
            event_type=draft.event_type,
            event_time=draft.occurred_at,
            action=draft.action,
            biz_step=draft.biz_step,
            disposition=draft.disposition,
            read_point=draft.read_point,
            biz_location=draft.biz_location,
        ),
        corrects_event_id=draft.event_id if draft.is_correction and draft.has_event_id else None,
    )
