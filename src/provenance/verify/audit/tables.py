"""Whether the tables that sum up the entries say what the entries say: trails and anchors."""

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Checkpoint
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import AnchorTable
from provenance.verify.audit.faults import EntryFaults
from provenance.verify.audit.report import Findings
from provenance.verify.audit.stored import Connection, StoredHead, stream
from provenance.verify.audit.trails import TrailAudit
from provenance.verify.signed import open_trusted

_TRAILS = """
SELECT first_index, subject, trail, count, last_leaf FROM trails WHERE log_id = %s
ORDER BY first_index
"""
_TWICE = """
SELECT subject, array_agg(first_index ORDER BY first_index) FROM trails WHERE log_id = %s
GROUP BY subject HAVING count(*) > 1 ORDER BY min(first_index) LIMIT 100
"""
_ANCHORS = """
SELECT anchors.size, anchors.root, anchors.checkpoint, anchors.state IN ('included', 'final')
FROM anchors JOIN unnest(%s::int[], %s::bigint[]) AS line (log_id, until) USING (log_id)
WHERE anchors.size <= coalesce(line.until, anchors.size)
ORDER BY anchors.size, anchors.log_id
"""


async def check_trails(
    connection: Connection,
    head: StoredHead,
    *,
    trails: TrailAudit,
    faults: EntryFaults,
    findings: Findings,
) -> int:
    """Compare every row of ``trails`` with the entries; returns how many there are."""
    rows = 0
    async for first, subject, trail, count, last in stream(
        connection, "audit_trails", _TRAILS, (head.log_id,)
    ):
        rows += 1
        name = f"trail row {first}"
        state = trails.state(trail)
        if state is None:
            if not faults.has_trail(first) and first not in faults:
                findings.add("trails", name, f"is a decoy: no entry is of this trail of {subject}")
            continue
        seen_first, seen_count, seen_last = state
        if first != seen_first and first not in faults:
            findings.add("trails", name, f"its trail begins at entry {seen_first}")
        # Where the last entry is missing or altered, the row still names its true leaf hash.
        missing = count - seen_count if last != seen_last else 0
        if not (missing > 0 and trails.are_bad(missing, last=last)):
            _check_end(first, (count, last), (seen_count, seen_last), findings)
    twice = await connection.execute(_TWICE, (head.log_id,))
    for subject, firsts in await twice.fetchall():
        listed = ", ".join(map(str, firsts))
        findings.add("trails", f"subject {subject}", f"has more than one trail: rows {listed}")
    return rows


def _check_end(
    row: int, stored: tuple[int, bytes], seen: tuple[int, bytes], findings: Findings
) -> None:
    """Compare count and last leaf hash of a trail's row with those of its entries."""
    (count, last), (seen_count, seen_last) = stored, seen
    name, problem = f"trail row {row}", ""
    if count != seen_count and last != seen_last:
        problem = f"says {count} entries and another end, where the log has {seen_count}"
    elif count != seen_count:
        name, problem = f"count of {name}", f"is {count}, but the trail has {seen_count} entries"
    elif last != seen_last:
        name, problem = f"last_leaf of {name}", "is not the leaf hash of the trail's last entry"
    if problem:
        findings.add("trails", name, problem)


@dataclass(frozen=True, slots=True)
class StoredAnchors:
    """What the database says of anchors.

    ``rows`` are all, ``checkpoints`` those with a good note, ``anchored`` those of them that should
    be on chain.
    """

    rows: AnchorTable
    checkpoints: AnchorTable
    anchored: AnchorTable


async def read_anchor_rows(
    connection: Connection,
    *,
    line: Sequence[TrustedLog],
    ends: tuple[list[int], list[int | None]],
    trust: TrustFile,
    findings: Findings,
) -> StoredAnchors:
    """Read the rows of checkpoints, those that a succession abandoned left out.

    ``ends`` are the numbers of the logs of ``line`` and the sizes up to which their anchors count.
    """
    origins = [log.origin for log in line]
    stored = StoredAnchors(AnchorTable(), AnchorTable(), AnchorTable())
    async for size, root, note, anchored in stream(connection, "audit_anchors", _ANCHORS, ends):
        tables = [stored.rows]
        problem = _problem_of(note, size, root, origins, trust)
        if problem:
            findings.add("checkpoints", f"checkpoint {size}", problem)
        else:
            tables += [stored.checkpoints, stored.anchored] if anchored else [stored.checkpoints]
        for table in tables:
            if size > table.last_size:
                table.add(size, root, 0)
    findings.checked(
        "checkpoints", f"{len(stored.checkpoints)} checkpoints, signed by trusted keys"
    )
    return stored


def check_anchor_rows(
    stored: StoredAnchors, *, before: AnchorTable, after: AnchorTable, findings: Findings
) -> None:
    """Compare the rows with the chain as it was ``before`` and ``after`` they were read."""
    for row in stored.anchored:
        known = after.at(row.size)
        if known is None:
            findings.add("anchors", f"anchor {row.size}", "is not on the chain")
        elif known.root != row.root:
            findings.add("anchors", f"anchor {row.size}", "has another root on the chain")
    for anchor in before:
        # Without a time it is what an untrusted predecessor anchored, whose rows were not read.
        if anchor.size and anchor.time and stored.rows.at(anchor.size) is None:
            findings.add("anchors", f"anchor {anchor.size}", "is on the chain, but has no row")


def _problem_of(note: str, size: int, root: bytes, origins: list[str], trust: TrustFile) -> str:
    try:
        checkpoint = open_trusted(note, trust, Checkpoint.parse)
    except (FormatError, ProofError) as error:
        return str(error)
    if (checkpoint.size, checkpoint.root) != (size, root) or checkpoint.origin not in origins:
        return "is not the one that its row says"
    return ""
