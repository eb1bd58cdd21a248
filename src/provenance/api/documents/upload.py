"""Handlers of what writes: documents, and descriptions of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.bodies import read_body
from provenance.api.documents.answers import DocumentAnswer
from provenance.api.documents.finding import Finder
from provenance.api.documents.receiving import Receiving, announced_digest, declared_type
from provenance.api.documents.recording import Intent, Recorder
from provenance.api.epcis.headers import read_idempotency
from provenance.api.errors import MissingError, ParameterError
from provenance.api.parameters import Parameters
from provenance.api.roles import NAMES_SUBJECT
from provenance.api.services import Services
from provenance.api.subjects import carrier_of, recorded_subject_of
from provenance.core.digests import LeafHash
from provenance.core.statement import Ref
from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.description import MAX_BYTES, MEDIA_TYPE, read_description
from provenance.intake.documents.errors import DescriptionError, NotADocumentError
from provenance.intake.documents.names import check_filename
from provenance.intake.documents.statements import (
    MAX_SUBJECTS,
    check_type,
    relying_on,
    superseding,
)
from provenance.intake.errors import ReservedSubjectError
from provenance.intake.subjects import is_reserved
from provenance.log.documents import DocumentStore, StoredDocument
from provenance.log.errors import NotInLogError, OverloadedError

_QUERY = ("subject", "carrier", "type", "filename", "supersedes")


class Uploads:
    """The operations that record documents."""

    def __init__(self, services: Services, store: DocumentStore, finder: Finder) -> None:
        self._services = services
        self._store = store
        self._finder = finder
        self._recorder = Recorder(services)
        self._free = services.limits.max_uploads

    async def document(self, request: Request, principal: Principal) -> Response:
        """POST /v1/documents."""
        intent = await self._intent(request, principal)
        key = _idempotency_key(request)
        receiving = Receiving(
            request,
            limit=self._services.limits.max_document_bytes,
            seconds=self._services.seconds,
            check=ContentCheck(declared=declared_type(request)),
        )
        receiving.check_headers()
        self._recorder.require_open()
        with self._place():
            answer = await self._recorder.record(
                receiving.chunks(),
                intent,
                principal,
                media_type=lambda: receiving.media_type,
                idempotency_key=key,
            )
        return _created(answer)

    async def description(self, request: Request, principal: Principal) -> Response:
        """POST /v1/documents/{first_index}/description."""
        document = await self._finder.required(request, principal)
        if document.describes is not None:
            raise MissingError("there is no such document, or it is not for this key")
        body = await read_body(request, limit=MAX_BYTES, accepted=(MEDIA_TYPE, "application/json"))
        described = read_description(body)
        if described.document.first_index != document.first_index:
            raise DescriptionError(
                f"is {document.first_index}, the document's", where="/document/first_index"
            )
        if described.document.sha256 != await self._finder.sha256(document):
            raise DescriptionError("is not the document's SHA-256", where="/document/sha256")
        subjects = await self._finder.subjects(document)
        if any(map(is_reserved, subjects)):
            # It is older than the rule; what describes it would join the same trails.
            raise ReservedSubjectError(
                "the document is about a name that the service gives itself; record it about its "
                "shipment, and describe that",
                where="/document/first_index",
            )
        intent = Intent(
            subjects=subjects,
            refs=relying_on(await self._leaves(document)),
            describes=document.first_index,
        )
        self._recorder.require_open()
        answer = await self._recorder.record(
            _once(body),
            intent,
            principal,
            media_type=lambda: MEDIA_TYPE,
            idempotency_key=_idempotency_key(request),
        )
        return _created(answer)

    async def _intent(self, request: Request, principal: Principal) -> Intent:
        found = Parameters.of(request, known=_QUERY)
        carrier = carrier_of(found.text("carrier"), default=self._services.carrier)
        named = found.texts("subject", maximum=MAX_SUBJECTS)
        if not named:
            raise ParameterError("is required: what the document is about", name="subject")
        subjects = dict.fromkeys(
            recorded_subject_of(one, carrier=carrier, name="subject") for one in named
        )
        type_code, filename = found.text("type"), found.text("filename")
        if type_code is None:
            raise ParameterError("is required: a code of UNTDID 1001", name="type")
        await self._require_known(subjects, principal)
        supersedes = found.integer("supersedes")
        refs: tuple[Ref, ...] = ()
        if supersedes is not None:
            refs = superseding(await self._leaves(await self._superseded(supersedes, principal)))
        return Intent(
            subjects=tuple(subjects),
            type_code=check_type(type_code),
            filename=None if filename is None else check_filename(filename),
            refs=refs,
            supersedes=supersedes,
            digest=announced_digest(request),
        )

    async def _require_known(self, subjects: "dict[str, None]", principal: Principal) -> None:
        """Only who records journeys begins one: a slip of a claimant's would start a trail."""
        if principal.role not in NAMES_SUBJECT:
            return
        for subject in subjects:
            try:
                await self._services.entries.trail(subject)
            except NotInLogError:
                raise MissingError(
                    f"nothing is recorded about {subject}; name the parcel or waybill as it was "
                    "recorded"
                ) from None

    async def _superseded(self, first_index: int, principal: Principal) -> StoredDocument:
        document = await self._store.find(first_index)
        if (
            document is None
            or document.describes is not None
            or document.submitter != principal.organisation
        ):
            raise NotADocumentError(
                f"supersedes: {first_index} is not the first entry of a document that this "
                "organisation recorded"
            )
        return document

    async def _leaves(self, document: StoredDocument) -> list[LeafHash]:
        first = document.first_index
        return await self._services.entries.leaf_hashes(first, first + document.count)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places for uploads."""
        if self._free == 0:
            raise OverloadedError("too many documents stream in at the moment", retry_after=5)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


def _created(answer: DocumentAnswer) -> Response:
    return json_answer(
        answer, status=201, headers={"location": f"/v1/documents/{answer.first_index}"}
    )


def _idempotency_key(request: Request) -> str | None:
    found = read_idempotency(request, content_mac=b"")
    return None if found is None else found.key


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
