"""A connection, before there is a request: how large the head of one may be, and how slow.

A body is bounded by whoever reads it. What comes before, between and after bodies (request line,
fields, chunk sizes, trailers) nobody asks for, so it is bounded here. The parser joins the pieces
of a field as they arrive, in time that grows with the square of their number: what is too large
has to end long before it is complete.
"""

import asyncio
from typing import Any, Final

import structlog
import uvicorn
from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from provenance.api.problems import problem

MAX_HEAD: Final = 64 << 10
"""Bytes of a request line and all fields: what h11 allows, eight times what proxies send."""
MAX_FIELDS: Final = 128
"""Fields of a request: a browser behind two proxies sends thirty."""
HEAD_S: Final = 20.0
"""Seconds that a head may take, and what still comes of a body after its answer."""
LINGER_S: Final = 2.0
"""Seconds in which what a refused client still sends is thrown away, so that it reads the answer."""
GRACE_S: Final = 65
"""Seconds that open requests get to finish when the process is told to stop: more than the longest
transaction (``WriterLimits``), so that each learns what has become of it; less than whoever stops
the process waits before he kills it."""

_log = structlog.get_logger(__name__)
_DETAILS: Final = {
    400: ("bad-request", "this is not an HTTP request"),
    408: ("head-timeout", f"the head of the request did not arrive within {HEAD_S:g} s"),
    414: ("target-too-long", f"the request line has more than {MAX_HEAD} bytes; shorten the query"),
    431: (
        "head-too-large",
        f"the head of the request has more than {MAX_HEAD} bytes or {MAX_FIELDS} fields; send fewer",
    ),
}


class HttpConnection(HttpToolsProtocol):
    """uvicorn's protocol, with bounds on what is not a body."""

    head_s: float = HEAD_S

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.url = b""
        self._unasked = 0
        """Bytes since the last piece of a body or end of a message."""
        self._read = 0
        """Bytes that came at once."""
        self._in_head = True
        """Whether what comes next belongs to a head, or would begin one."""
        self._fault = 400
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it becomes too much."""
        if self._is_refused:
            return
        # The parser's callbacks set it back where a body or a message's end is among the bytes.
        self._read = len(data)
        self._unasked += self._read
        super().data_received(data)
        if self._unasked > MAX_HEAD:
            self._refuse(414 if self._in_head and not self.headers and self.url else 431)
        elif self._unasked if self._in_head else self._is_answered():
            if self._timer is None:
                self._arm()
        elif self._timer is not None:
            self._disarm()

    def on_headers_complete(self) -> None:
        """End a head; raises where it was too large before that could be seen between reads."""
        if len(self.headers) > MAX_FIELDS:
            self._fault = 431
            raise HttpParserError
        if self._read > MAX_HEAD or self._unasked > MAX_HEAD:
            self._measure()
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unasked = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a message."""
        self._unasked = 0
        self._in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused."""
        self._refuse(self._fault)

    def _measure(self) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > MAX_HEAD:
            self._fault = 414
            raise HttpParserError
        if len(self.url) + size > MAX_HEAD:
            self._fault = 431
            raise HttpParserError

    def _is_answered(self) -> bool:
        return bool(getattr(self.cycle, "response_complete", True))

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(self.head_s, self._on_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_late(self) -> None:
        self._timer = None
        if not self._is_answered():
            # A request before this one is still being answered: its answer comes first.
            self._arm()
        elif self._in_head and self._unasked:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer with a problem, and close as soon as it can have been read."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._disarm()
        code, detail = _DETAILS[status]
        _log.info("connection_refused", status=status, code=code)
        if not self._is_answered():
            # An answer in the middle of another one would be read as a part of it.
            self.transport.close()
            return
        answer = problem(status, code=code, detail=detail, headers={"connection": "close"})
        fields = b"".join(b"%b: %b\r\n" % field for field in answer.raw_headers)
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], fields, bytes(answer.body)))
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)


def server_config(
    app: Any, *, host: str, port: int, http: type[asyncio.Protocol] = HttpConnection
) -> uvicorn.Config:
    """How uvicorn serves ``app``."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=http,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        backlog=2048,
    )
