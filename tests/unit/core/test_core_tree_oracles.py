"""Roots and proofs compared with merkletools and pymerkle, which share no code with ours."""

import hashlib
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pymerkle
import pytest

from fixtures.rfc9162 import numbered_leaves
from fixtures.small_log import tile_hashes
from provenance.core.digests import LeafHash, RootHash
from provenance.core.tiles import TileHashes, consistency_proof, inclusion_proof
from provenance.core.tree import root_of, verify_consistency, verify_inclusion

EVERY_SIZE_TO = 300
LARGE = [1_000, 4_096, 4_097, *random.Random(20_261_101).sample(range(5_000, 20_001), 3)]
LEAVES = [LeafHash(leaf) for leaf in numbered_leaves(max(LARGE))]

with warnings.catch_warnings():
    # It warns on import that pysha3 is missing, which only its SHA-3 trees need.
    warnings.simplefilter("ignore")
    import merkletools


def inner_node(data: bytes) -> Any:
    """SHA-256 of an inner node of RFC 9162; merkletools hashes children without a prefix."""
    return hashlib.sha256(b"\x01" + data)


def merkletools_tree(size: int) -> merkletools.MerkleTools:
    tree = merkletools.MerkleTools()
    tree.hash_function = inner_node
    tree.add_leaf([leaf.hex() for leaf in LEAVES[:size]])
    tree.make_tree()
    return tree


@pytest.fixture(scope="module")
def pymerkle_tree() -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(max(LARGE)):
        tree.append_entry(b"%d" % number)
    return tree


def some_indexes(size: int) -> list[int]:
    """First, last, and those around the split; all of a very small tree."""
    if size <= 17:
        return list(range(size))
    split = 1 << ((size - 1).bit_length() - 1)
    return sorted({0, 1, size // 3, split - 1, split, size - 2, size - 1})


def sided(path: list[RootHash], index: int, size: int) -> Iterator[dict[str, str]]:
    """An RFC 9162 path as merkletools writes it: each hash with its side."""
    last = size - 1
    for node in path:
        while not index & 1 and index == last:
            index, last = index >> 1, last >> 1
        yield {"left" if index & 1 else "right": node.hex()}
        index, last = index >> 1, last >> 1


def compare_with_merkletools(size: int, indexes: list[int], hashes: TileHashes) -> None:
    oracle = merkletools_tree(size)
    root = root_of(LEAVES[:size])
    assert oracle.get_merkle_root() == root.hex()
    for index in indexes:
        path = inclusion_proof(hashes, index=index, size=size)
        proof = oracle.get_proof(index)
        assert proof == list(sided(path, index, size))
        assert oracle.validate_proof(proof, LEAVES[index].hex(), root.hex())
        theirs = [bytes.fromhex(next(iter(step.values()))) for step in proof]
        verify_inclusion(LEAVES[index], index=index, size=size, path=theirs, root=root)


def compare_with_pymerkle(
    size: int, indexes: list[int], hashes: TileHashes, oracle: pymerkle.InmemoryTree
) -> None:
    root = root_of(LEAVES[:size])
    assert oracle.get_root(size) == root
    for index in indexes:
        path = inclusion_proof(hashes, index=index, size=size)
        proof = oracle.prove_inclusion(index + 1, size)
        assert proof.path == [LEAVES[index], *path]
        verify_inclusion(LEAVES[index], index=index, size=size, path=proof.path[1:], root=root)
    for old in [index for index in indexes if index]:
        old_root = root_of(LEAVES[:old])
        # Its consistency proofs have another form, so that each checks its own for the same roots.
        pymerkle.verify_consistency(old_root, root, oracle.prove_consistency(old, size))
        ours = consistency_proof(hashes, old=old, new=size)
        verify_consistency(old=old, new=size, proof=ours, old_root=old_root, new_root=root)


def test_merkletools_agrees_for_every_size() -> None:
    for size in range(1, EVERY_SIZE_TO + 1):
        compare_with_merkletools(size, some_indexes(size), tile_hashes(LEAVES[:size]))


def test_pymerkle_agrees_for_every_size(pymerkle_tree: pymerkle.InmemoryTree) -> None:
    for size in range(1, EVERY_SIZE_TO + 1):
        compare_with_pymerkle(size, some_indexes(size), tile_hashes(LEAVES[:size]), pymerkle_tree)


@pytest.mark.parametrize("size", LARGE)
def test_both_agree_for_large_sizes(size: int, pymerkle_tree: pymerkle.InmemoryTree) -> None:
    hashes = tile_hashes(LEAVES[:size])
    indexes = sorted({*some_indexes(size), *random.Random(size).sample(range(size), 10)})
    compare_with_merkletools(size, indexes, hashes)
    compare_with_pymerkle(size, indexes, hashes, pymerkle_tree)


@pytest.mark.soak
def test_both_agree_for_every_index_of_every_size(pymerkle_tree: pymerkle.InmemoryTree) -> None:
    for size in range(1, EVERY_SIZE_TO + 1):
        hashes = tile_hashes(LEAVES[:size])
        compare_with_merkletools(size, list(range(size)), hashes)
        compare_with_pymerkle(size, list(range(size)), hashes, pymerkle_tree)
