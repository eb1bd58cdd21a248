"""The tree against the definitions of RFC 9162, for small sizes all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.rfc9162 import mth, numbered_leaves, path, proof
from fixtures.small_log import tile_hashes
from provenance.core.digests import LeafHash, NodeHash, RootHash
from provenance.core.errors import ProofError
from provenance.core.tiles import consistency_proof, inclusion_proof, tree_root
from provenance.core.tree import (
    MAX_SIZE,
    Frontier,
    consistency_spans,
    cover_nodes,
    fold_peaks,
    inclusion_nodes,
    inclusion_spans,
    peak_nodes,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [LeafHash(leaf) for leaf in numbered_leaves(1100)]
SMALL = 20
ROOTS = [RootHash(mth(LEAVES[:size])) for size in range(SMALL + 2)]

positions = st.integers(0, MAX_SIZE)
ranges = st.tuples(positions, positions).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(st.integers(0, 300), max_size=5))
def test_appending_in_any_chunks_gives_the_same_tree(chunks: list[int]) -> None:
    frontier, size = Frontier.empty(), 0
    levels: dict[int, list[NodeHash]] = {}
    for chunk in chunks:
        new = LEAVES[size : size + chunk] or LEAVES[:0]
        extension = frontier.extend(new)
        for level, (first, nodes) in extension.levels.items():
            held = levels.setdefault(level, [])
            assert first == len(held)
            held += nodes
        frontier, size = extension.frontier, size + len(new)
    assert frontier.size == size
    assert frontier.root() == mth(LEAVES[:size])
    assert Frontier.from_bytes(size, frontier.to_bytes()) == frontier
    for level, nodes in levels.items():
        width = 256**level
        assert nodes == [mth(LEAVES[n * width : (n + 1) * width]) for n in range(size // width)]


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_inclusion_paths_are_those_of_the_definition_and_verify(size: int) -> None:
    hashes = tile_hashes(LEAVES[:size])
    for index in range(size):
        found = inclusion_proof(hashes, index=index, size=size)
        assert found == path(index, LEAVES[:size])
        verify_inclusion(LEAVES[index], index=index, size=size, path=found, root=ROOTS[size])


@pytest.mark.parametrize("new", range(SMALL + 1))
def test_consistency_proofs_are_those_of_the_definition_and_verify(new: int) -> None:
    hashes = tile_hashes(LEAVES[:new])
    for old in range(new + 1):
        found = consistency_proof(hashes, old=old, new=new)
        assert found == proof(old, LEAVES[:new])
        verify_consistency(old=old, new=new, proof=found, old_root=ROOTS[old], new_root=ROOTS[new])


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_a_path_verifies_for_no_other_leaf_index_or_root(size: int) -> None:
    hashes = tile_hashes(LEAVES[:size])
    for index in range(size):
        found = inclusion_proof(hashes, index=index, size=size)
        for other in range(size):
            if other != index:
                assert refused_inclusion(LEAVES[index], other, size, found, ROOTS[size])
                assert refused_inclusion(LEAVES[other], index, size, found, ROOTS[size])
        for other in {index, size - 1, size + 1}:
            assert refused_inclusion(LEAVES[index], index, size, found, ROOTS[other])


@pytest.mark.parametrize("new", range(1, SMALL + 1))
def test_a_consistency_proof_verifies_for_no_other_root(new: int) -> None:
    hashes = tile_hashes(LEAVES[:new])
    for old in range(new):
        found = consistency_proof(hashes, old=old, new=new)
        for other in range(SMALL + 1):
            if other != old:
                assert refused_consistency(old, new, found, ROOTS[other], ROOTS[new])
            if other != new and old:
                assert refused_consistency(old, new, found, ROOTS[old], ROOTS[other])


@given(st.integers(1, 1100), st.data())
def test_every_mutation_of_a_proof_is_refused(size: int, data: st.DataObject) -> None:
    hashes, root = tile_hashes(LEAVES[:size]), root_of(LEAVES[:size])
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    found = inclusion_proof(hashes, index=index, size=size)
    verify_inclusion(LEAVES[index], index=index, size=size, path=found, root=root)
    for wrong in mutations(found, data):
        assert refused_inclusion(LEAVES[index], index, size, wrong, root)

    found, old_root = consistency_proof(hashes, old=old, new=size), root_of(LEAVES[:old])
    verify_consistency(old=old, new=size, proof=found, old_root=old_root, new_root=root)
    for wrong in mutations(found, data):
        assert refused_consistency(old, size, wrong, old_root, root)


def mutations(found: list[RootHash], data: st.DataObject) -> list[list[RootHash]]:
    """Shorter, longer, reordered, and with one bit changed."""
    results = [[*found, RootHash(bytes(32))], [RootHash(bytes(31)), *found]]
    if found:
        at, bit = data.draw(st.integers(0, len(found) - 1)), data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(found[at], "big") ^ (1 << bit)).to_bytes(32, "big")
        results += [
            found[:at] + found[at + 1 :],
            [*found[:at], RootHash(flipped), *found[at + 1 :]],
            [*found[:at], RootHash(found[at][:-1]), *found[at + 1 :]],
            [*found[:at], found[at], *found[at:]],
        ]
    if len(found) > 1:
        results.append(found[::-1])
    return results


def refused_inclusion(
    leaf: LeafHash, index: int, size: int, found: list[RootHash], root: RootHash
) -> bool:
    try:
        verify_inclusion(leaf, index=index, size=size, path=found, root=root)
    except ProofError:
        return True
    return False


def refused_consistency(
    old: int, new: int, found: list[RootHash], old_root: RootHash, new_root: RootHash
) -> bool:
    try:
        verify_consistency(old=old, new=new, proof=found, old_root=old_root, new_root=new_root)
    except ProofError:
        return True
    return False


@given(st.integers(), st.integers(), st.lists(st.binary(max_size=40), max_size=70))
def test_hostile_numbers_and_hashes_are_refused_as_proof_errors(
    one: int, other: int, hashes: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[0], index=one, size=other, path=hashes, root=ROOTS[0])
    with pytest.raises(ProofError):
        verify_consistency(old=one, new=other, proof=hashes, old_root=ROOTS[1], new_root=ROOTS[2])


@given(ranges)
def test_covers_are_perfect_subtrees_left_to_right_and_fewest(ends: tuple[int, int]) -> None:
    start, end = ends
    at = start
    for level, index in cover_nodes(start, end):
        assert index << level == at
        at += 1 << level
    assert at == max(start, end)
    # A segment tree needs at most two nodes a level, one on the way up and one on the way down.
    levels = [level for level, _ in cover_nodes(start, end)]
    turn = levels.index(max(levels)) if levels else 0
    assert levels[: turn + 1] == sorted(set(levels[: turn + 1]))
    assert levels[turn + 1 :] == sorted(levels[turn + 1 :], reverse=True)
    assert all(levels.count(level) <= 2 for level in levels)


@given(positions)
def test_peaks_are_the_bits_of_the_size(size: int) -> None:
    assert [level for level, _ in peak_nodes(size)] == [
        level for level in reversed(range(size.bit_length())) if size >> level & 1
    ]


@given(st.integers(0, 600), st.integers(0, 600))
def test_old_peaks_and_new_subtrees_lead_to_the_new_root(old: int, count: int) -> None:
    """What the contract does: fold the subtrees that cover the new leaves into the old peaks."""
    new = min(old + count, len(LEAVES))
    hashes = tile_hashes(LEAVES[:new])
    stack = [(node, hashes.node(node)) for node in peak_nodes(old)]
    for node in cover_nodes(old, new):
        stack.append((node, hashes.node(node)))
        while len(stack) > 1 and stack[-1][0][0] == stack[-2][0][0]:
            (_, right), (left_node, left) = stack.pop(), stack.pop()
            parent = (left_node[0] + 1, left_node[1] >> 1)
            stack.append((parent, hashes.node(parent)))
            assert hashes.node(parent) == NodeHash(mth([left, right]))
    assert [node for node, _ in stack] == peak_nodes(new)
    assert fold_peaks([hash_ for _, hash_ in stack]) == root_of(LEAVES[:new])
    assert tree_root(hashes, size=new) == root_of(LEAVES[:new])


@given(st.integers(1, 300) | st.integers(1, MAX_SIZE), st.data())
def test_the_nodes_of_a_path_are_those_of_its_spans(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    expected = [cover_nodes(*span) for span in inclusion_spans(index, size)]
    assert inclusion_nodes(index, size) == expected


@given(st.integers(1, MAX_SIZE), st.data())
def test_spans_of_large_trees_tile_the_whole(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    spans = sorted([*inclusion_spans(index, size), (index, index + 1)])
    assert [spans[0][0], *(end for _, end in spans)] == [*(start for start, _ in spans), size]
    old = data.draw(st.integers(1, size))
    covered = sorted(consistency_spans(old, size))
    if old != size:
        # Without a span for the old tree where that is a perfect subtree: its root is known.
        start = 0 if old & (old - 1) else old
        assert [covered[0][0], *(end for _, end in covered)] == [
            *(start for start, _ in covered),
            size,
        ]
        assert covered[0][0] == start
        assert any(end == old for _, end in covered) or start == old
