"""The unit that an audit reads: 256 entries, and the hashes that the log keeps of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from provenance.core.digests import HASH_SIZE, LeafHash
from provenance.core.tiles import TILE_WIDTH, Tile
from provenance.core.tree import leaf_hash


@dataclass(frozen=True, slots=True)
class Group:
    """Entries ``[256 n, 256 n + width)``.

    ``entries`` are their bytes in order: None where one is missing, and None as a whole where
    they were not available. A source that cannot tell which one is missing gives fewer than
    ``width``. ``hashes`` are the leaf hashes of tile 0/n, fewer where the tile is cut; ``stored``
    those that a database keeps beside the entries. ``trails`` name each entry's trail inside the
    database. ``cut`` says that the tile has fewer hashes because an entry is missing.
    """

    n: int
    width: int
    entries: Sequence[bytes | None] | None
    hashes: Sequence[LeafHash] | None
    stored: Sequence[LeafHash | None] | None = None
    trails: Sequence[int] | None = None
    cut: bool = False

    @property
    def first(self) -> int:
        """Index of the first entry."""
        return self.n * TILE_WIDTH


class LogSource(Protocol):
    """Where an audit reads a log of a fixed size."""

    def groups(self) -> AsyncIterator[Group]:
        """All groups in order; raises a LogReadError."""
        ...

    async def tile(self, tile: Tile) -> bytes | None:
        """A tile above level 0; None where the source does not have it."""
        ...

    async def lost_leaves(self) -> list[LeafHash]:
        """Leaf hashes that something names, though their entries are missing; at most a few."""
        ...


def split_hashes(data: bytes) -> list[LeafHash]:
    """Hashes of a tile, without what is left over at its end."""
    whole = len(data) - len(data) % HASH_SIZE
    return [LeafHash(data[at : at + HASH_SIZE]) for at in range(0, whole, HASH_SIZE)]


def align(group: Group) -> list[bytes | None]:
    """The group's entries, one for each place, None where one is missing or was not available.

    Where fewer than ``width`` are there, the tile's hashes tell which ones.
    """
    given = group.entries
    if given is None:
        return [None] * group.width
    if len(given) >= group.width:
        return list(given[: group.width])
    hashes = group.hashes or ()
    spare = group.width - len(given)
    aligned: list[bytes | None] = []
    position = 0
    for place in range(group.width):
        entry = given[position] if position < len(given) else None
        if entry is not None and spare and _is_absent(leaf_hash(entry), place, hashes, group):
            entry = None
            spare -= 1
        if entry is not None:
            position += 1
        aligned.append(entry)
    return aligned


def _is_absent(leaf: LeafHash, place: int, hashes: Sequence[LeafHash], group: Group) -> bool:
    """Whether the entry of ``place`` is missing and ``leaf`` is a later one's."""
    if place < len(hashes):
        return leaf != hashes[place] and leaf in hashes[place + 1 :]
    return group.cut
