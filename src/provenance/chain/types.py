"""What the chain tells, as values. Hashes and addresses are raw bytes, times in milliseconds."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from provenance.core.digests import RootHash

BlockHash = NewType("BlockHash", bytes)
"""keccak256 of a block's header."""
TxHash = NewType("TxHash", bytes)
"""keccak256 of a signed transaction."""
Address = NewType("Address", bytes)
"""20 bytes."""


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """What tells one chain from another: EIP-155 chain id and the hash of block 0."""

    chain_id: int
    genesis_hash: BlockHash

    def __str__(self) -> str:
        return f"chain {self.chain_id} with genesis 0x{self.genesis_hash.hex()}"


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place; ``time`` is its timestamp in milliseconds since the epoch, UTC."""

    number: int
    hash: BlockHash
    parent_hash: BlockHash
    time: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """Last size and root that the registry holds for a log; ``root`` is zeros for size 0."""

    size: int
    root: RootHash


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where an event is."""

    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    log_index: int


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """The registry's ``Anchored`` event and where it is."""

    size: int
    old_size: int
    root: RootHash
    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction in a block; ``succeeded`` is False where it reverted."""

    tx_hash: TxHash
    succeeded: bool
    block_number: int
    block_hash: BlockHash
    gas_used: int
    effective_gas_price: int
    contract: Address | None


class LogState(IntEnum):
    """The registry's ``State`` of a log."""

    UNKNOWN = 0
    OPEN = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class LogInfo:
    """The registry's ``logInfo``: ``closed_size`` is 0 and ``successor`` zeros while open."""

    origin: str
    state: LogState
    start_size: int
    predecessor: bytes
    closed_size: int
    successor: bytes
