"""The operations of the public log."""

from typing import Final

from provenance.api.answers import BINARY, TEXT
from provenance.api.operations import STRING, Answer, Operation, integer, path, query, struct
from provenance.api.publiclog.answers import Checkpoints, ConsistencyProof
from provenance.api.publiclog.routes import PAGE, PublicLog
from provenance.api.roles import Permission
from provenance.api.services import Services

TAG: Final = "Public log"
_BYTES: Final = {"type": "string", "format": "binary"}
_CACHED: Final = ("ETag", "Cache-Control")


def operations(services: Services) -> list[Operation]:
    """Checkpoints, tiles, consistency proofs, the trust file; entry bundles for auditors."""
    log = PublicLog(services)
    note = Answer("Signed note (C2SP tlog-checkpoint)", STRING, (TEXT,), headers=_CACHED)
    return [
        Operation(
            name="latest_checkpoint",
            method="GET",
            path="/v1/log/checkpoint",
            summary="The latest anchored checkpoint",
            tag=TAG,
            handler=log.latest,
            answers={200: note},
            problems=(400, 404),
        ),
        Operation(
            name="checkpoint",
            method="GET",
            path="/v1/log/checkpoint/{size}",
            summary="The checkpoint of an anchored size",
            tag=TAG,
            handler=log.at,
            parameters=(path("size", "Entries", integer(minimum=1)),),
            answers={200: note},
            problems=(404,),
        ),
        Operation(
            name="list_checkpoints",
            method="GET",
            path="/v1/log/checkpoints",
            summary="Anchored checkpoints in order of size",
            tag=TAG,
            handler=log.checkpoints,
            parameters=(
                query("above", "Only sizes above this one", integer()),
                query("limit", "Checkpoints of a page", integer(minimum=1, maximum=PAGE)),
            ),
            answers={200: Answer("A page", struct(Checkpoints), headers=_CACHED)},
        ),
        Operation(
            name="consistency_proof",
            method="GET",
            path="/v1/log/consistency",
            summary="Consistency proof between two anchored sizes (RFC 9162)",
            tag=TAG,
            handler=log.consistency,
            parameters=(
                query("old", "The smaller size; 0 for the empty log", integer()),
                query("new", "The larger size", integer(minimum=1)),
            ),
            answers={200: Answer("The proof", struct(ConsistencyProof), headers=_CACHED)},
            problems=(404,),
        ),
        Operation(
            name="trust_file",
            method="GET",
            path="/v1/log/trust",
            summary="The trust file as the operator publishes it",
            description=(
                "For comparison and for trying things out. A trust file that comes from the "
                "party that it is about proves nothing: get it from elsewhere."
            ),
            tag=TAG,
            handler=log.trust,
            answers={200: Answer("The trust file", {"type": "object"}, headers=_CACHED)},
            problems=(400,),
        ),
        Operation(
            name="entry_bundle",
            method="GET",
            path="/v1/log/tile/entries/{tile:path}",
            summary="Entry bundle (C2SP tlog-tiles), for auditors",
            tag=TAG,
            permission=Permission.READ_ENTRIES,
            secured=log.bundle,
            parameters=(path("tile", "Like x001/234 or 000.p/17"),),
            answers={200: Answer("Entries behind their lengths", _BYTES, (BINARY,))},
            problems=(404,),
        ),
        Operation(
            name="tile",
            method="GET",
            path="/v1/log/tile/{tile:path}",
            summary="Hash tile (C2SP tlog-tiles), partial ones included",
            tag=TAG,
            handler=log.tile,
            parameters=(path("tile", "Like 0/x001/234 or 1/000.p/17"),),
            answers={200: Answer("Hashes of 32 bytes", _BYTES, (BINARY,), headers=_CACHED)},
            problems=(404,),
        ),
    ]
