"""Verifying where nothing is installed but what the ``verify`` extra names."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fixtures.dossiers import Case
from fixtures.embedded import ChainFixture
from fixtures.tsa import Authority, over_closing, stamped
from fixtures.verifying import open_small_log
from provenance.core.trustfile import TrustFile

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
NO_NETWORK = """
import os, socket

def refuse(*_arguments, **_options):
    raise OSError("nothing is asked of a network here")

if os.environ.get("A_NODE") != "may be asked":
    socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
    socket.getaddrinfo = socket.create_connection = refuse
"""
"""As ``sitecustomize``: service, database and chain may as well not exist."""
ABSENT = ("sqlalchemy", "psycopg", "fastapi", "web3", "aiohttp", "rlp", "trie")


@pytest.fixture(scope="module")
def small_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of an environment with the pinned verify requirements and this package."""
    folder = tmp_path_factory.mktemp("verify") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    python = folder / "bin" / "python"
    pinned = ["--no-deps", "--require-hashes", "-r", str(ROOT / "requirements" / "verify.txt")]
    uv = Path(sys.executable).with_name("uv")
    by_uv = [str(uv), "pip", "install", "--python", str(python), *pinned]
    by_pip = [str(python), "-m", "pip", "install", *pinned]
    if subprocess.run(by_uv, check=False, capture_output=True).returncode:
        subprocess.run(by_pip, check=True, capture_output=True)
    packages = next((folder / "lib").glob("python3*")) / "site-packages"
    (packages / "provenance.pth").write_text(str(ROOT / "src"), encoding="utf-8")
    (packages / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    return python


def test_the_extra_is_what_the_pinned_requirements_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "requirements" / "verify.in").read_text(encoding="utf-8").split()
    assert sorted(project["dependencies"]) == sorted(pinned)
    assert project["optional-dependencies"]["verify"] == []


def test_nothing_of_a_network_can_be_reached_there(small_python: Path) -> None:
    script = "import socket; socket.create_connection(('127.0.0.1', 80))"
    done = subprocess.run([small_python, "-c", script], check=False, capture_output=True, text=True)
    assert "nothing is asked of a network here" in done.stderr


def test_the_small_environment_has_no_web_database_or_chain_client(small_python: Path) -> None:
    script = f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])"
    done = subprocess.run([small_python, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_dossier_is_verified_there(
    small_python: Path, dossier_case: Case, authority: Authority, tmp_path: Path
) -> None:
    data = stamped(dossier_case, over_closing(dossier_case, authority))
    (tmp_path / "dossier.zip").write_bytes(data)
    (tmp_path / "trust.json").write_bytes(dossier_case.log.trust().encode())
    command = [
        small_python, "-m", "provenance.cli.main", "verify", "dossier.zip",
        "--trust", "trust.json", "--block", dossier_case.block.hex(),
        "--tsa", str(authority.root),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert "whole and gapless trails: 1" in done.stdout
    assert "all 5 entries existed by" in done.stdout
    changed = bytearray(data)
    changed[-100] ^= 1
    (tmp_path / "dossier.zip").write_bytes(changed)
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 4, done


def test_a_receipt_is_verified_there_with_a_trust_file_and_a_node(
    small_python: Path, anvil: ChainFixture, tmp_path: Path
) -> None:
    log = open_small_log(anvil)
    log.add("https://id.gs1.org/00/340123450000000018", b'{"step":"shipping"}')
    log.anchor()
    log.write(tmp_path, 0)
    (tmp_path / "trust.json").write_bytes(log.trust().encode())
    done = subprocess.run(
        [
            small_python, "-m", "provenance.cli.main", "verify", "receipt-0.json",
            "--trust", "trust.json", "--rpc", log.node.url,
        ],
        check=False, cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "A_NODE": "may be asked"},
    )  # fmt: skip
    assert done.returncode == 0, done
    assert "VALID: every required check holds" in done.stdout


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (["capture", "trust.json"], "pydantic_settings"),
        (["run"], "structlog"),
        (["keys", "list"], "sqlalchemy"),
        (["log", "audit", "--trust", "trust.json", "--url", "http://127.0.0.1:9"], "psycopg"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_a_command_that_needs_more_says_which_extra_it_is(
    small_python: Path, tmp_path: Path, command: list[str], module: str
) -> None:
    (tmp_path / "trust.json").write_bytes(TrustFile(operator="Nobody", logs=()).encode())
    done = subprocess.run(
        [small_python, "-m", "provenance.cli.main", *command],
        check=False, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5, done
    assert done.stderr == (
        f"error: this command needs the service extra ({module} is not installed): in a "
        "checkout, pip install '.[service]'\n"
    )
