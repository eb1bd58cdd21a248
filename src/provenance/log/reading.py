"""What the writer reads under the lock: one round trip for most groups.

The log's row is locked by the first statement; READ COMMITTED gives each later one a snapshot of
its own, taken after the lock was granted, so that all of them see what the writer before left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor

from provenance.core.digests import LeafHash
from provenance.db.binary import BinaryArray
from provenance.log.errors import InconsistentLogError, UnknownLogError
from provenance.log.planning import Known, KnownRecord, KnownRequest, RequestKey, Trail
from provenance.log.preparing import EventKey, PreparedSubmission
from provenance.log.submissions import LoggedRecord, Unchanged

# The clock is read outside the locking subquery, that is, after the lock was granted.
_LOCK_HEAD = """
WITH head AS MATERIALIZED (
  SELECT size, last_at, frontier, state, state_reason
  FROM log_heads WHERE log_id = %s FOR UPDATE
)
SELECT head.*, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM head
"""
# One look into an index for each key. OFFSET 0 keeps each look by itself: for all keys at once, a
# plan that was made while the table was small goes through the log from end to end.
_RECORDS = """
SELECT found.* FROM unnest(%b) AS asked (key) CROSS JOIN LATERAL (
  SELECT dedup_key, content_mac, first_index, count
  FROM records WHERE log_id = %s AND dedup_key = asked.key OFFSET 0
) AS found
"""
_TRAILS = """
SELECT found.* FROM unnest(%b) AS asked (key) CROSS JOIN LATERAL (
  SELECT subject, first_index, trail, count, last_leaf
  FROM trails WHERE log_id = %s AND subject = asked.key OFFSET 0
) AS found
"""
_REQUESTS = """
SELECT found.* FROM unnest(%b, %b) AS asked (who, key) CROSS JOIN LATERAL (
  SELECT submitter, idempotency_key, content_mac, first_index, count, at, job_id
  FROM requests
  WHERE log_id = %s AND submitter = asked.who AND idempotency_key = asked.key OFFSET 0
) AS found
"""
# The first record with an eventID is what corrections of it mean; they re-use the eventID.
_EVENTS = """
SELECT found.* FROM unnest(%b) AS asked (key) CROSS JOIN LATERAL (
  SELECT DISTINCT ON (submitter) submitter, event_id, first_index, count
  FROM records WHERE log_id = %s AND event_id = asked.key
  ORDER BY submitter, first_index
) AS found
"""
_RANGES = """
SELECT asked.first, found.leaves, found.at
FROM unnest(%b, %b) AS asked (first, count) CROSS JOIN LATERAL (
  SELECT array_agg(leaf_hash ORDER BY index) AS leaves, min(at) AS at
  FROM entries
  WHERE log_id = %s AND index >= asked.first AND index < asked.first + asked.count
) AS found
WHERE found.at IS NOT NULL
"""
# Few entries: they came while one request was being answered. Each is looked at by itself, for the
# subjects may be many.
_NEWS: Final = """
FROM entries CROSS JOIN LATERAL (
  SELECT kind FROM records
  WHERE log_id = entries.log_id AND first_index = entries.record_first OFFSET 0
) AS record LEFT JOIN LATERAL (
  SELECT subject FROM trails
  WHERE log_id = entries.log_id AND first_index = entries.trail_first OFFSET 0
) AS trail ON true
WHERE entries.log_id = %(log_id)s AND entries.index >= %(size)s
  AND (record.kind = 'case'
    OR record.kind <> 'heartbeat' AND trail.subject IN (SELECT unnest(%(subjects)s::text[]))
    OR record.kind = 'erasure' AND EXISTS (
      SELECT FROM records AS opening
      WHERE opening.log_id = entries.log_id AND opening.first_index = entries.trail_first
        AND opening.kind = 'case'
    ))
"""
NEWS: Final = f"SELECT EXISTS (SELECT {_NEWS})"
"""Whether a log is not any more as an :class:`Unchanged` says; takes :func:`news_values`."""
NEWS_ENTRIES: Final = f"""
SELECT record.kind, trail.subject, entries.seq {_NEWS} ORDER BY entries.index LIMIT %(limit)s
"""
"""The entries for which it is not, as :class:`News`; takes a ``limit`` too."""
_EDGE = """
SELECT leaf_hash FROM entries WHERE log_id = %s AND index >= %s AND index < %s ORDER BY index
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The log's row as locked, and the database's clock under the lock (milliseconds)."""

    size: int
    last_at: int
    frontier: bytes
    state: str
    state_reason: str
    now: int


@dataclass(frozen=True, slots=True)
class RawKnown:
    """Rows as read, before leaf hashes of repeated records were looked up."""

    records: Sequence[tuple[bytes, bytes, int, int]]
    trails: Sequence[tuple[str, int, bytes, int, bytes]]
    requests: Sequence[tuple[UUID, str, bytes, int, int, int, UUID | None]]
    events: Sequence[tuple[UUID, str, int, int]] | None

    def ranges(self) -> set[tuple[int, int]]:
        """(First index, count) of the entries whose leaf hashes are needed."""
        return (
            {(first, count) for _, _, first, count in self.records}
            | {(first, count) for _, _, _, first, count, _, _ in self.requests if count}
            | {(first, count) for _, _, first, count in self.events or ()}
        )


async def lock_and_read(
    connection: AsyncConnection[Any], *, log_id: int, group: Sequence[PreparedSubmission]
) -> tuple[Head, RawKnown]:
    """Lock the log's row and read what matters to ``group``.

    Raises:
        UnknownLogError: the log has no row.

    """
    keys = [key for prepared in group for key in prepared.dedup_keys]
    subjects = list(frozenset().union(*(prepared.subjects for prepared in group)))
    requests = [
        (prepared.submission.submitter, prepared.submission.idempotency.key)
        for prepared in group
        if prepared.submission.idempotency is not None
    ]
    events = list(frozenset().union(*(prepared.corrected_ids for prepared in group)))
    async with connection.pipeline():
        head = await connection.execute(_LOCK_HEAD, (log_id,))
        known = await connection.execute(_RECORDS, (BinaryArray.of_bytea(keys), log_id))
        trails = await connection.execute(_TRAILS, (BinaryArray.of_text(subjects), log_id))
        answered = requests and await connection.execute(
            _REQUESTS,
            (
                BinaryArray.of_uuid([who for who, _ in requests]),
                BinaryArray.of_text([key for _, key in requests]),
                log_id,
            ),
        )
        corrected = events and await connection.execute(
            _EVENTS, (BinaryArray.of_text(events), log_id)
        )
    row = await head.fetchone()
    if row is None:
        raise UnknownLogError(f"log {log_id} has no row in log_heads; start the service once")
    return Head(*row), RawKnown(
        records=await known.fetchall(),
        trails=await trails.fetchall(),
        requests=await _rows(answered),
        events=await _rows(corrected) if events else None,
    )


async def read_ranges(
    connection: AsyncConnection[Any], *, log_id: int, ranges: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], LoggedRecord]:
    """Leaf hashes and time of ranges of entries.

    Raises:
        InconsistentLogError: one of them is not complete.

    """
    asked = sorted(ranges)
    if not asked:
        return {}
    cursor = await connection.execute(
        _RANGES,
        (
            BinaryArray.of_int8([first for first, _ in asked]),
            BinaryArray.of_int8([count for _, count in asked]),
            log_id,
        ),
    )
    found: dict[tuple[int, int], LoggedRecord] = {}
    for first, leaves, at in await cursor.fetchall():
        found[first, len(leaves)] = LoggedRecord(
            first_index=first, count=len(leaves), at=at, leaf_hashes=tuple(leaves)
        )
    for first, count in asked:
        if (first, count) not in found:
            raise InconsistentLogError(f"entries [{first}, {first + count}) are not all there")
    return found


async def read_overtaken(
    connection: AsyncConnection[Any], *, log_id: int, group: Sequence[PreparedSubmission]
) -> frozenset[Unchanged]:
    """What submissions of ``group`` rest on and is not so any more."""
    asked = {one.submission.unchanged for one in group} - {None}
    overtaken: set[Unchanged] = set()
    for unchanged in asked:
        assert unchanged is not None
        cursor = await connection.execute(NEWS, news_values(unchanged, log_id=log_id))
        row = await cursor.fetchone()
        if row is None or row[0]:
            overtaken.add(unchanged)
    return frozenset(overtaken)


def news_values(unchanged: Unchanged, *, log_id: int) -> dict[str, Any]:
    """Values of the parameters of :data:`NEWS`."""
    return {"log_id": log_id, "size": unchanged.size, "subjects": list(unchanged.subjects)}


async def read_edge(connection: AsyncConnection[Any], *, log_id: int, size: int) -> list[LeafHash]:
    """Leaf hashes of the partial tile of level 0 at the right edge.

    Raises:
        InconsistentLogError: they are not all there.

    """
    start = size - size % 256
    cursor = await connection.execute(_EDGE, (log_id, start, size))
    leaves = [LeafHash(leaf) for (leaf,) in await cursor.fetchall()]
    if len(leaves) != size - start:
        raise InconsistentLogError(f"entries [{start}, {size}) are not all there")
    return leaves


def assemble(
    raw: RawKnown,
    ranges: dict[tuple[int, int], LoggedRecord],
    overtaken: frozenset[Unchanged] = frozenset(),
) -> Known:
    """What the planner wants to know, out of rows and leaf hashes."""
    records: dict[bytes, KnownRecord] = {
        key: (mac, ranges[first, count]) for key, mac, first, count in raw.records
    }
    trails = {
        subject: Trail(first, trail, count, LeafHash(leaf))
        for subject, first, trail, count, leaf in raw.trails
    }
    requests: dict[RequestKey, KnownRequest] = {
        (who.bytes, key): KnownRequest(
            content_mac=mac,
            first_index=first,
            count=count,
            at=at,
            leaf_hashes=ranges[first, count].leaf_hashes if count else (),
            job_id=job_id,
        )
        for who, key, mac, first, count, at, job_id in raw.requests
    }
    events: dict[EventKey, tuple[int, Sequence[LeafHash]]] | None = None
    if raw.events is not None:
        events = {
            (who.int, event_id): (first, ranges[first, count].leaf_hashes)
            for who, event_id, first, count in raw.events
        }
    return Known(
        trails=trails, records=records, requests=requests, events=events, overtaken=overtaken
    )


async def _rows(cursor: AsyncCursor[Any] | list[Any]) -> list[Any]:
    return cursor if isinstance(cursor, list) else await cursor.fetchall()
