"""Hash tiles out of the database: read together, kept, and cut to the width that is asked for.

Hashes are only ever appended to a tile, so that a narrower one is the beginning of a wider one,
and whatever was read once may be kept; the cache is bounded by bytes. The leaf tile at the log's
edge is stored once it is full; until then it is gathered from the entries. After a database was
restored, :meth:`TileStore.forget` empties the cache.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import HASH_SIZE
from provenance.core.tiles import TILE_WIDTH, Tile
from provenance.db.reading import integer_array, read_rows
from provenance.db.together import Together
from provenance.log.errors import NotInLogError

_TILES_AT_ONCE = 256
CACHE_BYTES = 32 << 20
"""Four thousand full tiles: every level of a log of a million entries."""

_STORED = """
SELECT tiles.level, tiles.n, tiles.data
FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[]) AS asked (level, n)
JOIN tiles ON tiles.log_id = %(log_id)s AND tiles.level = asked.level AND tiles.n = asked.n
"""
_LEAVES = """
SELECT string_agg(leaf_hash, ''::bytea ORDER BY index)
FROM (
  SELECT index, leaf_hash, %(first)s::bigint - 1 + row_number() OVER (ORDER BY index) AS place
  FROM entries
  WHERE log_id = %(log_id)s AND index >= %(first)s::bigint AND index < %(until)s::bigint
) AS leaves
WHERE index = place
"""
"""Up to the first entry that is missing: what follows a gap is not where its place says."""

_Place = tuple[int, int]
"""Level and number of a tile."""


class TileStore:
    """Tiles of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int, cache_bytes: int = CACHE_BYTES) -> None:
        self._engine = engine
        self._log_id = log_id
        self._cache_bytes = cache_bytes
        self.cached_bytes = 0
        self._cache: OrderedDict[_Place, bytes] = OrderedDict()
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
        stored = await self._stored({(tile.level, tile.n) for tile in tiles})
        read: dict[Tile, bytes] = {}
        for tile in tiles:
            place, size = (tile.level, tile.n), tile.width * HASH_SIZE
            if len(stored.get(place, b"")) < size and tile.level == 0:
                stored[place] = await self._leaves(tile)
            data = stored.get(place, b"")
            if len(data) >= size:
                read[tile] = data[:size]
        for place, data in stored.items():
            self._keep(place, data)
        return read

    async def _stored(self, places: Collection[_Place]) -> dict[_Place, bytes]:
        parameters = {
            "levels": integer_array([level for level, _ in places]),
            "numbers": integer_array([n for _, n in places]),
            "log_id": self._log_id,
        }
        rows = await read_rows(self._engine, _STORED, parameters)
        return {(level, n): data for level, n, data in rows}

    async def _leaves(self, tile: Tile) -> bytes:
        first = tile.n * TILE_WIDTH
        parameters = {"log_id": self._log_id, "first": first, "until": first + tile.width}
        ((data,),) = await read_rows(self._engine, _LEAVES, parameters)
        return data or b""

    def _cached(self, tile: Tile) -> bytes | None:
        place, size = (tile.level, tile.n), tile.width * HASH_SIZE
        data = self._cache.get(place)
        if data is None or len(data) < size:
            return None
        self._cache.move_to_end(place)
        return data if len(data) == size else data[:size]

    def _keep(self, place: _Place, data: bytes) -> None:
        kept = len(self._cache.get(place, b""))
        if len(data) > kept:
            self._cache[place] = data
            self.cached_bytes += len(data) - kept
        while self.cached_bytes > self._cache_bytes:
            _, dropped = self._cache.popitem(last=False)
            self.cached_bytes -= len(dropped)
