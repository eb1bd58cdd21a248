"""What the database holds of a record, and how it is emptied.

A row keeps what place and order need (where it is, how many entries, kind, submitter, media type)
and nothing of what was said: statement, salts, payload, references to a sealed one, fingerprints
and everything that it was searched by go. So do answers to requests that held it.

Salts of entries are overwritten by the row's new version and not scrubbed from PostgreSQL's pages:
without the payload's salt, which is, a statement has 256 unknown bits and cannot be guessed.
"""

from collections.abc import Sequence
from typing import Any, Final

from provenance.anchor.session import Connection
from provenance.core.digests import LeafHash
from provenance.db.tables import records
from provenance.sealing import SealedRef

KEPT: Final = (
    "log_id",
    "first_index",
    "count",
    "kind",
    "submitter",
    "media_type",
    "erased_by",
)
"""Columns of a record's row that outlive its erasure."""
EMPTIED: Final = tuple(
    str(column.name) for column in records.columns if str(column.name) not in KEPT
)

_IS_OPEN = """
SELECT leaf_hash FROM entries WHERE log_id = %s AND leaf_hash = ANY(%s) AND salt IS NOT NULL
"""
_OPEN_LEAVES = """
SELECT leaf_hash FROM entries
WHERE log_id = %s AND index >= %s AND index < %s AND salt IS NOT NULL
"""
_PLACES = """
SELECT index, record_first FROM entries WHERE log_id = %s AND leaf_hash = ANY(%s) ORDER BY index
"""
_SEALED = """
SELECT sealed_path, sealed_segment, sealed_slot, sealed_opening FROM records
WHERE log_id = %s AND first_index = ANY(%s) AND sealed_segment IS NOT NULL
"""
_EMPTY_RECORDS = f"""
UPDATE records SET {", ".join(f"{name} = NULL" for name in EMPTIED)},
  erased_by = coalesce(%s, erased_by)
WHERE log_id = %s AND first_index = ANY(%s)
"""  # noqa: S608 - names of columns
_EMPTY_ENTRIES = """
UPDATE entries SET salt = NULL WHERE log_id = %s AND leaf_hash = ANY(%s) AND salt IS NOT NULL
"""
# Ranges of new entries do not overlap, so that only the last one before an index can hold it.
_FORGET_REQUESTS = """
DELETE FROM requests USING (
  SELECT DISTINCT found.submitter, found.idempotency_key
  FROM unnest(%(firsts)s::bigint[]) AS erased (index)
  CROSS JOIN LATERAL (
    SELECT submitter, idempotency_key, first_index, count FROM requests
    WHERE log_id = %(log_id)s AND first_index <= erased.index AND count > 0
    ORDER BY first_index DESC LIMIT 1
  ) AS found
  WHERE erased.index < found.first_index + found.count
) AS holding
WHERE requests.log_id = %(log_id)s AND requests.submitter = holding.submitter
  AND requests.idempotency_key = holding.idempotency_key
"""
# What a refused neighbour's problem said may tell of the same person.
_FORGET_DETAILS = """
UPDATE capture_jobs SET errors = (
  SELECT coalesce(jsonb_agg(error || '{"detail": "erased"}'), '[]')
  FROM jsonb_array_elements(errors) AS error
)
FROM (
  SELECT DISTINCT found.job_id
  FROM unnest(%(firsts)s::bigint[]) AS erased (index)
  CROSS JOIN LATERAL (
    SELECT job_id, first_index, count FROM capture_jobs
    WHERE log_id = %(log_id)s AND first_index <= erased.index AND count > 0
    ORDER BY first_index DESC LIMIT 1
  ) AS found
  WHERE erased.index < found.first_index + found.count
) AS holding
WHERE capture_jobs.log_id = %(log_id)s AND capture_jobs.job_id = holding.job_id
  AND jsonb_array_length(errors) > 0
"""


async def still_open(
    connection: Connection, *, log_id: int, leaves: Sequence[LeafHash]
) -> frozenset[LeafHash]:
    """Return those of ``leaves`` whose entries can still be opened."""
    cursor = await connection.execute(_IS_OPEN, (log_id, list(leaves)), binary=True)
    return frozenset(LeafHash(leaf) for (leaf,) in await cursor.fetchall())


async def open_leaves(
    connection: Connection, *, log_id: int, start: int, end: int
) -> frozenset[LeafHash]:
    """Return the leaf hashes of the entries ``[start, end)`` that can be opened."""
    cursor = await connection.execute(_OPEN_LEAVES, (log_id, start, end), binary=True)
    return frozenset(LeafHash(leaf) for (leaf,) in await cursor.fetchall())


async def places(
    connection: Connection, *, log_id: int, leaves: Sequence[LeafHash]
) -> list[tuple[int, int]]:
    """Return index and record of those of ``leaves`` that are in the database, in order."""
    cursor = await connection.execute(_PLACES, (log_id, list(leaves)))
    return [(index, first) for index, first in await cursor.fetchall()]


async def sealed_payloads(
    connection: Connection, *, log_id: int, firsts: Sequence[int]
) -> list[SealedRef]:
    """Return where the payloads of these records lie sealed."""
    cursor = await connection.execute(_SEALED, (log_id, list(firsts)), binary=True)
    return [SealedRef(*row) for row in await cursor.fetchall()]


async def empty(
    connection: Connection,
    *,
    log_id: int,
    leaves: Sequence[LeafHash],
    firsts: Sequence[int],
    erased_by: int | None,
) -> None:
    """Empty the rows of these records and of their entries, all of it or nothing.

    Args:
        connection: in autocommit mode, or within a transaction.
        log_id: the log's number in the database.
        leaves: leaf hashes of all entries of the records.
        firsts: first indexes of the records.
        erased_by: first index of the erasure record; None where the log does not have it yet.

    """
    named: dict[str, Any] = {"firsts": list(firsts), "log_id": log_id}
    async with connection.transaction():
        await connection.execute(_EMPTY_RECORDS.encode(), (erased_by, log_id, list(firsts)))
        await connection.execute(_EMPTY_ENTRIES, (log_id, list(leaves)))
        await connection.execute(_FORGET_REQUESTS, named)
        await connection.execute(_FORGET_DETAILS, named)
