"""Operations: each declared once, with what it needs, takes and answers.

The table is the application's routing, its authentication and its OpenAPI description at the same
time, so that the three cannot differ.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import JSON, PROBLEM
from provenance.api.authentication import Authenticator, Principal
from provenance.api.roles import ALLOWED, Permission

Open = Callable[[Request], Awaitable[Response]]
"""Handler of an operation that anybody may call."""
Secured = Callable[[Request, Principal], Awaitable[Response]]
"""Handler of an operation that needs a key."""
Schema = Mapping[str, Any]

PROBLEM_REF: Final[Schema] = {"$ref": "#/components/schemas/Problem"}
STRING: Final[Schema] = {"type": "string"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}

_PROBLEMS: Final[Mapping[int, str]] = {
    400: "Malformed; the problem document names the field or parameter",
    401: "No API key, or one that is unknown or revoked",
    403: "The key's role may not do this",
    404: "There is no such thing, or it is not for this key",
    408: "The body did not arrive in time",
    409: "Contradicts what is recorded, or is not anchored yet (then with Retry-After)",
    410: "It was erased",
    413: "The body is too large",
    415: "The body's media type is not taken",
    416: "There is no such range; Content-Range says how many bytes there are",
    422: "Understood, but cannot be done",
    503: "Not now; repeat it after Retry-After",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path, query or header parameter."""

    name: str
    where: str
    description: str
    schema: Schema = field(default_factory=lambda: STRING)

    def describe(self) -> dict[str, Any]:
        """OpenAPI form."""
        described: dict[str, Any] = {
            "name": self.name,
            "in": self.where,
            "description": self.description,
            "required": self.where == "path",
            "schema": dict(self.schema),
        }
        if self.schema.get("type") == "array":
            described |= {"style": "form", "explode": False}
        return described


def path(name: str, description: str, schema: Schema = STRING) -> Parameter:
    """Declare a part of the path."""
    return Parameter(name, "path", description, schema)


def query(name: str, description: str, schema: Schema = STRING) -> Parameter:
    """Declare a query parameter."""
    return Parameter(name, "query", description, schema)


def header(name: str, description: str, schema: Schema = STRING) -> Parameter:
    """Declare a request header."""
    return Parameter(name, "header", description, schema)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers with: its schema, media types and headers of its own."""

    description: str
    schema: Schema | None = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """OpenAPI form."""
        described: dict[str, Any] = {"description": self.description}
        if self.schema is not None:
            described["content"] = {
                media_type: {"schema": dict(self.schema)} for media_type in self.media_types
            }
        if self.headers:
            described["headers"] = {name: {"schema": STRING} for name in self.headers}
        return described


@dataclass(frozen=True, slots=True)
class Body:
    """What an operation takes."""

    schema: Schema
    media_types: tuple[str, ...] = (JSON,)

    def describe(self) -> dict[str, Any]:
        """OpenAPI form."""
        return {
            "required": True,
            "content": {
                media_type: {"schema": dict(self.schema)} for media_type in self.media_types
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. ``permission`` is None where anybody may call it, without a key."""

    name: str
    method: str
    path: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    handler: Open | None = None
    secured: Secured | None = None
    permission: Permission | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[int, ...] = ()
    description: str = ""

    @property
    def status(self) -> int:
        """Status of the expected answer."""
        return min(self.answers)


def struct(kind: type) -> Schema:
    """Reference to the schema of an answer's msgspec struct."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def integer(*, minimum: int = 0, maximum: int = 2**53 - 1) -> Schema:
    """Schema of an integer within bounds."""
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def choice(*values: str) -> Schema:
    """Schema of one of some words."""
    return {"type": "string", "enum": list(values)}


def several(items: Schema = STRING) -> Schema:
    """Schema of a list."""
    return {"type": "array", "items": dict(items)}


def endpoint(operation: Operation, authenticator: Authenticator) -> Open:
    """What is called for ``operation``: its handler, behind its permission."""
    handler, secured, permission = operation.handler, operation.secured, operation.permission
    if handler is not None:
        assert permission is None, f"{operation.name} is open and secured at once"
        return handler
    assert secured is not None, f"{operation.name} has no handler"
    assert permission is not None, f"{operation.name} has no permission"

    async def call(request: Request) -> Response:
        return await secured(request, await authenticator.require(request, permission))

    return call


def install(router: APIRouter, operation: Operation, called: Open) -> None:
    """Add ``operation``, which is answered by ``called``, to ``router``."""
    router.add_api_route(
        operation.path,
        called,
        methods=[operation.method],
        name=operation.name,
        operation_id=operation.name,
        summary=operation.summary,
        description=operation.description or operation.summary,
        tags=[operation.tag],
        status_code=operation.status,
        response_class=Response,
        responses=_responses(operation),
        openapi_extra=_extra(operation),
    )


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    statuses = set(operation.problems)
    if operation.permission is not None:
        statuses |= {401, 403}
    if operation.parameters:
        statuses |= {400}
    if operation.body is not None:
        statuses |= {400, 408, 413, 415}
    described: dict[int | str, dict[str, Any]] = {
        status: answer.describe() for status, answer in operation.answers.items()
    }
    for status in sorted(statuses | {503}):
        described.setdefault(
            status,
            {
                "description": _PROBLEMS[status],
                "content": {PROBLEM: {"schema": PROBLEM_REF}},
            },
        )
    return described


def _extra(operation: Operation) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if operation.parameters:
        extra["parameters"] = [parameter.describe() for parameter in operation.parameters]
    if operation.body is not None:
        extra["requestBody"] = operation.body.describe()
    if operation.permission is not None:
        extra["security"] = [{"apiKey": []}]
        extra["x-roles"] = sorted(ALLOWED[operation.permission])
    return extra
