"""Handler of payloads: what was submitted, byte for byte, or that it was erased, when and why.

Whoever may not read a record is not told whether there is one, nor whether it was erased.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import bytes_answer
from provenance.api.authentication import Principal
from provenance.api.documents.download import Downloads
from provenance.api.entitlement import may_read, named_subject
from provenance.api.errors import ErasedError, ForbiddenError, MissingError
from provenance.api.parameters import path_integer
from provenance.api.receipts.shown import ShownReceipts
from provenance.api.receipts.store import KeptRecord, OwnershipStore, StoredPayload
from provenance.api.roles import OWN_PARCEL_ONLY
from provenance.api.services import Services
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement
from provenance.evidence.timelines.contexts import Contexts
from provenance.intake.documents.statements import KIND as DOCUMENT

_NO_PAYLOAD: Final = "there is no such payload, or it is not for this key"


class Payloads:
    """The operation that hands out payloads."""

    def __init__(self, services: Services, contexts: Contexts, downloads: Downloads) -> None:
        self._services = services
        self._downloads = downloads
        self._store = OwnershipStore(services.engine, services.vault, log_id=services.log.log_id)
        self._shown = ShownReceipts(services.prover, self._store, contexts)

    async def payload(self, request: Request, principal: Principal) -> Response:
        """GET /v1/records/{first_index}/payload."""
        subject = named_subject(request, principal, carrier=self._services.carrier)
        first_index = path_integer(request, "first_index")
        found = await self._store.record(first_index)
        kept = await self._store.kept(first_index)
        is_named = any(may_read(principal, entry.owner, subject) for entry in found)
        if kept is None or not is_named:
            raise MissingError(_NO_PAYLOAD)
        if not await self._shown.may_read_record(
            principal, first_index, kind=kept.kind, submitter=found[0].submitter
        ):
            raise MissingError(_NO_PAYLOAD)
        payload = await self._store.payload(first_index)
        if payload is None and kept.kind == DOCUMENT:
            # It lies sealed elsewhere, and may be larger than memory.
            return await self._downloads.document(request, principal)
        if payload is None:
            data = await self._sealed(first_index, kept)
            return bytes_answer(data, media_type=kept.media_type)
        await self._require_own(payload, principal)
        return bytes_answer(payload.data, media_type=payload.media_type)

    async def _require_own(self, payload: StoredPayload, principal: Principal) -> None:
        """Refuse what tells of other parcels, where the caller is shown its own alone."""
        if principal.role not in OWN_PARCEL_ONLY:
            return
        event = await self._shown.event(payload)
        if event is None:
            # What happened to a parcel is theirs; what is said in a claim is not.
            raise MissingError(_NO_PAYLOAD)
        if event.lists_several_parcels:
            raise ForbiddenError(
                "the event lists several parcels; the receipt discloses the fields of yours"
            )

    async def _sealed(self, first_index: int, kept: KeptRecord) -> bytes:
        """Small payload that lies sealed by itself: an erasure's author and note.

        Raises:
            ErasedError: nothing is kept of the payload.
            KeyGoneError: its key was destroyed.

        """
        material = await self._services.prover.material(first_index)
        if material is None or material.sealed is None or material.sealed.path is None:
            raise ErasedError(f"the {kept.kind}'s content", at=kept.erased_at, ground=kept.ground)
        assert material.statement is not None, "what is sealed has a statement"
        size = Statement.from_json(parse_canonical(material.statement)).payload_size
        stream = self._services.vault.read(material.sealed, size=size)
        return b"".join([part async for part in stream])
