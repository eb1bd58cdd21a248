"""Payloads that can hold personal data, sealed before their records go into the log.

Only the key decides over a sealed payload: it lies outside the database, so that whatever the
database, its write-ahead log and its dumps keep cannot be read once the key is gone.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from provenance.log.submissions import RecordDraft
from provenance.sealing import OpenPayload, SealedRef


class SealsRows(Protocol):
    """Whoever seals payloads for the rows of their records."""

    async def seal_rows(self, payloads: Sequence[OpenPayload]) -> list[tuple[SealedRef, bytes]]:
        """Seal each under a key of its own, which is durable then."""
        ...


async def sealed(drafts: Sequence[RecordDraft], *, vault: SealsRows) -> tuple[RecordDraft, ...]:
    """Return ``drafts``, those that may name people with their payloads and salts sealed.

    A key whose record turns out to be a repetition is left to the sweep.

    Raises:
        ShelfError: the keys cannot be kept.

    """
    chosen = [draft for draft in drafts if draft.sealed is None and draft.may_name_people]
    if not chosen:
        return tuple(drafts)
    done = iter(await vault.seal_rows([_opened(draft) for draft in chosen]))
    of_chosen = {id(draft): next(done) for draft in chosen}
    return tuple(
        _with(draft, *of_chosen[id(draft)]) if id(draft) in of_chosen else draft for draft in drafts
    )


def _opened(draft: RecordDraft) -> OpenPayload:
    assert draft.payload is not None, "what is not sealed has its payload"
    assert draft.payload_salt is not None, "and its salt"
    return OpenPayload(draft.payload, draft.payload_salt, draft.fields_salt)


def _with(draft: RecordDraft, ref: SealedRef, data: bytes) -> RecordDraft:
    return msgspec.structs.replace(
        draft, payload=data, payload_salt=None, fields_salt=None, sealed=ref
    )
