"""Handlers of receipts and trail heads.

An index can be guessed, so that naming one entitles to nothing: a carrier reads receipts of its
own records, the operator all, everybody else those of a subject that they name.
"""

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import TEXT, bytes_answer
from provenance.api.authentication import Principal
from provenance.api.documents.download import Downloads
from provenance.api.entitlement import Owner, may_read, named_subject
from provenance.api.epcis.contexts import Contexts
from provenance.api.epcis.events import PARCEL_LISTS, ReadEvent
from provenance.api.errors import ForbiddenError, MissingError, ParameterError
from provenance.api.parameters import path_integer
from provenance.api.receipts.cache import ReceiptCache
from provenance.api.receipts.store import OwnershipStore, StoredPayload
from provenance.api.roles import OWN_PARCEL_ONLY, Role
from provenance.api.services import Services
from provenance.core.fields import flatten
from provenance.core.receipt import Receipt
from provenance.evidence.cases.records import KIND as CASE
from provenance.prove.errors import EntryNotFoundError
from provenance.prove.materials import Material

MAX_RECORD: Final = 1_000
"""Receipts of one answer: some megabytes. A larger record's are read one by one."""

_NO_RECEIPT: Final = "there is no such receipt, or it is not for this key"
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


class Receipts:
    """The operations that hand out proofs."""

    def __init__(self, services: Services, contexts: Contexts, downloads: Downloads) -> None:
        self._services = services
        self._downloads = downloads
        self._contexts = contexts
        self._store = OwnershipStore(services.engine, services.vault, log_id=services.log.log_id)
        self._cache = ReceiptCache(self._store, seconds=services.seconds)

    async def receipt(self, request: Request, principal: Principal) -> Response:
        """GET /v1/receipts/{index}."""
        subject = self._named(request, principal)
        index, discloses = path_integer(request, "index"), principal.role in OWN_PARCEL_ONLY
        kept = await self._cache.get(index, discloses=discloses)
        if kept is not None:
            _require(principal, owner=kept[0], subject=subject)
            return bytes_answer(kept[1])
        mark = self._cache.mark
        material = await self._services.prover.material(index)
        if material is None:
            raise MissingError(_NO_RECEIPT)
        owner = (material.subject, material.submitter)
        _require(principal, owner=owner, subject=subject)
        data = await self._receipt(material, principal)
        self._cache.keep(index, owner, data, discloses=discloses, mark=mark)
        return bytes_answer(data)

    async def of_record(self, request: Request, principal: Principal) -> Response:
        """GET /v1/records/{first_index}/receipts."""
        subject = self._named(request, principal)
        first_index = path_integer(request, "first_index")
        found = await self._store.record(first_index)
        named = [entry for entry in found if may_read(principal, entry.owner, subject)]
        if not named:
            raise MissingError("there is no such record, or it is not for this key")
        # Whoever may see the whole event gets the receipts of all its subjects.
        entries = named if principal.role in OWN_PARCEL_ONLY else found
        if len(entries) > MAX_RECORD:
            raise ParameterError(
                f"the record has {len(entries)} entries; read its receipts one by one",
                name="first_index",
            )
        materials = await self._services.prover.materials([entry.index for entry in entries])
        receipts = [
            await self._receipt(materials[entry.index], principal)
            for entry in entries
            if entry.index in materials
        ]
        return bytes_answer(b"[" + b",".join(receipts) + b"]")

    async def payload(self, request: Request, principal: Principal) -> Response:
        """GET /v1/records/{first_index}/payload."""
        subject = self._named(request, principal)
        first_index = path_integer(request, "first_index")
        found = await self._store.record(first_index)
        payload = None
        if any(may_read(principal, entry.owner, subject) for entry in found):
            payload = await self._store.payload(first_index)
        if payload is None:
            # A document's lies sealed elsewhere.
            return await self._downloads.document(request, principal)
        if not _may_read_kind(principal, payload.kind, found[0].owner):
            raise MissingError("there is no such payload, or it is not for this key")
        if principal.role in OWN_PARCEL_ONLY:
            event = await self._event(payload)
            if event is None or event.lists_several_parcels:
                raise ForbiddenError(
                    "the event lists several parcels; the receipt discloses the fields of yours"
                )
        return bytes_answer(payload.data, media_type=payload.media_type)

    async def trail_head(self, request: Request, principal: Principal) -> Response:
        """GET /v1/trails/head."""
        subject = self._named(request, principal)
        if subject is None:
            raise ParameterError("is required", name="subject")
        if principal.role is Role.CARRIER and not await self._store.has_entry_in(
            subject, submitter=principal.organisation
        ):
            raise MissingError("the log has no trail of this subject, or it is not for this key")
        note = await self._services.prover.trail_head(subject)
        return bytes_answer(note.encode(), media_type=TEXT)

    def _named(self, request: Request, principal: Principal) -> str | None:
        return named_subject(request, principal, carrier=self._services.carrier)

    async def _receipt(self, material: Material, principal: Principal) -> bytes:
        prover = self._services.prover
        if principal.role in OWN_PARCEL_ONLY:
            if material.sealed is not None and material.sealed.path is not None:
                return await self._of_document(material)
            payload = await self._store.payload(material.record_first)
            event = None if payload is None else await self._event(payload)
            if payload is not None and event is not None and event.lists_several_parcels:
                receipt = await self._disclosing(material, payload.data, event)
                return receipt.encode()
            if event is None and material.sealed is not None:
                return await self._of_document(material)
        return await prover.encoded(material)

    async def _of_document(self, material: Material) -> bytes:
        """Receipt that does not open what belongs to other parcels too, and is no event."""
        if await self._store.span(material.record_first) == 1:
            return await self._services.prover.encoded(material)
        receipt = await self._services.prover.receipt(material.index)
        return replace(receipt, payload=None).encode()

    async def _disclosing(self, material: Material, payload: bytes, event: ReadEvent) -> Receipt:
        """Receipt that shows one parcel's line of an event and not its neighbours'."""
        prover = self._services.prover
        wanted = _COMMON_FIELDS | _own_lines(event, material.subject)
        pointers = [field.pointer for field in flatten(payload) if field.pointer in wanted]
        try:
            return await prover.receipt(material.index, pointers=pointers)
        except EntryNotFoundError:
            # The record commits to no fields that could be disclosed singly.
            return replace(await prover.receipt(material.index), payload=None)

    async def _event(self, payload: StoredPayload) -> ReadEvent | None:
        if payload.context_sha256 is None:
            return None
        found = await self._contexts.of([payload.context_sha256])
        return ReadEvent.of(payload.data, found[payload.context_sha256].prefixes)


def _may_read_kind(principal: Principal, kind: str, owner: Owner) -> bool:
    """Whether naming the subject is enough: an act of a case is for whoever did it."""
    return kind != CASE or principal.role is Role.ADMIN or owner[1] == principal.organisation


def _require(principal: Principal, *, owner: Owner, subject: str | None) -> None:
    if not may_read(principal, owner, subject):
        raise MissingError(_NO_RECEIPT)


def _own_lines(event: ReadEvent, subject: str) -> frozenset[str]:
    return frozenset(
        f"/{name}/{place}"
        for name in PARCEL_LISTS
        for place, epc in enumerate(event.epcs((name,)))
        if epc == subject
    )
