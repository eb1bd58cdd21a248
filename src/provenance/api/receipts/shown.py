"""Receipts as their reader may see them: one parcel's line of an event, and not its neighbours'.

An act of a claims case is for whoever did it, for who opened the case, and for the operator. Others
get its receipt withheld: that something stands there, and not what it says. Its statement would
tell them the case, and its payload's salt and hash let them guess amounts and names. Of an erasure
everybody sees the statement, and only who ordered it and the operator what opens author and note.
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

import msgspec

from provenance.api.authentication import Principal
from provenance.api.entitlement import Owner
from provenance.api.receipts.store import OwnershipStore, StoredPayload
from provenance.api.roles import OWN_PARCEL_ONLY, Role
from provenance.core.fields import flatten
from provenance.core.receipt import Receipt
from provenance.erasure.records import KIND as ERASURE
from provenance.evidence.cases.records import KIND as CASE
from provenance.evidence.dossier.redaction import withhold
from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.events import PARCEL_LISTS, ReadEvent
from provenance.prove.errors import EntryNotFoundError
from provenance.prove.materials import Material
from provenance.prove.prover import Prover

_COMMON_FIELDS: Final = frozenset(
    {
        "/type",
        "/eventID",
        "/eventTime",
        "/eventTimeZoneOffset",
        "/action",
        "/bizStep",
        "/disposition",
        "/readPoint/id",
        "/bizLocation/id",
    }
)
"""What an event says about all its parcels alike."""
_OPERATORS: Final = frozenset({CASE, ERASURE})
"""Kinds of which the operator and the organisation that submitted them read what they say."""


class _Said(msgspec.Struct):
    """What decides who may see a statement."""

    kind: str


_said: Final = msgspec.json.Decoder(_Said)


class ShownReceipts:
    """Makes receipts of one log for whoever asks."""

    def __init__(self, prover: Prover, store: OwnershipStore, contexts: Contexts) -> None:
        self._prover = prover
        self._store = store
        self._contexts = contexts

    async def encoded(self, material: Material, principal: Principal) -> bytes:
        """Bytes of the receipt of ``material`` as ``principal`` may see it.

        Raises:
            NotAnchoredError: no anchor covers the entry yet.

        """
        if not await self.may_open(material, principal):
            return withhold(Receipt.decode(await self._prover.encoded(material))).encode()
        if not await self.may_read(material, principal):
            receipt = Receipt.decode(await self._prover.encoded(material))
            return replace(receipt, payload=None).encode()
        if principal.role in OWN_PARCEL_ONLY:
            if material.sealed is not None and material.sealed.path is not None:
                return await self._of_document(material)
            payload = await self._store.payload(material.record_first)
            event = None if payload is None else await self.event(payload)
            if payload is not None and event is not None and event.lists_several_parcels:
                receipt = await self._disclosing(material, payload.data, event)
                return receipt.encode()
            if event is None and material.sealed is not None:
                return await self._of_document(material)
        return await self._prover.encoded(material)

    async def may_open(self, material: Material, principal: Principal) -> bool:
        """Whether ``principal``, who may read the entry, may see what was recorded."""
        return _kind_of(material) != CASE or await self.may_read(material, principal)

    async def may_read(self, material: Material, principal: Principal) -> bool:
        """Whether ``principal``, who may read the entry, may see what a record of its kind says."""
        return await self.may_read_record(
            principal, material.record_first, kind=_kind_of(material), submitter=material.submitter
        )

    async def may_read_record(
        self, principal: Principal, first_index: int, *, kind: str | None, submitter: UUID
    ) -> bool:
        """Whether the payload that ``submitter`` recorded at ``first_index`` is for them."""
        if kind == CASE:
            return await self.may_read_act(principal, first_index, submitter=submitter)
        return kind is None or may_read_kind(principal, kind, ("", submitter))

    async def may_read_act(
        self, principal: Principal, first_index: int, *, submitter: UUID
    ) -> bool:
        """Whether the act of a case that ``submitter`` recorded at ``first_index`` is for them."""
        if may_read_kind(principal, CASE, ("", submitter)):
            return True
        return await self._store.opener(first_index) == principal.organisation

    async def _of_document(self, material: Material) -> bytes:
        """Receipt that does not open what belongs to other parcels too, and is no event."""
        if await self._store.span(material.record_first) == 1:
            return await self._prover.encoded(material)
        receipt = Receipt.decode(await self._prover.encoded(material))
        return replace(receipt, payload=None).encode()

    async def _disclosing(self, material: Material, payload: bytes, event: ReadEvent) -> Receipt:
        """Receipt that shows one parcel's line of an event and not its neighbours'."""
        wanted = _COMMON_FIELDS | _own_lines(event, material.subject)
        pointers = [field.pointer for field in flatten(payload) if field.pointer in wanted]
        try:
            return await self._prover.disclosing(material, pointers)
        except EntryNotFoundError:
            # The record commits to no fields that could be disclosed singly.
            return replace(Receipt.decode(await self._prover.encoded(material)), payload=None)

    async def event(self, payload: StoredPayload) -> ReadEvent | None:
        """Event of a payload; None if it is none."""
        if payload.context_sha256 is None:
            return None
        found = await self._contexts.of([payload.context_sha256])
        return ReadEvent.of(payload.data, found[payload.context_sha256].prefixes)


def is_for_some(material: Material) -> bool:
    """Whether some readers see more of the entry than others who may read it, too."""
    return _kind_of(material) in _OPERATORS


def _kind_of(material: Material) -> str | None:
    """What was recorded; None once it was erased, when nothing is left to tell."""
    statement = material.statement
    return None if statement is None else _said.decode(statement).kind


def may_read_kind(principal: Principal, kind: str, owner: Owner) -> bool:
    """Whether naming the subject is enough to be told what a record of ``kind`` says.

    An act of a case is for whoever did it. An erasure's author and note are for whoever ordered it;
    that it happened, when and on which ground is for all. The operator reads both.
    """
    is_own = principal.role is Role.ADMIN or owner[1] == principal.organisation
    return is_own or kind not in _OPERATORS


def _own_lines(event: ReadEvent, subject: str) -> frozenset[str]:
    return frozenset(
        f"/{name}/{place}"
        for name in PARCEL_LISTS
        for place, epc in enumerate(event.epcs((name,)))
        if epc == subject
    )
