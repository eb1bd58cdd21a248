"""The service under measurement: started as its users start it, on a folder of its own."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg

from figures.load import Load, LoadGenerator, Outcome, request
from provenance.db.engine import database_url
from provenance.launch.stack import Stack
from provenance.settings import Settings

MEDIA_TYPE = "application/ld+json"
PATIENCE_S = 120.0
_PARTS = ("API", "readers", "worker", "database", "chain", "load")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that the processors spent for each part."""

    parts: Mapping[str, float]

    def each(self, before: "Spent", *, count: int) -> dict[str, float]:
        """Microseconds that each part took since ``before`` for each of ``count``."""
        used = {name: spent - before.parts[name] for name, spent in self.parts.items()}
        return {name: round(1e6 * max(spent, 0.0) / count, 1) for name, spent in used.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service and a load generator."""

    host: str
    port: int
    tokens: Mapping[str, str]
    settings: Settings
    rpc_url: str
    metrics_url: str
    conninfo: str
    stack: Stack
    generator: LoadGenerator

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Bytes of a request with the carrier's key."""
        return request(
            method,
            path,
            host=f"{self.host}:{self.port}",
            token=self.tokens["carrier"],
            body=body,
            media_type=MEDIA_TYPE if body else "",
        )

    async def send(
        self,
        requests: tuple[bytes, ...],
        *,
        clients: int,
        expected: int,
        rate: float | None = None,
        keeps_answers: bool = False,
    ) -> tuple[Outcome, dict[str, float]]:
        """Send requests; return what came of them and the microseconds that each took of a part."""
        load = Load(
            host=self.host,
            port=self.port,
            requests=requests,
            clients=clients,
            rate=rate,
            keeps_answers=keeps_answers,
        )
        before = self.spent()
        outcome = await self.generator.send(load)
        return outcome.require(expected), self.spent().each(before, count=len(requests))

    def spent(self) -> Spent:
        """Processor time of all parts up to now."""
        own = psutil.Process().cpu_times()
        parts = dict.fromkeys(_PARTS, 0.0) | {"bench": own.user + own.system}
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                times = process.cpu_times()
                parts[part_of(process)] += times.user + times.system
        return Spent(parts=parts)

    def memory(self) -> dict[str, float]:
        """Resident megabytes of API and worker, and of the processes that these have started."""
        found: dict[str, float] = {}
        for name, program in self.stack.programs.items():
            if program.pid is None:
                continue
            process = psutil.Process(program.pid)
            found[name] = process.memory_info().rss / 2**20
            for child in process.children(recursive=True):
                with suppress(psutil.Error):
                    part = part_of(child)
                    found[part] = found.get(part, 0.0) + child.memory_info().rss / 2**20
        return found

    @asynccontextmanager
    async def database(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """Connection to the service's database."""
        async with await psycopg.AsyncConnection.connect(self.conninfo) as connection:
            yield connection

    async def settle(self) -> None:
        """Write out what the database still has to write, so that it is not counted later."""
        assert self.stack.database is not None
        async with await psycopg.AsyncConnection.connect(
            self.stack.database.admin.dsn, autocommit=True
        ) as connection:
            await connection.execute("CHECKPOINT")

    async def size(self) -> int:
        """Entries in the log."""
        async with self.database() as connection:
            cursor = await connection.execute("SELECT size FROM log_heads")
            row = await cursor.fetchone()
            return 0 if row is None else int(row[0])

    async def wait_until_anchored(self, size: int) -> None:
        """Return once the chain holds a root of at least ``size``."""
        async with self.database() as connection, asyncio.timeout(PATIENCE_S):
            query = "SELECT 1 FROM anchors WHERE size >= %s AND state IN ('included', 'final')"
            while not await (await connection.execute(query, (size,))).fetchone():
                await connection.rollback()
                await asyncio.sleep(0.05)

    async def restart_api(self) -> None:
        """End the API process; its supervisor starts another, with nothing in its caches."""
        program = self.stack.programs["api"]
        before = program.pid
        psutil.Process(before).terminate()
        async with asyncio.timeout(PATIENCE_S):
            while program.pid in {None, before}:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        await wait_until_ready(self)


async def wait_until_ready(service: Service) -> None:
    """Return once the service takes writes."""
    async with (
        httpx.AsyncClient(base_url=f"http://{service.host}:{service.port}") as client,
        asyncio.timeout(PATIENCE_S),
    ):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running_service(report: Callable[[str], None]) -> AsyncIterator[Service]:
    """Start everything on a new folder; stop it and remove the folder afterwards."""
    with tempfile.TemporaryDirectory(prefix="provenance-bench-") as folder:
        # The database may have to run as another user, who must be able to enter.
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - before anything else runs
        settings = Settings(
            data_dir=Path(folder) / "data", api_port=0, database_url=None, rpc_url=None
        )
        async with Stack(settings, report=report) as stack:
            addresses = await stack.start()
            url = database_url(addresses.settings.database_url or "")
            with LoadGenerator() as generator:
                service = Service(
                    host=addresses.settings.api_host,
                    port=int(addresses.api_url.rpartition(":")[2]),
                    tokens=addresses.tokens,
                    settings=addresses.settings,
                    rpc_url=addresses.rpc_url,
                    metrics_url=addresses.metrics_url,
                    conninfo=url.set(drivername="postgresql").render_as_string(hide_password=False),
                    stack=stack,
                    generator=generator,
                )
                await wait_until_ready(service)
                yield service


def part_of(process: psutil.Process) -> str:
    """Which part of the service a process belongs to."""
    line = " ".join(process.cmdline())
    for sign, part in (
        ("provenance.intake", "readers"),
        ("provenance.api", "API"),
        ("provenance.worker", "worker"),
        ("postgres", "database"),
        ("anvil", "chain"),
    ):
        if sign in line:
            return part
    return "load"
