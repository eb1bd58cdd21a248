"""Two API processes on one log, under load."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fault.harness import Harness
from fault.submitters import HEADERS, Document, Submitters, documents
from fixtures.service import PATIENCE
from provenance.embedded.files import random_free_port

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


class SecondApi:
    """What submitters need of another API process of the same service."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self._token}"}
        return httpx.Client(base_url=self._url, headers=headers, timeout=60)


@contextmanager
def second_api(harness: Harness) -> Iterator[SecondApi]:
    stores, port = harness.stores, random_free_port()
    environment = {
        **os.environ,
        "PROVENANCE_DATA": str(harness.data_dir),
        "DATABASE_URL": stores.database_url,
        "RPC_URL": stores.credentials.rpc_url,
        "PROVENANCE_API_PORT": str(port),
    }
    with (harness.data_dir / "run" / "second-api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "provenance.api"], env=environment, stderr=log
        )
    try:
        second = SecondApi(f"http://127.0.0.1:{port}", stores.credentials.keys["carrier"])
        with second.client() as client:
            harness.wait_until(lambda: is_ready(client))
        yield second
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def spoiled(document: Document) -> bytes:
    """The document with a defect in its last event."""
    value = json.loads(document.body)
    value["epcisBody"]["eventList"][-1]["eventTime"] = "yesterday"
    return json.dumps(value).encode()


async def test_each_event_gets_one_index_and_a_repetition_the_first_answer(
    tmp_path: Path,
) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running(), second_api(harness) as second:
        others = Submitters(second)
        shared, own, foreign = (documents(count, events=10) for count in (20, 40, 40))
        bad = [spoiled(document) for document in documents(20, events=5)]

        def send_bad() -> list[int]:
            with second.client() as client:
                return [
                    client.post("/epcis/capture", content=body, headers=HEADERS).status_code
                    for body in bad
                ]

        with (
            ThreadPoolExecutor(1) as pool,
            harness.submitters.send([*own, *shared]),
            others.send([*foreign, *shared]),
        ):
            refused = pool.submit(send_bad)
        # The same key at both processes, at about the same time: one place, and one answer.
        here = {promise.document.key: promise for promise in harness.promises}
        there = {promise.document.key: promise for promise in others.promises}
        assert all(here[document.key] == there[document.key] for document in shared)
        others.repeat(harness.promises[:10])
        assert set(refused.result()) == {400}
        assert not others.unexpected

        harness.promises.extend(promise for key, promise in there.items() if key not in here)
        assert len(harness.promises) == 100
        assert sum(promise.count for promise in harness.promises) == harness.promised
        await harness.check()
