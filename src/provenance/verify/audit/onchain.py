"""Where anchors and logs are on the chain: the database's columns against chain and trust file.

Rules: a row of a final anchor says what the chain says of its event; a log's row says what the
trust file says of the log, and it begins where and when the chain shows. Rows of anchors that are
not final are left out: their block may change while the audit reads.
"""

from collections.abc import Mapping, Sequence

from provenance.core.trustfile import TrustedLog
from provenance.verify.audit.anchors import ChainReading
from provenance.verify.audit.lineage import LogRow
from provenance.verify.audit.places import PlaceTable, fingerprint
from provenance.verify.audit.report import Findings
from provenance.verify.audit.stored import Connection, stream

_ANCHORS = """
SELECT anchors.size, anchors.old_size, anchors.tx_hash, anchors.block_number, anchors.block_hash,
       anchors.block_time, anchors.log_index
FROM anchors JOIN unnest(%s::int[], %s::bigint[]) AS line (log_id, until) USING (log_id)
WHERE anchors.state = 'final' AND anchors.size <= coalesce(line.until, anchors.size)
ORDER BY anchors.size, anchors.log_id
"""


async def check_places(
    connection: Connection,
    *,
    ends: tuple[list[int], list[int | None]],
    places: PlaceTable,
    findings: Findings,
) -> None:
    """Compare the rows of final anchors with the places of their events; ``ends`` as in tables."""
    async for size, *columns in stream(connection, "audit_places", _ANCHORS, ends):
        place = places.at(size)
        if place is None:
            continue
        old_size, transaction, number, block_hash, time, log_index = columns
        for column, stored, known in (
            ("old_size", old_size, place.old_size),
            ("block_number", number, place.block_number),
            ("block_time", time, place.time),
            ("log_index", log_index, place.log_index),
        ):
            if stored != known:
                _name(findings, column, size, f"is {stored} in the table and {known} on the chain")
        for column, digest, mark in (
            ("tx_hash", transaction, place.transaction),
            ("block_hash", block_hash, place.block_hash),
        ):
            if digest is None or fingerprint(digest) != mark:
                _name(findings, column, size, "is not that of the anchor on the chain")


def check_logs(
    rows: Mapping[str, LogRow],
    *,
    line: Sequence[TrustedLog],
    chain: ChainReading,
    findings: Findings,
) -> None:
    """Compare the rows of the logs of ``line`` with the trust file, and their start with the chain.

    Where the oldest trusted log carries on one that is not trusted, its start is not known.
    """
    before: TrustedLog | None = None
    for log in line:
        if log.origin in rows:
            known = _known(log) | _known_start(before, chain)
            for column, value in known.items():
                stored = getattr(rows[log.origin], column)
                if stored != value:
                    _name_log(findings, column, log.origin, stored, value)
        before = log


def _known(log: TrustedLog) -> dict[str, object]:
    return {
        "chain_id": log.chain_id,
        "genesis_hash": log.genesis_hash,
        "contract": log.contract,
        "code_hash": log.code_hash,
        "start_block": log.start,
    }


def _known_start(before: TrustedLog | None, chain: ChainReading) -> dict[str, object]:
    """What the row of a log says that comes after ``before``, None for the oldest."""
    anchors = chain.anchors
    if before is None and chain.predecessors:
        return {"start_size": anchors[0].size}
    if before is None:
        return {"start_size": 0, "start_time": anchors[0].time}
    assert before.successor is not None
    size = before.successor.size
    known: dict[str, object] = {"start_size": size}
    anchor = anchors.at(size)
    if size and anchor is not None and anchor.time:
        known["start_time"] = anchor.time
    return known


def _name_log(findings: Findings, column: str, origin: str, stored: object, known: object) -> None:
    source = "the chain" if column == "start_time" else "the trust file"
    problem = f"is {stored} in the table and {known} in {source}"
    if isinstance(known, bytes):
        problem = f"is not the one in {source}"
    findings.add("anchors", f"{column} of log {origin}", problem)


def _name(findings: Findings, column: str, size: int, problem: str) -> None:
    findings.add("anchors", f"{column} of anchor {size}", problem)
