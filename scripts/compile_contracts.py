#!/usr/bin/env python
"""Compile AnchorRegistry and write, or with ``--check`` compare, the artifacts in the package.

What is compiled and how is pinned in contracts/foundry.toml and contracts/package.json; this script
reads both, so forge tests the code that the artifact holds. py-solc-x drives the compiler: a native
one of the pinned version from ``SOLC`` or PATH, else npm's through contracts/solc-front.mjs. All
sources go inline under relative names, so the output is the same on every machine, and the input
file is what a block explorer needs to verify the source.

Exit status: 0 done or equal, 1 the committed artifacts differ, 2 could not compile.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any, Final, TypeAlias

import solcx
from solcx.exceptions import SolcError
from solcx.wrapper import get_version_str_from_solc_binary

JsonObject: TypeAlias = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parent.parent
CONTRACTS: Final = ROOT / "contracts"
ARTIFACTS: Final = ROOT / "src" / "provenance" / "chain" / "artifacts"
NAME: Final = "AnchorRegistry"
SOURCE: Final = f"src/{NAME}.sol"
_IMPORT: Final = re.compile(r"""^\s*import\b[^;"']*["']([^"']+)["']\s*;""", re.MULTILINE)


class CompileError(Exception):
    """The contract could not be compiled; the message says what to do."""


def collect_sources(*, remappings: dict[str, str]) -> dict[str, str]:
    """Return {source name: text} of the contract and of all that it imports, named as forge does."""
    sources: dict[str, str] = {}
    waiting = [SOURCE]
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        path = CONTRACTS / name
        if not path.is_file():
            raise CompileError(f"{name} is missing: run `npm ci` in contracts/")
        sources[name] = path.read_text(encoding="utf-8")
        waiting += [_resolve(found, name, remappings) for found in _IMPORT.findall(sources[name])]
    return dict(sorted(sources.items()))


def _resolve(target: str, importer: str, remappings: dict[str, str]) -> str:
    if target.startswith("."):
        return os.path.normpath(Path(importer).parent / target).replace(os.sep, "/")
    for prefix, replacement in remappings.items():
        if target.startswith(prefix):
            return replacement + target.removeprefix(prefix)
    raise CompileError(f"{importer} imports {target}, and no remapping in foundry.toml leads there")


def standard_input() -> JsonObject:
    """Return the compiler's standard-JSON input for the settings that foundry.toml pins."""
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"]
    remappings = dict(line.split("=", 1) for line in profile["remappings"])
    return {
        "language": "Solidity",
        "sources": {
            name: {"content": text} for name, text in collect_sources(remappings=remappings).items()
        },
        "settings": {
            "remappings": profile["remappings"],
            "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
            "viaIR": profile["via_ir"],
            "evmVersion": profile["evm_version"],
            "metadata": {"useLiteralContent": False, "bytecodeHash": "ipfs", "appendCBOR": True},
            "outputSelection": {
                SOURCE: {
                    NAME: [
                        "abi",
                        "evm.bytecode.object",
                        "evm.deployedBytecode.object",
                        "evm.deployedBytecode.immutableReferences",
                    ]
                }
            },
        },
    }


def find_compiler() -> tuple[Path, str]:
    """Return the path and full version of a compiler of the version that package.json pins."""
    pinned = json.loads((CONTRACTS / "package.json").read_text())["dependencies"]["solc"]
    if chosen := os.environ.get("SOLC"):
        version = get_version_str_from_solc_binary(chosen)
        if version.split("+")[0] != pinned:
            raise CompileError(f"SOLC is version {version}, wanted is {pinned}")
        return Path(chosen), version
    if (found := shutil.which("solc")) is not None:
        version = get_version_str_from_solc_binary(found)
        if version.split("+")[0] == pinned:
            return Path(found), version
    if not (CONTRACTS / "node_modules" / "solc").is_dir():
        raise CompileError(f"no solc {pinned}: run `npm ci` in contracts/, or set SOLC")
    front = CONTRACTS / "solc-front.mjs"
    version = get_version_str_from_solc_binary(front)
    if version.split("+")[0] != pinned:
        raise CompileError(f"npm's solc is {version}, wanted is {pinned}: run `npm ci`")
    return front, version


def compile_artifacts() -> dict[str, str]:
    """Return {file name: text} of the artifacts, compiled anew; warnings count as errors."""
    compiler, version = find_compiler()
    given = standard_input()
    input_text = _to_text(given)
    output = solcx.compile_standard(given, solc_binary=compiler)
    if problems := [error["formattedMessage"] for error in output.get("errors", [])]:
        raise CompileError("\n".join(problems))
    contract = output["contracts"][SOURCE][NAME]
    deployed = contract["evm"]["deployedBytecode"]
    settings = {key: value for key, value in given["settings"].items() if key != "outputSelection"}
    artifact = {
        "contractName": NAME,
        "sourceName": SOURCE,
        "compiler": version,
        "settings": settings,
        "inputSha256": hashlib.sha256(input_text.encode()).hexdigest(),
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": deployed.get("immutableReferences", {}),
    }
    return {f"{NAME}.json": _to_text(artifact), f"{NAME}.input.json": input_text}


def _to_text(value: JsonObject) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def differences(compiled: dict[str, str]) -> list[str]:
    """Say, one line for each, where the committed artifacts are not what was compiled."""
    found: list[str] = []
    for name, text in compiled.items():
        path = ARTIFACTS / name
        if not path.is_file():
            found.append(f"{name}: missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name}: {_changed_members(path.read_text(encoding='utf-8'), text)}")
    return found


def _changed_members(committed: str, compiled: str) -> str:
    try:
        old, new = json.loads(committed), json.loads(compiled)
    except json.JSONDecodeError:
        return "is not JSON"
    if "sources" in new:
        old, new = ({**side.pop("sources", {}), **side} for side in (old, new))
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return "differs in " + ", ".join(changed) if changed else "differs in its spelling only"


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    try:
        compiled = compile_artifacts()
    except (CompileError, SolcError, OSError) as error:
        print(f"compile_contracts: {error}", file=sys.stderr)
        return 2
    if check:
        found = differences(compiled)
        for line in found:
            print(line, file=sys.stderr)
        if found:
            print("run scripts/compile_contracts.py and commit the result", file=sys.stderr)
        return 1 if found else 0
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, text in compiled.items():
        (ARTIFACTS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
