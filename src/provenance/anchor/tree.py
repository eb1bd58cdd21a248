"""The log's tree as it is stored: roots and subtrees at any size, from tiles and leaf hashes.

Nothing that was signed or anchored is looked at here, so that a comparison with the chain is one
of the tree itself and not of a note about it.
"""

from collections.abc import Iterable

from provenance.anchor.session import Connection
from provenance.core.digests import HASH_SIZE, LeafHash, NodeHash, RootHash
from provenance.core.tiles import TILE_WIDTH, Tile, TileHashes, root_tiles, tile_of, tree_root
from provenance.core.tree import Frontier, cover_nodes, peak_nodes
from provenance.log.errors import InconsistentLogError

_TILES = """
SELECT level, n, substring(data FOR width) FROM tiles
JOIN unnest(%s::smallint[], %s::bigint[], %s::int[]) AS wanted (wanted_level, wanted_n, width)
  ON level = wanted_level AND n = wanted_n
WHERE log_id = %s
"""
_LEAVES = """
SELECT leaf_hash FROM entries WHERE log_id = %s AND index >= %s AND index < %s ORDER BY index
"""


class StoredTree:
    """Tree of one log, read through one connection."""

    def __init__(self, connection: Connection, log_id: int) -> None:
        self._connection = connection
        self._log_id = log_id

    async def root(self, size: int) -> RootHash:
        """Root of the tree of ``size``.

        Raises:
            InconsistentLogError: a tile or an entry that it needs is not there.

        """
        hashes = TileHashes(await self.fetch(root_tiles(size)), size=size)
        return tree_root(hashes, size=size)

    async def frontier(self, size: int) -> Frontier:
        """Peaks of the tree of ``size``; raises like :meth:`root`."""
        hashes = TileHashes(await self.fetch(root_tiles(size)), size=size)
        return Frontier(size=size, peaks=tuple(hashes.node(node) for node in peak_nodes(size)))

    async def subtrees(self, start: int, end: int) -> list[NodeHash]:
        """Roots of the largest perfect subtrees that cover ``[start, end)``, left to right."""
        nodes = cover_nodes(start, end)
        hashes = TileHashes(await self.fetch(tile_of(node, size=end) for node in nodes), size=end)
        return [hashes.node(node) for node in nodes]

    async def leaves(self, start: int, end: int) -> list[LeafHash]:
        """Leaf hashes of ``[start, end)``.

        Raises:
            InconsistentLogError: one of them is not there.

        """
        cursor = await self._connection.execute(_LEAVES, (self._log_id, start, end))
        leaves = [LeafHash(leaf) for (leaf,) in await cursor.fetchall()]
        if len(leaves) != end - start:
            raise InconsistentLogError(f"entries [{start}, {end}) are not all there")
        return leaves

    async def fetch(self, tiles: Iterable[Tile]) -> dict[Tile, bytes]:
        """Bytes of tiles, partial ones too."""
        wanted = {(tile.level, tile.n): tile for tile in tiles}
        found: dict[Tile, bytes] = {}
        if wanted:
            cursor = await self._connection.execute(
                _TILES,
                (
                    [tile.level for tile in wanted.values()],
                    [tile.n for tile in wanted.values()],
                    [tile.width * HASH_SIZE for tile in wanted.values()],
                    self._log_id,
                ),
            )
            for level, n, data in await cursor.fetchall():
                found[wanted[level, n]] = data
        for tile in wanted.values():
            if len(found.get(tile, b"")) != tile.width * HASH_SIZE:
                found[tile] = await self._edge(tile)
        return found

    async def _edge(self, tile: Tile) -> bytes:
        """Read a tile of level 0 that was not full when it was last written."""
        if tile.level != 0:
            raise InconsistentLogError(f"tile {tile.path()} is not there, or too short")
        start = tile.n * TILE_WIDTH
        return b"".join(await self.leaves(start, start + tile.width))
