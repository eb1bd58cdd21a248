"""The AnchorRegistry contract: what it is asked, what it is told, and how it says no."""

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from eth_utils.abi import abi_to_signature
from eth_utils.address import to_checksum_address

from provenance.chain import abi
from provenance.chain.abi import ContractArtifact
from provenance.chain.client import ChainClient, state_at
from provenance.chain.errors import (
    REVERTS,
    CallRevertedError,
    ChainUnavailableError,
    NoContractError,
)
from provenance.chain.events import RegistryEvents
from provenance.chain.rpc import RpcError, data, read_data, read_quantity
from provenance.chain.types import (
    Address,
    BlockHash,
    Head,
    LogInfo,
    LogState,
)
from provenance.core.digests import RootHash

_GAS_MARGIN_PERCENT = 130
"""Of an estimate: a replay on a chain that lost blocks may write slots that were warm before."""


class Registry:
    """One deployed registry. ``address`` may be where it will be deployed."""

    def __init__(
        self,
        chain: ChainClient,
        address: Address,
        *,
        artifact: ContractArtifact,
        start_block: int = 0,
        window: int = 10_000,
    ) -> None:
        self.chain = chain
        self.address = address
        self.artifact = artifact
        self.events = RegistryEvents(
            chain, address, artifact=artifact, start_block=start_block, window=window
        )
        self._codec = chain.rpc.codec
        self._functions = {
            item["name"]: item for item in artifact.abi if item["type"] == "function"
        }
        self._errors = {
            keccak(abi_to_signature(item).encode())[:4]: item  # type: ignore[arg-type]  # JSON
            for item in artifact.abi
            if item["type"] == "error"
        }

    async def is_deployed(self, *, block_hash: BlockHash | None = None) -> bool:
        """Whether the code at the address is exactly the artifact's.

        Raises:
            NoContractError: there is other code.

        """
        found = await self.chain.code_hash(self.address, block_hash=block_hash)
        if found is not None and found != self.artifact.runtime_code_hash:
            raise NoContractError(
                f"the code at 0x{self.address.hex()} is not this release's AnchorRegistry"
            )
        return found is not None

    async def head(self, log_id: bytes, *, block_hash: BlockHash | None = None) -> Head:
        """Last anchored size and root."""
        size, root = await self._view("head", log_id, block_hash=block_hash)
        return Head(size=size, root=RootHash(root))

    async def root_at(
        self, log_id: bytes, size: int, *, block_hash: BlockHash | None = None
    ) -> RootHash | None:
        """Root that was anchored at exactly this size; None where none was."""
        (root,) = await self._view("rootAt", log_id, size, block_hash=block_hash)
        return RootHash(root) if any(root) else None

    async def log_info(self, log_id: bytes, *, block_hash: BlockHash | None = None) -> LogInfo:
        """Where the log comes from and where it goes on."""
        origin, state, start, predecessor, closed, successor = await self._view(
            "logInfo", log_id, block_hash=block_hash
        )
        return LogInfo(
            origin=origin,
            state=LogState(state),
            start_size=start,
            predecessor=predecessor,
            closed_size=closed,
            successor=successor,
        )

    async def is_abandoned(
        self, log_id: bytes, size: int, *, block_hash: BlockHash | None = None
    ) -> bool:
        """Whether a succession left this size behind."""
        (abandoned,) = await self._view("isAbandoned", log_id, size, block_hash=block_hash)
        return bool(abandoned)

    async def has_role(self, role: bytes, holder: Address) -> bool:
        """Whether ``holder`` may act in ``role``."""
        (held,) = await self._view("hasRole", role, to_checksum_address(holder))
        return bool(held)

    def deployment(self, *, delay: int, administrator: Address, recovery: Address) -> bytes:
        """Creation code with its arguments; ``delay`` in seconds between the steps of a handover."""
        arguments = self._codec.encode(
            ["uint48", "address", "address"],
            [delay, to_checksum_address(administrator), to_checksum_address(recovery)],
        )
        return self.artifact.bytecode + arguments

    def open_log(self, origin: str) -> bytes:
        """Call data of ``openLog``."""
        return self._encode("openLog", origin)

    def anchor(
        self, log_id: bytes, *, new_size: int, peaks: Sequence[bytes], subtrees: Sequence[bytes]
    ) -> bytes:
        """Call data of ``anchor``."""
        return self._encode("anchor", log_id, new_size, list(peaks), list(subtrees))

    def succeed(self, log_id: bytes, *, size: int, new_origin: str, reason: str) -> bytes:
        """Call data of ``succeed``."""
        return self._encode("succeed", log_id, size, new_origin, reason)

    def grant_role(self, role: bytes, holder: Address) -> bytes:
        """Call data of ``grantRole``."""
        return self._encode("grantRole", role, to_checksum_address(holder))

    async def try_call(self, *, sender: Address, call_data: bytes) -> bytes:
        """Result of a call as ``sender`` would make it, without making it.

        Raises:
            CallRevertedError: the contract refuses it; one of its subclasses where we know why.
            NoContractError: nobody is at the address.

        """
        return await self._call(call_data, sender=sender, block_hash=None)

    async def estimate_gas(self, *, sender: Address, to: Address | None, call_data: bytes) -> int:
        """Gas limit for a transaction: the node's estimate and a margin."""
        call = {"from": data(sender), "data": data(call_data)}
        if to is not None:
            call["to"] = data(to)
        try:
            # Named, because some nodes would estimate on top of what is waiting to be mined.
            estimate = read_quantity(
                await self.chain.rpc.ask("eth_estimateGas", call, state_at(None))
            )
        except RpcError as error:
            raise self._reverted(error) from error
        return estimate * _GAS_MARGIN_PERCENT // 100

    async def _view(
        self, name: str, *arguments: object, block_hash: BlockHash | None = None
    ) -> tuple[Any, ...]:
        result = await self._call(
            self._encode(name, *arguments), sender=None, block_hash=block_hash
        )
        types = [output["type"] for output in self._functions[name]["outputs"]]
        try:
            return tuple(self._codec.decode(types, result))
        except (DecodingError, ValueError, OverflowError):
            raise ChainUnavailableError(f"{name}: the node's answer can't be read") from None

    async def _call(
        self, call_data: bytes, *, sender: Address | None, block_hash: BlockHash | None
    ) -> bytes:
        call = {"to": data(self.address), "data": data(call_data)}
        if sender is not None:
            call["from"] = data(sender)
        try:
            result = read_data(await self.chain.rpc.ask("eth_call", call, state_at(block_hash)))
        except RpcError as error:
            raise self._reverted(error) from error
        if not result and not await self.is_deployed(block_hash=block_hash):
            raise NoContractError(f"there is no contract at 0x{self.address.hex()}")
        return result

    def _reverted(self, error: RpcError) -> CallRevertedError | ChainUnavailableError:
        item = self._errors.get(error.data[:4])
        if item is None:
            # A node that does not have the block, or is starved, errs without revert data.
            if "revert" not in error.message.lower():
                return ChainUnavailableError(str(error))
            return CallRevertedError(str(error))
        types = [entry["type"] for entry in item["inputs"]]
        try:
            arguments = tuple(self._codec.decode(types, error.data[4:]))
        except (DecodingError, ValueError, OverflowError):
            arguments = ()
        name = str(item["name"])
        shown = ", ".join(_shown(argument) for argument in arguments)
        kind = REVERTS.get(name, CallRevertedError)
        return kind(f"{name}({shown})", name=name, arguments=arguments)

    def _encode(self, name: str, *arguments: object) -> bytes:
        item = self._functions[name]
        selector = keccak(abi_to_signature(item).encode())[:4]  # type: ignore[arg-type]  # JSON
        types = [entry["type"] for entry in item["inputs"]]
        return selector + self._codec.encode(types, arguments)


def _shown(argument: object) -> str:
    return "0x" + argument.hex() if isinstance(argument, bytes) else str(argument)


def registry_at(chain: ChainClient, address: Address, *, start_block: int = 0) -> Registry:
    """The registry of this release at an address."""
    return Registry(chain, address, artifact=abi.load_anchor_registry(), start_block=start_block)
