"""A database that has to move to another port: API and worker follow it by themselves."""

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from fault.harness import Harness
from fault.killing import Part, find
from fault.submitters import documents

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]


def kill_and_take_port(harness: Harness) -> socket.socket:
    """``kill -9`` PostgreSQL and listen on its port before it is started again."""
    port = _port(harness)
    pid = find(harness.service, Part.POSTGRES)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while True:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))


def _port(harness: Harness) -> int:
    return int((harness.data_dir / "run" / "postgres.port").read_text())


async def test_a_service_whose_database_lost_its_port_goes_on_by_itself(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        harness.capture(documents(4, events=10))
        before = _port(harness)
        with kill_and_take_port(harness):
            harness.wait_until(lambda: _port(harness) != before)
            # Somebody still has the old port: nothing but the new address can help.
            harness.capture(documents(4, events=10))
            await harness.check()
        harness.stop()
        told = "".join(harness.service.rest_of_output())
    assert "database_moved" in told
    assert told.count("restarted") >= 3
