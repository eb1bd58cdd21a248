"""Erasure records: what the log says about what it no longer holds.

The payload is canonical JSON of ``v``, ``erasure`` (the order's id), ``ground``, ``author`` and,
where there is one, ``note``. It lies sealed like a document, since it names a person. The statement
has the ground as its ``type`` and an ``erases`` reference to each entry; the record has an entry in
every trail that loses one, so that whoever reads a trail learns of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from provenance.core.digests import LeafHash, Salt
from provenance.core.errors import BadValueError
from provenance.core.jcs import JsonValue, canonicalize
from provenance.core.members import VERSION
from provenance.core.statement import Ref, Statement, payload_digest_commitment
from provenance.erasure.orders import Order
from provenance.intake.repetition import EventKeys
from provenance.log.submissions import EventColumns, RecordDraft
from provenance.sealing import Opening, SealedRef

KIND: Final = "erasure"
"""``kind`` of an erasure's statement."""
MEDIA_TYPE: Final = "application/json"
MAX_AUTHOR: Final = 200
MAX_NOTE: Final = 2_000
"""Characters: a reference to where the request is kept, not its text."""
_SCOPE: Final = "erasure"
"""Stands where an event's key has its submitter, which is a UUID."""
_NO_CONTEXT: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is erased and by whom; ``organisation`` submits the record."""

    ground: str
    author: str
    organisation: UUID
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse texts that cannot be shown."""
        _check_text(self.author, "/author", MAX_AUTHOR)
        if self.note is not None:
            _check_text(self.note, "/note", MAX_NOTE)

    def encode(self, order_id: str) -> bytes:
        """Payload of the record of one order."""
        value: dict[str, JsonValue] = {
            "v": VERSION,
            "erasure": order_id,
            "ground": self.ground,
            "author": self.author,
        }
        if self.note is not None:
            value["note"] = self.note
        return canonicalize(value)


def erasure_draft(
    order: Order,
    *,
    subjects: Sequence[str],
    sealed: SealedRef,
    size: int,
    opening: Opening,
    keys: EventKeys,
) -> RecordDraft:
    """Record of an order about ``subjects``; the same order always gives the same."""
    statement = Statement(
        kind=KIND,
        subject=subjects[0],
        submitter=str(order.submitter),
        media_type=MEDIA_TYPE,
        payload=payload_digest_commitment(opening.sha256, salt=Salt(opening.payload_salt)),
        payload_size=size,
        refs=tuple(Ref(rel="erases", leaf=leaf) for leaf in order.leaves),
        type=order.ground,
    )
    return RecordDraft(
        submitter=order.submitter,
        subjects=tuple(subjects),
        statement=statement,
        sealed=sealed,
        dedup_key=keys.repetition_key(
            submitter=_SCOPE, event_id=order.id, declared_at=None, is_correction=False
        ),
        content_mac=keys.content_mac(context_sha256=_NO_CONTEXT, payload_sha256=opening.sha256),
        columns=EventColumns(event_type=order.ground, event_id=order.id),
    )


def erased_leaves(statement_refs: Sequence[Ref]) -> tuple[LeafHash, ...]:
    """Leaf hashes that a statement's references erase."""
    return tuple(ref.leaf for ref in statement_refs if ref.rel == "erases")


def _check_text(text: str, where: str, maximum: int) -> None:
    is_printable = all(one.isprintable() or one == "\n" for one in text)
    if not 0 < len(text) <= maximum or not is_printable or not text.strip():
        raise BadValueError(f"has 1 to {maximum} printable characters", where=where)
