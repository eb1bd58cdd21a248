"""The operations on claims cases."""

from typing import Final

from provenance.api.cases.answers import ActAnswer, ActRequest, CaseRequest, Cases, CaseView
from provenance.api.cases.routes import MAX_PAGE, CaseDesk
from provenance.api.operations import (
    Answer,
    Body,
    Operation,
    choice,
    header,
    integer,
    path,
    query,
    struct,
)
from provenance.api.paging import TOKEN
from provenance.api.roles import Permission
from provenance.api.services import Services
from provenance.evidence.cases.states import STATES
from provenance.evidence.timelines.contexts import Contexts

TAG: Final = "Claims"
_CASE: Final = path("case", "The case: its URN, or the 32 hex digits at the end of it")


def operations(services: Services, contexts: Contexts) -> list[Operation]:
    """Open, change, read and list cases."""
    desk = CaseDesk(services, contexts)
    return [*_writes(desk), *_reads(desk)]


def _writes(desk: CaseDesk) -> list[Operation]:
    return [
        Operation(
            name="open_case",
            method="POST",
            path="/v1/cases",
            summary="Open a claims case on a shipment",
            description=(
                "The case is a subject of its own, and this act its first record. With an "
                "Idempotency-Key a repetition gets the same case."
            ),
            tag=TAG,
            permission=Permission.HANDLE_CASES,
            secured=desk.open,
            parameters=(header("Idempotency-Key", "Repeats with the same key open one case"),),
            body=Body(struct(CaseRequest)),
            answers={201: Answer("Opened and logged", struct(ActAnswer), headers=("Location",))},
            problems=(409, 422),
        ),
        Operation(
            name="act_on_case",
            method="POST",
            path="/v1/cases/{case}/acts",
            summary="Do something with a case: each act is a record of the log",
            description=(
                "expected_seq is the case's seq as it was read: of two acts that expect the same "
                "one is logged and the other gets 409. The same act sent again gets the first answer."
            ),
            tag=TAG,
            permission=Permission.HANDLE_CASES,
            secured=desk.act,
            parameters=(_CASE,),
            body=Body(struct(ActRequest)),
            answers={201: Answer("Logged", struct(ActAnswer))},
            problems=(404, 409, 410, 422),
        ),
    ]


def _reads(desk: CaseDesk) -> list[Operation]:
    return [
        Operation(
            name="list_cases",
            method="GET",
            path="/v1/cases",
            summary="Cases of a shipment, or in a state",
            description="A key of role claims sees the cases that its organisation opened.",
            tag=TAG,
            permission=Permission.READ_CASES,
            secured=desk.cases,
            parameters=(
                query("shipment", "Waybill number, or an identifier in any spelling"),
                query("carrier", "Whose waybill number it is"),
                query("state", "State of the case", choice(*STATES)),
                query("perPage", "Cases of one page", integer(minimum=1, maximum=MAX_PAGE)),
                query(TOKEN, "Where the page before this one ended"),
            ),
            answers={200: Answer("One page of cases", struct(Cases))},
        ),
        Operation(
            name="read_case",
            method="GET",
            path="/v1/cases/{case}",
            summary="A case with its history, checklist, clocks, limits and cross-checks",
            description=(
                "The rules are applied to what the log holds now. Nothing that contradicts itself is "
                "resolved; nothing here is legal advice."
            ),
            tag=TAG,
            permission=Permission.READ_CASES,
            secured=desk.case,
            parameters=(_CASE,),
            answers={200: Answer("The case", struct(CaseView))},
            problems=(404, 410),
        ),
    ]
