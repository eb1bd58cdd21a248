"""The embedded PostgreSQL: one real, durable server for one data folder.

It listens on a loopback TCP port of its own and on no socket file: a socket's path would have to
stay under 90 characters and be reachable from inside and outside a private mount, a port has
neither worry, and any tool that takes a URL can be pointed at it. Every role has a random
password of 32 bytes, so other users of the machine can reach the port but not the data; and
clients take no other authentication than SCRAM, so that whoever listens on the port while the
server is down is told nothing. A server that finds its port taken moves to another: whoever uses
the address for long asks for it again after a restart.

Whoever holds the lock ``run/postgres.lock`` owns the server: it starts it, or adopts one that a
dead owner left, guards it and stops it. Whoever comes second joins the first one's server and
leaves it running.

Which server answers is never taken from a process id alone: the pid file must name a process
that works in this folder, and SCRAM makes the server prove that it knows our password.
"""

import asyncio
import platform
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from provenance.embedded.cluster import (
    SUPERUSER,
    Cluster,
    Passwords,
    Postmaster,
    find_programs,
)
from provenance.embedded.errors import ServiceStartError
from provenance.embedded.files import FileLock, make_data_folder, remembered_port
from provenance.embedded.process import Backoff, Command, RunningProcess, SupervisedProcess

_log = structlog.get_logger(__name__)
_HOST = "127.0.0.1"
_APPLICATION = "provenance"  # role and database of the application
_AUTHENTICATION = "scram-sha-256"
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))  # fast, immediate
_ORPHAN_PATIENCE = 90.0  # seconds for a dead owner's server to finish its shutdown

SETTINGS: Mapping[str, str] = {
    # Durability: an acknowledged record is on disk. These are the defaults, said aloud so that
    # no configuration file of the cluster can take them away.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Erasure: a recycled segment keeps deleted bytes until it is overwritten.
    "wal_recycle": "off",
    "min_wal_size": "32MB",
    # Bulk loads on two cores: few checkpoints, spread out.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "checkpoint_completion_target": "0.9",
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "maintenance_work_mem": "64MB",
    "max_connections": "100",
    "jit": "off",
    # Personal data: neither rows (DETAIL, CONTEXT) nor statements go to the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
}


_SYNCFS_REPORTS_ERRORS = (5, 8)  # Linux version from which syncfs(2) can be relied on


def _platform_settings() -> Mapping[str, str]:
    """Before it replays its log after a kill, a server syncs every file: here with one call."""
    version = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    if sys.platform == "linux" and version >= _SYNCFS_REPORTS_ERRORS:
        return {"recovery_init_sync_method": "syncfs"}
    return {}


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """How to reach one database; ``url`` is for SQLAlchemy, ``dsn`` for libpq tools."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """SQLAlchemy URL, with the password (hex, so nothing in it needs quoting)."""
        return (
            f"postgresql+psycopg://{self.user}:{self.password}"
            f"@{self.host}:{self.port}/{self.database}?require_auth={_AUTHENTICATION}"
        )

    @property
    def dsn(self) -> str:
        """Libpq connection string, with the password."""
        return make_conninfo(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            require_auth=_AUTHENTICATION,
        )


class EmbeddedPostgres:
    """The PostgreSQL server of a data folder. ``settings`` go before :data:`SETTINGS`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        start_timeout: float = 120.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._start_timeout = start_timeout
        self._cluster = Cluster(self._data_dir, programs=find_programs())
        self._lock = FileLock(self._data_dir / "run" / "postgres.lock")
        self._service = _Server(
            self._cluster, settings={**SETTINGS, **_platform_settings(), **(settings or {})}
        )
        self.process = SupervisedProcess(
            self._service,
            log_file=self._data_dir / "run" / "postgres.log",
            start_timeout=start_timeout,
            backoff=backoff,
        )

    @property
    def owned(self) -> bool:
        """Whether this object owns the server, or has joined another's."""
        return self._lock.held

    @property
    def admin(self) -> PostgresAddress:
        """The superuser's address, for backups and tests; the application does without."""
        return self._service.address(user=SUPERUSER, database="postgres")

    @property
    def address(self) -> PostgresAddress:
        """The application's address; a restart changes it where somebody took the port."""
        return self._service.address(user=_APPLICATION, database=_APPLICATION)

    async def start(self) -> PostgresAddress:
        """Start, adopt or join the server and return the application's address.

        Raises :class:`ServiceStartError` with the end of the server's log,
        :class:`UnreachableFolderError` or :class:`ClusterError`.
        """
        make_data_folder(self._data_dir)
        if not self._lock.acquire():
            return await self._join()
        try:
            await self._cluster.initialise()
            await self.process.start()
            await self._make_application_database()
        except BaseException:
            await self.stop()
            raise
        return self.address

    async def stop(self) -> None:
        """Stop the server if it is ours: it ends its clients' transactions and checkpoints."""
        if self._lock.held:
            try:
                await self.process.stop()
            finally:
                self._lock.release()

    async def _join(self) -> PostgresAddress:
        """Wait for another owner's server; take over if that owner goes away meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._start_timeout
        while loop.time() < deadline:
            if await self._service.find_running():
                address = self.address
                with suppress(psycopg.OperationalError):
                    await (await psycopg.AsyncConnection.connect(address.dsn)).close()
                    return address
            elif self._lock.acquire():
                self._lock.release()
                return await self.start()
            await asyncio.sleep(0.1)
        raise ServiceStartError(
            f"another process holds {self._data_dir / 'run' / 'postgres.lock'}, "
            f"but its PostgreSQL did not answer within {self._start_timeout:.0f} s"
        )

    async def _make_application_database(self) -> None:
        """The application's role and database, with the rights that erasure needs."""
        role = sql.Identifier(_APPLICATION)
        passwords = self._cluster.passwords()
        grants = (
            sql.SQL("GRANT pg_checkpoint TO {}").format(role),
            sql.SQL("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {}").format(role),
            sql.SQL("GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO {}").format(role),
        )
        async with await _connect(self.admin) as connection:
            found = await connection.execute(
                "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %(name)s),"
                " EXISTS (SELECT FROM pg_database WHERE datname = %(name)s)",
                {"name": _APPLICATION},
            )
            has_role, has_database = await found.fetchone() or (False, False)
            if not has_role:
                await connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        role, sql.Literal(passwords.application)
                    )
                )
            if not has_database:
                await connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(role, role)
                )
        database = self._service.address(user=SUPERUSER, database=_APPLICATION)
        async with await _connect(database) as connection:
            for grant in grants:
                await connection.execute(grant)


async def _connect(address: PostgresAddress) -> psycopg.AsyncConnection[tuple[bool, ...]]:
    return await psycopg.AsyncConnection.connect(address.dsn, autocommit=True, connect_timeout=5)


class _Server:
    """The postmaster as a supervised service."""

    name = "postgres"

    def __init__(self, cluster: Cluster, *, settings: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._port = 0

    def address(self, *, user: str, database: str) -> PostgresAddress:
        """Where the server listens, for this role and database."""
        passwords: Passwords = self._cluster.passwords()
        password = passwords.superuser if user == SUPERUSER else passwords.application
        return PostgresAddress(
            host=_HOST, port=self._port, user=user, database=database, password=password
        )

    async def prepare(self) -> Command | RunningProcess:
        """Adopt a server that runs on this folder, else say how to start one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ORPHAN_PATIENCE
        while (postmaster := self._live_postmaster()) and loop.time() < deadline:
            if await self.find_running():
                return RunningProcess(pid=postmaster.pid, stop=_STOP)
            await asyncio.sleep(0.05)
        self._cluster.forget_reused_process_id()
        self._port = remembered_port(self._cluster.data_dir, self.name)
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return Command(
            argv=(
                str(self._cluster.programs["postgres"]),
                "-D",
                str(self._cluster.folder),
                f"--port={self._port}",
                *settings,
            ),
            environment={"LC_ALL": "C", "TZ": "UTC"},
            view=self._cluster.view(self._cluster.folder),
            stop=_STOP,
            # Immediate shutdown: its own children end with it, and the log is replayed later.
            death_signal=signal.SIGQUIT,
        )

    async def wait_ready(self) -> None:
        """Return once the server lets us in."""
        while not await self.find_running():  # noqa: ASYNC110 - it is another process's state
            await asyncio.sleep(0.02)

    def learn_from_failure(self, log: str) -> bool:
        """Shared memory of a killed server may outlive it a little; a port may be snatched."""
        return any(
            sign in log
            for sign in (
                "shared memory block",
                "could not bind",
                "could not create any TCP/IP sockets",
                'lock file "postmaster.pid" already exists',
            )
        )

    def _live_postmaster(self) -> Postmaster | None:
        postmaster = Postmaster.read(self._cluster.folder)
        return postmaster if postmaster and postmaster.runs_in(self._cluster.folder) else None

    async def find_running(self) -> bool:
        """Whether a server of this folder accepts connections; remembers its port."""
        postmaster = self._live_postmaster()
        if postmaster is None or postmaster.port is None or not postmaster.ready:
            return False
        self._port = postmaster.port
        try:
            async with await _connect(self.address(user=SUPERUSER, database="postgres")) as there:
                row = await (
                    await there.execute("SELECT pg_read_file('postmaster.pid')")
                ).fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and str(row[0]).partition("\n")[0] == str(postmaster.pid)
