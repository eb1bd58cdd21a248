"""Building a tree and making proofs, against the two libraries that the tests compare with."""

import hashlib
import random
import time
import warnings
from collections.abc import Callable
from typing import Any

import pymerkle

from figures.result import Figure
from provenance.core.digests import LeafHash
from provenance.core.tiles import Tile, TileHashes, inclusion_proof
from provenance.core.tree import Frontier

with warnings.catch_warnings():
    # It warns that pysha3 is missing, which only its SHA-3 trees need.
    warnings.simplefilter("ignore")
    import merkletools

_BATCH = 1_000
"""Entries that the writer appends at once."""


def tree_figures(*, leaves: int, proofs: int) -> list[Figure]:
    """Trees of ``leaves`` leaf hashes and ``proofs`` inclusion proofs from each."""
    entries = [b"\x00%d" % number for number in range(leaves)]
    hashes = [_leaf(entry) for entry in entries]
    indexes = random.Random(leaves).sample(range(leaves), proofs)  # noqa: S311 - to be repeatable
    building, ours = _timed(lambda: _our_tiles(hashes))
    tools_building, tools = _timed(lambda: _merkletools_tree(hashes))
    # pymerkle takes entries and hashes them itself, so that here this is part of both.
    from_entries, _ = _timed(lambda: _our_tiles([_leaf(entry) for entry in entries]))
    py_building, tree = _timed(lambda: _pymerkle_tree(entries))
    proving, made = _timed(
        lambda: [inclusion_proof(ours, index=index, size=leaves) for index in indexes]
    )
    tools_proving, theirs = _timed(lambda: [tools.get_proof(index) for index in indexes])
    py_proving, _ = _timed(lambda: [tree.prove_inclusion(index + 1, leaves) for index in indexes])
    if [len(path) for path in made] != [len(path) for path in theirs]:
        raise RuntimeError("the libraries disagree")
    return [
        _figure(f"building a tree of {leaves:,}", leaves, building, "merkletools", tools_building),
        _figure(f"building a tree of {leaves:,}", leaves, from_entries, "pymerkle", py_building),
        _figure("inclusion proofs out of tiles", proofs, proving, "merkletools", tools_proving),
        _figure("inclusion proofs out of tiles", proofs, proving, "pymerkle", py_proving),
    ]


def _leaf(entry: bytes) -> LeafHash:
    return LeafHash(hashlib.sha256(entry).digest())


def _our_tiles(leaves: list[LeafHash]) -> TileHashes:
    """Append as the writer does and keep the tiles as its store does."""
    frontier = Frontier.empty()
    levels: dict[int, list[bytes]] = {}
    for start in range(0, len(leaves), _BATCH):
        extension = frontier.extend(leaves[start : start + _BATCH])
        frontier = extension.frontier
        for level, (first, nodes) in extension.levels.items():
            row = levels.setdefault(level, [])
            row[first:] = nodes
    tiles: dict[Tile, bytes] = {}
    for level, row in levels.items():
        for n, at in enumerate(range(0, len(row), 256)):
            data = b"".join(row[at : at + 256])
            tiles[Tile(level=level, n=n, width=len(data) // 32)] = data
    return TileHashes(tiles, size=len(leaves))


def _merkletools_tree(leaves: list[LeafHash]) -> Any:
    tree = merkletools.MerkleTools()
    tree.hash_function = _inner_node
    tree.add_leaf([leaf.hex() for leaf in leaves])
    tree.make_tree()
    return tree


def _inner_node(data: bytes) -> Any:
    """SHA-256 of an inner node of RFC 9162; merkletools hashes children without a prefix."""
    return hashlib.sha256(b"\x01" + data)


def _pymerkle_tree(entries: list[bytes]) -> Any:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry[1:])
    tree.get_root(len(entries))
    return tree


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _figure(name: str, count: int, seconds: float, other: str, other_seconds: float) -> Figure:
    return Figure(
        name=f"{name}, to {other}",
        value=count / seconds,
        unit="/s",
        baseline=count / other_seconds,
        baseline_name=f"{other} with the same leaves",
        limit="one hash of 65 bytes for each inner node, some 0.6 µs from Python",
    )
