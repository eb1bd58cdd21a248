"""Handler of verification."""

import asyncio
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.bodies import Budget, decode_json, decoder, read_body
from provenance.api.parameters import Parameters
from provenance.api.services import Services
from provenance.api.verification.answers import PostedReceipt, Verification, VerificationRequest
from provenance.core.errors import BadValueError, FormatError, NoteError, TooLargeError
from provenance.verify.promises import read_acknowledgement
from provenance.verify.service import ReceiptInput, verify_receipts

NOTE: Final = (
    "checked by the service itself, with the trust file that it publishes itself; verify "
    "independently with `provenance verify` and a trust file that you got from elsewhere"
)
"""Said with every verdict."""
MAX_ACKNOWLEDGEMENTS: Final = 256

_request: Final = decoder(VerificationRequest)
_members: Final = decoder(dict[str, msgspec.Raw])
_text: Final = decoder(str)


class Verifying:
    """POST /v1/verify."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._budget = Budget(services.limits.body_budget)
        self._turns = asyncio.Semaphore(services.limits.max_verifications)

    async def verify(self, request: Request) -> Response:
        """Check receipts with the server's own trust file."""
        services = self._services
        Parameters.of(request, known=())
        with self._budget.hold() as held:
            body = await read_body(
                request,
                limit=services.limits.max_verify_bytes,
                accepted=("application/json",),
                held=held,
            )
            async with self._turns:
                posted, items = await asyncio.to_thread(self._read, body)
                report = await verify_receipts(
                    items,
                    trust=await services.trust(),
                    facts=services.facts,
                    acknowledgements=posted.acknowledgements,
                    complete=posted.complete,
                )
        found = report.to_json()
        return json_answer(msgspec.convert({**found, "note": NOTE}, Verification))

    def _read(self, body: bytes) -> tuple[VerificationRequest, list[ReceiptInput]]:
        posted = self._posted(body)
        return posted, [_input(item, place) for place, item in enumerate(posted.receipts)]

    def _posted(self, body: bytes) -> VerificationRequest:
        members = decode_json(body, _members)
        if "receipts" not in members:
            return VerificationRequest(receipts=[PostedReceipt(receipt=msgspec.Raw(body))])
        posted: VerificationRequest = decode_json(body, _request)
        limit = self._services.limits.max_verify_receipts
        if not posted.receipts:
            raise BadValueError("is empty; post at least one receipt", where="/receipts")
        if len(posted.receipts) > limit:
            raise TooLargeError(f"at most {limit} receipts are checked at once", where="/receipts")
        if len(posted.acknowledgements) > MAX_ACKNOWLEDGEMENTS:
            raise TooLargeError(
                f"at most {MAX_ACKNOWLEDGEMENTS} are checked at once", where="/acknowledgements"
            )
        for place, note in enumerate(posted.acknowledgements):
            try:
                read_acknowledgement(note)
            except FormatError as error:
                raise NoteError(
                    f"not an acknowledgement: {error}", where=f"/acknowledgements/{place}"
                ) from None
        return posted


def _input(item: PostedReceipt, place: int) -> ReceiptInput:
    raw = bytes(item.receipt)
    if raw.startswith(b'"'):
        raw = decode_json(raw, _text).encode()
    return ReceiptInput(data=raw, payload=item.payload, name=item.name[:200] or f"{place}")
