"""Reading a log back: entries, trails, tiles."""

import pytest
from sqlalchemy import delete

from fixtures.logs import (
    ORIGIN,
    LogUnderTest,
    event,
    log_under_test,
    submission,
)
from provenance.core.digests import LeafHash
from provenance.core.errors import BadValueError
from provenance.core.tiles import (
    Tile,
    TileHashes,
    consistency_proof,
    consistency_tiles,
    inclusion_proof,
    inclusion_tiles,
)
from provenance.core.tree import root_of, verify_consistency, verify_inclusion
from provenance.db.tables import tiles
from provenance.log.errors import (
    InconsistentLogError,
    NotInLogError,
    UnknownLogError,
)
from provenance.log.identity import create_log, load_log
from provenance.log.store import LogStore
from provenance.log.tilestore import TileStore

pytestmark = pytest.mark.services


async def filled(log: LogUnderTest, size: int) -> list[LeafHash]:
    """Log ``size`` entries of one trail and return their leaf hashes."""
    writer = await log.writer()
    await writer.submit(submission(*(event(f"e{n}", "urn:example:all") for n in range(size))))
    return await log.store.leaf_hashes(0, size)


async def test_a_log_is_created_once_and_found_by_its_origin(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        again = await create_log(log.engine, origin=ORIGIN, now_ms=2)
        assert again == log.identity == await load_log(log.engine, origin=ORIGIN)
        with pytest.raises(UnknownLogError, match="other"):
            await load_log(log.engine, origin="other.example/log")
        with pytest.raises(BadValueError):
            await create_log(log.engine, origin="https://log.example", now_ms=2)


async def test_entries_are_found_by_index_leaf_hash_and_trail(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        leaves = await filled(log, 7)
        entry = await log.store.entry(3)
        assert entry.leaf_hash == leaves[3]
        assert await log.store.index_of(leaves[3]) == 3
        trail = await log.store.trail("urn:example:all")
        assert (trail.count, trail.last_leaf) == (7, leaves[-1])
        page = await log.store.trail_entries(trail, after_seq=1, limit=3)
        assert [found.entry.seq for found in page] == [2, 3, 4]
        assert [found.index async for found in log.store.stream(2, 99)] == [2, 3, 4, 5, 6]


async def test_what_is_not_in_the_log_is_said_by_name(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        await filled(log, 1)
        with pytest.raises(NotInLogError, match="entry 1"):
            await log.store.entry(1)
        with pytest.raises(NotInLogError, match="leaf hash"):
            await log.store.index_of(LeafHash(bytes(32)))
        with pytest.raises(NotInLogError, match="trail"):
            await log.store.trail("urn:example:unknown")
        with pytest.raises(UnknownLogError):
            await LogStore(log.engine, log_id=99).head()


async def test_tiles_of_any_width_are_what_their_leaves_say(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        leaves = await filled(log, 600)
        asked = {
            Tile(0, 0),
            Tile(0, 0, 17),
            Tile(0, 1),
            Tile(0, 2, 1),
            Tile(0, 2, 88),
            Tile(1, 0, 1),
            Tile(1, 0, 2),
        }
        for _ in range(2):
            found = await log.tiles.fetch(asked)
            for tile, data in found.items():
                if tile.level == 0:
                    expected = leaves[tile.n * 256 :][: tile.width]
                else:
                    expected = [
                        LeafHash(root_of(leaves[n * 256 : (n + 1) * 256]))
                        for n in range(tile.width)
                    ]
                assert data == b"".join(expected)


@pytest.mark.parametrize("tile", [Tile(0, 2, 89), Tile(0, 3, 1), Tile(1, 0, 3), Tile(2, 0, 1)])
async def test_a_tile_beyond_the_log_is_not_there(database_url: str, tile: Tile) -> None:
    async with log_under_test(database_url) as log:
        await filled(log, 600)
        with pytest.raises(NotInLogError):
            await log.tiles.fetch({tile})


async def test_proofs_from_stored_tiles_hold(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        leaves = await filled(log, 700)
        for size in (1, 2, 255, 256, 257, 513, 700):
            root = root_of(leaves[:size])
            for index in {0, size // 2, size - 1}:
                hashes = TileHashes(await log.tiles.fetch(inclusion_tiles(index, size)), size=size)
                path = inclusion_proof(hashes, index=index, size=size)
                verify_inclusion(leaves[index], index=index, size=size, path=path, root=root)
            old = max(1, size // 3)
            hashes = TileHashes(await log.tiles.fetch(consistency_tiles(old, size)), size=size)
            verify_consistency(
                old=old,
                new=size,
                proof=consistency_proof(hashes, old=old, new=size),
                old_root=root_of(leaves[:old]),
                new_root=root,
            )


async def test_the_cache_of_tiles_stays_within_its_bound(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        await filled(log, 1024)
        small = TileStore(log.engine, log_id=log.identity.log_id, cache_bytes=2 * 8192)
        for _ in range(2):
            for n in range(4):
                assert len((await small.fetch({Tile(0, n)}))[Tile(0, n)]) == 8192
        assert small.cached_bytes == 2 * 8192
        small.forget()
        assert small.cached_bytes == 0


async def test_a_writer_that_meets_a_broken_tile_stops(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        await filled(log, 256)
        async with log.engine.begin() as connection:
            await connection.execute(delete(tiles).where(tiles.c.level == 1))
        writer = log.writers[0]
        with pytest.raises(InconsistentLogError, match="tile 1/0"):
            await writer.submit(submission(*(event(f"f{n}") for n in range(256))))
        assert not writer.is_open
        assert (await log.store.head()).size == 256
