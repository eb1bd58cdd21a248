"""Metrics of a process whose work is an event loop: they answer only while the loop does.

They are served by a thread, which would go on telling what it last knew when the loop hangs.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE_S = 5.0
"""Seconds within which the loop has to take a turn."""


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: scrapes come every few seconds."""


@contextmanager
def metrics_served(
    registry: CollectorRegistry, *, port: int, patience_s: float = PATIENCE_S
) -> Iterator[None]:
    """Serve ``registry`` on loopback ``port`` beside the running loop; 503 while that hangs.

    Raises:
        OSError: the port is taken.
        RuntimeError: there is no running loop.

    """
    loop = asyncio.get_running_loop()
    metrics = make_wsgi_app(registry)

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        try:
            turn.result(patience_s)
        except TimeoutError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain")])
            return [b"the event loop does not answer\n"]
        app: WSGIApplication = metrics
        return app(environ, start_response)

    server = make_server(
        "127.0.0.1", port, answer, server_class=ThreadingWSGIServer, handler_class=_Silent
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
