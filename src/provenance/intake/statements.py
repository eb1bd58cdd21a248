"""What the log commits to for an event.

All statements of one event differ in their subject alone. Salts are drawn by the caller, fresh
for each record, and are never derived.
"""

from typing import Final

from provenance.core.digests import Salt
from provenance.core.fields import fields_root
from provenance.core.statement import Ref, Statement, payload_digest_commitment
from provenance.intake.event import MEDIA_TYPE, EventDraft

KIND: Final = "event"
"""``kind`` of an event's statement."""


def needs_fields_salt(draft: EventDraft) -> bool:
    """Whether one party must be able to see its line of the event and not its neighbour's."""
    return len(draft.subjects) > 1


def event_statement(
    draft: EventDraft,
    *,
    submitter: str,
    payload_salt: Salt,
    fields_salt: Salt | None,
    refs: tuple[Ref, ...] = (),
) -> Statement:
    """Statement of ``draft`` for the first of its subjects.

    Args:
        draft: the event.
        submitter: random organisation id.
        payload_salt: 32 fresh random bytes.
        fields_salt: 32 fresh random bytes where :func:`needs_fields_salt`, else ``None``.
        refs: what the event refers to, such as the entry that it corrects.

    """
    assert (fields_salt is not None) == needs_fields_salt(draft)
    return Statement(
        kind=KIND,
        subject=draft.subjects[0],
        submitter=submitter,
        media_type=MEDIA_TYPE,
        payload=payload_digest_commitment(draft.payload_sha256, salt=payload_salt),
        payload_size=len(draft.raw),
        refs=refs,
        type=draft.type,
        occurred_at=draft.occurred_at,
        context_sha256=draft.context.sha256,
        fields_root=(
            None if fields_salt is None else fields_root(draft.raw, fields_salt=fields_salt)
        ),
    )
