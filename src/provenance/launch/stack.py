"""The whole service on one machine: database, chain, API and worker, started in order.

What the environment names (``DATABASE_URL``, ``RPC_URL``) is used; what it does not name is
started here. One stack owns a data folder at a time. Each start finds what the last one left, at
whatever step that one ended: every step either sees that its work is done or does it again.

API and worker are given the database's address when they start. A database that had to move to
another port is no place that they could find, so they are started again with its new address.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from provenance.core.errors import ProvenanceError
from provenance.db.migrate import upgrade
from provenance.embedded.anvil import EmbeddedAnvil
from provenance.embedded.files import (
    make_data_folder,
    port_is_free,
    remember_port,
    remembered_port,
    write_atomically,
)
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.embedded.process import SupervisedProcess
from provenance.launch.health import HealthAddress, HealthRhythm, HealthWatch
from provenance.launch.owner import take
from provenance.launch.programs import Program, at_once, wait_for_answer
from provenance.settings import Settings
from provenance.wiring.restored import check_whole
from provenance.wiring.setup import SetUp, set_up

_log = structlog.get_logger(__name__)
_RPC_PORT = 8545
"""Where people expect the RPC of a chain."""
_PORT_PATIENCE_S = 5.0
Report = Callable[[str], None]
"""Takes one line of progress for a person."""


class PortTakenError(ProvenanceError):
    """The port that the settings name for the API is not to be had."""

    code = "port-taken"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is. ``settings`` has database and chain filled in."""

    settings: Settings
    api_url: str
    rpc_url: str
    trust_file: Path
    credentials: Path
    metrics_url: str
    tokens: Mapping[str, str]


class Stack:
    """Use as an asynchronous context manager; leaving it stops everything in order."""

    def __init__(
        self, settings: Settings, *, report: Report, health_rhythm: HealthRhythm | None = None
    ) -> None:
        self._settings = settings
        self._health_rhythm = health_rhythm
        self._report = report
        self._data = settings.data_dir.absolute()
        self._exit = AsyncExitStack()
        self.chain: EmbeddedAnvil | None = None
        self.database: EmbeddedPostgres | None = None
        self.programs: dict[str, SupervisedProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Take the data folder; nothing is started yet."""
        make_data_folder(self._data)
        (self._data / "run").mkdir(mode=0o755, exist_ok=True)
        lock = take(self._data)
        try:
            check_whole(self._data)
        except BaseException:
            lock.release()
            raise
        self._exit.callback(lock.release)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what was started, last first."""
        await self._exit.aclose()

    async def start(self) -> Addresses:
        """Start everything and return the addresses."""
        settings = self._settings = await self._start_stores()
        made = await self._set_up(settings)
        port = await self._api_port(settings)
        api_url = f"http://{settings.api_host}:{port}"
        self._write_files(made, api_url=api_url, rpc_url=settings.rpc_url or "")
        metrics = remembered_port(self._data, "worker-metrics")

        def environment() -> dict[str, str]:
            return _environment(self._settings, api_port=port)

        await self._start_program("worker", environment, at_once)
        await self._start_program("api", environment, lambda: _answers(settings, port))
        if self.database is not None:
            self.database.process.on_restart(self._follow_database)
            self._follow_database()
        self._watch("worker", self._worker_health)
        self._watch("api", lambda: HealthAddress(settings.api_host, port, "/health/live"))
        self._exit.push_async_callback(self._end_tasks)
        return Addresses(
            settings=settings,
            api_url=api_url,
            rpc_url=settings.rpc_url or "",
            trust_file=self._data / "trust.json",
            credentials=self._data / "credentials.json",
            metrics_url=f"http://127.0.0.1:{metrics}/metrics",
            tokens=made.credentials.tokens,
        )

    async def _api_port(self, settings: Settings) -> int:
        """The port that was asked for; where none was, that of last time."""
        port = settings.api_port
        if port == 0 or "api_port" not in settings.model_fields_set:
            return remembered_port(self._data, "api", preferred=port)
        try:
            # An API whose supervisor was killed leaves its port as soon as it has noticed.
            async with asyncio.timeout(_PORT_PATIENCE_S):
                while not port_is_free(port, host=settings.api_host):  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise PortTakenError(
                f"port {port} of {settings.api_host} cannot be listened on, somebody has it: stop "
                "whoever that is, or set PROVENANCE_API_PORT to another (0: any that is free)"
            ) from None
        remember_port(self._data, "api", port)
        return port

    async def _start_stores(self) -> Settings:
        """Database and chain, at the same time."""
        settings = self._settings
        changes: dict[str, object] = {"data_dir": self._data}
        try:
            async with asyncio.TaskGroup() as group:
                database = (
                    group.create_task(self._start_database()) if not settings.database_url else None
                )
                chain = group.create_task(self._start_chain()) if not settings.rpc_url else None
        except ExceptionGroup as failed:
            if len(failed.exceptions) > 1:
                raise
            # One of the two failed, and the other was called off for it.
            raise failed.exceptions[0] from failed.exceptions[0].__cause__
        if database is not None:
            changes["database_url"] = database.result()
        if chain is not None:
            changes["rpc_url"] = chain.result()
            changes["chain_snapshots"] = True
            if settings.local_chain is None:
                changes["local_chain"] = True
        return settings.model_copy(update=changes)

    async def _start_database(self) -> str:
        self._report("starting PostgreSQL")
        self.database = EmbeddedPostgres(self._data)
        address = await self.database.start()
        self._exit.push_async_callback(self.database.stop)
        return address.url

    async def _start_chain(self) -> str:
        self._report("starting the chain")
        self.chain = EmbeddedAnvil(self._data, preferred_port=_RPC_PORT)
        address = await self.chain.start()
        self._exit.push_async_callback(self.chain.stop)
        return address.rpc_url

    async def _set_up(self, settings: Settings) -> SetUp:
        self._report("bringing the database to this release")
        await asyncio.to_thread(upgrade, settings.database_url or "")
        is_known = (self._data / "trust.json").exists()
        self._report(f"{'finding' if is_known else 'opening'} the log on the chain")
        made = await set_up(settings, fund=self.chain.fund if self.chain is not None else None)
        if made.credentials.is_renewed:
            self._report(
                "the API keys in credentials.json were missing or did not work: all of them are "
                "new, and the old ones are revoked"
            )
        return made

    def _write_files(self, made: SetUp, *, api_url: str, rpc_url: str) -> None:
        write_atomically(self._data / "trust.json", made.trust.encode() + b"\n", mode=0o644)
        content = made.credentials.encode(api_url=api_url, rpc_url=rpc_url)
        write_atomically(self._data / "credentials.json", content)

    async def _start_program(
        self,
        name: str,
        environment: Callable[[], Mapping[str, str]],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._report(f"starting the {name}")
        program = Program(
            name=name, module=f"provenance.{name}", environment=environment, ready=ready
        )
        process = SupervisedProcess(program, log_file=self._data / "run" / f"{name}.log")
        process.on_exit(
            lambda code: self._report(f"the {name} ended with {code}; starting it again")
        )
        await process.start()
        self.programs[name] = process
        self._exit.push_async_callback(process.stop)

    def _follow_database(self) -> None:
        """Start API and worker again if the database has moved."""
        assert self.database is not None
        url = self.database.address.url
        if url == self._settings.database_url:
            return
        self._settings = self._settings.model_copy(update={"database_url": url})
        _log.warning("database_moved", port=self.database.address.port)
        for process in self.programs.values():
            self._do(process.restart(reason="the database has moved"))

    def _watch(self, name: str, address: Callable[[], HealthAddress]) -> None:
        watch = HealthWatch(
            self.programs[name], name=name, address=address, rhythm=self._health_rhythm
        )
        self._do(watch.run())

    def _worker_health(self) -> HealthAddress:
        # It may have had to take another port than at its last start.
        text = (self._data / "run" / "worker-metrics.port").read_text(encoding="ascii")
        return HealthAddress("127.0.0.1", int(text), "/metrics")

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answers(settings: Settings, port: int) -> None:
    await wait_for_answer(settings.api_host, port)


def _environment(settings: Settings, **changes: int) -> dict[str, str]:
    """The settings, spelled for a child process."""
    values = settings.model_copy(update=changes).model_dump(exclude_none=True)
    own = {"database_url": "DATABASE_URL", "rpc_url": "RPC_URL", "data_dir": "PROVENANCE_DATA"}
    spelled = {
        own.get(name, f"PROVENANCE_{name.upper()}"): str(value) for name, value in values.items()
    }
    return {**os.environ, **spelled}
