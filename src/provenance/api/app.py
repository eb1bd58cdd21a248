"""The application: its parts put together, and what happens when it starts and stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

import provenance.api.cases.table as cases
import provenance.api.documents.table as documents
import provenance.api.dossiers.table as dossiers
import provenance.api.epcis.table as epcis
import provenance.api.erasures.table as erasures
import provenance.api.keys.table as keys
import provenance.api.operation.routes as operation
import provenance.api.publiclog.table as publiclog
import provenance.api.receipts.table as receipts
import provenance.api.shipments.table as shipments
import provenance.api.verification.table as verification
from provenance.api.answers import JSON, encode, public_answer
from provenance.api.authentication import Authenticator
from provenance.api.dispatch import Dispatch
from provenance.api.edge import Edge
from provenance.api.epcis.store import EventStore
from provenance.api.metrics import HttpMetrics
from provenance.api.openapi import describe
from provenance.api.operations import Operation, endpoint, install
from provenance.api.problems import HANDLERS
from provenance.api.reference import reference_page
from provenance.api.services import Services
from provenance.evidence.timelines.contexts import Contexts, ContextStore

_HOUR = "public, max-age=3600"
_ENTRANCE = encode({"name": "Provenance", "documentation": "/docs", "description": "/openapi.json"})


def create_app(services: Services) -> FastAPI:
    """Application that answers with ``services``, which it runs while it runs itself."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services.running():
            yield

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Its own telemetry would record what callers sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    authenticator = Authenticator(
        services.accounts,
        writer=services.writer,
        seconds=services.seconds,
        cache_s=services.limits.key_cache_s,
        max_cached=services.limits.max_cached_keys,
    )
    endpoints = []
    for declared in operations(services, authenticator):
        called = endpoint(declared, authenticator)
        install(app.router, declared, called)
        endpoints.append((declared.method, declared.path, called))
    _add_description(app)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    # The last one added is the outermost.
    app.add_middleware(Dispatch, endpoints=endpoints)
    app.add_middleware(
        Edge, metrics=HttpMetrics(services.registry), random_bytes=services.random_bytes
    )
    return app


def operations(services: Services, authenticator: Authenticator) -> list[Operation]:
    """Everything that the application can do, in the order in which paths are tried."""
    contexts = Contexts(ContextStore(services.engine), limits=services.intake)
    events = EventStore(services.engine, services.vault, log_id=services.log.log_id)
    return [
        *epcis.operations(services, events, contexts),
        *dossiers.operations(services),
        *shipments.operations(services, contexts),
        *cases.operations(services, contexts),
        *receipts.operations(services, contexts),
        *documents.operations(services),
        *erasures.operations(services),
        *publiclog.operations(services),
        *verification.operations(services),
        *keys.operations(services, authenticator),
        *operation.operations(services),
    ]


def _add_description(app: FastAPI) -> None:
    made: dict[str, bytes] = {}

    def prepared(name: str) -> bytes:
        if not made:
            description = description_of(app)
            made["json"] = encode(description)
            made["html"] = reference_page(description)
        return made[name]

    async def description(request: Request) -> Response:
        return public_answer(request, prepared("json"), media_type=JSON, cache_control=_HOUR)

    async def reference(request: Request) -> Response:
        return public_answer(
            request, prepared("html"), media_type="text/html; charset=utf-8", cache_control=_HOUR
        )

    async def entrance(request: Request) -> Response:
        return public_answer(request, _ENTRANCE, media_type=JSON, cache_control=_HOUR)

    app.add_route("/", entrance, methods=["GET"])
    app.add_route("/openapi.json", description, methods=["GET"])
    app.add_route("/docs", reference, methods=["GET"])


def description_of(app: FastAPI) -> dict[str, Any]:
    """OpenAPI description of the application."""
    return describe(app, version=version("provenance"))
