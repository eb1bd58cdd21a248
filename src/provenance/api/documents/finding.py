"""Finds a document for whoever may read it."""

from starlette.requests import Request

from provenance.api.authentication import Principal
from provenance.api.entitlement import may_read, named_subject
from provenance.api.errors import ErasedError, ForbiddenError, MissingError
from provenance.api.parameters import path_integer
from provenance.api.receipts.store import OwnershipStore
from provenance.api.roles import OWN_PARCEL_ONLY
from provenance.api.services import Services
from provenance.log.documents import DocumentStore, StoredDocument
from provenance.sealing import Opening, SealedRef

NONE_SUCH = "there is no such document, or it is not for this key"


class Finder:
    """Looks documents up by the index of their first entry."""

    def __init__(self, services: Services, store: DocumentStore) -> None:
        self._services = services
        self._store = store
        self._ownership = OwnershipStore(
            services.engine, services.vault, log_id=services.log.log_id
        )

    async def required(self, request: Request, principal: Principal) -> StoredDocument:
        """Return the document of the request's path.

        Raises:
            MissingError: there is none, or the caller may not read it.
            ForbiddenError: it belongs to other parcels too.
            ErasedError: its content was erased.

        """
        subject = named_subject(request, principal, carrier=self._services.carrier)
        first_index = path_integer(request, "first_index")
        document = await self._store.find(first_index)
        if document is None:
            raise MissingError(NONE_SUCH)
        found = await self._ownership.record(first_index)
        if not any(may_read(principal, entry.owner, subject) for entry in found):
            raise MissingError(NONE_SUCH)
        if is_of_others_too(document, principal):
            raise ForbiddenError("the document belongs to other parcels besides; ask who sent it")
        if document.sealed is None:
            raise _erased(document)
        return document

    async def subjects(self, document: StoredDocument) -> tuple[str, ...]:
        """What the document is about, in the order of its entries."""
        return tuple(one.subject for one in await self._ownership.record(document.first_index))

    async def opening(self, document: StoredDocument) -> Opening:
        """Hash and file name of the document's bytes; raises KeyGoneError once erased."""
        return await self._services.vault.opening(sealed_of(document))

    async def sha256(self, document: StoredDocument) -> str:
        """SHA-256 of the document's bytes, in hex."""
        return (await self.opening(document)).sha256.hex()


def is_of_others_too(document: StoredDocument, principal: Principal) -> bool:
    """Whether it may tell the caller of parcels that are not theirs."""
    return (
        principal.role in OWN_PARCEL_ONLY
        and document.count > 1
        and document.submitter != principal.organisation
    )


def sealed_of(document: StoredDocument) -> SealedRef:
    """Reference of a document that was not erased."""
    if document.sealed is None:
        raise _erased(document)
    return document.sealed


def _erased(document: StoredDocument) -> ErasedError:
    return ErasedError(
        "the document's content", at=document.erased_at, ground=document.erased_ground
    )
