"""A supervised child is watched, restarted, stopped, and never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from fixtures.waiting import eventually, gone, kill
from provenance.embedded import trampoline
from provenance.embedded.errors import ServiceStartError
from provenance.embedded.process import Backoff, Command, RunningProcess, SupervisedProcess

pytestmark = pytest.mark.services

QUICK = Backoff(first=0.01, limit=0.05)
SUPERVISE = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_embedded_process import Script
from provenance.embedded.process import SupervisedProcess

async def main():
    script = Script("import time; time.sleep(600)")
    process = SupervisedProcess(script, log_file=Path(sys.argv[1]))
    await process.start()
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def at_once() -> None:
    """Ready when it runs."""


@dataclass
class Script:
    """A service that runs some Python; ``ready`` is awaited after each start."""

    source: str
    ready: Callable[[], Awaitable[None]] = at_once
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5), (signal.SIGKILL, 5))
    failures: list[str] = field(default_factory=list)
    retry: bool = False
    name: str = "script"

    async def prepare(self) -> Command | RunningProcess:
        argv = (sys.executable, "-I", "-S", "-u", "-c", self.source)
        return Command(argv=argv, environment={"MARK": "given"}, stop=self.stop)

    async def wait_ready(self) -> None:
        await self.ready()

    def learn_from_failure(self, log: str) -> bool:
        self.failures.append(log)
        return self.retry


def supervised(script: Script, folder: Path, *, start_timeout: float = 20) -> SupervisedProcess:
    return SupervisedProcess(
        script, log_file=folder / "child.log", start_timeout=start_timeout, backoff=QUICK
    )


def says(log: Path, word: str) -> Callable[[], bool]:
    return lambda: log.exists() and word in log.read_text()


async def test_a_child_that_ends_is_started_again_and_its_end_is_told(tmp_path: Path) -> None:
    process = supervised(Script("import time; time.sleep(600)"), tmp_path)
    ends: list[int | None] = []
    process.on_exit(ends.append)
    await process.start()

    for restarts in (1, 2):
        await kill(process.pid)
        await eventually(lambda wanted=restarts: process.restarts == wanted)

    assert ends == [-9, -9]
    await process.stop()


async def test_a_child_that_is_restarted_on_purpose_is_told_of_and_guarded_as_before(
    tmp_path: Path,
) -> None:
    process = supervised(Script("import time; time.sleep(600)"), tmp_path)
    ready: list[int | None] = []
    process.on_restart(lambda: ready.append(process.pid))
    await process.start()
    first = process.pid
    assert first is not None

    with structlog.testing.capture_logs() as logged:
        await process.restart(reason="its address changed")
        await eventually(lambda: process.restarts == 1)

    await gone(first)
    assert ready == [process.pid]
    assert process.pid != first
    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("restart_wanted", "warning"),
        ("restarted", "warning"),
    ]
    await kill(process.pid)
    await eventually(lambda: process.restarts == 2)
    await process.stop()


async def test_a_restart_during_a_start_hides_no_later_end(tmp_path: Path) -> None:
    ready = asyncio.Event()
    ready.set()

    async def when_told() -> None:
        await ready.wait()

    process = supervised(Script("import time; time.sleep(600)", ready=when_told), tmp_path)
    await process.start()
    first = process.pid
    ready.clear()
    with structlog.testing.capture_logs() as logged:
        await kill(first)
        await eventually(lambda: process.pid not in {None, first})
        await process.restart(reason="its address changed")
        ready.set()
        await eventually(lambda: process.restarts == 1)
        await kill(process.pid)
        await eventually(lambda: process.restarts == 2)
    events = [line["event"] for line in logged]
    assert events.count("ended_unexpectedly") == 2
    assert events.count("restart_failed") == 1
    await process.stop()


async def test_a_stopped_child_is_not_started_again(tmp_path: Path) -> None:
    process = supervised(Script("import time; time.sleep(600)"), tmp_path)
    await process.start()
    pid = process.pid
    assert pid is not None

    await process.stop()
    await process.stop()

    await gone(pid)
    assert process.pid is None
    assert process.restarts == 0


async def test_a_child_that_ignores_a_signal_gets_the_next_one(tmp_path: Path) -> None:
    stubborn = Script(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf');"
        " time.sleep(600)",
        stop=((signal.SIGTERM, 0.2), (signal.SIGKILL, 5)),
    )
    process = supervised(stubborn, tmp_path)
    await process.start()
    await eventually(says(tmp_path / "child.log", "deaf"))
    pid = process.pid
    assert pid is not None

    await process.stop()

    await gone(pid)


async def test_a_failed_start_quotes_the_end_of_the_log(tmp_path: Path) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    script = Script("raise SystemExit('no such luck')", ready=never)

    with pytest.raises(ServiceStartError, match="no such luck"):
        await supervised(script, tmp_path).start()

    assert script.failures == ["no such luck"]


async def test_a_start_that_failed_for_a_passing_reason_is_tried_again(tmp_path: Path) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    script = Script("raise SystemExit('busy')", ready=never, retry=True)
    process = supervised(script, tmp_path, start_timeout=2)

    with pytest.raises(ServiceStartError):
        await process.start()

    assert len(script.failures) > 1


async def test_a_start_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    process = supervised(
        Script("import os, time; print(os.getpid()); time.sleep(600)", ready=never),
        tmp_path,
        start_timeout=1,
    )

    with pytest.raises(ServiceStartError, match="did not become ready"):
        await process.start()

    await gone(int((tmp_path / "child.log").read_text()))


async def test_a_child_has_only_the_environment_it_was_given_and_a_private_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "run" / "child.log"
    process = SupervisedProcess(
        Script("import os, time; print(sorted(os.environ), 'done'); time.sleep(600)"),
        log_file=log,
    )
    await process.start()
    await eventually(says(log, "done"))
    await process.stop()

    assert "'MARK'" in log.read_text()
    assert "'PATH'" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")
async def test_a_child_dies_with_a_killed_supervisor(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-c",
            SUPERVISE,
            str(tmp_path / "log"),
            *map(str, Path(__file__).parents[:2]),
        ),
        stdout=subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    child = int(await supervisor.stdout.readline())

    supervisor.kill()
    await supervisor.wait()

    await gone(child)


async def test_a_child_whose_parent_is_gone_already_does_not_start(tmp_path: Path) -> None:
    somebody_else = os.getppid()
    touched = tmp_path / "touched"

    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", trampoline.__file__),
        *(f"--parent={somebody_else}", "--death-signal=9", "--", "/bin/touch", str(touched)),
    )

    assert await child.wait() == trampoline.EXIT_PARENT_GONE
    assert not os.access(touched, os.F_OK)
