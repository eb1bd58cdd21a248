"""The compiled AnchorRegistry as data, and the ids that it computes on chain.

The artifact is written by scripts/compile_contracts.py, which also checks that it still matches the
source. Nothing here talks to a node.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from eth_hash.auto import keccak

DEFAULT_ADMIN_ROLE: Final = bytes(32)
"""OpenZeppelin's role of the administrator."""

_RECOVERY: Final = b"RECOVERY_ROLE"
_ANCHOR: Final = b"ANCHOR_ROLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractArtifact:
    """A compiled contract: what deploying, calling and recognising it takes."""

    name: str
    compiler: str
    """Full version, e.g. ``0.8.37+commit.f401782d``."""
    input_sha256: str
    """Of the bytes of the standard-JSON input that is shipped beside the artifact."""
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    """Creation code, without constructor arguments."""
    runtime_code: bytes
    """Code at the address after deployment; the contract has no immutables that would alter it."""
    runtime_code_hash: bytes
    """keccak256 of the runtime code, as EXTCODEHASH (EIP-1052) gives it."""


def load_anchor_registry() -> ContractArtifact:
    """Return the artifact of the AnchorRegistry that is shipped with the package."""
    artifact = json.loads(_read("AnchorRegistry.json"))
    runtime_code = bytes.fromhex(artifact["deployedBytecode"].removeprefix("0x"))
    return ContractArtifact(
        name=artifact["contractName"],
        compiler=artifact["compiler"],
        input_sha256=artifact["inputSha256"],
        abi=tuple(artifact["abi"]),
        bytecode=bytes.fromhex(artifact["bytecode"].removeprefix("0x")),
        runtime_code=runtime_code,
        runtime_code_hash=keccak(runtime_code),
    )


def read_standard_input() -> bytes:
    """Return the compiler's standard-JSON input, which block explorers take to verify the source."""
    return _read("AnchorRegistry.input.json")


def log_id(origin: str) -> bytes:
    """Return the contract's id of the log of this origin: SHA-256 of its bytes."""
    return hashlib.sha256(origin.encode("ascii")).digest()


def recovery_role() -> bytes:
    """Return the role that may close a log and open its successor."""
    return keccak(_RECOVERY)


def anchor_role(log: bytes) -> bytes:
    """Return the role that may anchor the log of this id, as the contract's ``anchorRole`` does."""
    return keccak(keccak(_ANCHOR) + log)


def _read(name: str) -> bytes:
    return resources.files(__package__).joinpath("artifacts", name).read_bytes()
