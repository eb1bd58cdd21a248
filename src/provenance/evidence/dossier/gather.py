"""Bringing together what a dossier proves: receipts, the closing anchor, and blocks from a node.

The closing anchor is the largest that covers all entries; a consistency proof leads to it from
each size that an entry was first anchored at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from provenance.core.receipt import AnchoredCheckpoint, AnchorRecord, Receipt
from provenance.evidence.dossier.blocks import MAX_HEADERS, Asks, EventPlace, gather_blocks
from provenance.verify.dossier.closing import Closing


class ProvesConsistency(Protocol):
    """Who can show that the log only grew; ``prove.prover.Prover`` is one."""

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Consistency proof between two anchored sizes."""
        ...


class FindsEvents(Protocol):
    """Who knows where on chain a size was anchored, or a log opened."""

    async def before(self, anchor: AnchorRecord) -> EventPlace | None:
        """Place of the anchor of ``anchor.old_size``, or of the log's opening."""
        ...


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """The closing anchor and the lines of blocks that prove it and the first anchors."""

    closing: Closing
    anchors: tuple[bytes, ...]


async def gather_evidence(
    receipts: Sequence[Receipt],
    closing: AnchoredCheckpoint,
    *,
    prover: ProvesConsistency,
    events: FindsEvents,
    node: Asks,
    max_headers: int = MAX_HEADERS,
) -> ChainEvidence:
    """Everything from the chain that a dossier of ``receipts`` needs.

    Raises:
        BlockGatherError: the node's answers do not lead to the hashes.
        ProveError: a size was never anchored.
        ChainError: the node could not be asked.

    """
    last = closing.anchor
    firsts = {receipt.anchored.anchor.size: receipt.anchored.anchor for receipt in receipts}
    proofs = [
        (size, tuple(await prover.consistency(size, last.size)))
        for size in sorted(firsts)
        if size < last.size
    ]
    places = {_place(anchor) for anchor in (*firsts.values(), last)}
    for anchor in firsts.values():
        before = await events.before(anchor)
        if before is not None:
            places.add(before)
    lines = await gather_blocks(node, places, closing=last.block_number, max_headers=max_headers)
    found = Closing(checkpoint=closing.checkpoint, anchor=last, consistency=tuple(proofs))
    return ChainEvidence(closing=found, anchors=lines)


def _place(anchor: AnchorRecord) -> EventPlace:
    return EventPlace(anchor.block_number, anchor.block_hash, anchor.log_index)
