"""Handlers of lists: documents about a subject, and the code list of their types."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import JSON, encode, json_answer, public_answer
from provenance.api.authentication import Principal
from provenance.api.documents.answers import (
    DocumentItem,
    Documents,
    DocumentTypeItem,
    DocumentTypes,
)
from provenance.api.documents.finding import is_of_others_too
from provenance.api.errors import ParameterError
from provenance.api.paging import page_token, read_token
from provenance.api.parameters import Parameters
from provenance.api.roles import Role
from provenance.api.services import Services
from provenance.api.subjects import carrier_of, subject_of
from provenance.intake.documents.types import document_types, search_types
from provenance.log.documents import DocumentStore, StoredDocument
from provenance.sealing import KeyGoneError

MAX_PAGE: Final = 100
"""Documents of one page; the name of each is under a key of its own."""
MAX_QUERY: Final = 100
_DAY: Final = "public, max-age=86400"


class Listing:
    """The operations that list."""

    def __init__(self, services: Services, store: DocumentStore) -> None:
        self._services = services
        self._store = store

    async def documents(self, request: Request, principal: Principal) -> Response:
        """GET /v1/documents."""
        found = Parameters.of(request, known=("subject", "carrier", "perPage", "nextPageToken"))
        named = found.text("subject")
        if named is None:
            raise ParameterError("is required: what the documents are about", name="subject")
        carrier = carrier_of(found.text("carrier"), default=self._services.carrier)
        subject = subject_of(named, carrier=carrier, name="subject")
        limit = found.integer("perPage", minimum=1, maximum=MAX_PAGE) or MAX_PAGE
        token = found.text("nextPageToken")
        query = f"documents {principal.organisation} {subject}"
        before = None if token is None else read_token(token, query=query, length=1)[0]
        rows = await self._store.about(
            subject,
            submitter=principal.organisation if principal.role is Role.CARRIER else None,
            before=before,
            limit=limit + 1,
        )
        page = rows[:limit]
        following = None
        if len(rows) > limit:
            following = page_token([page[-1].first_index], query=query)
        return json_answer(Documents(documents=await self._items(page, principal), next=following))

    async def types(self, request: Request) -> Response:
        """GET /v1/document-types."""
        found = Parameters.of(request, known=("q",))
        query = found.text("q") or ""
        if not 0 < len(query) <= MAX_QUERY:
            raise ParameterError(
                f"is a code, or words of a name, in at most {MAX_QUERY} characters", name="q"
            )
        types = [DocumentTypeItem(code=one.code, name=one.name) for one in search_types(query)]
        body = encode(DocumentTypes(types=types))
        return public_answer(request, body, media_type=JSON, cache_control=_DAY)

    async def _items(self, page: list[StoredDocument], principal: Principal) -> list[DocumentItem]:
        firsts = [document.first_index for document in page]
        newer = await self._store.superseding(firsts)
        described = await self._store.describing(firsts)
        older = {document.supersedes for document in page if document.supersedes is not None}
        versions = await self._store.superseding(older)
        return [
            await self._item(
                document,
                is_named=not is_of_others_too(document, principal),
                newer=newer.get(document.first_index, []),
                described=described.get(document.first_index, []),
                beside=_beside(document, versions),
            )
            for document in page
        ]

    async def _item(
        self,
        document: StoredDocument,
        *,
        is_named: bool,
        newer: list[int],
        described: list[int],
        beside: list[int],
    ) -> DocumentItem:
        erased = DocumentItem(
            first_index=document.first_index,
            at=document.at,
            state="erased",
            superseded_by=newer,
            erased_at=document.erased_at,
            erased_ground=document.erased_ground,
        )
        if document.sealed is None:
            return erased
        try:
            opening = await self._services.vault.opening(document.sealed)
        except KeyGoneError:
            return erased
        code = document.type
        return DocumentItem(
            first_index=document.first_index,
            at=document.at,
            state="superseded" if newer else "current",
            type=code,
            type_name=None if code is None else document_types().get(code),
            media_type=document.media_type,
            size=document.size,
            filename=opening.filename if is_named else None,
            supersedes=document.supersedes,
            superseded_by=newer,
            beside=beside,
            descriptions=described,
        )


def _beside(document: StoredDocument, versions: Mapping[int, list[int]]) -> list[int]:
    """Other versions that supersede what ``document`` does."""
    if document.supersedes is None:
        return []
    found = versions.get(document.supersedes, [])
    return [first for first in found if first != document.first_index]
