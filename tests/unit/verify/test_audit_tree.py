"""Entries, tiles and anchored roots held against each other: one change, one finding."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.memory_log import MemoryLog, audited, memory_log, numbered
from provenance.core.digests import LeafHash
from provenance.core.tiles import Tile
from provenance.core.tree import leaf_hash

ENTRIES = numbered(700)
SIZES = (1, 10, 255, 256, 300, 511, 650)


async def named(log: MemoryLog) -> list[str]:
    return [finding.object for finding in await audited(log)]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


async def test_a_sound_log_has_no_findings() -> None:
    assert await named(memory_log(ENTRIES, *SIZES)) == []


async def test_without_entries_the_tiles_alone_lead_to_the_roots() -> None:
    log = memory_log(ENTRIES, *SIZES)
    log.has_entries = False
    assert await named(log) == []


@given(index=st.integers(0, 699), at=st.integers(0, 100))
@settings(deadline=None, max_examples=60)
async def test_an_altered_entry_is_named(index: int, at: int) -> None:
    log = memory_log(ENTRIES, *SIZES)
    log.entries[index] = flipped(log.entries[index] or b"", at)
    assert await named(log) == [f"entry {index}"]


@given(index=st.integers(0, 699))
@settings(deadline=None, max_examples=40)
async def test_a_missing_entry_is_named(index: int) -> None:
    log = memory_log(ENTRIES, *SIZES)
    log.entries[index] = None
    assert await named(log) == [f"entry {index}"]


@given(tile=st.sampled_from(sorted(memory_log(ENTRIES).tiles, key=str)), at=st.integers(0, 63))
@settings(deadline=None, max_examples=40)
async def test_an_altered_tile_is_named(tile: Tile, at: int) -> None:
    log = memory_log(ENTRIES, *SIZES)
    log.tiles[tile] = flipped(log.tiles[tile], at % len(log.tiles[tile]))
    assert await named(log) == [f"tile {tile.path()}"]


async def test_a_tile_that_is_missing_or_cut_is_named() -> None:
    for tile in memory_log(ENTRIES).tiles:
        for cut in (b"", log_tile(tile)[:-32], log_tile(tile)[:-1]):
            log = memory_log(ENTRIES, *SIZES)
            log.tiles[tile] = cut
            assert await named(log) == [f"tile {tile.path()}"]


def log_tile(tile: Tile) -> bytes:
    return memory_log(ENTRIES).tiles[tile]


async def test_an_entry_altered_together_with_its_tile_is_found_by_what_is_above() -> None:
    log = memory_log(ENTRIES, *SIZES)
    tile = Tile(level=0, n=1)
    log.entries[300] = flipped(log.entries[300] or b"", 30)
    leaf = leaf_hash(log.entries[300] or b"")
    log.tiles[tile] = log.tiles[tile][: 44 * 32] + leaf + log.tiles[tile][45 * 32 :]
    found = await named(log)
    assert "entries 300 to 510" in found or "entries 256 to 511" in found
    # The next entry of the trail still names the true leaf hash.
    assert "entry 307" in found


async def test_after_a_foreign_root_the_first_range_is_named_and_no_other() -> None:
    log, other = memory_log(ENTRIES, *SIZES), memory_log(ENTRIES[:299], 1, 10, 255, 256)
    foreign = memory_log([*ENTRIES[:260], *numbered(440)])
    other.anchors.add(300, b"\1" * 32, 0)
    for anchor in foreign.anchors:
        if anchor.size > 300:
            other.anchors.add(anchor.size, anchor.root, 0)
    log.anchors = other.anchors
    assert (await named(log))[0] == "entries 299 to 299"


async def test_a_lost_leaf_is_put_back_where_somebody_still_names_it() -> None:
    log = memory_log(ENTRIES, *SIZES)
    true = leaf_hash(log.entries[690] or b"")
    log.entries[690] = None
    del log.tiles[Tile(level=0, n=2, width=188)]
    log.lost = [LeafHash(b"\2" * 32), true]
    assert await named(log) == ["tile 0/002.p/188", "entry 690"]


async def test_an_entry_that_nobody_can_tell_of_is_missing_and_ends_the_tree() -> None:
    log = memory_log(ENTRIES, *SIZES)
    log.entries[690] = None
    del log.tiles[Tile(level=0, n=2, width=188)]
    assert set(await named(log)) == {"entry 690", "tile 0/002.p/188"}
