"""When a block counts as final: three rules, one for each kind of chain.

``Confirmations`` for chains that only make rewriting dear, ``FinalizedTag`` for chains that agree
on finality, ``Durable`` for the embedded node, whose blocks are safe once they are in a snapshot
that was fsynced.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from provenance.chain.client import ChainClient
from provenance.chain.types import BlockHash


class Finality(Protocol):
    """Tells how far the chain is final."""

    async def final_number(self, chain: ChainClient) -> int:
        """Number of the newest block that is final; -1 where none is."""
        ...


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Final with ``count`` blocks, its own included: 1 means as soon as it is in a block."""

    count: int

    async def final_number(self, chain: ChainClient) -> int:
        """Newest block that has so many."""
        return (await chain.latest()).number - self.count + 1


@dataclass(frozen=True, slots=True)
class FinalizedTag:
    """Final when the chain's own ``finalized`` block has reached it."""

    async def final_number(self, chain: ChainClient) -> int:
        """Number of the finalized block."""
        block = await chain.block("finalized")
        return -1 if block is None else block.number


DurableBlock = Callable[[], Awaitable[tuple[int, BlockHash] | None]]
"""Newest block (number, hash) that is in an fsynced snapshot; None before the first."""


@dataclass(frozen=True, slots=True)
class Durable:
    """Final when contained in a snapshot, of this chain and no other fork, that was fsynced."""

    durable_block: DurableBlock

    async def final_number(self, chain: ChainClient) -> int:
        """Number of the newest durable block, if the chain still has that block there."""
        found = await self.durable_block()
        if found is None:
            return -1
        number, block_hash = found
        block = await chain.block(number)
        return number if block is not None and block.hash == block_hash else -1
