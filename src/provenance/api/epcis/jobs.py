"""Capture jobs: what became of a document. They are finished when they are answered."""

from collections.abc import Mapping
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.epcis.answers import CaptureError, CaptureJobAnswer, LoggedEvent
from provenance.api.epcis.headers import limit_headers
from provenance.api.epcis.store import JobStore, StoredJob
from provenance.api.errors import MissingError
from provenance.api.operations import Parameter, integer, query
from provenance.api.paging import TOKEN, page_token, read_token
from provenance.api.parameters import Parameters, path_text
from provenance.api.roles import Role
from provenance.api.services import Services
from provenance.api.times import iso
from provenance.log.errors import ConflictError
from provenance.log.submissions import CaptureJob, Logged

LIST_PARAMETERS: tuple[Parameter, ...] = (
    query("perPage", "Jobs of a page", integer(minimum=1, maximum=100)),
    query(TOKEN, "From the Link header of the page before"),
)
_LIST = "capture jobs"


def job_answer(job: CaptureJob, logged: Logged) -> CaptureJobAnswer:
    """Answer to a capture that was just committed, or, with its own time, was committed before."""
    job_id = logged.job_id or job.job_id
    errors = [_error(error) for error in job.errors]
    errors += [
        CaptureError(
            code=ConflictError.code,
            detail="an earlier record has this identifier and other content",
            pointer=job.pointer(conflict.position),
        )
        for conflict in logged.conflicts
    ]
    return CaptureJobAnswer(
        captureID=str(job_id),
        createdAt=iso(created_at(job_id)),
        finishedAt=iso(max(logged.finished_at, created_at(job_id))),
        running=False,
        success=not errors,
        captureErrorBehaviour="proceed" if job.on_error == "proceed" else "rollback",
        errors=errors,
        first_index=logged.first_index,
        count=logged.count,
        at=logged.at,
        events=[
            LoggedEvent(first_index=record.first_index, count=record.count)
            for record in logged.records
            if record is not None
        ],
        acknowledgement=logged.acknowledgement or None,
    )


def new_job_id(now: int, random: bytes) -> UUID:
    """UUID of version 7 (RFC 9562) of ``now``, in milliseconds, and 10 random bytes.

    Jobs are listed in the order of their ids.
    """
    value = (now & (1 << 48) - 1) << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0x3 << 62) | 2 << 62)


def created_at(job_id: UUID) -> int:
    """Time of a job's creation, in milliseconds: the answer to a repetition shows the first."""
    return job_id.int >> 80


class Jobs:
    """The operations that read jobs."""

    def __init__(self, services: Services, store: JobStore) -> None:
        self._store = store
        self._headers = limit_headers(services.intake)

    async def job(self, request: Request, principal: Principal) -> Response:
        """GET /epcis/capture/{id}."""
        Parameters.of(request, known=())
        try:
            job_id = UUID(path_text(request, "capture_id", maximum=64))
        except ValueError:
            job_id = None
        job = job_id and await self._store.job(job_id, submitter=_submitter(principal))
        if not job:
            raise MissingError("there is no such capture job of yours")
        spans = await self._store.spans(job.record_firsts)
        return json_answer(_stored_answer(job, spans), headers=self._headers)

    async def jobs(self, request: Request, principal: Principal) -> Response:
        """GET /epcis/capture, newest first."""
        found = Parameters.of(request, known=[parameter.name for parameter in LIST_PARAMETERS])
        limit = found.integer("perPage", minimum=1, maximum=100) or 30
        token = found.text(TOKEN)
        before = None
        if token is not None:
            high, low = read_token(token, query=_LIST, length=2)
            before = UUID(int=(high & 2**64 - 1) << 64 | low & 2**64 - 1)
        rows = await self._store.page(
            submitter=_submitter(principal), before=before, limit=limit + 1
        )
        page = rows[:limit]
        headers = dict(self._headers)
        if len(rows) > limit:
            token = page_token(_halves(page[-1].job_id), query=_LIST)
            headers["link"] = f'</epcis/capture?perPage={limit}&{TOKEN}={token}>; rel="next"'
        return json_answer([_stored_answer(job, {}) for job in page], headers=headers)


def _submitter(principal: Principal) -> UUID | None:
    return None if principal.role is Role.ADMIN else principal.organisation


def _halves(job_id: UUID) -> tuple[int, int]:
    """Two signed 64-bit integers, which every JSON reader of ours takes."""
    halves = divmod(job_id.int, 1 << 64)
    high, low = (half - (1 << 64) if half >= 1 << 63 else half for half in halves)
    return high, low


def _stored_answer(job: StoredJob, spans: Mapping[int, int]) -> CaptureJobAnswer:
    return CaptureJobAnswer(
        captureID=str(job.job_id),
        createdAt=iso(job.created_at),
        finishedAt=iso(job.finished_at),
        running=False,
        success=job.success,
        captureErrorBehaviour="proceed" if job.on_error == "proceed" else "rollback",
        errors=[_error(error) for error in job.errors],
        first_index=job.first_index,
        count=job.count,
        at=job.at,
        events=[
            LoggedEvent(first_index=first, count=spans[first])
            for first in job.record_firsts
            if first in spans
        ],
    )


def _error(error: Mapping[str, object]) -> CaptureError:
    return CaptureError(
        code=str(error["code"]),
        detail=str(error["detail"]),
        pointer=str(error.get("pointer", "")),
    )
