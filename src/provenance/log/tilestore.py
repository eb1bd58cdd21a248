"""Hash tiles out of the database: full ones cached, partial ones cut or gathered from entries.

A tile of a given width never changes, so that whatever was read once may be kept; the cache is
bounded by bytes. After a database was restored, :meth:`TileStore.forget` empties it.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import BigInteger, SmallInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from provenance.core.digests import HASH_SIZE
from provenance.core.tiles import TILE_WIDTH, Tile
from provenance.db.together import Together
from provenance.log.errors import NotInLogError

_TILES_AT_ONCE = 256
CACHE_BYTES = 32 << 20
"""Four thousand full tiles: every level of a log of a million entries."""

_STORED = text("""
SELECT tiles.level, tiles.n, tiles.data
FROM unnest(:levels, :numbers) AS asked (level, n)
JOIN tiles ON tiles.log_id = :log_id AND tiles.level = asked.level AND tiles.n = asked.n
""").bindparams(
    bindparam("levels", type_=ARRAY(SmallInteger)), bindparam("numbers", type_=ARRAY(BigInteger))
)
_LEAVES = text("""
SELECT string_agg(leaf_hash, ''::bytea ORDER BY index)
FROM entries WHERE log_id = :log_id AND index >= :first AND index < :until
""")


class TileStore:
    """Tiles of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int, cache_bytes: int = CACHE_BYTES) -> None:
        self._engine = engine
        self._log_id = log_id
        self._cache_bytes = cache_bytes
        self.cached_bytes = 0
        self._cache: OrderedDict[Tile, bytes] = OrderedDict()
        self._together = Together(self._read, at_most=_TILES_AT_ONCE)

    async def fetch(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        """Return the bytes of each tile, ``32 * width`` of them.

        Raises:
            NotInLogError: the log does not (yet) have one of them.

        """
        found: dict[Tile, bytes] = {}
        missing: list[Tile] = []
        for tile in tiles:
            data = self._cached(tile)
            if data is None:
                missing.append(tile)
            else:
                found[tile] = data
        if missing:
            found |= await self._together.get_all(missing)
        for tile in missing:
            if tile not in found:
                raise NotInLogError(f"the log has no tile {tile.path()}")
        return found

    def forget(self) -> None:
        """Empty the cache: the database is not the one that it was filled from."""
        self._cache.clear()
        self.cached_bytes = 0

    async def _read(self, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        read: dict[Tile, bytes] = {}
        async with self._engine.connect() as connection:
            stored = await self._stored(connection, tiles)
            for tile in tiles:
                data = stored.get((tile.level, tile.n))
                if data is None and tile.level == 0:
                    data = await self._leaves(connection, tile)
                size = tile.width * HASH_SIZE
                if data is not None and len(data) >= size:
                    read[tile] = data[:size]
                    self._keep(tile, read[tile])
        return read

    async def _stored(
        self, connection: AsyncConnection, tiles: Collection[Tile]
    ) -> dict[tuple[int, int], bytes]:
        asked = {(tile.level, tile.n) for tile in tiles if tile.level or tile.width == TILE_WIDTH}
        if not asked:
            return {}
        rows = await connection.execute(
            _STORED,
            {
                "levels": [level for level, _ in asked],
                "numbers": [n for _, n in asked],
                "log_id": self._log_id,
            },
        )
        return {(level, n): data for level, n, data in rows}

    async def _leaves(self, connection: AsyncConnection, tile: Tile) -> Any:
        first = tile.n * TILE_WIDTH
        return await connection.scalar(
            _LEAVES, {"log_id": self._log_id, "first": first, "until": first + tile.width}
        )

    def _cached(self, tile: Tile) -> bytes | None:
        data = self._cache.get(tile)
        if data is None and tile.width < TILE_WIDTH:
            full = self._cache.get(Tile(level=tile.level, n=tile.n))
            return None if full is None else full[: tile.width * HASH_SIZE]
        if data is not None:
            self._cache.move_to_end(tile)
        return data

    def _keep(self, tile: Tile, data: bytes) -> None:
        if tile not in self._cache:
            self._cache[tile] = data
            self.cached_bytes += len(data)
        while self.cached_bytes > self._cache_bytes:
            _, dropped = self._cache.popitem(last=False)
            self.cached_bytes -= len(dropped)
