"""Capture: a document or a single event goes in; the signed promise comes back after its commit."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.bodies import JSON_TYPES, Budget, read_body
from provenance.api.epcis.answers import CaptureJobAnswer, EventAnswer
from provenance.api.epcis.drafts import records_of
from provenance.api.epcis.headers import (
    OnError,
    check_versions,
    limit_headers,
    read_idempotency,
    read_on_error,
)
from provenance.api.epcis.jobs import job_answer, new_job_id
from provenance.api.parameters import Parameters
from provenance.api.services import Services
from provenance.core.digests import sha256
from provenance.intake.document import EVENT_LIST, ParsedDocument, parse_document
from provenance.intake.errors import RefusedError, problem_of
from provenance.intake.event import EventDraft, parse_event
from provenance.intake.event import Submission as Submitting
from provenance.log.sealing import sealed
from provenance.log.submissions import CaptureJob, Idempotency, Logged, RecordDraft, Submission

REPLAYED: Final = "idempotency-replayed"
"""Header of an answer that an earlier request with the same Idempotency-Key was given."""
APART: Final = 128 << 10
"""Bytes from which a document is read in another process: some 10 ms, after which others that wait
would notice."""
_DRAFTS_BETWEEN_PAUSES: Final = 250


class Capture:
    """The two operations that write."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._headers = limit_headers(services.intake)
        self._budget = Budget(services.limits.body_budget)

    async def document(self, request: Request, principal: Principal) -> Response:
        """POST /epcis/capture."""
        Parameters.of(request, known=())
        check_versions(request)
        on_error = read_on_error(request)
        with self._budget.hold() as held:
            body = await read_body(
                request,
                limit=self._services.intake.max_document_bytes,
                accepted=JSON_TYPES,
                held=held,
            )
            return await self._document(request, principal, body, on_error)

    async def _document(
        self, request: Request, principal: Principal, body: bytes, on_error: OnError
    ) -> Response:
        services = self._services
        idempotency = self._idempotency(request, f"capture {on_error}", body)
        parsed = await self._read(body, principal)
        drafts = parsed.drafts
        if on_error == "rollback" or not drafts:
            parsed.require_valid()
        records = await self._records(drafts, principal)
        job = self._job(parsed, on_error)
        logged = await services.writer.submit(
            Submission(
                submitter=principal.organisation,
                records=await sealed(records, vault=services.vault),
                idempotency=idempotency,
                job=job,
                skip_conflicts=on_error == "proceed",
            )
        )
        return self._accepted(job, logged)

    async def event(self, request: Request, principal: Principal) -> Response:
        """POST /epcis/events."""
        services = self._services
        Parameters.of(request, known=())
        check_versions(request)
        body = await read_body(request, limit=services.intake.max_event_bytes, accepted=JSON_TYPES)
        idempotency = self._idempotency(request, "event", body)
        draft = parse_event(body, submission=self._submitting(principal), limits=services.intake)
        records = records_of(
            (draft,), submitter=principal.organisation, random_bytes=services.random_bytes
        )
        logged = await services.writer.submit(
            Submission(
                submitter=principal.organisation,
                records=await sealed(records, vault=services.vault),
                idempotency=idempotency,
            )
        )
        return self._created(draft, logged)

    async def _read(self, body: bytes, principal: Principal) -> ParsedDocument:
        services = self._services
        submitting, limits = self._submitting(principal), services.intake
        if len(body) < APART:
            return parse_document(body, submission=submitting, limits=limits)
        parsed = await services.readers.read(body, submission=submitting, limits=limits)
        if parsed is None:
            # It has faults, which are told from here; or there is no reader for it.
            parsed = await asyncio.to_thread(
                parse_document, body, submission=submitting, limits=limits
            )
        return parsed

    async def _records(
        self, drafts: Sequence[EventDraft], principal: Principal
    ) -> tuple[RecordDraft, ...]:
        records: list[RecordDraft] = []
        for start in range(0, len(drafts), _DRAFTS_BETWEEN_PAUSES):
            if start:
                await asyncio.sleep(0)
            records += records_of(
                drafts[start : start + _DRAFTS_BETWEEN_PAUSES],
                submitter=principal.organisation,
                random_bytes=self._services.random_bytes,
            )
        return tuple(records)

    def _submitting(self, principal: Principal) -> Submitting:
        return Submitting(
            submitter=str(principal.organisation),
            keys=self._services.event_keys,
            carrier=self._services.carrier,
        )

    def _idempotency(self, request: Request, what: str, body: bytes) -> Idempotency | None:
        if "idempotency-key" not in request.headers:
            return None
        mac = self._services.event_keys.content_mac(
            context_sha256=sha256(what.encode()), payload_sha256=sha256(body)
        )
        return read_idempotency(request, content_mac=mac)

    def _job(self, parsed: ParsedDocument, on_error: OnError) -> CaptureJob:
        now = self._services.clock()
        return CaptureJob(
            job_id=new_job_id(now, self._services.random_bytes(10)),
            on_error=on_error,
            created_at=now,
            errors=tuple(
                dict(problem_of(error)) for fault in parsed.faults for error in fault.errors
            ),
            pointers=tuple(
                f"{EVENT_LIST}/{place}"
                for place, event in enumerate(parsed.events)
                if isinstance(event, EventDraft)
            ),
        )

    def _accepted(self, job: CaptureJob, logged: Logged) -> Response:
        answer: CaptureJobAnswer = job_answer(job, logged)
        return json_answer(
            answer,
            status=202,
            headers={
                **self._headers,
                **_replayed(logged),
                "location": f"/epcis/capture/{answer.captureID}",
                "gs1-capture-error-behaviour": job.on_error,
            },
        )

    def _created(self, draft: EventDraft, logged: Logged) -> Response:
        record = logged.records[0]
        if record is None:
            raise RefusedError([])
        answer = EventAnswer(
            eventID=draft.event_id,
            first_index=record.first_index,
            count=record.count,
            at=record.at,
            repeated=record.repeated,
            acknowledgement=logged.acknowledgement,
        )
        return json_answer(
            answer,
            status=201,
            headers={
                **self._headers,
                **_replayed(logged),
                "location": f"/epcis/events/{quote(draft.event_id, safe=':')}",
            },
        )


def _replayed(logged: Logged) -> dict[str, str]:
    """What tells the first answer that is given again from the first time: not its body."""
    return {REPLAYED: "true"} if logged.repeated else {}
