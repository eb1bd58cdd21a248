"""The contract's ``anchor`` call for a step, and what the contract will make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.anchor.errors import CheckpointMismatchError
from provenance.anchor.tree import StoredTree
from provenance.chain.types import Head
from provenance.core.digests import NodeHash, RootHash
from provenance.core.tree import cover_nodes, fold_peaks, node_hash

MAX_STEP = 2**32
"""Entries that the contract takes in one call."""


@dataclass(frozen=True, slots=True)
class AnchorCall:
    """Arguments of ``anchor`` that lead from (``old_size``) to (``new_size``, ``root``)."""

    old_size: int
    new_size: int
    root: RootHash
    peaks: tuple[NodeHash, ...]
    subtrees: tuple[NodeHash, ...]


async def build_call(tree: StoredTree, *, head: Head, size: int) -> AnchorCall:
    """Build the step from the chain's head to the log's tree of ``size``.

    The hashes are folded as the contract will fold them, and the outcome compared with the root
    that the tiles give, so that no call is sent that stores another root than the log's.

    Raises:
        CheckpointMismatchError: the head is not a tree of this log, or the hashes lead elsewhere.
        InconsistentLogError: tiles or entries are missing.

    """
    frontier = await tree.frontier(head.size)
    subtrees = await tree.subtrees(head.size, size)
    root = await tree.root(size)
    if head.size and frontier.root() != head.root:
        raise CheckpointMismatchError(
            f"the chain's root at size {head.size} is not the root of this log there"
        )
    if extended_root(head.size, frontier.peaks, size, subtrees) != root:
        raise CheckpointMismatchError(
            f"the subtrees of [{head.size}, {size}) do not lead to the log's root"
        )
    return AnchorCall(
        old_size=head.size,
        new_size=size,
        root=root,
        peaks=frontier.peaks,
        subtrees=tuple(subtrees),
    )


def extended_root(
    size: int, peaks: Sequence[NodeHash], new_size: int, subtrees: Sequence[NodeHash]
) -> RootHash:
    """Root after adding ``subtrees`` to a tree, in the order in which the contract adds them."""
    row = list(peaks)
    position = size
    for (level, _), subtree in zip(cover_nodes(size, new_size), subtrees, strict=True):
        node, width = subtree, 1 << level
        # Adding in binary: a subtree beside one of its own size makes one of twice the size.
        while position & width:
            node = node_hash(row.pop(), node)
            width <<= 1
        row.append(node)
        position += 1 << level
    return fold_peaks(row)
