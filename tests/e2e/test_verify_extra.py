"""A dossier verified where nothing is installed but what the ``verify`` extra names."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fixtures.dossiers import Case
from fixtures.tsa import Authority, over_closing, stamped

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
NO_NETWORK = """
import socket

def refuse(*_arguments, **_options):
    raise OSError("nothing is asked of a network here")

socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
socket.getaddrinfo = socket.create_connection = refuse
"""
"""As ``sitecustomize``: service, database and chain may as well not exist."""
ABSENT = ("sqlalchemy", "psycopg", "fastapi", "web3", "httpx", "aiohttp", "rlp", "trie")


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
