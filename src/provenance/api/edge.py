"""The outermost layer: references, security headers, CORS, counting, and one line of log.

Paths are logged and counted by their pattern: the path itself may hold a waybill number. Only
what anybody may read anyway is open to pages of other origins.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provenance.api.dispatch import ROUTE
from provenance.api.metrics import HttpMetrics
from provenance.api.problems import PROBLEM_STATE, on_unexpected, problem, problem_of_error
from provenance.log.errors import OutcomeUnknownError

MAX_IN_FLIGHT: Final = 2_000
"""Requests at once in one process: what is more is told to come back before memory grows."""
SLOW_S: Final = 2.0
"""Seconds from which a request is worth a line."""

_SECURITY: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
            b"base-uri 'none'; form-action 'none'"
        ),
    ),
]
_PUBLIC_CORS: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Retry-After, X-Request-Id"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
_PRIVATE_CORS: Final = [(b"cross-origin-resource-policy", b"same-origin")]
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Content-Type, If-None-Match"),
    (b"access-control-max-age", b"86400"),
]
_PUBLIC: Final = ("/v1/log/", "/v1/verify", "/openapi.json")
_SECURED: Final = "/v1/log/tile/entries/"

_log = structlog.get_logger(__name__)


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, *, metrics: HttpMetrics, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._random_bytes = random_bytes
        self._in_flight = 0
        # Looked at when it is asked for: requests that hang set nothing.
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, reference=self._random_bytes(8).hex())
        self._in_flight += 1
        try:
            await self._serve(scope, receive, exchange)
        finally:
            self._in_flight -= 1
            self._finish(scope, exchange)

    async def _serve(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        if exchange.is_preflight:
            await exchange.send({"type": "http.response.start", "status": 204, "headers": []})
            await exchange.send({"type": "http.response.body", "body": b""})
        elif self._in_flight > MAX_IN_FLIGHT:
            busy = problem(
                503,
                code="overloaded",
                detail="more requests are in flight than this process takes; repeat the request",
                headers={"retry-after": "1"},
            )
            await busy(scope, receive, exchange.send)
        else:
            try:
                await self._app(scope, receive, exchange.send)
            except asyncio.CancelledError:
                # Nobody cancels a request but a server that stops and has waited long enough. It
                # would answer for itself, and say nothing of whether to repeat the request.
                if exchange.status == 0:
                    left = problem_of_error(OutcomeUnknownError(), exchange.reference)
                    await left(scope, receive, exchange.send)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller is answered
                answer = await on_unexpected(Request(scope), error)
                if exchange.status == 0:
                    await answer(scope, receive, exchange.send)

    def _finish(self, scope: Scope, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.began
        route = str(scope.get(ROUTE) or getattr(scope.get("route"), "path", "none"))
        method = scope["method"] if exchange.status != 405 else "other"
        code = scope["state"].get(PROBLEM_STATE)
        self._metrics.observe(
            route=route, method=method, status=exchange.status, seconds=seconds, problem=code
        )
        if exchange.status < 400 and seconds < SLOW_S:
            return
        principal = scope["state"].get("principal")
        line = _log.error if exchange.status >= 500 else _log.info
        line(
            "request",
            method=method,
            route=route,
            status=exchange.status,
            code=code,
            milliseconds=round(seconds * 1000, 1),
            reference=exchange.reference,
            key_id=getattr(principal, "key_id", None),
        )


class _Exchange:
    """One request and what was sent for it."""

    __slots__ = ("_headers", "_send", "began", "is_preflight", "reference", "status")

    def __init__(self, scope: MutableMapping[str, Any], send: Send, *, reference: str) -> None:
        self.began = time.perf_counter()
        self.reference = reference
        self.status = 0
        self._send: Callable[[Message], Awaitable[None]] = send
        state = scope["state"] = dict(scope.get("state") or {})
        state["reference"] = reference
        path: str = scope["path"]
        is_public = path.startswith(_PUBLIC) and not path.startswith(_SECURED)
        self.is_preflight = (
            is_public
            and scope["method"] == "OPTIONS"
            and any(name == b"access-control-request-method" for name, _ in scope["headers"])
        )
        self._headers = [
            (b"x-request-id", reference.encode()),
            *_SECURITY,
            *(_PUBLIC_CORS if is_public else _PRIVATE_CORS),
            *(_PREFLIGHT if self.is_preflight else ()),
        ]

    async def send(self, message: Message) -> None:
        """Send a message, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)
