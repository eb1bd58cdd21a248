"""Queries: events go out byte for byte as they came."""

from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import PRIVATE, bytes_answer, encode
from provenance.api.authentication import Principal
from provenance.api.epcis.filters import read_query
from provenance.api.epcis.headers import VERSIONS, limit_headers
from provenance.api.epcis.pages import Page, PageReader
from provenance.api.epcis.store import EventStore
from provenance.api.errors import MissingError
from provenance.api.paging import TOKEN
from provenance.api.parameters import Parameters, path_text
from provenance.api.roles import Role
from provenance.api.services import Services
from provenance.api.times import iso
from provenance.evidence.timelines.contexts import EPCIS_CONTEXT, Contexts, ContextStore
from provenance.evidence.timelines.events import ReadEvent

LD_JSON = "application/ld+json"
CONTEXT_PATH = "/v1/contexts/"


class Reading:
    """The operations that read events."""

    def __init__(self, services: Services, store: EventStore, contexts: Contexts) -> None:
        self._services = services
        self._store = store
        self._contexts = contexts
        self._raw_contexts = ContextStore(services.engine)
        self._pages = PageReader(store, contexts, max_bytes=services.limits.max_page_bytes)
        self._limit_headers = limit_headers(services.intake)

    async def events(self, request: Request, principal: Principal) -> Response:
        """GET /epcis/events."""
        return await self._page(request, principal, epc=None)

    async def events_of_epc(self, request: Request, principal: Principal) -> Response:
        """GET /epcis/epcs/{epc}/events."""
        return await self._page(request, principal, epc=path_text(request, "epc"))

    async def event(self, request: Request, principal: Principal) -> Response:
        """GET /epcis/events/{event_id}."""
        Parameters.of(request, known=())
        event_id = path_text(request, "event_id")
        submitter: UUID | None = None
        if principal.role is Role.CARRIER:
            submitter = principal.organisation
        row = await self._store.by_event_id(event_id, submitter=submitter)
        if row is None:
            raise MissingError("there is no such event, or it is not for this key")
        found = await self._contexts.of([row.context_sha256])
        event = ReadEvent.of(row.payload, found[row.context_sha256].prefixes)
        digest = row.context_sha256.hex()
        same_id = f'</epcis/events?EQ_eventID={quote(event_id, safe="")}>; rel="related"'
        return bytes_answer(
            row.payload,
            media_type=LD_JSON if event.has_own_context else "application/json",
            headers={
                **VERSIONS,
                "link": f'{same_id}, <{CONTEXT_PATH}{digest}>; rel="describedby"',
                "provenance-first-index": str(row.first_index),
                "provenance-entries": str(row.count),
                "provenance-context-sha256": digest,
            },
        )

    async def context(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/contexts/{sha256}."""
        Parameters.of(request, known=())
        digest = path_text(request, "sha256", maximum=64)
        try:
            wanted = bytes.fromhex(digest) if digest.islower() or digest.isdecimal() else b""
        except ValueError:
            wanted = b""
        raw = (await self._raw_contexts.read([wanted])).get(wanted) if len(wanted) == 32 else None
        if raw is None:
            raise MissingError("no stored event was captured under this context")
        return bytes_answer(raw, media_type="application/octet-stream")

    async def options(self, _request: Request) -> Response:
        """OPTIONS of capture and events."""
        return Response(
            status_code=204, headers={"allow": "GET, POST, OPTIONS", **self._limit_headers}
        )

    async def _page(self, request: Request, principal: Principal, *, epc: str | None) -> Response:
        limits = self._services.limits
        query = read_query(
            request, epc=epc, default=limits.default_page, maximum=limits.max_page
        ).narrowed(principal)
        page = await self._pages.read(query, principal)
        headers = {"cache-control": PRIVATE, **VERSIONS}
        if page.next_token is not None:
            headers["link"] = f'<{_next_url(request, page.next_token)}>; rel="next"'
        return Response(
            query_document(page, created_at=iso(self._services.clock())),
            media_type="application/ld+json" if _wants_ld(request) else "application/json",
            headers=headers,
        )


def query_document(page: Page, *, created_at: str) -> bytes:
    """EPCISQueryDocument around the stored bytes of the page's events (section 9.5)."""
    context: list[object] = [EPCIS_CONTEXT]
    if page.prefixes:
        context.append(page.prefixes)
    return encode(
        {
            "@context": context,
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": created_at,
            "epcisBody": {
                "queryResults": {
                    "queryName": "SimpleEventQuery",
                    "resultsBody": {"eventList": [msgspec.Raw(row.payload) for row in page.events]},
                }
            },
        }
    )


def _wants_ld(request: Request) -> bool:
    return LD_JSON in request.headers.get("accept", "")


def _next_url(request: Request, token: str) -> str:
    """Same query with the next page's token, relative to this server."""
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != TOKEN]
    path = quote(request.scope["path"], safe="/:")
    return f"{path}?{urlencode([*pairs, (TOKEN, token)])}"
