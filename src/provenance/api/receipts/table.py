"""The operations of receipts and trail heads."""

from typing import Final

from provenance.api.answers import TEXT
from provenance.api.documents.download import Downloads
from provenance.api.documents.finding import Finder
from provenance.api.operations import STRING, Answer, Operation, integer, path, query
from provenance.api.receipts.payloads import Payloads
from provenance.api.receipts.routes import Receipts
from provenance.api.roles import Permission
from provenance.api.services import Services
from provenance.evidence.timelines.contexts import Contexts
from provenance.log.documents import DocumentStore

TAG: Final = "Receipts"
_RECEIPT: Final = {"$ref": "#/components/schemas/Receipt"}
_SUBJECT: Final = query(
    "subject",
    "The subject that the receipt must be about: an identifier in any spelling or a waybill "
    "number. Members, claims and customs must name it.",
)
_CARRIER: Final = query("carrier", "Whose waybill number it is, if it is one")


def operations(services: Services, contexts: Contexts) -> list[Operation]:
    """Receipts of an entry and of a record, and trail heads."""
    store = DocumentStore(services.engine, log_id=services.log.log_id)
    downloads = Downloads(services, Finder(services, store))
    receipts = Receipts(services, contexts)
    payloads = Payloads(services, contexts, downloads)
    return [
        Operation(
            name="read_receipt",
            method="GET",
            path="/v1/receipts/{index}",
            summary="Receipt of one entry, in exactly its canonical bytes",
            description=(
                "409 with Retry-After while no anchor covers the entry. A member's receipt of an "
                "event that lists several parcels discloses the fields of its own."
            ),
            tag=TAG,
            permission=Permission.READ_RECEIPTS,
            secured=receipts.receipt,
            parameters=(path("index", "Index of the entry", integer()), _SUBJECT, _CARRIER),
            answers={200: Answer("The receipt", _RECEIPT)},
            problems=(404, 409),
        ),
        Operation(
            name="read_receipts_of_record",
            method="GET",
            path="/v1/records/{first_index}/receipts",
            summary="Receipts of all entries of a record",
            tag=TAG,
            permission=Permission.READ_RECORD,
            secured=receipts.of_record,
            parameters=(
                path("first_index", "Index of the record's first entry", integer()),
                _SUBJECT,
                _CARRIER,
            ),
            answers={200: Answer("Receipts", {"type": "array", "items": _RECEIPT})},
            problems=(404, 409),
        ),
        Operation(
            name="read_payload_of_record",
            method="GET",
            path="/v1/records/{first_index}/payload",
            summary="Payload of a record, byte for byte as it came",
            description=(
                "Where an errorDeclaration re-uses its event's eventID, this tells the two apart: "
                "each is a record of its own. 410 tells when it was erased, and on which ground. "
                "An erasure's author and note are for the operator and whoever ordered it."
            ),
            tag=TAG,
            permission=Permission.READ_RECORD,
            secured=payloads.payload,
            parameters=(
                path("first_index", "Index of the record's first entry", integer()),
                _SUBJECT,
                _CARRIER,
            ),
            answers={
                200: Answer("The event, or the document", {"type": "object"}),
                206: Answer("A range of a document"),
                304: Answer("The caller has the document"),
            },
            problems=(404, 410, 416),
        ),
        Operation(
            name="read_trail_head",
            method="GET",
            path="/v1/trails/head",
            summary="Signed length and last leaf of a subject's trail",
            tag=TAG,
            permission=Permission.READ_TIMELINE,
            secured=receipts.trail_head,
            parameters=(_SUBJECT, _CARRIER),
            answers={200: Answer("Signed note", STRING, (TEXT,))},
            problems=(404, 409),
        ),
    ]
