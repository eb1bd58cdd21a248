"""What the public log answers with, besides notes and tiles."""

import msgspec


class AnchoredCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint and where it was anchored; hex without 0x, block_time in milliseconds."""

    size: int
    old_size: int
    root: str
    state: str
    transaction: str
    block_number: int
    block_hash: str
    block_time: int
    checkpoint: str


class Checkpoints(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of anchored checkpoints; ``next_above`` is where the next page starts."""

    origin: str
    checkpoints: list[AnchoredCheckpoint]
    next_above: int | None = None


class ConsistencyProof(msgspec.Struct, frozen=True):
    """RFC 9162 consistency proof between two sizes; hashes in lower-case hex."""

    origin: str
    old: int
    new: int
    proof: list[str]
