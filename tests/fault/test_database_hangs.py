"""A database whose processes stand still: it is seen, told, and gone on with by itself."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from fault.harness import Harness
from fault.killing import Part, find
from fault.submitters import documents

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]


@contextmanager
def standing_still(harness: Harness) -> Iterator[None]:
    """PostgreSQL, with all of its processes, does nothing in the body."""
    pid = find(harness.service, Part.POSTGRES)
    assert pid is not None
    postmaster = psutil.Process(pid)
    # The postmaster first: it would else start others in the place of those that stopped.
    stopped = [postmaster]
    postmaster.suspend()
    for child in postmaster.children():
        child.suspend()
        stopped.append(child)
    try:
        yield
    finally:
        for process in reversed(stopped):
            os.kill(process.pid, signal.SIGCONT)


async def test_a_database_that_stands_still_is_seen_by_worker_and_api(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        with harness.submitters.send(documents(60, events=10)) as sending:
            sending.wait_for(20)
            with standing_still(harness), harness.service.client() as client:
                began = time.monotonic()
                answer = client.get("/health/ready")
                assert time.monotonic() - began < 5
                assert answer.status_code == 503
                assert "does not answer" in answer.json()["checks"][0]["reason"]

                silence = 'provenance_anchor_failures_total{code="database-silent"}'
                harness.wait_until(lambda: harness.metric(silence) > 0)
                assert time.monotonic() - began < 30
                harness.wait_until(lambda: harness.metric("provenance_anchor_worker_active") == 0)
                # Submitters are told to come back long before a transaction's longest time.
                harness.wait_until(lambda: harness.submitters.outcomes["503"] > 0)
                assert time.monotonic() - began < 45
        # All the promises were given in the end, and the log is whole.
        assert len(harness.promises) == 60
        await harness.check()
    assert "database_silent" in harness.log_of("api")
    assert '"database-silent"' in harness.log_of("worker")


async def test_a_stop_while_the_database_stands_still_answers_everybody(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        assert harness.service.process is not None
        with harness.submitters.send(documents(200, events=10), clients=8) as sending:
            sending.wait_for(20)
            api = harness.service.child("provenance.api")
            with standing_still(harness):
                harness.wait_until(lambda: harness.http_in_flight() >= 4)
                harness.service.process.send_signal(signal.SIGTERM)
                began = time.monotonic()
                psutil.wait_procs([api], timeout=120)
                assert not api.is_running()
                # By itself, and long before it would have been killed.
                assert time.monotonic() - began < 60
            harness.submitters.give_up.set()
        assert harness.service.process.wait(120) == 0
        harness.service.__exit__()
        # Neither a bare 500 nor a 503 that does not say when to come back.
        assert harness.submitters.unexpected == []
        assert harness.submitters.outcomes["503"] >= 4
        harness.submitters.give_up.clear()
        harness.start()
        await harness.check()
    assert "api_stopped" in harness.log_of("api")
