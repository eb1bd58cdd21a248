"""The operation on shipments."""

from typing import Final

from provenance.api.operations import Answer, Operation, choice, path, query, struct
from provenance.api.roles import Permission
from provenance.api.services import Services
from provenance.api.shipments.answers import Timeline
from provenance.api.shipments.routes import Shipments
from provenance.evidence.timelines.contexts import Contexts

TAG: Final = "Shipments"


def operations(services: Services, contexts: Contexts) -> list[Operation]:
    """Timelines."""
    return [
        Operation(
            name="read_timeline",
            method="GET",
            path="/v1/shipments/{shipment:path}/timeline",
            summary="What is recorded about a waybill or parcel, and how firm it is",
            description=(
                "Follows the parcels of a waybill and containers between packing and unpacking. "
                "Corrected events stay visible. A carrier sees the place of others' records and "
                "not what they say."
            ),
            tag=TAG,
            permission=Permission.READ_TIMELINE,
            secured=Shipments(services, contexts).timeline,
            parameters=(
                path("shipment", "Waybill number, or an identifier in any spelling"),
                query("carrier", "Whose waybill number it is"),
                query("payloads", "Whether each event comes along", choice("include", "omit")),
            ),
            answers={200: Answer("The timeline", struct(Timeline))},
            problems=(404,),
        )
    ]
