"""The log's own row: how many entries there are, and what the tree and the times are up to there.

Rules: size, frontier and last time are those of the entries. Size and entries can differ because
either was altered; the frontier's last peak is a hash over the last entries of the true size, so
that it decides which.
"""

from dataclasses import replace
from typing import Final

from provenance.core.digests import HASH_SIZE, LeafHash, NodeHash
from provenance.core.errors import BadValueError
from provenance.core.tiles import TILE_WIDTH
from provenance.core.tree import Frontier
from provenance.verify.audit.report import Findings
from provenance.verify.audit.stored import Connection, StoredHead, stream

SIZE: Final = "size of log head"
FRONTIER: Final = "frontier of log head"
LAST_AT: Final = "last_at of log head"

_END = "SELECT coalesce(max(index) + 1, 0) FROM entries WHERE log_id = %s"
_LAST = """
SELECT leaf_hash FROM entries WHERE log_id = %s AND index >= %s AND index < %s ORDER BY index
"""


async def settle_size(connection: Connection, head: StoredHead, findings: Findings) -> StoredHead:
    """The log's row, with the size of its entries where its own was altered."""
    if head.is_missing:
        return head
    row = await (await connection.execute(_END, (head.log_id,))).fetchone()
    end: int = row[0] if row is not None else 0
    if end == head.size or await _fits(connection, head, head.size, end=end):
        return head
    if not await _fits(connection, head, end, end=end):
        return head
    findings.add(
        "tree",
        SIZE,
        f"is {head.size} in the table, but its frontier is that of the {end} entries that there are",
    )
    return replace(head, size=end)


async def _fits(connection: Connection, head: StoredHead, size: int, *, end: int) -> bool:
    """Whether the frontier can be that of the first ``size`` entries, all of which are there."""
    if size < 0 or size > end or len(head.frontier) != HASH_SIZE * size.bit_count():
        return False
    # The last peak covers as many entries as the lowest bit of the size says.
    width = size & -size
    tree = Frontier.empty()
    leaves: list[LeafHash] = []
    async for (leaf,) in stream(connection, "audit_peak", _LAST, (head.log_id, size - width, size)):
        leaves.append(LeafHash(leaf))
        if len(leaves) == TILE_WIDTH:
            tree = tree.extend(leaves).frontier
            leaves = []
    tree = tree.extend(leaves).frontier
    return tree.size == width and tree.to_bytes() == head.frontier[-HASH_SIZE:]


def stored_frontier(head: StoredHead) -> Frontier | None:
    """The tree as the log's own row has it; None where that makes no sense."""
    if head.is_missing:
        return None
    try:
        frontier = Frontier.from_bytes(head.size, head.frontier)
    except BadValueError:
        return None
    return Frontier(size=frontier.size, peaks=tuple(NodeHash(peak) for peak in frontier.peaks))


def check_head(
    head: StoredHead, *, frontier: Frontier, last_at: int, has_last: bool, findings: Findings
) -> None:
    """Compare the log's own row with the tree that the entries make, and with their times.

    ``last_at`` is the latest time of an entry, that of the last one if it ``has_last``.
    """
    if head.is_missing:
        return
    if head.frontier != frontier.to_bytes():
        findings.add("tree", FRONTIER, "is not that of the entries")
    if head.last_at < last_at:
        findings.add("entries", LAST_AT, f"is {head.last_at}, before an entry's {last_at}")
    elif has_last and head.last_at > last_at:
        findings.add("entries", LAST_AT, f"is {head.last_at}, after the last entry's {last_at}")
