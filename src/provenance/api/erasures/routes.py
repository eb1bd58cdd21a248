"""Handlers of erasures."""

from collections.abc import Iterable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.bodies import decode_json, decoder, read_body
from provenance.api.erasures.answers import (
    DueRecords,
    ErasedItem,
    Erasure,
    ErasureAnswer,
    ErasureRequest,
    Erasures,
)
from provenance.api.errors import MissingError
from provenance.api.paging import TOKEN, page_token, read_token
from provenance.api.parameters import Parameters, path_text
from provenance.api.services import Services
from provenance.api.subjects import subject_of
from provenance.core.errors import BadValueError, TooLargeError
from provenance.erasure.errors import NothingToEraseError
from provenance.erasure.orders import Order
from provenance.erasure.records import Reason
from provenance.erasure.targets import Target
from provenance.evidence.cases.losses import losses
from provenance.evidence.cases.records import KIND as CASE
from provenance.log.errors import UnavailableError

MAX_RECORDS: Final = 1_000
"""Records of one request: a second or two of work."""
MAX_SUBJECTS: Final = 64
MAX_PAGE: Final = 100
_CASES: Final = 50
"""Cases whose acts are read at once."""
_QUERY: Final = "erasures"


class ErasureDesk:
    """The operations on erasures."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._request = decoder(ErasureRequest)

    async def erase(self, request: Request, principal: Principal) -> Response:
        """POST /v1/erasures."""
        Parameters.of(request, known=())
        services = self._services
        body = await read_body(
            request, limit=services.limits.max_request_bytes, accepted=("application/json",)
        )
        asked: ErasureRequest = decode_json(body, self._request)
        reason = Reason(
            ground=asked.ground,
            author=asked.author,
            organisation=principal.organisation,
            note=asked.note,
        )
        found = await self._targets(asked)
        going = [target for target in found if target.is_erasable]
        kept = [_item(target, _why_kept(target)) for target in found if not target.is_erasable]
        if asked.dry_run:
            return json_answer(await self._shown_before(going, kept, ground=asked.ground))
        if not going:
            raise NothingToEraseError(
                "none of these is a record that could be erased; it may be erased already"
            )
        if not services.writer.is_open:
            raise UnavailableError("the log takes no writes at the moment", retry_after=2)
        principal.require_lasting()
        warnings = await self._warnings(going)
        orders = await services.eraser.request(going, reason, writer=services.writer)
        services.erasing.wake()
        if services.dossiers is not None:
            await services.dossiers.forget()
        await services.readers.forget()
        answer = ErasureAnswer(
            erased=[_item(target) for target in going],
            kept=kept,
            erasures=[await self._shown(order) for order in orders],
            warnings=warnings,
        )
        return json_answer(answer, status=202)

    async def _shown_before(
        self, going: list[Target], kept: list[ErasedItem], *, ground: str
    ) -> ErasureAnswer:
        """What would go, with what a legal hold keeps, or an open case."""
        held = await self._services.eraser.held(going, ground=ground)
        free = [target for target in going if target.first_index not in held]
        kept += [
            _item(target, str(held[target.first_index]))
            for target in going
            if target.first_index in held
        ]
        return ErasureAnswer(
            erased=[_item(target) for target in free],
            kept=kept,
            erasures=[],
            warnings=await self._warnings(free),
        )

    async def _warnings(self, going: list[Target]) -> list[str]:
        """What the claims cases lose of which acts go."""
        gone = {target.first_index for target in going if target.kind == CASE}
        # The case is the first subject of an act.
        names = list(dict.fromkeys(one.subjects[0] for one in going if one.first_index in gone))
        found: list[str] = []
        for start in range(0, len(names), _CASES):
            acts = await self._services.retention.cases.acts(names[start : start + _CASES])
            found += [loss for name, of_one in acts.items() for loss in losses(name, of_one, gone)]
        return found

    async def due(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/erasures/due."""
        Parameters.of(request, known=())
        found: list[Target] = []
        async for part in self._services.retention.due():
            found += part
            if len(found) > MAX_RECORDS:
                break
        return json_answer(
            DueRecords(
                records=[_item(target) for target in found[:MAX_RECORDS]],
                is_complete=len(found) <= MAX_RECORDS,
            )
        )

    async def erasure(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/erasures/{id}."""
        Parameters.of(request, known=())
        orders = await self._services.eraser.orders.orders()
        order = orders.get(path_text(request, "id", maximum=64))
        if order is None:
            raise MissingError("there is no such erasure")
        return json_answer(await self._shown(order))

    async def erasures(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/erasures."""
        query = Parameters.of(request, known=("perPage", TOKEN))
        limit = query.integer("perPage", minimum=1, maximum=MAX_PAGE) or MAX_PAGE
        token = query.text(TOKEN)
        orders = list((await self._services.eraser.orders.orders()).values())
        end = len(orders) if token is None else read_token(token, query=_QUERY, length=1)[0]
        start = max(0, end - limit)
        page = [
            msgspec.structs.replace(await self._shown(order), leaves=[])
            for order in reversed(orders[start:end])
        ]
        following = page_token([start], query=_QUERY) if start else None
        return json_answer(Erasures(erasures=page, nextPageToken=following))

    async def _targets(self, asked: ErasureRequest) -> list[Target]:
        """Return the records that are asked for, each once, in order."""
        store = self._services.eraser.targets
        if not asked.records and not asked.subjects:
            raise BadValueError("names nothing; give records or subjects", where="/records")
        if len(asked.records) > MAX_RECORDS:
            raise TooLargeError(f"has more than {MAX_RECORDS} items", where="/records")
        if len(asked.subjects) > MAX_SUBJECTS:
            raise TooLargeError(f"has more than {MAX_SUBJECTS} items", where="/subjects")
        if any(not 0 <= index < 2**53 for index in asked.records):
            raise BadValueError("is an integer from 0 to 2^53-1", where="/records")
        found = await store.records(asked.records)
        for named in asked.subjects:
            subject = subject_of(named, carrier=self._services.carrier, name="subjects")
            found += await store.about(subject, limit=MAX_RECORDS + 1)
        if asked.with_descriptions:
            documents = [target.first_index for target in found if target.kind == "document"]
            found += await store.descriptions(documents)
        targets = _each_once(found)
        if len(targets) > MAX_RECORDS:
            raise TooLargeError(
                f"names more than {MAX_RECORDS} records; erase fewer at once", where="/records"
            )
        for target in targets:
            if asked.kind is not None and target.kind != asked.kind:
                raise BadValueError(
                    f"record {target.first_index} is of kind {target.kind}, not {asked.kind}",
                    where="/kind",
                )
        return targets

    async def _shown(self, order: Order) -> Erasure:
        recorded = await self._services.eraser.targets.erasure(order.id)
        left = self._services.erasing.left.get(order.id, ["its turn comes"])
        return Erasure(
            id=order.id,
            at=order.at,
            ground=order.ground,
            state=order.state,
            entries=len(order.leaves),
            leaves=[leaf.hex() for leaf in order.leaves],
            first_index=recorded,
            purged_at=order.purged_at,
            left=left if order.is_open else [],
        )


def _each_once(targets: Iterable[Target]) -> list[Target]:
    found = {target.first_index: target for target in targets}
    return [found[first] for first in sorted(found)]


def _why_kept(target: Target) -> str:
    if target.is_erased:
        return "it is erased already"
    return (
        f"records of kind {target.kind} are kept: they tell an erasure or a quiet hour from a gap"
    )


def _item(target: Target, reason: str | None = None) -> ErasedItem:
    return ErasedItem(
        first_index=target.first_index,
        kind=target.kind,
        at=target.at,
        subjects=len(target.subjects),
        type=target.type,
        describes=target.describes,
        reason=reason,
    )
