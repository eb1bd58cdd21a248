"""The embedded PostgreSQL keeps what it acknowledged, whatever is done to it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from fixtures.embedded import PostgresFixture
from fixtures.waiting import eventually, gone, kill
from provenance.embedded import EmbeddedPostgres, PostgresAddress
from provenance.embedded.cluster import Postmaster
from provenance.embedded.errors import ClusterError

pytestmark = pytest.mark.services

START = """
import asyncio, sys
from pathlib import Path
from provenance.embedded import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

LEAVE_RUNNING = """
import asyncio, dataclasses, os, sys
from pathlib import Path
from provenance.embedded import EmbeddedPostgres
from provenance.embedded.process import _spawn

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    await server.stop()
    command = dataclasses.replace(await server._service.prepare(), death_signal=0)
    await _spawn(command, log_file=Path(sys.argv[1], "run", "postgres.log"))
    await server._service.wait_ready()
    os._exit(0)

asyncio.run(main())
"""


async def execute(address: PostgresAddress, *statements: str) -> list[tuple[object, ...]]:
    """Run statements, each committed by itself; the rows of the last one."""
    connection = await psycopg.AsyncConnection.connect(address.dsn, autocommit=True)
    async with connection:
        for statement in statements:
            cursor = await connection.execute(statement.encode())
        return await cursor.fetchall() if cursor.description else []


async def answers(address: PostgresAddress) -> bool:
    try:
        await execute(address, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


async def port_taken_from(server: EmbeddedPostgres) -> socket.socket:
    """Kill the server and listen on its port before it is started again."""
    address = ("127.0.0.1", server.address.port)
    assert server.process.pid is not None
    os.kill(server.process.pid, signal.SIGKILL)
    # The supervisor, in this very loop, sees nothing of it before the port is ours.
    while True:
        with suppress(OSError):
            return socket.create_server(address)


def owner(path: Path) -> int:
    return path.stat().st_uid


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster whose server was stopped."""
    data_dir = tmp_path_factory.mktemp("initialised") / "data"

    async def start_and_stop() -> None:
        server = EmbeddedPostgres(data_dir)
        await server.start()
        await server.stop()

    asyncio.run(start_and_stop())
    return data_dir


@pytest.fixture
def data_dir(initialised: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, which spares it the initialisation."""
    subprocess.run(["cp", "-a", str(initialised), str(tmp_path / "data")], check=True)
    return tmp_path / "data"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Stops what a test started, also when the test fails."""
    async with AsyncExitStack() as stack:
        yield stack


async def started(
    stack: AsyncExitStack, data_dir: Path
) -> tuple[EmbeddedPostgres, PostgresAddress]:
    server = EmbeddedPostgres(data_dir)
    stack.push_async_callback(server.stop)
    return server, await server.start()


async def test_a_second_start_finds_rows_and_address_of_the_first(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    first, address = await started(stack, data_dir)
    await execute(address, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
    await first.stop()

    _, again = await started(stack, data_dir)

    assert again == address
    assert await execute(again, "SELECT x FROM t") == [(7,)]


async def test_a_killed_server_is_restarted_with_every_committed_row(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    server, address = await started(stack, data_dir)
    ends: list[int | None] = []
    server.process.on_exit(ends.append)
    await execute(address, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")

    await kill(server.process.pid)
    await eventually(lambda: server.process.restarts == 1)

    assert await execute(address, "SELECT x FROM t") == [(7,)]
    assert ends == [-9]


async def test_a_server_whose_port_was_taken_moves_and_says_where(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    server, address = await started(stack, data_dir)
    told: list[PostgresAddress] = []
    server.process.on_restart(lambda: told.append(server.address))
    await execute(address, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")

    with await port_taken_from(server):
        await eventually(lambda: server.process.restarts == 1)

    assert told == [server.address]
    assert server.address.port != address.port
    assert await execute(server.address, "SELECT x FROM t") == [(7,)]


async def test_whoever_listens_in_its_place_is_not_told_the_password(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    _, address = await started(stack, data_dir)
    heard: list[bytes] = []
    hung_up = asyncio.Event()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4), "big")
        heard.append(await reader.readexactly(size - 4))
        if len(heard) == 1:  # no TLS
            writer.write(b"N")
            size = int.from_bytes(await reader.readexactly(4), "big")
            heard.append(await reader.readexactly(size - 4))
        # AuthenticationCleartextPassword
        writer.write(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        heard.append(await reader.read())
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(ask, "127.0.0.1", 0) as impostor:
        port = impostor.sockets[0].getsockname()[1]
        with pytest.raises(psycopg.OperationalError, match="cleartext password"):
            await psycopg.AsyncConnection.connect(replace(address, port=port).dsn)
        async with asyncio.timeout(30):
            await hung_up.wait()

    assert len(heard) == 3
    assert address.password.encode() not in b"".join(heard)


async def test_a_killed_supervisor_takes_its_server_along_and_loses_no_row(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, str(data_dir), stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    server = int(await supervisor.stdout.readline())
    joined, address = await started(stack, data_dir)
    assert not joined.owned
    await execute(address, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")

    supervisor.kill()
    await supervisor.wait()
    await gone(server)

    _, again = await started(stack, data_dir)
    assert await execute(again, "SELECT x FROM t") == [(7,)]


async def test_a_server_that_a_dead_owner_left_is_adopted_guarded_and_stopped(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    left = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_RUNNING, str(data_dir))
    assert await left.wait() == 0
    orphan = Postmaster.read(data_dir / "postgres")
    assert orphan is not None

    server, address = await started(stack, data_dir)
    assert server.process.pid == orphan.pid
    assert await answers(address)

    await kill(orphan.pid)
    await eventually(lambda: server.process.restarts == 1)
    await server.stop()
    assert not await answers(address)


async def test_an_adopted_server_ends_with_stop(data_dir: Path, stack: AsyncExitStack) -> None:
    left = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_RUNNING, str(data_dir))
    assert await left.wait() == 0
    server, address = await started(stack, data_dir)

    await server.stop()

    assert not await answers(address)


async def test_who_comes_second_joins_the_server_and_leaves_it_running(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    _, address = await started(stack, data_dir)
    second, joined = await started(stack, data_dir)
    assert joined == address
    assert not second.owned

    await second.stop()

    assert await answers(address)


async def test_an_initialisation_killed_half_way_is_done_again(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", START, str(tmp_path))
    await eventually(lambda: bool(list(tmp_path.glob("postgres.new.*/cluster/base/1"))))
    supervisor.kill()
    await supervisor.wait()
    assert not (tmp_path / "postgres").exists()

    _, address = await started(stack, tmp_path)

    assert await answers(address)


async def test_a_pid_file_that_names_another_program_does_not_stop_the_start(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    server, address = await started(stack, data_dir)
    await kill(server.process.pid)
    stale = data_dir / "postgres" / "postmaster.pid"
    await eventually(lambda: server.process.restarts == 1)
    lines = stale.read_text().splitlines()
    await server.stop()
    other = await asyncio.create_subprocess_exec("sleep", "60")
    stale.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")

    try:
        _, address = await started(stack, data_dir)
        assert await answers(address)
    finally:
        other.kill()
        await other.wait()


async def test_two_servers_run_side_by_side(tmp_path: Path, stack: AsyncExitStack) -> None:
    (_, first), (_, second) = await asyncio.gather(
        started(stack, tmp_path / "a"), started(stack, tmp_path / "b")
    )

    await execute(first, "CREATE TABLE t (x int)")

    assert first.port != second.port
    assert await execute(second, "SELECT to_regclass('t')") == [(None,)]


async def test_stop_does_not_wait_for_a_client_that_idles_in_a_transaction(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    server, address = await started(stack, data_dir)
    connection = await psycopg.AsyncConnection.connect(address.dsn)
    await connection.execute("SELECT 1")

    async with asyncio.timeout(10):
        await server.stop()

    await connection.close()


async def test_the_cluster_is_durable_and_erasable(postgres: PostgresFixture) -> None:
    address = postgres.admin
    rows = await execute(
        address,
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit',"
        " 'full_page_writes', 'data_checksums', 'wal_recycle', 'server_encoding')",
    )
    locale = await execute(
        address,
        "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'provenance'",
    )

    assert dict(rows) == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "wal_recycle": "off",
        "server_encoding": "UTF8",
    }
    assert locale == [("b", "C.UTF-8")]


async def test_nobody_gets_in_without_the_password(data_dir: Path, stack: AsyncExitStack) -> None:
    server, address = await started(stack, data_dir)
    for name in ("postgres-superuser", "postgres-application"):
        assert (data_dir / "keys" / name).stat().st_mode & 0o777 == 0o600
    assert address.password not in repr(address)
    for user in ("postgres", "provenance"):
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(
                host=address.host, port=address.port, user=user, password="wrong", dbname="postgres"
            )
    assert server.admin.password != address.password


async def test_the_application_is_no_superuser_but_may_checkpoint(
    data_dir: Path, stack: AsyncExitStack
) -> None:
    _, address = await started(stack, data_dir)

    await execute(address, "SELECT pg_switch_wal()", "CHECKPOINT", "SELECT FROM pg_ls_waldir()")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await execute(address, "COPY (SELECT 1) TO PROGRAM 'true'")


async def test_a_lost_password_is_named_before_anything_is_touched(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    with pytest.raises(ClusterError, match="postgres-superuser"):
        await EmbeddedPostgres(tmp_path).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to a service user")
async def test_root_drops_its_rights_and_changes_no_mode_that_is_not_its_own(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server, address = await started(stack, private / "data")

    assert await answers(address)
    assert private.stat().st_mode & 0o777 == 0o700
    assert owner(Path(f"/proc/{server.process.pid}")) != 0
    assert owner(private / "data" / "postgres") != 0
