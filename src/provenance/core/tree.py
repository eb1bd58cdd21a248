"""The Merkle tree of RFC 9162, section 2.1: shape, roots, and checks of its proofs.

A *node* is named by (level, index): the root of the perfect subtree over the leaves
``[index << level, (index + 1) << level)``. A *span* is a half-open range of leaves. Whatever
reads hashes from a store lives elsewhere; here is only the geometry and the hashing.

A check first bounds what it was given (index, sizes, exact proof length, 32-byte hashes) and
hashes only then, so that a hostile proof costs nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from provenance.core.digests import HASH_SIZE, LeafHash, NodeHash, RootHash, sha256
from provenance.core.errors import (
    BadValueError,
    BoundsError,
    HashSizeError,
    ProofLengthError,
    RootMismatchError,
)

Node = tuple[int, int]
"""(level, index) of a perfect subtree."""
Span = tuple[int, int]
"""Half-open range of leaf indexes."""

EMPTY_ROOT = RootHash(sha256(b""))
"""Root of the tree without leaves."""
MAX_SIZE = 2**53 - 1
"""Largest tree: sizes are JSON integers."""


def leaf_hash(entry: bytes) -> LeafHash:
    """Hash of a leaf: SHA-256(0x00 ‖ entry)."""
    return LeafHash(sha256(b"\x00" + entry))


def node_hash(left: bytes, right: bytes) -> NodeHash:
    """Hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return NodeHash(hashlib.sha256(b"\x01" + left + right).digest())


def peak_nodes(size: int) -> list[Node]:
    """Perfect subtrees of the tree of ``size`` leaves, left to right (largest first)."""
    return cover_nodes(0, size)


def cover_nodes(start: int, end: int) -> list[Node]:
    """Fewest perfect subtrees that cover ``[start, end)``, left to right."""
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold_peaks(peaks: Sequence[bytes]) -> RootHash:
    """Root of the tree whose perfect subtrees, left to right, have the roots ``peaks``."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return RootHash(root)


@dataclass(frozen=True, slots=True)
class Extension:
    """What :meth:`Frontier.extend` computed.

    ``levels[k]`` is (first index, hashes) of the nodes of level 8·k that became complete, which
    are what tiles of level k hold.
    """

    frontier: "Frontier"
    levels: dict[int, tuple[int, list[NodeHash]]]


@dataclass(frozen=True, slots=True)
class Frontier:
    """Size of a tree and the roots of its perfect subtrees: all that appending needs."""

    size: int
    peaks: tuple[NodeHash, ...]

    @classmethod
    def empty(cls) -> Self:
        """Return the frontier of the tree without leaves."""
        return cls(size=0, peaks=())

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Self:
        """Read :meth:`to_bytes`.

        Raises:
            BadValueError: the number of hashes does not fit ``size``.

        """
        if not 0 <= size <= MAX_SIZE or len(data) != HASH_SIZE * size.bit_count():
            raise BadValueError(f"{len(data)} bytes cannot be the peaks of a tree of {size}")
        hashes = (data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE))
        return cls(size=size, peaks=tuple(NodeHash(peak) for peak in hashes))

    def to_bytes(self) -> bytes:
        """Peaks one after the other, left to right."""
        return b"".join(self.peaks)

    def root(self) -> RootHash:
        """Root hash of the tree."""
        return fold_peaks(self.peaks)

    def extend(self, leaves: Sequence[LeafHash]) -> Extension:
        """Append leaf hashes.

        Raises:
            BoundsError: the tree would have more than 2^53-1 leaves.

        """
        check_sizes(self.size, self.size + len(leaves))
        by_level = {
            level: peak for (level, _), peak in zip(peak_nodes(self.size), self.peaks, strict=True)
        }
        size = self.size + len(leaves)
        start, nodes = self.size, [NodeHash(leaf) for leaf in leaves]
        levels: dict[int, tuple[int, list[NodeHash]]] = {}
        level = 0
        while nodes:
            if level % 8 == 0:
                levels[level // 8] = (start, nodes)
            if start & 1:
                start -= 1
                nodes = [by_level.pop(level), *nodes]
            if len(nodes) & 1:
                by_level[level] = nodes[-1]
            sha = hashlib.sha256
            nodes = [
                NodeHash(sha(b"\x01" + nodes[at] + nodes[at + 1]).digest())
                for at in range(0, len(nodes) - 1, 2)
            ]
            start >>= 1
            level += 1
        peaks = tuple(by_level[level] for level, _ in peak_nodes(size))
        return Extension(frontier=Frontier(size=size, peaks=peaks), levels=levels)


def root_of(leaves: Iterable[LeafHash]) -> RootHash:
    """Root of the tree over ``leaves``."""
    sha = hashlib.sha256
    nodes: list[bytes] = list(leaves)
    while (count := len(nodes)) > 1:
        row: list[bytes] = [
            sha(b"\x01" + nodes[at] + nodes[at + 1]).digest() for at in range(0, count - 1, 2)
        ]
        # A node without a sibling is a subtree of its own, and goes up unchanged.
        if count & 1:
            row.append(nodes[-1])
        nodes = row
    return RootHash(nodes[0]) if nodes else EMPTY_ROOT


def split_point(length: int) -> int:
    """Largest power of two below ``length`` (at least 2)."""
    return 1 << ((length - 1).bit_length() - 1)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Spans whose roots are the inclusion path of leaf ``index``, leaf side first.

    RFC 9162, section 2.1.3.1.

    Raises:
        BoundsError: not ``0 <= index < size``.

    """
    check_index(index, size)
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """Perfect subtrees that make up each of :func:`inclusion_spans`, in the same order.

    All but one of the spans are perfect subtrees themselves: the siblings on the way up to where
    the paths of the leaf and of the last leaf part, and left of it where they are the same. The
    sibling where they part is cut off by the end of the tree.

    Raises:
        BoundsError: not ``0 <= index < size``.

    """
    check_index(index, size)
    common = (index ^ (size - 1)).bit_length()
    nodes: list[list[Node]] = [[(level, index >> level ^ 1)] for level in range(common - 1)]
    if common:
        nodes.append(cover_nodes((index >> common - 1 | 1) << common - 1, size))
    nodes += [
        [(level, index >> level ^ 1)]
        for level in range(common, index.bit_length())
        if index >> level & 1
    ]
    return nodes


def consistency_spans(old: int, new: int) -> list[Span]:
    """Spans whose roots are the consistency proof from ``old`` to ``new`` leaves.

    RFC 9162, section 2.1.4.1. Empty when either is trivial (``old`` is 0 or ``new``).

    Raises:
        BoundsError: not ``0 <= old <= new``.

    """
    check_sizes(old, new)
    if old in {0, new}:
        return []
    spans: list[Span] = []
    start, end, complete = 0, new, True
    while old != end:
        middle = start + split_point(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, complete = middle, False
    if not complete:
        spans.append((start, end))
    return spans[::-1]


def verify_inclusion(
    leaf: LeafHash, *, index: int, size: int, path: Sequence[bytes], root: RootHash
) -> None:
    """Check that ``leaf`` is at ``index`` in the tree of ``size`` and ``root``.

    RFC 9162, section 2.1.3.2.

    Raises:
        ProofError: one of its subclasses for each reason.

    """
    check_index(index, size)
    check_hashes(leaf, root, *path)
    inner = (index ^ (size - 1)).bit_length()
    length = inner + (index >> inner).bit_count()
    if len(path) != length:
        raise ProofLengthError(f"the inclusion path has {len(path)} hashes, not {length}")
    node = bytes(leaf)
    for depth, sibling in enumerate(path):
        on_the_left = depth >= inner or (index >> depth) & 1
        node = node_hash(sibling, node) if on_the_left else node_hash(node, sibling)
    if node != root:
        raise RootMismatchError("the inclusion path does not lead to the root")


def verify_consistency(
    *, old: int, new: int, proof: Sequence[bytes], old_root: RootHash, new_root: RootHash
) -> None:
    """Check that the tree (``new``, ``new_root``) extends (``old``, ``old_root``).

    RFC 9162, section 2.1.4.2; trivially so from the empty tree, and from a tree to itself.

    Raises:
        ProofError: one of its subclasses for each reason.

    """
    check_sizes(old, new)
    check_hashes(old_root, new_root, *proof)
    length = len(consistency_spans(old, new))
    if len(proof) != length:
        raise ProofLengthError(f"the consistency proof has {len(proof)} hashes, not {length}")
    if old == 0:
        if old_root != EMPTY_ROOT:
            raise RootMismatchError("the old root is not that of the empty tree")
        return
    if old == new:
        if old_root != new_root:
            raise RootMismatchError("two roots for one size")
        return
    _walk_consistency(old, new, proof, old_root, new_root)


def _walk_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: RootHash, new_root: RootHash
) -> None:
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    left, right = old - 1, new - 1
    while left & 1:
        left >>= 1
        right >>= 1
    old_node = new_node = bytes(hashes[0])
    for sibling in hashes[1:]:
        if left & 1 or left == right:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while not left & 1 and left:
                left >>= 1
                right >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        left >>= 1
        right >>= 1
    if old_node != old_root:
        raise RootMismatchError("the consistency proof does not lead to the old root")
    if new_node != new_root:
        raise RootMismatchError("the consistency proof does not lead to the new root")


def check_index(index: int, size: int) -> None:
    """Raise :class:`BoundsError` unless ``0 <= index < size``."""
    if not 0 <= index < size <= MAX_SIZE:
        raise BoundsError(f"index {index} is not in a tree of size {size}")


def check_sizes(old: int, new: int) -> None:
    """Raise :class:`BoundsError` unless ``0 <= old <= new``."""
    if not 0 <= old <= new <= MAX_SIZE:
        raise BoundsError(f"no tree of size {new} extends one of size {old}")


def check_hashes(*hashes: bytes) -> None:
    """Raise :class:`HashSizeError` unless all are 32 bytes."""
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise HashSizeError(f"a hash has {len(value)} bytes, not {HASH_SIZE}")
