"""Records of acts: what goes to the log's writer.

An act is recognised by case and number, not by submitter: of two acts with the same number, whoever
sends them, one is logged; the same act sent again gets the first answer.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from provenance.core.digests import HASH_SIZE, LeafHash, Salt, sha256
from provenance.core.statement import Ref, Statement, payload_commitment
from provenance.evidence.cases.acts import CASE_URN, Act
from provenance.evidence.cases.states import State
from provenance.intake.repetition import EventKeys
from provenance.log.submissions import EventColumns, RecordDraft, Submission

KIND: Final = "case"
"""``kind`` of an act's statement."""
MEDIA_TYPE: Final = "application/json"
_SCOPE: Final = "case"
"""Stands where an event's key has its submitter, which is a UUID."""


def case_id(*, organisation: UUID, key: str | None, keys: EventKeys, random: bytes) -> str:
    """Subject of a new case.

    With an Idempotency-Key the same organisation gets the same case again; nobody without the
    server's secret can tell which. Without one it is 16 of the bytes ``random``.
    """
    if key is not None:
        random = keys.repetition_key(
            submitter=str(organisation),
            event_id=f"open {key}",
            declared_at=None,
            is_correction=False,
        )
    return CASE_URN + random[:16].hex()


def act_submission(
    act: Act,
    *,
    state: State,
    submitter: UUID,
    keys: EventKeys,
    random_bytes: Callable[[int], bytes],
    relies_on: Sequence[LeafHash] = (),
) -> Submission:
    """Submission of one act, after which the case is in ``state``."""
    payload = act.encode()
    salt = Salt(random_bytes(HASH_SIZE))
    statement = Statement(
        kind=KIND,
        subject=act.case,
        submitter=str(submitter),
        media_type=MEDIA_TYPE,
        payload=payload_commitment(payload, salt=salt),
        payload_size=len(payload),
        refs=tuple(Ref(rel="relies_on", leaf=leaf) for leaf in relies_on),
        type=act.body.ACT,
    )
    record = RecordDraft(
        submitter=submitter,
        subjects=act.subjects,
        statement=statement,
        payload=payload,
        payload_salt=salt,
        dedup_key=act_key(act, keys),
        content_mac=act_mac(payload, submitter=submitter, keys=keys),
        columns=EventColumns(event_type=act.body.ACT, disposition=state),
        # A claim names people.
        may_name_people=True,
    )
    return Submission(submitter=submitter, records=(record,))


def act_key(act: Act, keys: EventKeys) -> bytes:
    """Key by which an act is recognised: its case and number, whoever sends it."""
    return keys.repetition_key(
        submitter=_SCOPE,
        event_id=f"{act.case} {act.seq}",
        declared_at=None,
        is_correction=False,
    )


def act_mac(payload: bytes, *, submitter: UUID, keys: EventKeys) -> bytes:
    """Keyed hash of an act's bytes and of who sent them."""
    return keys.content_mac(context_sha256=sha256(submitter.bytes), payload_sha256=sha256(payload))
