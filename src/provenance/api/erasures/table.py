"""The operations on erasures."""

from typing import Final

from provenance.api.erasures.answers import (
    DueRecords,
    Erasure,
    ErasureAnswer,
    ErasureRequest,
    Erasures,
)
from provenance.api.erasures.routes import MAX_PAGE, ErasureDesk
from provenance.api.operations import Answer, Body, Operation, integer, path, query, struct
from provenance.api.paging import TOKEN
from provenance.api.roles import Permission
from provenance.api.services import Services

TAG: Final = "Erasure"


def operations(services: Services) -> list[Operation]:
    """Order, follow and list erasures."""
    desk = ErasureDesk(services)
    return [
        Operation(
            name="erase_records",
            method="POST",
            path="/v1/erasures",
            summary="Erase records: payload, statement, salts and keys",
            description=(
                "When it is answered with 202, nobody can read what was named any more, and the "
                "log says so; what remains in tables, write-ahead log and copies goes in the "
                "background. A legal hold refuses all of it with 409 and says which; so does an "
                "open case where the ground is that retention ended. A dry run is answered with "
                "200 and changes nothing."
            ),
            tag=TAG,
            permission=Permission.ERASE,
            secured=desk.erase,
            body=Body(struct(ErasureRequest)),
            answers={
                200: Answer("What would go", struct(ErasureAnswer)),
                202: Answer("It is erased", struct(ErasureAnswer)),
            },
            problems=(409, 422),
        ),
        Operation(
            name="list_erasures",
            method="GET",
            path="/v1/erasures",
            summary="Erasures, newest first, and what is left to do",
            tag=TAG,
            permission=Permission.READ_ERASURES,
            secured=desk.erasures,
            parameters=(
                query("perPage", "Erasures of a page", integer(minimum=1, maximum=MAX_PAGE)),
                query(TOKEN, "The page after the one that gave this token"),
            ),
            answers={200: Answer("A page of erasures", struct(Erasures))},
        ),
        Operation(
            name="list_due_records",
            method="GET",
            path="/v1/erasures/due",
            summary="Records whose retention has ended: what the daily pass erases next",
            tag=TAG,
            permission=Permission.READ_ERASURES,
            secured=desk.due,
            answers={200: Answer("Records that would go", struct(DueRecords))},
            problems=(400,),
        ),
        Operation(
            name="read_erasure",
            method="GET",
            path="/v1/erasures/{id}",
            summary="How far an erasure is",
            tag=TAG,
            permission=Permission.READ_ERASURES,
            secured=desk.erasure,
            parameters=(path("id", "The 32 hex digits of the erasure"),),
            answers={200: Answer("The erasure", struct(Erasure))},
            problems=(404,),
        ),
    ]
