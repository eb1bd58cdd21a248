"""Records of the log out of validated events."""

from collections.abc import Callable, Sequence
from uuid import UUID

from provenance.core.digests import HASH_SIZE, Salt
from provenance.intake.event import EventDraft
from provenance.intake.statements import event_statement, needs_fields_salt
from provenance.log.submissions import EventColumns, RecordDraft

_SALTS_SIZE = 2 * HASH_SIZE


def records_of(
    drafts: Sequence[EventDraft], *, submitter: UUID, random_bytes: Callable[[int], bytes]
) -> tuple[RecordDraft, ...]:
    """Records of events, with fresh salts.

    All salts are drawn at once: each draw asks the system, and lets go of the interpreter, for
    which another thread may be waiting.
    """
    name = str(submitter)
    drawn = random_bytes(_SALTS_SIZE * len(drafts))
    return tuple(
        _record(draft, submitter, name, drawn[at : at + _SALTS_SIZE])
        for draft, at in zip(drafts, range(0, len(drawn), _SALTS_SIZE), strict=True)
    )


def _record(draft: EventDraft, submitter: UUID, name: str, salts: bytes) -> RecordDraft:
    payload_salt = Salt(salts[:HASH_SIZE])
    fields_salt = Salt(salts[HASH_SIZE:]) if needs_fields_salt(draft) else None
    return RecordDraft(
        submitter=submitter,
        subjects=draft.subjects,
        statement=event_statement(
            draft, submitter=name, payload_salt=payload_salt, fields_salt=fields_salt
        ),
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
        may_name_people=draft.has_extensions,
        corrects_event_id=draft.event_id if draft.is_correction and draft.has_event_id else None,
    )
