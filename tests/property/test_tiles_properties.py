"""Tiles: their addresses, what a tree of some size has of them, and entry bundles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.rfc9162 import mth, numbered_leaves
from fixtures.small_log import tile_hashes
from fixtures.strategies import mutated
from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError, ProofError
from provenance.core.tiles import (
    Tile,
    TileHashes,
    consistency_proof,
    consistency_tiles,
    decode_bundle,
    encode_bundle,
    inclusion_proof,
    inclusion_tiles,
    root_tiles,
    tile_at,
    tree_root,
)
from provenance.core.tree import MAX_SIZE, root_of

LEAVES = [LeafHash(leaf) for leaf in numbered_leaves(1100)]
tiles = st.builds(
    Tile, level=st.integers(-1, 63), n=st.integers(0, MAX_SIZE >> 8), width=st.integers(1, 256)
)


@given(tiles)
def test_an_address_survives_the_round_trip(tile: Tile) -> None:
    assert Tile.parse(tile.path()) == tile


@given(tiles.flatmap(lambda tile: mutated(tile.path().encode())) | st.binary(max_size=80))
def test_an_address_has_one_spelling(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        tile = Tile.parse(text)
    except FormatError:
        return
    assert tile.path() == text
    assert 0 < tile.width <= 256
    assert 0 <= tile.n <= MAX_SIZE >> 8


@given(st.integers(1, MAX_SIZE), st.integers(0, 7), st.data())
def test_a_tree_has_exactly_the_tiles_that_tlog_tiles_says(
    size: int, level: int, data: st.DataObject
) -> None:
    held = size // 256**level
    n = data.draw(st.integers(0, held // 256 + 2))
    width = min(256, held - 256 * n)
    if width > 0:
        assert tile_at(level, n, size=size) == Tile(level, n, width)
    else:
        with pytest.raises(FormatError):
            tile_at(level, n, size=size)


@given(st.integers(1, 1100), st.data())
def test_the_named_tiles_suffice_for_a_proof(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    everything = tile_hashes(LEAVES[:size])
    some = only(everything, inclusion_tiles(index, size), size)
    assert inclusion_proof(some, index=index, size=size) == inclusion_proof(
        everything, index=index, size=size
    )
    some = only(everything, consistency_tiles(old, size), size)
    assert consistency_proof(some, old=old, new=size) == consistency_proof(
        everything, old=old, new=size
    )
    assert tree_root(only(everything, root_tiles(size), size), size=size) == root_of(LEAVES[:size])


def only(hashes: TileHashes, wanted: set[Tile], size: int) -> TileHashes:
    return TileHashes({tile: hashes._tiles[tile] for tile in wanted}, size=size)


@given(st.integers(1, 1100), st.integers(0, 11), st.integers(0, 1100))
def test_a_node_is_the_root_of_its_subtree_or_refused(size: int, level: int, index: int) -> None:
    hashes = tile_hashes(LEAVES[:size])
    if (index + 1) << level <= size:
        assert hashes.node((level, index)) == mth(LEAVES[index << level : (index + 1) << level])
    else:
        with pytest.raises(ProofError):
            hashes.node((level, index))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_survives_the_round_trip(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), width=len(entries)) == entries


@given(
    st.lists(st.binary(max_size=30), max_size=5).map(encode_bundle).flatmap(mutated),
    st.integers(0, 6),
)
def test_a_bundle_is_read_from_its_own_bytes_only(data: bytes, width: int) -> None:
    try:
        entries = decode_bundle(data, width=width)
    except FormatError:
        return
    assert len(entries) == width
    assert encode_bundle(entries) == data
