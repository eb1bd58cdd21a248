"""Tiles of C2SP tlog-tiles: the tree's hashes in immutable blocks of 256, and proofs from them.

A tile of level k holds consecutive nodes of level 8·k. Only the last tile of a level can be
partial; in the address of a tile its width says of which tree it is a part. Nothing here reads a
store: a caller asks which tiles a proof needs, fetches them, and builds the proof from them.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import NamedTuple, Self

from provenance.core.digests import HASH_SIZE, NodeHash, RootHash
from provenance.core.errors import BadValueError, BoundsError, TilePathError
from provenance.core.tree import (
    MAX_SIZE,
    Node,
    Span,
    consistency_spans,
    cover_nodes,
    fold_peaks,
    inclusion_nodes,
    peak_nodes,
)

TILE_HEIGHT = 8
"""Levels of the tree in a tile (tlog-tiles fixes 8)."""
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes in a full tile, entries in a full bundle."""

_MAX_N = MAX_SIZE >> TILE_HEIGHT
_PATH = re.compile(
    r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<n>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """Address of a hash tile, or of an entry bundle where ``level`` is -1."""

    level: int
    n: int
    width: int = TILE_WIDTH

    def path(self) -> str:
        """Address after ``/tile/``, as tlog-tiles spells it."""
        digits = f"{self.n:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{'entries' if self.level < 0 else self.level}/{name}{partial}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read :meth:`path`.

        Raises:
            TilePathError: it is not the one spelling of an address.

        """
        match = _PATH.fullmatch(path) if len(path) <= 64 else None
        if match is None:
            raise TilePathError(f"{path[:64]!a} is not a tile path (C2SP tlog-tiles)")
        level = -1 if match["level"] == "entries" else int(match["level"])
        n = int(match["n"].replace("x", "").replace("/", ""))
        tile = cls(level=level, n=n, width=int(match["width"] or TILE_WIDTH))
        if n > _MAX_N or tile.width > TILE_WIDTH or tile.path() != path:
            raise TilePathError(f"{path!a} is not the canonical spelling of a tile path")
        return tile


def tile_at(level: int, n: int, *, size: int) -> Tile:
    """Tile ``n`` of ``level`` as it is in the tree of ``size``.

    Raises:
        TilePathError: the tree has no such tile.

    """
    width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * max(level, 0))) - n * TILE_WIDTH)
    if width <= 0:
        raise TilePathError(f"a tree of size {size} has no tile {level}/{n}")
    return Tile(level=level, n=n, width=width)


def tile_of(node: Node, *, size: int) -> Tile:
    """Tile that holds ``node`` (or its descendants) in the tree of ``size``."""
    level, n = _place(node)
    return tile_at(level, n, size=size)


def _place(node: Node) -> tuple[int, int]:
    level, index = node
    return level // TILE_HEIGHT, index << level % TILE_HEIGHT >> TILE_HEIGHT


def tiles_for(nodes: Iterable[Node], *, size: int) -> set[Tile]:
    """Tiles that hold ``nodes`` in the tree of ``size``."""
    return {tile_at(level, n, size=size) for level, n in {_place(node) for node in nodes}}


def inclusion_tiles(index: int, size: int) -> set[Tile]:
    """Tiles from which :func:`inclusion_proof` is built."""
    return tiles_for(chain.from_iterable(inclusion_nodes(index, size)), size=size)


def consistency_tiles(old: int, new: int) -> set[Tile]:
    """Tiles from which :func:`consistency_proof` is built."""
    nodes = (node for span in consistency_spans(old, new) for node in cover_nodes(*span))
    return tiles_for(nodes, size=new)


def root_tiles(size: int) -> set[Tile]:
    """Tiles from which :func:`tree_root` is built."""
    return tiles_for(peak_nodes(size), size=size)


class TileNodes:
    """The hashes inside one tile: a row of them is made when the first one of it is asked for.

    An inclusion path needs nearly all of the tile that holds its leaf, so that this costs no more
    than making the path alone, and every other path through the tile then costs nothing.
    """

    def __init__(self, data: bytes) -> None:
        self._rows = [data]

    def hold(self, data: bytes) -> bool:
        """Whether this is the tile of ``data``, or a wider one that begins with it."""
        return self._rows[0].startswith(data)

    def node(self, rise: int, position: int) -> NodeHash:
        """Return hash number ``position`` of the row that is ``rise`` levels above the tile's."""
        rows = self._rows
        while len(rows) <= rise:
            rows.append(_row_above(rows[-1]))
        return NodeHash(rows[rise][position * HASH_SIZE : (position + 1) * HASH_SIZE])


class TileHashes:
    """Hashes of nodes and spans out of fetched tiles of the tree of one size.

    ``known`` remembers what was hashed inside tiles, by level and number, for whoever makes many
    proofs: a perfect subtree of a partial tile is one of the wider tile too.
    """

    def __init__(
        self,
        tiles: Mapping[Tile, bytes],
        *,
        size: int,
        known: MutableMapping[tuple[int, int], TileNodes] | None = None,
    ) -> None:
        for tile, data in tiles.items():
            if len(data) != tile.width * HASH_SIZE:
                raise BadValueError(
                    f"has {len(data)} bytes, not {tile.width * HASH_SIZE}",
                    where=f"tile/{tile.path()}",
                )
        self._tiles = tiles
        self._size = size
        self._known = {} if known is None else known
        self._opened: dict[tuple[int, int], TileNodes] = {}

    def node(self, node: Node) -> NodeHash:
        """Hash of a perfect subtree.

        Raises:
            BoundsError: the tree has no such node.
            BadValueError: the tile that holds it was not given.

        """
        level, index = node
        if not 0 <= index << level < (index + 1) << level <= self._size:
            raise BoundsError(f"a tree of size {self._size} has no node {level}/{index}")
        rise = level % TILE_HEIGHT
        place = level // TILE_HEIGHT, index << rise >> TILE_HEIGHT
        nodes = self._opened.get(place)
        if nodes is None:
            nodes = self._opened[place] = self._open(tile_at(*place, size=self._size))
        return nodes.node(rise, index & ((TILE_WIDTH >> rise) - 1))

    def _open(self, tile: Tile) -> TileNodes:
        data = self._tiles.get(tile)
        if data is None:
            raise BadValueError("is needed and was not given", where=f"tile/{tile.path()}")
        place = tile.level, tile.n
        nodes = self._known.get(place)
        if nodes is None or not nodes.hold(data):
            nodes = self._known[place] = TileNodes(data)
        return nodes

    def span(self, span: Span) -> RootHash:
        """Root of the tree over the leaves of ``span``."""
        return self.fold(cover_nodes(*span))

    def fold(self, nodes: Sequence[Node]) -> RootHash:
        """Root of the tree that consists of perfect subtrees, left to right."""
        if len(nodes) == 1:
            return RootHash(self.node(nodes[0]))
        return fold_peaks([self.node(node) for node in nodes])


def inclusion_proof(hashes: TileHashes, *, index: int, size: int) -> list[RootHash]:
    """Inclusion path of leaf ``index`` in the tree of ``size``, leaf side first."""
    return [hashes.fold(nodes) for nodes in inclusion_nodes(index, size)]


def consistency_proof(hashes: TileHashes, *, old: int, new: int) -> list[RootHash]:
    """Consistency proof between two sizes."""
    return [hashes.span(span) for span in consistency_spans(old, new)]


def tree_root(hashes: TileHashes, *, size: int) -> RootHash:
    """Root of the tree of ``size``."""
    return hashes.fold(peak_nodes(size))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entry bundle: each entry behind its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, *, width: int) -> list[bytes]:
    """Read an entry bundle of exactly ``width`` entries.

    Raises:
        BadValueError: it holds fewer or more, or is cut.

    """
    entries: list[bytes] = []
    position = 0
    while position < len(data) and len(entries) < width:
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        if end > len(data):
            break
        entries.append(data[position + 2 : end])
        position = end
    if position != len(data) or len(entries) != width:
        raise BadValueError(f"is not a bundle of exactly {width} entries", where="bundle")
    return entries


def _row_above(row: bytes) -> bytes:
    sha = hashlib.sha256
    return b"".join(
        [
            sha(b"\x01" + row[at : at + 2 * HASH_SIZE]).digest()
            for at in range(0, len(row) - 2 * HASH_SIZE + 1, 2 * HASH_SIZE)
        ]
    )
