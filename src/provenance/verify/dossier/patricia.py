"""Merkle-Patricia proofs (Ethereum yellow paper, appendix D): a value under a trie's root.

A proof is the nodes from the root to the value. Each is known by its keccak-256; one that is
shorter than 32 bytes stands inside its parent. Every node of the proof must be used, so that a
proof has one spelling. Tests compare it with the ``trie`` package.
"""

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from provenance.verify.dossier.errors import TrieProofError
from provenance.verify.dossier.rlp import Item, decode_list

MAX_NODES: Final = 64
"""Nodes of a proof: keys of 32 bytes have as many half bytes."""

_HASH_SIZE: Final = 32


def prove(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the value that the proof ``nodes`` shows at ``key`` under ``root``.

    Raises:
        TrieProofError: they show none.
        RlpError: a node is not RLP.

    """
    if not 0 < len(nodes) <= MAX_NODES:
        raise TrieProofError(f"a trie proof has 1 to {MAX_NODES} nodes")
    rest = _halves(key)
    reference: Item = root
    used = 0
    while True:
        if isinstance(reference, bytes):
            if used == len(nodes):
                raise TrieProofError("the trie proof ends before its key does")
            data = nodes[used]
            if len(reference) != _HASH_SIZE or keccak(data) != reference:
                raise TrieProofError(f"node {used} of the trie proof has another hash")
            node = decode_list(data)
            used += 1
        else:
            node = reference
        reference, rest, is_value = _step(node, rest)
        if is_value:
            if used != len(nodes):
                raise TrieProofError("the trie proof has nodes that it does not need")
            return _bytes(reference)


def _step(node: list[Item], rest: list[int]) -> tuple[Item, list[int], bool]:
    """What ``node`` has at ``rest``, what of the key is left behind it, whether it is a value."""
    if len(node) == 17:
        return (node[rest[0]], rest[1:], False) if rest else (node[16], rest, True)
    if len(node) != 2:
        raise TrieProofError("a node of the trie proof has neither 2 nor 17 items")
    path, is_leaf = _path(node)
    if rest[: len(path)] != path or (is_leaf and len(path) != len(rest)):
        raise TrieProofError("the trie holds nothing at this key")
    return node[1], rest[len(path) :], is_leaf


def _path(node: list[Item]) -> tuple[list[int], bool]:
    """Half bytes of a short node's path, and whether it is a leaf (appendix C: hex prefix)."""
    data = _bytes(node[0])
    halves = _halves(data)
    if not halves or halves[0] > 3 or (not halves[0] & 1 and halves[1]):
        raise TrieProofError("a path of the trie proof is not in hex-prefix encoding")
    return halves[2 - (halves[0] & 1) :], halves[0] >= 2


def _halves(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte >> 4, byte & 15)]


def _bytes(item: Item) -> bytes:
    if not isinstance(item, bytes) or not item:
        raise TrieProofError("the trie holds nothing at this key")
    return item
