"""The operations on documents."""

from typing import Final

from provenance.api.answers import BINARY
from provenance.api.documents.answers import DocumentAnswer, Documents, DocumentTypes
from provenance.api.documents.download import Downloads
from provenance.api.documents.finding import Finder
from provenance.api.documents.listing import MAX_PAGE, Listing
from provenance.api.documents.upload import Uploads
from provenance.api.operations import (
    STRING,
    Answer,
    Body,
    Operation,
    header,
    integer,
    path,
    query,
    struct,
)
from provenance.api.roles import Permission
from provenance.api.services import Services
from provenance.intake.documents.description import MEDIA_TYPE
from provenance.intake.documents.kinds import TAKEN
from provenance.log.documents import DocumentStore

TAG: Final = "Documents"
_BYTES: Final = {"type": "string", "format": "binary"}
_FIRST: Final = path("first_index", "Index of the document's first entry", integer())
_SUBJECT: Final = query(
    "subject",
    "A subject of the document: an identifier in any spelling or a waybill number. Members, claims "
    "and customs must name it.",
)
_CARRIER: Final = query("carrier", "Whose waybill number it is, if it is one")
_IDEMPOTENCY: Final = header(
    "Idempotency-Key", "Repeats with the same key and content get the first answer"
)


def operations(services: Services) -> list[Operation]:
    """Upload, description, download, lists."""
    store = DocumentStore(services.engine, log_id=services.log.log_id)
    finder = Finder(services, store)
    uploads = Uploads(services, store, finder)
    listing = Listing(services, store)
    return [
        _upload(uploads),
        Operation(
            name="list_documents",
            method="GET",
            path="/v1/documents",
            summary="Documents about a subject, newest first",
            tag=TAG,
            permission=Permission.READ_DOCUMENTS,
            secured=listing.documents,
            parameters=(
                query("subject", "What they are about: an identifier or a waybill number"),
                _CARRIER,
                query("perPage", "Documents of a page", integer(minimum=1, maximum=MAX_PAGE)),
                query("nextPageToken", "The page after the one that gave this token"),
            ),
            answers={200: Answer("A page of documents", struct(Documents))},
        ),
        _download(Downloads(services, finder)),
        Operation(
            name="describe_document",
            method="POST",
            path="/v1/documents/{first_index}/description",
            summary="Record what a document says, as structured data",
            description=(
                "The description is a record of its own that relies on the document, about the "
                "same subjects. It names the document's first index and SHA-256."
            ),
            tag=TAG,
            permission=Permission.UPLOAD,
            secured=uploads.description,
            parameters=(_FIRST, _SUBJECT, _CARRIER, _IDEMPOTENCY),
            body=Body(
                {"$ref": "#/components/schemas/Description"}, (MEDIA_TYPE, "application/json")
            ),
            answers={201: Answer("It is recorded", struct(DocumentAnswer), headers=("Location",))},
            problems=(404, 409, 410, 422),
        ),
        Operation(
            name="search_document_types",
            method="GET",
            path="/v1/document-types",
            summary="Document types of UNTDID 1001, by code or by words of their names",
            tag=TAG,
            handler=listing.types,
            parameters=(query("q", "A code, or words of a name", {**STRING, "maxLength": 100}),),
            answers={200: Answer("Types, the best match first", struct(DocumentTypes))},
        ),
    ]


def _upload(uploads: Uploads) -> Operation:
    return Operation(
        name="upload_document",
        method="POST",
        path="/v1/documents",
        summary="Record a document about one or more shipments or parcels",
        description=(
            "The body is the document itself. It is told by its content what it is, which must be "
            "what Content-Type declares. The answer comes when the document is in the log; the "
            "same document again, from the same organisation and about the same subjects, gets "
            "the first answer. Keys of claims and members name subjects that are recorded."
        ),
        tag=TAG,
        permission=Permission.UPLOAD,
        secured=uploads.document,
        parameters=(
            query("subject", "What it is about; may be repeated"),
            _CARRIER,
            query("type", "Code of UNTDID 1001, such as 380 for a commercial invoice"),
            query("filename", "Name of the file, without a folder"),
            query(
                "supersedes",
                "First index of the version that this one takes the place of",
                integer(),
            ),
            _IDEMPOTENCY,
            header("Repr-Digest", "sha-256=:…: of the bytes (RFC 9530); others are refused"),
        ),
        body=Body(_BYTES, (*TAKEN, BINARY)),
        answers={201: Answer("It is recorded", struct(DocumentAnswer), headers=("Location",))},
        problems=(404, 409, 422),
    )


def _download(downloads: Downloads) -> Operation:
    headers = ("ETag", "Repr-Digest", "Content-Disposition", "Accept-Ranges")
    return Operation(
        name="download_document",
        method="GET",
        path="/v1/documents/{first_index}",
        summary="The original bytes of a document, or a range of them",
        tag=TAG,
        permission=Permission.READ_DOCUMENTS,
        secured=downloads.document,
        parameters=(
            _FIRST,
            _SUBJECT,
            _CARRIER,
            header("Range", "One range of bytes"),
            header("If-Range", "The ETag that the range is of"),
            header("If-None-Match", "An ETag that the caller has"),
        ),
        answers={
            200: Answer("All bytes", _BYTES, TAKEN, headers),
            206: Answer("The range", _BYTES, TAKEN, (*headers, "Content-Range")),
            304: Answer("The caller has it"),
        },
        problems=(404, 410, 416),
    )
