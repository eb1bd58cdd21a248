"""A dossier verified where nothing is installed but what the ``verify`` extra names."""

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.dossiers import Case

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
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
    return python


def test_the_small_environment_has_no_web_database_or_chain_client(small_python: Path) -> None:
    script = f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])"
    done = subprocess.run([small_python, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_dossier_is_verified_there(
    small_python: Path, dossier_case: Case, tmp_path: Path
) -> None:
    (tmp_path / "dossier.zip").write_bytes(dossier_case.data)
    (tmp_path / "trust.json").write_bytes(dossier_case.log.trust().encode())
    command = [
        small_python, "-m", "provenance.cli.main", "verify", "dossier.zip",
        "--trust", "trust.json", "--block", dossier_case.block.hex(),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert "whole and gapless trails: 1" in done.stdout
    changed = bytearray(dossier_case.data)
    changed[-100] ^= 1
    (tmp_path / "dossier.zip").write_bytes(changed)
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 4, done
