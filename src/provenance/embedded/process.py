"""Child processes that are started, watched, restarted and stopped in one way.

Rules of this room. A child never outlives its supervisor: on Linux the kernel signals it when
the supervisor dies, even by ``kill -9`` (elsewhere only a regular stop ends it). The kernel ties
that to the *thread* that started the child, so supervise from a thread that lives as long as the
child should. A child has its own session, so Ctrl-C reaches the supervisor alone, which stops its
children in order. What a child prints goes to its own log file. An unexpected end is followed by
a restart, after a pause that grows while restarts keep failing.

It leaves out what a service is; that is what a :class:`Service` says.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from provenance.embedded import trampoline
from provenance.embedded.errors import EmbeddedError, ServiceStartError
from provenance.embedded.files import make_folder
from provenance.embedded.service_user import View

_log = structlog.get_logger(__name__)
_LARGEST_LOG = 16 * 1024 * 1024  # bytes; a longer log is set aside at the next start
_LOG_TAIL = 2_000  # bytes of a log that an error message quotes


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute, and how to end it.

    ``stop`` lists signals to be sent one after the other, each with the seconds to wait for it.
    ``death_signal`` is what the kernel sends when the supervisor dies (0: nothing).
    ``environment`` is all that the process gets, nothing is inherited.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    view: View = field(default_factory=View)
    stop: tuple[tuple[signal.Signals, float], ...] = (
        (signal.SIGTERM, 10.0),
        (signal.SIGKILL, 5.0),
    )
    death_signal: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process that already does the job, started by somebody who is gone."""

    pid: int
    stop: tuple[tuple[signal.Signals, float], ...]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between restarts: ``first`` seconds, doubled up to ``limit``.

    A run of at least ``healthy_after`` seconds starts again from ``first``.
    """

    first: float = 0.1
    limit: float = 5.0
    healthy_after: float = 1.0


class Service(Protocol):
    """What a supervised process is, asked anew before each start."""

    @property
    def name(self) -> str:
        """A short name, for the log."""

    async def prepare(self) -> Command | RunningProcess:
        """Make ready what the process needs and say how to start it, or which one to adopt."""

    async def wait_ready(self) -> None:
        """Return once the process serves; it is cancelled when the process ends first."""

    def learn_from_failure(self, log: str) -> bool:
        """Take note of a failed start whose log ends so; whether to try again at once."""


class _Handle(Protocol):
    @property
    def pid(self) -> int: ...

    def send(self, number: signal.Signals) -> None: ...

    async def wait(self) -> int | None: ...


class _Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def wait(self) -> int | None:
        return await self._process.wait()


class _Adopted:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int | None:
        """Poll: only a parent is told of an end, and pidfd is not on every system."""
        while process_exists(self.pid):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.1)
        return None


def process_exists(pid: int) -> bool:
    """Whether a process with this id is there and not just waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return status.rpartition(")")[2].split()[0] not in {"Z", "X"}
    return True


def _prepare_log(log_file: Path) -> int:
    """Make room for a log, setting a long one aside; its size in bytes now."""
    make_folder(log_file.parent)
    if not log_file.exists():
        return 0
    if log_file.stat().st_size > _LARGEST_LOG:
        log_file.replace(log_file.with_suffix(".old.log"))
        return 0
    return log_file.stat().st_size


def _log_tail(log_file: Path, *, since: int) -> str:
    with suppress(OSError), log_file.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since, size - _LOG_TAIL))
        return file.read().decode("utf-8", errors="replace").strip()
    return ""


async def _spawn(command: Command, *, log_file: Path) -> asyncio.subprocess.Process:
    argv = [
        sys.executable, "-I", "-S", trampoline.__file__,
        f"--parent={os.getpid()}", f"--death-signal={command.death_signal:d}",
        *command.view.trampoline_arguments(), "--", *command.argv,
    ]  # fmt: skip
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            env=dict(command.environment),
            cwd=command.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


async def run_to_end(command: Command, *, name: str, log_file: Path) -> None:
    """Run a command once. Raises :class:`ServiceStartError` unless it ends with 0."""
    offset = _prepare_log(log_file)
    process = await _spawn(command, log_file=log_file)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code != 0:
        tail = _log_tail(log_file, since=offset)
        raise ServiceStartError(f"{name} ended with {code}; its log {log_file} ends with:\n{tail}")


class SupervisedProcess:
    """Keeps one :class:`Service` running until :meth:`stop`."""

    def __init__(
        self,
        service: Service,
        *,
        log_file: Path,
        start_timeout: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._service = service
        self._log_file = log_file
        self._start_timeout = start_timeout
        self._backoff = backoff or Backoff()
        self._on_exit: list[Callable[[int | None], None]] = []
        self._on_restart: list[Callable[[], None]] = []
        self._spawning = asyncio.Lock()
        self._wanted_end = ""
        self._handle: _Handle | None = None
        self._stop_steps: tuple[tuple[signal.Signals, float], ...] = ()
        self._guard: asyncio.Task[None] | None = None
        self._log_offset = 0
        self._stopping = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        return self._handle.pid if self._handle else None

    def on_exit(self, callback: Callable[[int | None], None]) -> None:
        """Call ``callback`` with the exit code (None if adopted) after each unexpected end."""
        self._on_exit.append(callback)

    def on_restart(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` each time the process was started again and is ready."""
        self._on_restart.append(callback)

    async def start(self) -> None:
        """Start and wait until the service is ready, then guard it in the background.

        Raises :class:`ServiceStartError` with the end of the log when it does not become ready
        within the time allowed.
        """
        self._stopping = False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._start_timeout
        pause = self._backoff.first
        while True:
            try:
                await self._launch(deadline - loop.time())
                break
            except ServiceStartError:
                again = self._service.learn_from_failure(self.log_tail())
                if not again or loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        self._guard = asyncio.create_task(self._keep_running(), name=f"guard-{self._service.name}")

    async def restart(
        self, *, reason: str, stop: tuple[tuple[signal.Signals, float], ...] | None = None
    ) -> None:
        """End the process, but go on guarding it: it is started again.

        ``stop`` are signals and seconds as of :class:`Command`, by default those of the service.
        A start that is under way counts as a process; where there is none, the next start does.
        """
        async with self._spawning:
            handle = self._handle
        if handle is None or self._stopping:
            return
        self._wanted_end = reason
        _log.warning("restart_wanted", service=self._service.name, reason=reason)
        await self._signal(handle, stop or self._stop_steps)

    async def stop(self) -> None:
        """End the process, by ever stronger signals, and stop guarding it. Safe to call twice."""
        self._stopping = True
        if self._guard is not None:
            self._guard.cancel()
            with suppress(asyncio.CancelledError):
                await self._guard
            self._guard = None
        await self._end()

    def log_tail(self) -> str:
        """The end of what the process wrote since its last start."""
        return _log_tail(self._log_file, since=self._log_offset)

    async def _launch(self, timeout: float) -> None:  # noqa: ASYNC109 - bounds several awaits below
        async with self._spawning:
            handle = self._handle = await self._spawn()
        ready = asyncio.create_task(self._service.wait_ready())
        ended = asyncio.create_task(handle.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=timeout, return_when="FIRST_COMPLETED")
            if ready.done() and ready.exception() is None:
                return
            reason = f"ended with {ended.result()}" if ended.done() else "did not become ready"
            cause = ready.exception() if ready.done() else None
        finally:
            for task in (ready, ended):
                task.cancel()
            await asyncio.gather(ready, ended, return_exceptions=True)
            if not (ready.done() and not ready.cancelled() and ready.exception() is None):
                await self._end()
        raise ServiceStartError(
            f"{self._service.name} {reason}; its log {self._log_file} ends with:\n{self.log_tail()}"
        ) from cause

    async def _spawn(self) -> _Handle:
        wanted = await self._service.prepare()
        self._stop_steps = wanted.stop
        if isinstance(wanted, RunningProcess):
            return _Adopted(wanted.pid)
        self._log_offset = _prepare_log(self._log_file)
        return _Child(await _spawn(wanted, log_file=self._log_file))

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._backoff.first
        while True:
            started = loop.time()
            if self._handle is not None:
                code = await self._handle.wait()
                self._handle = None
                self._report_exit(code)
            if loop.time() - started >= self._backoff.healthy_after:
                pause = self._backoff.first
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._backoff.limit)
            try:
                await self._launch(self._start_timeout)
            except (EmbeddedError, OSError):
                self._service.learn_from_failure(self.log_tail())
                _log.exception("restart_failed", service=self._service.name)
            else:
                self._wanted_end = ""
                self.restarts += 1
                # Told as loudly as the end before it: whoever read of the one waits for the other.
                _log.warning("restarted", service=self._service.name, pid=self.pid)
                for callback in self._on_restart:
                    callback()

    def _report_exit(self, code: int | None) -> None:
        if not self._wanted_end:
            _log.warning("ended_unexpectedly", service=self._service.name, exit_code=code)
        self._wanted_end = ""
        for callback in self._on_exit:
            callback(code)

    async def _end(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            await self._signal(handle, self._stop_steps)

    async def _signal(
        self, handle: _Handle, steps: tuple[tuple[signal.Signals, float], ...]
    ) -> None:
        for number, seconds in steps:
            with suppress(ProcessLookupError):
                handle.send(number)
            try:
                await asyncio.wait_for(handle.wait(), seconds)
            except TimeoutError:
                _log.warning("signal_ignored", service=self._service.name, signal=number.name)
            else:
                return
        raise EmbeddedError(f"{self._service.name} (process {handle.pid}) can't be stopped")
