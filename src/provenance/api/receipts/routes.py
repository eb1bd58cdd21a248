"""Handlers of receipts and trail heads.

An index can be guessed, so that naming one entitles to nothing: a carrier reads receipts of its
own records, the operator all, everybody else those of a subject that they name. What they are shown
of them is decided in :mod:`provenance.api.receipts.shown`.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import TEXT, bytes_answer
from provenance.api.authentication import Principal
from provenance.api.entitlement import Owner, may_read, named_subject
from provenance.api.errors import MissingError, ParameterError
from provenance.api.parameters import path_integer
from provenance.api.receipts.cache import ReceiptCache
from provenance.api.receipts.shown import ShownReceipts, is_for_some
from provenance.api.receipts.store import OwnershipStore
from provenance.api.roles import OWN_PARCEL_ONLY, Role
from provenance.api.services import Services
from provenance.evidence.timelines.contexts import Contexts

MAX_RECORD: Final = 1_000
"""Receipts of one answer: some megabytes. A larger record's are read one by one."""

_NO_RECEIPT: Final = "there is no such receipt, or it is not for this key"


class Receipts:
    """The operations that hand out proofs."""

    def __init__(self, services: Services, contexts: Contexts) -> None:
        self._services = services
        self._store = OwnershipStore(services.engine, services.vault, log_id=services.log.log_id)
        self._shown = ShownReceipts(services.prover, self._store, contexts)
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
        data = await self._shown.encoded(material, principal)
        # Who sees what of an act or an erasure is decided anew each time.
        if not is_for_some(material):
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
        one = next(iter(materials.values()), None)
        if one is not None and not await self._shown.may_read(one, principal):
            # The others would tell what else it is about.
            entries = named
        receipts = [
            await self._shown.encoded(materials[entry.index], principal)
            for entry in entries
            if entry.index in materials
        ]
        return bytes_answer(b"[" + b",".join(receipts) + b"]")

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


def _require(principal: Principal, *, owner: Owner, subject: str | None) -> None:
    if not may_read(principal, owner, subject):
        raise MissingError(_NO_RECEIPT)
