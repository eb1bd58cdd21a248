"""The OpenAPI description, out of the operations' own declarations."""

from inspect import cleandoc
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from provenance.api.cases.answers import ActAnswer, ActRequest, CaseRequest, Cases, CaseView
from provenance.api.documents.answers import DocumentAnswer, Documents, DocumentTypes
from provenance.api.dossiers.order import DossierRequest
from provenance.api.epcis.answers import CaptureJobAnswer, EventAnswer
from provenance.api.epcis.schemas import SCHEMAS
from provenance.api.erasures.answers import (
    DueRecords,
    Erasure,
    ErasureAnswer,
    ErasureRequest,
    Erasures,
)
from provenance.api.keys.answers import Key, KeyRequest, Keys
from provenance.api.operation.routes import Live, Ready
from provenance.api.publiclog.answers import Checkpoints, ConsistencyProof
from provenance.api.shipments.answers import Timeline
from provenance.api.verification.answers import Verification, VerificationRequest
from provenance.intake.documents.description import Description

TITLE: Final = "Provenance"
DESCRIPTION: Final = """\
Tamper-evident tracking history of international parcels.

It proves what was recorded and when; not that it is true, nor that all of reality was recorded. A
submission that was refused leaves no trace. A chain that the operator runs alone is a
demonstration, not evidence.

Keys are sent as `Authorization: Bearer prov_…`; `x-roles` says which roles an operation takes.
Errors are problem documents (RFC 9457) with a stable `code`.
"""


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: where it is (a JSON pointer or a parameter) and what to do."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] = []
    reference: str | None = None
    first_index: int | None = None


_STRUCTS: Final = (
    ActAnswer,
    ActRequest,
    CaptureJobAnswer,
    CaseRequest,
    CaseView,
    Cases,
    Checkpoints,
    ConsistencyProof,
    Description,
    DocumentAnswer,
    DocumentTypes,
    Documents,
    DossierRequest,
    DueRecords,
    Erasure,
    ErasureAnswer,
    ErasureRequest,
    Erasures,
    EventAnswer,
    Key,
    KeyRequest,
    Keys,
    Live,
    Problem,
    Ready,
    Timeline,
    Verification,
    VerificationRequest,
)
_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Canonical JSON; docs/formats.md and the published JSON Schema say what is in it",
    "properties": {
        "v": {"const": 1},
        "index": {"type": "integer", "minimum": 0},
        "entry": {"type": "object"},
        "path": {"type": "array", "items": {"type": "string"}},
        "checkpoint": {"type": "string"},
        "anchor": {"type": "object"},
        "statement": {"type": "object"},
        "salt": {"type": "string"},
        "trail_head": {"type": "string"},
    },
    "required": ["v", "index", "entry", "path", "checkpoint", "anchor"],
}


def describe(app: FastAPI, *, version: str) -> dict[str, Any]:
    """OpenAPI 3.1 description of ``app``."""
    described = get_openapi(
        title=TITLE, version=version, description=DESCRIPTION, routes=app.routes
    )
    _, schemas = msgspec.json.schema_components(
        _STRUCTS, ref_template="#/components/schemas/{name}"
    )
    own = {name: _tidy(schema) for name, schema in schemas.items()}
    components = described.setdefault("components", {})
    components["schemas"] = dict(sorted({**own, **SCHEMAS, "Receipt": _RECEIPT}.items()))
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "prov_<id>_<secret>"}
    }
    return described


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Schema of a struct whose absent members are left out: none of them is ever null."""
    tidy = {name: value for name, value in schema.items() if name != "title"}
    if "description" in tidy:
        tidy["description"] = cleandoc(tidy["description"])
    if "properties" in tidy:
        tidy["properties"] = {
            name: _without_null(value) for name, value in tidy["properties"].items()
        }
    return tidy


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in schema.items() if name != "default"}
    options = [option for option in found.pop("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        return {**found, **options[0]}
    return {**found, "anyOf": options} if options else found
