"""The worker's metrics tell of a loop that hangs, so that a supervisor can see it."""

import asyncio
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Gauge

from provenance.embedded.files import random_free_port
from provenance.worker.metrics import metrics_served

PATIENCE_S = 0.2


def asked(port: int) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def test_metrics_answer_while_the_loop_does_and_not_while_it_hangs() -> None:
    registry = CollectorRegistry()
    Gauge("waiting", "Entries that wait", registry=registry).set(7)
    port = random_free_port()
    answers: list[tuple[int, bytes]] = []
    asking = threading.Event()

    def ask() -> None:
        asking.set()
        answers.append(asked(port))

    with metrics_served(registry, port=port, patience_s=PATIENCE_S):
        healthy = await asyncio.to_thread(asked, port)
        thread = threading.Thread(target=ask)
        thread.start()
        asking.wait()
        while thread.is_alive():
            time.sleep(0.01)  # noqa: ASYNC251 - the loop hangs, on purpose
        recovered = await asyncio.to_thread(asked, port)
    assert healthy[0] == HTTPStatus.OK
    assert b"waiting 7.0" in healthy[1]
    assert answers == [(HTTPStatus.SERVICE_UNAVAILABLE, b"the event loop does not answer\n")]
    assert recovered[0] == HTTPStatus.OK
