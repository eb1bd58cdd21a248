"""Handlers of health and metrics, and what they answer with."""

from typing import Final, Literal

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.operations import STRING, Answer, Operation, struct
from provenance.api.services import Services

TAG: Final = "Operation"
_NO_STORE: Final = {"cache-control": "no-store"}


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["live"] = "live"


class ReadyCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that the service needs."""

    name: str
    ready: bool
    reason: str = ""


class Ready(msgspec.Struct, frozen=True):
    """Whether everything works that the service needs; if not, what not and why."""

    ready: bool
    checks: list[ReadyCheck]


class Health:
    """Liveness, readiness, metrics."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def live(self, _request: Request) -> Response:
        """GET /health/live."""
        return json_answer(Live(), headers=_NO_STORE)

    async def ready(self, _request: Request) -> Response:
        """GET /health/ready."""
        found = await self._services.readiness.checks()
        answer = Ready(
            ready=all(check.is_ready for check in found),
            checks=[
                ReadyCheck(name=check.name, ready=check.is_ready, reason=check.reason)
                for check in found
            ],
        )
        return json_answer(answer, status=200 if answer.ready else 503, headers=_NO_STORE)

    async def metrics(self, _request: Request) -> Response:
        """GET /metrics."""
        return Response(
            generate_latest(self._services.registry),
            headers={"content-type": CONTENT_TYPE_LATEST, **_NO_STORE},
        )


def operations(services: Services) -> list[Operation]:
    """Health and metrics."""
    health = Health(services)
    ready = struct(Ready)
    return [
        Operation(
            name="live",
            method="GET",
            path="/health/live",
            summary="Whether the process answers",
            tag=TAG,
            handler=health.live,
            answers={200: Answer("It does", struct(Live))},
        ),
        Operation(
            name="ready",
            method="GET",
            path="/health/ready",
            summary="Whether the service can do its work, and what is missing",
            tag=TAG,
            handler=health.ready,
            answers={200: Answer("Ready", ready), 503: Answer("Not ready", ready)},
        ),
        Operation(
            name="metrics",
            method="GET",
            path="/metrics",
            summary="Prometheus metrics",
            tag=TAG,
            handler=health.metrics,
            answers={200: Answer("Metrics", STRING, (CONTENT_TYPE_LATEST,))},
        ),
    ]
