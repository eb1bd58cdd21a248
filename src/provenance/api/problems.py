"""Errors as problem documents (RFC 9457), made in this one place.

The status follows the error's class, ``code`` and ``detail`` come from the error itself. What
nobody raised on purpose is told as a reference number and nothing else; the log has the rest.
"""

import http
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from provenance.api import errors as api
from provenance.api.answers import PROBLEM, encode
from provenance.chain.errors import ChainError
from provenance.core.errors import BoundsError, FormatError, ProofError, ProvenanceError
from provenance.db.errors import LastAdminKeyError
from provenance.erasure import errors as erasure
from provenance.evidence import errors as evidence
from provenance.evidence.dossier.blocks import BlockGatherError
from provenance.intake.documents import errors as documents
from provenance.intake.documents.kinds import TAKEN
from provenance.intake.errors import RefusedError, problem_of
from provenance.log import errors as log
from provenance.prove import errors as prove
from provenance.sealing import errors as sealing
from provenance.verify.dossier.errors import ContainerError

TYPE_PREFIX: Final = "urn:provenance:problem:"
"""In front of an error's code, it is the problem's ``type``."""
PROBLEM_STATE: Final = "problem"
"""Where the state of a request has the code of the problem that it was answered with."""
NOT_ANCHORED_RETRY_S: Final = 2
"""Twice the default anchoring interval."""
CHAIN_RETRY_S: Final = 5
"""A node that is asked again in vain is not asked for long."""

STATUSES: Final[Mapping[type[ProvenanceError], int]] = {
    api.UnauthenticatedError: 401,
    api.ForbiddenError: 403,
    api.MissingError: 404,
    api.MediaTypeError: 415,
    api.ContentCodingError: 415,
    api.BodyTooLargeError: 413,
    api.BodyTimeoutError: 408,
    api.ErasedError: 410,
    api.RangeError: 416,
    api.ApiError: 400,
    documents.DocumentTypeError: 415,
    documents.TooManyDocumentsError: 409,
    documents.DocumentError: 422,
    sealing.KeyGoneError: 410,
    LastAdminKeyError: 409,
    log.RetryableError: 503,
    log.ConflictError: 409,
    log.IdempotencyConflictError: 409,
    log.DraftError: 400,
    log.RejectedError: 422,
    log.NotInLogError: 404,
    prove.EntryNotFoundError: 404,
    prove.NotAnchoredError: 409,
    prove.DistrustedLogError: 503,
    prove.NotAnchoredSizeError: 404,
    evidence.UnlawfulMoveError: 409,
    evidence.StaleCaseError: 409,
    evidence.ClosedCaseError: 409,
    evidence.UnknownEvidenceError: 422,
    evidence.UnfollowedCaseError: 409,
    evidence.DossierTooLargeError: 422,
    ContainerError: 422,
    BlockGatherError: 503,
    ChainError: 503,
    erasure.KeptError: 409,
    erasure.NothingToEraseError: 422,
    BoundsError: 400,
    ProofError: 422,
    FormatError: 400,
}
"""Status of each error and of its subclasses; the nearest class counts. All others are 500."""

_log = structlog.get_logger(__name__)


def status_of(error: ProvenanceError) -> int:
    """HTTP status of an error of ours."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return 500


class ProblemDocument(Response):
    """A problem as an answer; when it is sent, the request's state learns its ``code``."""

    media_type = PROBLEM

    def __init__(
        self, content: bytes, *, code: str, status_code: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(content, status_code=status_code, headers=headers)
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope.setdefault("state", {})[PROBLEM_STATE] = self.code
        await super().__call__(scope, receive, send)


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> Response:
    """Problem document as an answer."""
    body = {
        "type": TYPE_PREFIX + code,
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    return ProblemDocument(
        encode(body),
        code=code,
        status_code=status,
        headers={"cache-control": "no-store", **(headers or {})},
    )


def problem_of_error(error: ProvenanceError, reference: str) -> Response:
    """Answer for an error that was raised on purpose."""
    status = status_of(error)
    if status == 500 and not isinstance(error, sealing.DamagedDocumentError):
        return _unexpected(reference)
    headers: dict[str, str] = {}
    members: dict[str, object] = {}
    retry_after = getattr(error, "retry_after", None)
    if isinstance(error, prove.NotAnchoredError):
        retry_after = NOT_ANCHORED_RETRY_S
    if isinstance(error, BlockGatherError | ChainError):
        retry_after = CHAIN_RETRY_S
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="provenance"'
    if isinstance(error, api.MediaTypeError):
        headers["accept"] = ", ".join(error.accepted)
    if isinstance(error, documents.DocumentTypeError):
        headers["accept"] = ", ".join(TAKEN)
    if isinstance(error, api.RangeError):
        headers["content-range"] = f"bytes */{error.size}"
    if isinstance(error, FormatError):
        members["errors"] = _errors_of(error)
    elif isinstance(error, api.ParameterError):
        members["errors"] = [{"parameter": error.name, "code": error.code, "detail": error.message}]
    elif isinstance(error, log.ConflictError):
        members["first_index"] = error.first_index
    return problem(status, code=error.code, detail=str(error), headers=headers, **members)


def problem_of_exception(error: Exception, reference: str) -> Response:
    """Answer for whatever was raised, outside of a request."""
    if isinstance(error, ProvenanceError):
        if status_of(error) == 500:
            _log.error("work failed", code=error.code, frames=_frames(error), reference=reference)
        return problem_of_error(error, reference)
    if isinstance(error, DBAPIError | PoolTimeoutError | psycopg.Error):
        return _database_problem(error, reference)
    _log.error(
        "work failed unexpectedly",
        error=type(error).__name__,
        frames=_frames(error),
        reference=reference,
    )
    return _unexpected(reference)


def _errors_of(error: FormatError) -> list[dict[str, str]]:
    found = error.errors if isinstance(error, RefusedError) else (error,)
    return [problem_of(one) for one in found]


def _unexpected(reference: str) -> Response:
    return problem(
        500,
        code="internal",
        detail=f"something went wrong here; give the operator the reference {reference}",
        reference=reference,
    )


def _unavailable() -> Response:
    return problem(
        503,
        code="database-unavailable",
        detail="the database could not be reached or did not answer in time; repeat the request",
        headers={"retry-after": "2"},
    )


def reference_of(request: Request) -> str:
    """Identifier of this request, as the log and the answer's header name it."""
    return str(request.scope.get("state", {}).get("reference", "-"))


async def on_error(request: Request, error: Exception) -> Response:
    """Answer for an error of ours."""
    assert isinstance(error, ProvenanceError)
    if status_of(error) == 500:
        reference = reference_of(request)
        _log.error("request failed", code=error.code, frames=_frames(error), reference=reference)
    return problem_of_error(error, reference_of(request))


_UNREACHABLE: Final = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


async def on_database_error(request: Request, error: Exception) -> Response:
    """Answer where the database was asked in vain."""
    return _database_problem(error, reference_of(request))


def _database_problem(error: Exception, reference: str) -> Response:
    """Problem of a database that was asked in vain; its messages may quote data."""
    sqlstate = getattr(getattr(error, "orig", error), "sqlstate", None)
    _log.error("database failed", error=type(error).__name__, sqlstate=sqlstate)
    if isinstance(error, _UNREACHABLE):
        return _unavailable()
    return _unexpected(reference)


async def on_http_error(_request: Request, error: Exception) -> Response:
    """Answer where no operation was found for path or method."""
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed"}
    details = {
        404: "there is nothing at this path; /docs lists what there is",
        405: "this path does not take this method; the Allow header lists those that it takes",
    }
    return problem(
        error.status_code,
        code=codes.get(error.status_code, "request-refused"),
        detail=details.get(error.status_code, str(error.detail)),
        headers=error.headers,
    )


async def on_unexpected(request: Request, error: Exception) -> Response:
    """Answer for what nobody raised on purpose."""
    reference, name = reference_of(request), type(error).__name__
    _log.error(
        "request failed unexpectedly", error=name, frames=_frames(error), reference=reference
    )
    return _unexpected(reference)


def _frames(error: BaseException) -> list[str]:
    """Where it happened, without the message, which may quote what a caller sent."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]


HANDLERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Any]]] = {
    ProvenanceError: on_error,
    HTTPException: on_http_error,
    DBAPIError: on_database_error,
    PoolTimeoutError: on_database_error,
    psycopg.Error: on_database_error,
}
"""Which handler answers which exception."""
