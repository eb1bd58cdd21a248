"""Each start that is refused says why in one line, with the code under which the runbook has it."""

import asyncio
import gzip
import json
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from fixtures.application import service_settings
from fixtures.embedded import ChainFixture
from provenance.cli.main import app
from provenance.embedded import service_user
from provenance.embedded.files import FileLock
from provenance.wiring.chain import account_addresses, first_keys
from provenance.wiring.setup import set_up

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to a service user")

# Takes the right to mount away for good, as a container does, then runs the service.
RUN_WITHOUT_MOUNTS = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_SYS_ADMIN = 24, 21
assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "provenance.cli.main", "run"])
"""


def refusal(data: Path, **environment: str | None) -> str:
    """What ``provenance run`` says when it refuses to start."""
    variables = {"DATABASE_URL": None, "RPC_URL": None, "PROVENANCE_API_PORT": "0", **environment}
    done = CliRunner().invoke(app, ["run"], env={"PROVENANCE_DATA": str(data), **variables})
    assert done.exit_code == 5, (done.output, done.exception)
    line = done.output.splitlines()[-1]
    assert line.startswith("error: ")
    assert "Traceback" not in done.output
    return line


def test_a_folder_on_which_the_service_runs(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / "stack.lock"):
        assert "already runs on" in refusal(tmp_path)
        assert refusal(tmp_path).endswith("(already-running)")


def test_a_chain_whose_snapshots_are_both_damaged(tmp_path: Path) -> None:
    snapshots = tmp_path / "chain" / "snapshots"
    snapshots.mkdir(parents=True)
    whole = gzip.compress(json.dumps({"blocks": list(range(1000))}).encode())
    for number in (7, 8):
        (snapshots / f"{number}.json.gz").write_bytes(whole[: len(whole) // 2])

    line = refusal(tmp_path)

    assert "Put a backup of that folder back" in line
    assert line.endswith("(chain-state-unusable)")


def test_two_parts_that_fail_together_are_both_told(tmp_path: Path) -> None:
    for folder in ("postgres", "chain"):
        (tmp_path / folder).mkdir()
    (tmp_path / "chain" / "identity.json").write_text("{")

    line = refusal(tmp_path)

    # Whichever is first calls the other one off, unless that has failed too by then.
    assert "(chain-state-unusable)" in line or "(postgres-cluster-unusable)" in line


@as_root
def test_a_system_without_a_user_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_user, "_CANDIDATES", ("nobody-of-that-name",))
    line = refusal(tmp_path / "data")
    assert "useradd --system" in line
    assert "(no-service-user)" in line


@as_root
def test_a_folder_that_the_databases_user_cannot_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    assert pwd.getpwnam("nobody")
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "RPC_URL"}
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_MOUNTS],
        env={**environment, "PROVENANCE_DATA": str(private / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 5
    assert "chmod o+x" in done.stderr
    assert "(unreachable-folder)" in done.stderr


def test_a_database_that_does_not_keep_what_it_confirms(
    database_url: str, chain: ChainFixture, tmp_path: Path
) -> None:
    execute(database_url, "ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    try:
        line = refusal(tmp_path, DATABASE_URL=database_url, RPC_URL=chain.rpc_url)
    finally:
        execute(database_url, "ALTER ROLE CURRENT_USER RESET synchronous_commit")
    assert line.endswith("(database-not-durable)")


def test_a_database_of_a_newer_release(
    database_url: str, chain: ChainFixture, tmp_path: Path
) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = 'of-tomorrow'")
    line = refusal(tmp_path, DATABASE_URL=database_url, RPC_URL=chain.rpc_url)
    assert "run that release" in line
    assert line.endswith("(schema-mismatch)")


def test_a_port_that_was_asked_for_and_is_taken(tmp_path: Path, opened: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refusal(tmp_path, **opened, PROVENANCE_API_PORT=str(port))
    assert f"port {port} of 127.0.0.1" in line
    assert line.endswith("(port-taken)")


def test_a_database_that_is_not_there(chain: ChainFixture, tmp_path: Path) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:9/none"
    line = refusal(tmp_path, DATABASE_URL=url, RPC_URL=chain.rpc_url)
    assert "the database could not be used" in line
    assert "secret" not in line


@pytest.fixture
def opened(database_url: str, chain: ChainFixture, tmp_path: Path) -> dict[str, str]:
    """Environment of a service whose log was opened on the chain; what the chain was before."""
    settings = service_settings(tmp_path, database_url=database_url, rpc_url=chain.rpc_url)
    for address in account_addresses(first_keys(settings), settings.origin):
        chain.fund(address)
    before = chain.administer("evm_snapshot")
    asyncio.run(set_up(settings))
    return {
        "DATABASE_URL": database_url,
        "RPC_URL": chain.rpc_url,
        "PROVENANCE_ORIGIN": settings.origin,
        "BEFORE": before,
    }


def test_another_chain_than_the_logs(tmp_path: Path, opened: dict[str, str]) -> None:
    execute(opened["DATABASE_URL"], "UPDATE logs SET genesis_hash = sha256('another')")
    line = refusal(tmp_path, **opened)
    assert "set RPC_URL" in line
    assert line.endswith("(wrong-chain)")


def test_a_chain_that_lost_the_registry_for_good(
    tmp_path: Path, opened: dict[str, str], chain: ChainFixture
) -> None:
    chain.administer("evm_revert", opened["BEFORE"])
    execute(opened["DATABASE_URL"], "DELETE FROM chain_transactions")
    line = refusal(tmp_path, **opened)
    assert "restore the chain from a backup" in line
    assert line.endswith("(deployment-lost)")


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())
