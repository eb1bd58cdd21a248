"""The life of an anchor, and the values that the store keeps of it."""

from dataclasses import dataclass
from enum import Enum

from provenance.chain.types import BlockHash, TxHash
from provenance.core.digests import RootHash


class AnchorState(Enum):
    """States of an anchor; ``MOVES`` are the legal changes.

    PENDING: intent and signed bytes are stored. SUBMITTED: its batch is in the blob store and
    the bytes were handed to a node. INCLUDED: the contract holds its root, in a block that may
    still go. FINAL: that block will stay.
    """

    PENDING = "pending"
    SUBMITTED = "submitted"
    INCLUDED = "included"
    FINAL = "final"


MOVES: dict[AnchorState, frozenset[AnchorState]] = {
    # Found on chain though we never heard that it was sent: straight to INCLUDED.
    AnchorState.PENDING: frozenset({AnchorState.SUBMITTED, AnchorState.INCLUDED}),
    AnchorState.SUBMITTED: frozenset({AnchorState.PENDING, AnchorState.INCLUDED}),
    AnchorState.INCLUDED: frozenset(
        {AnchorState.PENDING, AnchorState.SUBMITTED, AnchorState.FINAL}
    ),
    # A chain that was put back to an older state takes even what was final.
    AnchorState.FINAL: frozenset(
        {AnchorState.PENDING, AnchorState.SUBMITTED, AnchorState.INCLUDED}
    ),
}
"""Where each state may lead; every way forward has one back."""

ON_CHAIN = frozenset({AnchorState.INCLUDED, AnchorState.FINAL})
"""States in which the contract holds the root, as far as we know."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an anchor is on chain; ``block_time`` in milliseconds."""

    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    block_time: int
    log_index: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchored, or soon to be anchored, checkpoint."""

    size: int
    old_size: int
    root: RootHash
    checkpoint: str
    state: AnchorState
    block_number: int | None
    block_hash: BlockHash | None


class LogState(Enum):
    """The fence's verdict as the log's row keeps it; writers write only while it is OPEN."""

    OPEN = "open"
    BEHIND = "behind"
    FORKED = "forked"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LogHead:
    """The log's row, and the database's clock (milliseconds) when it was read."""

    size: int
    last_at: int
    created_at: int
    frontier: bytes
    state: LogState
    reason: str
    now: int
