"""Whether entries, tiles and anchored roots are of one tree; names what is not.

Each group of 256 leaves is known twice: from its entries and from its tile. Where the two differ,
the node above (or the next anchored root) tells which of them the log committed to; the other is
the finding, and the audit goes on with the true hashes, so that one change gives one finding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from provenance.core.digests import HASH_SIZE, LeafHash, NodeHash
from provenance.core.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, tile_at
from provenance.core.tree import Frontier, leaf_hash, root_of
from provenance.verify.audit.anchors import Anchor, AnchorTable
from provenance.verify.audit.groups import Group, LogSource, align
from provenance.verify.audit.report import Findings


@dataclass(frozen=True, slots=True)
class CheckedGroup:
    """A group with its true leaf hashes; entries that do not lead to theirs are None."""

    first: int
    leaves: Sequence[LeafHash]
    entries: Sequence[bytes | None]


MISSING: Final = "is missing"
ALTERED: Final = "is not what the log committed to"
_MOST_RESTORED: Final = 2
"""Missing entries of one group whose leaf hashes are looked for elsewhere."""

NameEntry = Callable[[Group, int, str], None]
"""Takes a group, the place of an entry in it, and what is wrong with that entry."""


class TreeStoppedError(Exception):
    """A leaf hash is known to nobody any more: no root can be computed from here on.

    ``group`` holds the entries that are there; the leaf of one that is missing is empty.
    """

    def __init__(self, group: CheckedGroup) -> None:
        super().__init__(f"the leaf hashes of entries from {group.first} on are not all there")
        self.group = group


class TreeAudit:
    """Folds group after group into one tree.

    ``size`` is how far the audit goes; ``head`` the root that the log's own database holds of that
    size, which decides where no anchor does yet.
    """

    def __init__(
        self,
        source: LogSource,
        *,
        size: int,
        anchors: AnchorTable,
        findings: Findings,
        head: Anchor | None = None,
        name_entry: NameEntry | None = None,
    ) -> None:
        self._source = source
        self._size = size
        self._anchors = anchors
        self._head = head
        self._name_entry = name_entry or self._name_at_once
        self._findings = findings
        self._upper: dict[int, tuple[int, bytes]] = {}
        # Nodes of tiles above level 0 that differ, until an anchored root says who is right.
        self._doubtful: list[tuple[int, int]] = []
        self._compared = self._anchors_seen = 0
        self.frontier = Frontier.empty()
        self.diverged = False

    @property
    def roots_compared(self) -> int:
        """Anchored roots that were compared so far."""
        return self._anchors_seen

    async def feed(self, group: Group) -> CheckedGroup:
        """Check the next group.

        Raises:
            TreeStoppedError: some of it is not there at all.

        """
        entries = align(group)
        computed = [None if entry is None else leaf_hash(entry) for entry in entries]
        leaves = await self._true_leaves(group, computed)
        if leaves is None:
            self._name_missing(group, entries)
            known = [leaf or LeafHash(b"") for leaf in computed]
            raise TreeStoppedError(CheckedGroup(group.first, known, entries))
        self._name_differences(group, entries, computed, leaves)
        await self._fold(group.first, leaves)
        kept = [entry if computed[at] == leaves[at] else None for at, entry in enumerate(entries)]
        return CheckedGroup(first=group.first, leaves=leaves, entries=kept)

    def finish(self) -> None:
        """Settle what no anchored root settled: the entries are believed before the tiles."""
        self._settle(believed=True)

    async def _true_leaves(
        self, group: Group, computed: Sequence[LeafHash | None]
    ) -> list[LeafHash] | None:
        """Of what entries, tile and database say, that which nodes and roots above confirm."""
        candidates: list[list[LeafHash]] = []
        for source in (group.hashes, group.stored, computed, _mixed(group, computed)):
            whole = [leaf for leaf in source or () if leaf is not None]
            if len(whole) == group.width and whole not in candidates:
                candidates.append(whole)
        if not candidates:
            return await self._restored(group, computed)
        if len(candidates) > 1:
            for leaves in candidates:
                if await self._is_confirmed(group, leaves):
                    return leaves
        return candidates[0]

    async def _restored(
        self, group: Group, computed: Sequence[LeafHash | None]
    ) -> list[LeafHash] | None:
        """The leaves with those of missing entries put back, where others still name them."""
        known = _mixed(group, computed)
        places = [at for at, leaf in enumerate(known) if leaf is None]
        if len(places) > _MOST_RESTORED:
            return None
        lost = await self._source.lost_leaves()
        for choice in permutations(lost, len(places)):
            found = dict(zip(places, choice, strict=True))
            leaves = [leaf or found[at] for at, leaf in enumerate(known)]
            if await self._is_confirmed(group, leaves):
                return leaves
        return None

    async def _is_confirmed(self, group: Group, leaves: Sequence[LeafHash]) -> bool:
        """Whether the node above and the known roots within the group fit ``leaves``."""
        confirmed = False
        if group.width == TILE_WIDTH:
            above = await self._node(1, group.n)
            if above is not None:
                if above != root_of(leaves):
                    return False
                confirmed = True
        end = group.first + group.width
        for anchor in self._known_roots(group.first, end):
            part = list(leaves[: anchor.size - group.first])
            if self.frontier.extend(part).frontier.root() != anchor.root:
                return False
            confirmed = True
        return confirmed

    def _known_roots(self, start: int, end: int) -> list[Anchor]:
        known = self._anchors.within(start, end)
        head = self._head
        if head is not None and start < head.size <= end and self._anchors.at(head.size) is None:
            known.append(head)
        return known

    def _is_empty(self, group: Group, entries: Sequence[bytes | None]) -> bool:
        """Whether a bundle has no entry at all, which is then named instead of its entries."""
        if group.stored is not None or any(entry is not None for entry in entries):
            return False
        path = Tile(level=-1, n=group.n, width=group.width).path()
        self._findings.add("entries", f"bundle {path}", "has no entries, or is not served")
        return True

    def _name_missing(self, group: Group, entries: Sequence[bytes | None]) -> None:
        named = group.entries is None or self._is_empty(group, entries)
        for at, entry in enumerate(() if named else entries):
            if entry is None:
                self._name_entry(group, at, MISSING)
        if not group.hashes and group.stored is None and not group.cut:
            self._findings.add("tiles", _tile_name(group), "is missing")

    def _name_differences(
        self,
        group: Group,
        entries: Sequence[bytes | None],
        computed: Sequence[LeafHash | None],
        leaves: Sequence[LeafHash],
    ) -> None:
        named = group.entries is None or self._is_empty(group, entries)
        for at, true in enumerate(leaves):
            if not named and computed[at] != true:
                missing = entries[at] is None
                self._name_entry(group, at, MISSING if missing else ALTERED)
            elif group.stored is not None and group.stored[at] != true:
                self._name_entry(group, at, "its stored leaf hash differs")
        if group.hashes is None or group.cut:
            return
        name = _tile_name(group)
        if not group.hashes:
            self._findings.add("tiles", name, "is missing")
        elif len(group.hashes) != group.width:
            problem = f"holds {len(group.hashes)} hashes, not {group.width}"
            self._findings.add("tiles", name, problem)
        for at, (found, true) in enumerate(zip(group.hashes, leaves, strict=False)):
            if found != true:
                self._findings.add(
                    "tiles", name, f"hash {at} is not that of entry {group.first + at}"
                )

    def _name_at_once(self, group: Group, at: int, problem: str) -> None:
        self._findings.add("entries", f"entry {group.first + at}", problem)

    async def _fold(self, first: int, leaves: Sequence[LeafHash]) -> None:
        done = first
        end = first + len(leaves)
        for anchor in [*self._anchors.within(first, end), None]:
            until = end if anchor is None else anchor.size
            if until > done:
                extension = self.frontier.extend(leaves[done - first : until - first])
                self.frontier = extension.frontier
                for level, (start, nodes) in sorted(extension.levels.items()):
                    if level:
                        await self._compare_nodes(level, start, nodes)
                done = until
            if anchor is not None:
                self._compare_root(anchor)

    async def _compare_nodes(self, level: int, start: int, nodes: Sequence[NodeHash]) -> None:
        for index, node in enumerate(nodes, start=start):
            found = await self._node(level, index)
            if found is not None and found != node:
                self._doubtful.append((level, index))

    async def _node(self, level: int, index: int) -> bytes | None:
        """What the source's tiles hold for a node; None where they do not hold it."""
        n, at = divmod(index, TILE_WIDTH)
        cached = self._upper.get(level)
        if cached is None or cached[0] != n:
            cached = self._upper[level] = (n, await self._read(tile_at(level, n, size=self._size)))
        node = cached[1][at * HASH_SIZE : (at + 1) * HASH_SIZE]
        return node if len(node) == HASH_SIZE else None

    async def _read(self, tile: Tile) -> bytes:
        data = await self._source.tile(tile)
        expected = tile.width * HASH_SIZE
        if data is None or len(data) != expected:
            problem = "is missing" if data is None else f"has {len(data)} bytes, not {expected}"
            self._findings.add("tiles", f"tile {tile.path()}", problem)
        return data or b""

    def _compare_root(self, anchor: Anchor) -> None:
        self._anchors_seen += 1
        agrees = self.frontier.root() == anchor.root
        if agrees:
            self.diverged = False
        elif not self.diverged:
            self.diverged = True
            if not self._doubtful:
                self._findings.add(
                    "tree",
                    f"entries {self._compared} to {anchor.size - 1}",
                    f"with their tiles they lead to another root than the one anchored at size "
                    f"{anchor.size}",
                )
        self._settle(believed=agrees)
        self._compared = anchor.size

    def _settle(self, *, believed: bool) -> None:
        """Name the nodes in doubt: the tile's fault where the leaves lead to the anchored root."""
        lowest = min((level for level, _ in self._doubtful), default=0)
        for level, index in self._doubtful:
            n, at = divmod(index, TILE_WIDTH)
            name = f"tile {tile_at(level, n, size=self._size).path()}"
            if believed:
                self._findings.add("tiles", name, f"hash {at} is not that of the entries below it")
            elif level == lowest:
                width = 1 << (TILE_HEIGHT * level)
                self._findings.add(
                    "tree",
                    f"entries {index * width} to {(index + 1) * width - 1}",
                    f"were altered together with the tiles below {name}, which still holds the "
                    "true hash",
                )
        self._doubtful.clear()


def _tile_name(group: Group) -> str:
    return f"tile {Tile(level=0, n=group.n, width=group.width).path()}"


def _mixed(group: Group, computed: Sequence[LeafHash | None]) -> list[LeafHash | None]:
    """Entries where they are there, else what is stored beside them, else the tile's hashes."""
    sources = (computed, group.stored or (), group.hashes or ())
    return [
        next((source[at] for source in sources if at < len(source) and source[at]), None)
        for at in range(group.width)
    ]
