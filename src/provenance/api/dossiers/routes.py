"""Handlers of dossiers: they have one made, tell how far it has come, and send it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from provenance.api.answers import JSON, PRIVATE, encode
from provenance.api.authentication import Principal
from provenance.api.bodies import decode_json, decoder, read_body
from provenance.api.cases.finding import case_of, readable_acts
from provenance.api.dossiers.bounds import check_documents, check_length
from provenance.api.dossiers.collecting import NOT_FINAL, NOTHING
from provenance.api.dossiers.making import Making, News
from provenance.api.dossiers.order import (
    LINES,
    MAX_REQUEST,
    Begins,
    DossierRequest,
    Order,
    Refused,
)
from provenance.api.dossiers.refusals import refusal
from provenance.api.dossiers.runs import DossierFailedError
from provenance.api.dossiers.spool import Spooled
from provenance.api.dossiers.store import DossierStore
from provenance.api.errors import MissingError
from provenance.api.parameters import Parameters, path_text
from provenance.api.problems import reference_of
from provenance.api.services import Services
from provenance.api.subjects import carrier_of, subject_of
from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.evidence.cases.store import CaseStore
from provenance.evidence.dossier.redaction import MAX_DOCUMENTS
from provenance.prove.errors import NotAnchoredError

ZIP: Final = "application/zip"
PATIENCE_S: Final = 60.0
"""Seconds without a byte after which a reader is taken to be gone."""
LEAST_RATE: Final = 64 << 10
"""Bytes a second that a reader keeps up in all, or it is left: the disk is for others too."""
_decoder: Final = decoder(DossierRequest)


class DossierDesk:
    """The operations that write dossiers."""

    def __init__(self, services: Services) -> None:
        log_id = services.log.log_id
        self._services = services
        self._runs = services.dossiers
        self._cases = CaseStore(services.engine, services.vault, log_id=log_id)
        self._store = DossierStore(services.engine, services.vault, log_id=log_id)

    async def of_case(self, request: Request, principal: Principal) -> Response:
        """POST /v1/cases/{case}/dossier."""
        Parameters.of(request, known=())
        name = case_of(request)
        asked = await _asked(request)
        if asked.cases:
            raise BadValueError(
                "a case's dossier shows its own acts; name those of another one in only.records",
                where="/cases",
            )
        acts = await readable_acts(self._cases, name, principal)
        shipments = {shipment for one in acts if one.act for shipment in one.act.shipments}
        await self._require_anchored([name, *shipments])
        await self._require_bounded([name, *shipments], asked)
        order = _order(request, principal, asked, case=name)
        return await self._answer(request, order, f"case-{name.rpartition(':')[2][:8]}")

    async def of_shipment(self, request: Request, principal: Principal) -> Response:
        """POST /v1/shipments/{shipment}/dossier."""
        found = Parameters.of(request, known=("carrier",))
        carrier = carrier_of(found.text("carrier"), default=self._services.carrier)
        subject = subject_of(path_text(request, "shipment"), carrier=carrier, name="shipment")
        asked = await _asked(request)
        await self._require_anchored([subject])
        await self._require_bounded([subject], asked)
        order = _order(request, principal, asked, shipment=subject)
        return await self._answer(request, order, f"shipment-{sha256(subject.encode()).hex()[:8]}")

    async def _require_anchored(self, subjects: Sequence[str]) -> None:
        """Refuse what cannot be written before a process is started for it.

        Raises:
            MissingError: nothing is recorded about them.
            NotAnchoredError: no final anchor covers the newest entry.

        """
        newest = await self._store.newest(subjects)
        if newest is None:
            raise MissingError(NOTHING)
        if newest >= await self._services.prover.final_size():
            raise NotAnchoredError(NOT_FINAL.format(index=newest))

    async def _require_bounded(self, subjects: Sequence[str], asked: DossierRequest) -> None:
        """Refuse what is too much by its own trails, before anything of them is read.

        Raises:
            DossierTooLargeError: it has more entries than one dossier.
            DossierDocumentsError: it has more documents, and none are chosen.

        """
        lengths = await self._store.lengths(subjects)
        check_length(lengths, is_chosen=asked.only is not None)
        if asked.only is None and sum(lengths) > MAX_DOCUMENTS:
            check_documents(await self._store.documents(subjects))

    async def _answer(self, request: Request, order: Order, name: str) -> Response:
        assert self._runs is not None, "the service was put together without dossiers"
        async with AsyncExitStack() as stack:
            making = Making(self._runs, order)
            stack.push_async_callback(making.aclose)
            headers = {
                "cache-control": PRIVATE,
                "content-disposition": f'attachment; filename="dossier-{name}.zip"',
            }
            if LINES in request.headers.get("accept", ""):
                news = await making.news()
                if isinstance(news, Refused):
                    return refusal(news)
                lines = _with_lines(making, news, self._services.seconds)
                return KeptResponse(stack.pop_all(), lines, headers=headers, media_type=LINES)
            made = await making.outcome(request)
            if isinstance(made, Refused):
                return refusal(made)
            headers["content-length"] = str(made.size)
            pieces = in_time(made, self._services.seconds)
            return KeptResponse(stack.pop_all(), pieces, headers=headers, media_type=ZIP)


class KeptResponse(StreamingResponse):
    """Answer that keeps a dossier until it was sent, or its reader takes no more.

    A reader that takes nothing for ``patience`` seconds is left.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        content: AsyncIterator[bytes],
        *,
        headers: dict[str, str],
        media_type: str,
        patience: float = PATIENCE_S,
    ) -> None:
        super().__init__(content, headers=headers, media_type=media_type)
        self._stack = stack
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            DossierFailedError: the reader takes no more.

        """

        async def timely(message: Message) -> None:
            try:
                async with asyncio.timeout(self._patience):
                    await send(message)
            except TimeoutError:
                raise DossierFailedError(
                    f"whoever asked took nothing for {self._patience:g} s"
                ) from None

        async with self._stack:
            await super().__call__(scope, receive, timely)


async def _with_lines(
    making: Making, news: News, seconds: Callable[[], float]
) -> AsyncIterator[bytes]:
    while not isinstance(news, Spooled):
        yield encode(news) + b"\n"
        if isinstance(news, Refused):
            return
        news = await making.news_or_refusal()
    yield encode(Begins(news.size)) + b"\n"
    async for piece in in_time(news, seconds):
        yield piece


async def in_time(made: Spooled, seconds: Callable[[], float]) -> AsyncIterator[bytes]:
    """Pieces of ``made`` while its reader keeps up.

    Raises:
        DossierFailedError: it does not.

    """
    began = seconds()
    allowed = PATIENCE_S + made.size / LEAST_RATE
    async for piece in made.pieces():
        if seconds() - began > allowed:
            raise DossierFailedError(f"whoever asked did not take it within {allowed:.0f} s")
        yield piece


async def _asked(request: Request) -> DossierRequest:
    body = await read_body(request, limit=MAX_REQUEST, accepted=(JSON,))
    asked: DossierRequest = decode_json(body, _decoder)
    return asked


def _order(
    request: Request,
    principal: Principal,
    asked: DossierRequest,
    *,
    case: str | None = None,
    shipment: str | None = None,
) -> Order:
    return Order(
        role=principal.role,
        organisation=principal.organisation,
        reference=reference_of(request),
        case=case,
        shipment=shipment,
        only=asked.only,
        cases=asked.cases,
    )
