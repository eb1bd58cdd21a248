"""Bringing together what a dossier proves: receipts, the closing anchor, and blocks from a node.

The closing anchor is the largest that covers all entries; a consistency proof leads to it from
each size that an entry was first anchored at.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from provenance.core.receipt import AnchoredCheckpoint, AnchorRecord, Receipt
from provenance.evidence.dossier.blocks import MAX_HEADERS, Asks, EventPlace, gather_blocks
from provenance.prove.store import StampedCheckpoint
from provenance.verify.dossier.closing import Closing
from provenance.verify.dossier.timestamps import MAX_TIMESTAMPS, Timestamp


class ProvesConsistency(Protocol):
    """Who can show that the log only grew; ``prove.prover.Prover`` is one."""

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Consistency proof between two anchored sizes."""
        ...


class HasStamps(ProvesConsistency, Protocol):
    """Who also knows which checkpoints an authority stamped; ``prove.prover.Prover`` does."""

    async def stamped(
        self, indexes: Collection[int], *, at_most: int
    ) -> Sequence[StampedCheckpoint]:
        """For each entry the smallest stamped checkpoint that covers it, up to a size, rising."""
        ...


class FindsEvents(Protocol):
    """Who knows where on chain a size was anchored, or a log opened."""

    async def before(self, anchor: AnchorRecord) -> EventPlace | None:
        """Place of the anchor of ``anchor.old_size``, or of the log's opening."""
        ...


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """The closing anchor, the lines of blocks that prove it and the first anchors, time stamps."""

    closing: Closing
    anchors: tuple[bytes, ...]
    timestamps: tuple[Timestamp, ...] = ()


async def gather_evidence(
    receipts: Sequence[Receipt],
    closing: AnchoredCheckpoint,
    *,
    prover: HasStamps,
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
    stamps = await _timestamps([receipt.index for receipt in receipts], last.size, prover)
    return ChainEvidence(closing=found, anchors=lines, timestamps=stamps)


async def _timestamps(
    indexes: Collection[int], closing: int, prover: HasStamps
) -> tuple[Timestamp, ...]:
    """The time stamps that date ``indexes``, with what leads from each to the closing size."""
    stamps = await prover.stamped(indexes, at_most=closing)
    return tuple(
        [
            Timestamp(
                checkpoint=stamp.checkpoint,
                proof=(
                    tuple(await prover.consistency(stamp.size, closing))
                    if stamp.size < closing
                    else ()
                ),
                token=stamp.token,
            )
            # The newest ones cover all that older ones do.
            for stamp in stamps[-MAX_TIMESTAMPS:]
        ]
    )


def _place(anchor: AnchorRecord) -> EventPlace:
    return EventPlace(anchor.block_number, anchor.block_hash, anchor.log_index)
