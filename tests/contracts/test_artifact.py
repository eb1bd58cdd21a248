"""The shipped artifact, its standard-JSON input and the source say the same."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.abi import abi_to_signature

from provenance.chain import abi

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "compile_contracts.py"
ARTIFACTS = ROOT / "src" / "provenance" / "chain" / "artifacts"


@pytest.fixture(scope="module")
def standard_input() -> dict[str, Any]:
    given: dict[str, Any] = json.loads(abi.read_standard_input())
    return given


def test_the_artifact_names_the_input_that_lies_beside_it() -> None:
    artifact = abi.load_anchor_registry()
    assert artifact.input_sha256 == hashlib.sha256(abi.read_standard_input()).hexdigest()


def test_the_input_holds_every_source_inline_under_a_relative_name(
    standard_input: dict[str, Any],
) -> None:
    for name, source in standard_input["sources"].items():
        assert not name.startswith(("/", ".."))
        assert list(source) == ["content"]
    assert "src/AnchorRegistry.sol" in standard_input["sources"]


def test_the_input_holds_the_sources_as_they_are(standard_input: dict[str, Any]) -> None:
    own = [name for name in standard_input["sources"] if name.startswith("src/")]
    assert {f"src/{path.name}" for path in (ROOT / "contracts" / "src").iterdir()} == set(own)
    for name in own:
        text = (ROOT / "contracts" / name).read_text(encoding="utf-8")
        assert standard_input["sources"][name]["content"] == text


def test_nothing_in_the_artifacts_tells_of_the_machine_that_made_them() -> None:
    for path in ARTIFACTS.iterdir():
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text
        assert str(Path.home()) + "/" not in text


def test_the_code_hash_is_that_of_the_code_at_the_address() -> None:
    artifact = abi.load_anchor_registry()
    assert artifact.runtime_code in artifact.bytecode
    assert artifact.runtime_code_hash == keccak(artifact.runtime_code)


def test_no_immutables_make_the_code_at_the_address_differ() -> None:
    artifact = json.loads((ARTIFACTS / "AnchorRegistry.json").read_text(encoding="utf-8"))
    assert artifact["immutableReferences"] == {}


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        ("function", "openLog(string)"),
        ("function", "anchor(bytes32,uint64,bytes32[],bytes32[])"),
        ("function", "succeed(bytes32,uint64,string,string)"),
        ("function", "rootAt(bytes32,uint64)"),
        ("function", "head(bytes32)"),
        ("function", "verifyInclusion(bytes32,uint64,uint64,bytes32,bytes32[])"),
        ("event", "LogOpened(bytes32,string)"),
        ("event", "Anchored(bytes32,uint64,bytes32,uint64)"),
        ("event", "Succeeded(bytes32,bytes32,uint64,bytes32,string,string)"),
        ("error", "NotAnExtension(uint64,uint64)"),
    ],
)
def test_the_interface_that_others_build_on_is_there(kind: str, signature: str) -> None:
    members = [each for each in abi.load_anchor_registry().abi if each["type"] == kind]
    assert signature in {abi_to_signature(member) for member in members}  # type: ignore[arg-type]


def test_a_log_id_is_the_sha256_of_its_origin() -> None:
    origin = "log.example/parcels"
    assert abi.log_id(origin) == hashlib.sha256(b"log.example/parcels").digest()


def test_roles_are_as_the_contract_derives_them() -> None:
    log = abi.log_id("log.example/parcels")
    assert abi.recovery_role() == keccak(b"RECOVERY_ROLE")
    assert abi.anchor_role(log) == keccak(keccak(b"ANCHOR_ROLE") + log)


def test_the_check_names_what_differs(tmp_path: Path) -> None:
    tree = tmp_path / "project"
    for part in ("scripts", "contracts/src", "src/provenance/chain/artifacts"):
        (tree / part).mkdir(parents=True)
    for path in (
        SCRIPT,
        *(ROOT / "contracts" / "src").iterdir(),
        *ARTIFACTS.iterdir(),
        *(ROOT / "contracts" / n for n in ("foundry.toml", "package.json", "solc-front.mjs")),
    ):
        target = tree / path.relative_to(ROOT)
        target.write_bytes(path.read_bytes())
        target.chmod(path.stat().st_mode)
    (tree / "contracts" / "node_modules").symlink_to(ROOT / "contracts" / "node_modules")
    source = tree / "contracts" / "src" / "AnchorRegistry.sol"
    source.write_text(source.read_text().replace("MAX_STEP = 2 ** 32", "MAX_STEP = 2 ** 33"))

    done = subprocess.run(
        [sys.executable, tree / "scripts" / SCRIPT.name, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "AnchorRegistry.json: differs in bytecode, deployedBytecode, inputSha256" in done.stderr
    assert "AnchorRegistry.input.json: differs in src/AnchorRegistry.sol" in done.stderr
