"""The operations on dossiers."""

from typing import Final

from provenance.api.dossiers.order import LINES, DossierRequest
from provenance.api.dossiers.routes import ZIP, DossierDesk
from provenance.api.operations import Answer, Body, Operation, header, path, query, struct
from provenance.api.roles import Permission
from provenance.api.services import Services

TAG: Final = "Dossiers"
_BYTES: Final = {"type": "string", "format": "binary"}
_ABOUT: Final = (
    "409 with Retry-After while something of it is not anchored for good. What the key may not "
    "see, with `only` what was not chosen, and what was said in other cases stands in its place "
    "as withheld. Where Accept "
    f"names {LINES}, lines of JSON come first: each tells how far it has come, the last one the "
    "size of the ZIP that follows, or the problem why there is none."
)
_ACCEPT: Final = header("Accept", f"{LINES}: with lines that tell how far it has come")


def operations(services: Services) -> list[Operation]:
    """Dossiers of a case and of a shipment."""
    desk = DossierDesk(services)
    return [
        Operation(
            name="write_dossier_of_case",
            method="POST",
            path="/v1/cases/{case}/dossier",
            summary="A claims case in one file that proves it without this service",
            description=_ABOUT,
            tag=TAG,
            permission=Permission.READ_CASES,
            secured=desk.of_case,
            parameters=(
                path("case", "The case: its URN, or the 32 hex digits at the end of it"),
                _ACCEPT,
            ),
            body=Body(struct(DossierRequest)),
            answers={200: _answer()},
            problems=(404, 409, 410, 422),
        ),
        Operation(
            name="write_dossier_of_shipment",
            method="POST",
            path="/v1/shipments/{shipment:path}/dossier",
            summary="What is recorded about a waybill or parcel, in one file that proves it",
            description=f"{_ABOUT} A member gets of an event that lists several parcels its own line.",
            tag=TAG,
            permission=Permission.WRITE_DOSSIERS,
            secured=desk.of_shipment,
            parameters=(
                path("shipment", "Waybill number, or an identifier in any spelling"),
                query("carrier", "Whose waybill number it is"),
                _ACCEPT,
            ),
            body=Body(struct(DossierRequest)),
            answers={200: _answer()},
            problems=(404, 409, 422),
        ),
    ]


def _answer() -> Answer:
    return Answer("The dossier", _BYTES, (ZIP, LINES), headers=("Content-Disposition",))
