"""``kill -9`` of any process of a running service, and a service that comes back when all of it
was killed."""

import contextlib
import os
import signal
import time
from enum import Enum
from pathlib import Path

import psutil

from fixtures.service import PATIENCE, RunningService


class Part(Enum):
    """The processes of a service. Killing the supervisor ends all of them."""

    API = "api"
    WORKER = "worker"
    POSTGRES = "postgres"
    ANVIL = "anvil"
    SUPERVISOR = "supervisor"


def find(service: RunningService, part: Part) -> int | None:
    """Process id of a part; None while it is not running."""
    assert service.process is not None
    if part is Part.SUPERVISOR:
        return service.process.pid
    if part is Part.POSTGRES:
        return _postmaster(service.data_dir)
    children = psutil.Process(service.process.pid).children()
    for child in children:
        with contextlib.suppress(psutil.Error):
            if _is(child.cmdline(), part):
                return child.pid
    return None


def kill(service: RunningService, part: Part) -> int:
    """``kill -9`` a part as soon as it runs; the process id that it had.

    Returns when the process is gone. The supervisor's death is that of all, so start the service
    again then.
    """
    if part is Part.SUPERVISOR:
        assert service.process is not None
        service.kill()
        return service.process.pid
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid = find(service, part)
        if pid is not None and _kill(pid):
            return pid
        time.sleep(0.005)
    raise AssertionError(f"no {part.value} was running")


def _kill(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
    return True


def _is(command: list[str], part: Part) -> bool:
    if part is Part.ANVIL:
        return bool(command) and Path(command[0]).name == "anvil"
    return command[-2:] == ["-m", f"provenance.{part.value}"]


def _postmaster(data_dir: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    return None
