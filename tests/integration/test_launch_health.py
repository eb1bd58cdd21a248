"""A program that hangs is started again; one that is slow to start, or only slow, is not."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import structlog

from fixtures.waiting import eventually
from provenance.embedded.files import random_free_port
from provenance.embedded.process import Command, RunningProcess, SupervisedProcess
from provenance.launch.health import HealthAddress, HealthRhythm, HealthWatch, _status

pytestmark = [pytest.mark.soak, pytest.mark.services]

SERVE = """
import http.server, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(sys.argv[2]))
        self.send_response(200)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
QUICK = HealthRhythm(between=0.05, answer=1.0, silences=3)


@dataclass
class Server:
    """Answers after ``delay`` seconds at ``port``; does not listen at all without a port."""

    port: int
    delay: float = 0.0
    name: str = "server"

    async def prepare(self) -> Command | RunningProcess:
        code = SERVE if self.port else "import time; time.sleep(600)"
        argv = (sys.executable, "-I", "-c", code, str(self.port), str(self.delay))
        return Command(argv=argv, stop=((signal.SIGTERM, 5), (signal.SIGKILL, 5)))

    async def wait_ready(self) -> None:
        return None

    def learn_from_failure(self, log: str) -> bool:
        del log
        return False

    @property
    def address(self) -> HealthAddress:
        return HealthAddress("127.0.0.1", self.port or 1, "/health/live")


@asynccontextmanager
async def watched(
    server: Server, folder: Path, *, rhythm: HealthRhythm = QUICK
) -> AsyncIterator[SupervisedProcess]:
    process = SupervisedProcess(server, log_file=folder / "server.log")
    await process.start()
    watch = HealthWatch(process, name="server", address=lambda: server.address, rhythm=rhythm)
    watching = asyncio.create_task(watch.run())
    try:
        yield process
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await process.stop()


async def answers(server: Server) -> bool:
    try:
        return await _status(server.address) == 200
    except OSError:
        return False


async def test_a_program_that_stands_still_is_told_of_and_started_again(tmp_path: Path) -> None:
    server = Server(random_free_port())
    with structlog.testing.capture_logs() as logged:
        async with watched(server, tmp_path) as process:
            await eventually(lambda: answers(server))
            # One look at least that sees it well.
            await asyncio.sleep(0.5)
            first = process.pid
            psutil.Process(first).suspend()
            await eventually(lambda: process.restarts == 1, within=60)
            assert process.pid != first
            await eventually(lambda: answers(server))
    events = [line["event"] for line in logged]
    assert events.count("no_answer") == 3
    assert events.index("restart_wanted") < events.index("restarted")


async def test_a_program_that_has_not_answered_yet_is_left_to_start(tmp_path: Path) -> None:
    async with watched(Server(0), tmp_path) as process:
        await asyncio.sleep(1.0)
        assert process.restarts == 0


async def test_a_program_that_is_slow_is_left_alone(tmp_path: Path) -> None:
    server = Server(random_free_port(), delay=0.4)
    rhythm = HealthRhythm(between=0.05, answer=20.0, silences=1)
    with structlog.testing.capture_logs() as logged:
        async with watched(server, tmp_path, rhythm=rhythm) as process:
            await eventually(lambda: answers(server))
            await asyncio.sleep(1.5)
            assert process.restarts == 0
    assert logged == []
