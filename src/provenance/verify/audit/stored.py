"""A log as its database holds it, read in one snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from sqlalchemy import make_url

from provenance.core.digests import LeafHash
from provenance.core.entry import encode_entry
from provenance.core.errors import ProvenanceError
from provenance.core.tiles import TILE_WIDTH, Tile
from provenance.verify.audit.groups import Group, split_hashes
from provenance.verify.errors import LogReadError

PAGE: Final = 4_096
"""Rows of a cursor that are fetched at once; a megabyte of entries."""
UNKNOWN_TRAIL: Final = -1
"""Stands for the trail of an entry whose row is missing."""

_HEAD = """
SELECT size, frontier, last_at FROM log_heads WHERE log_id = %s
"""
_SHOWN = """
SELECT coalesce(max(index) + 1, 0), coalesce(max(at), 0) FROM entries WHERE log_id = %s
"""
_ENTRIES = """
SELECT entries.index, entries.trail_first, entries.seq, entries.at, entries.prev,
       entries.commitment, entries.leaf_hash, trails.trail
FROM entries LEFT JOIN trails
  ON trails.log_id = entries.log_id AND trails.first_index = entries.trail_first
WHERE entries.log_id = %s AND entries.index < %s ORDER BY entries.index
"""
_LEAF_TILES = "SELECT n, data FROM tiles WHERE log_id = %s AND level = 0 ORDER BY n"
_TILE = "SELECT data FROM tiles WHERE log_id = %s AND level = %s AND n = %s"
_BEYOND = "SELECT index FROM entries WHERE log_id = %s AND index >= %s ORDER BY index LIMIT 100"
_TILES_BEYOND = """
SELECT level, n FROM tiles
WHERE log_id = %(log_id)s AND n >= ((%(size)s >> (8 * level)) + 255 * (level > 0)::int) / 256
ORDER BY level, n LIMIT 100
"""

# Each step of the recursion is one look into the primary key's index.
_OF_NO_LOG = """
WITH RECURSIVE ids AS (
  SELECT min(log_id) AS id FROM {table}
  UNION ALL SELECT (SELECT min(log_id) FROM {table} WHERE log_id > ids.id) FROM ids
  WHERE ids.id IS NOT NULL)
SELECT id FROM ids WHERE id IS NOT NULL AND id NOT IN (SELECT log_id FROM logs) LIMIT 100
"""
_LOG_TABLES: Final = ("entries", "records", "trails", "tiles", "anchors")

_LOST = """
SELECT last_leaf FROM trails WHERE log_id = %(log_id)s AND NOT EXISTS (
  SELECT FROM entries WHERE entries.leaf_hash = trails.last_leaf
    AND entries.log_id = trails.log_id)
UNION
SELECT prev FROM entries AS later WHERE log_id = %(log_id)s AND seq > 0 AND NOT EXISTS (
  SELECT FROM entries WHERE entries.leaf_hash = later.prev AND entries.log_id = later.log_id)
LIMIT 8
"""

Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The log's row; ``frontier`` are the bytes of its peaks.

    Of a head that ``is_missing``, size and last time are those of the entries that are there.
    """

    log_id: int
    size: int
    frontier: bytes
    last_at: int
    is_missing: bool = False


@asynccontextmanager
async def snapshot(database_url: str) -> AsyncIterator[Connection]:
    """A connection that sees the database as it is now, reads only, and may take its time.

    Raises:
        LogReadError: the database could not be reached, or failed on the way.

    """
    try:
        url = make_url(database_url).set(drivername="postgresql")
        connection = await AsyncConnection.connect(
            url.render_as_string(hide_password=False),
            application_name="provenance-audit",
            connect_timeout=10,
        )
        async with connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield connection
    except (psycopg.Error, ValueError) as error:
        if isinstance(error, ProvenanceError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LogReadError(f"the database could not be read: {reason}") from None


async def read_head(connection: Connection, log_id: int, *, head_id: int | None) -> StoredHead:
    """Head of the log ``log_id``, whose own row is under ``head_id``; None where it is missing."""
    if head_id is not None:
        row = await (await connection.execute(_HEAD, (head_id,))).fetchone()
        if row is not None:
            return StoredHead(log_id, *row)
    shown = await (await connection.execute(_SHOWN, (log_id,))).fetchone()
    size, last_at = shown if shown is not None else (0, 0)
    return StoredHead(log_id, size, b"", last_at, is_missing=True)


async def stream(
    connection: Connection, name: str, query: str, parameters: Sequence[object], *, page: int = PAGE
) -> AsyncIterator[tuple[Any, ...]]:
    """Rows of ``query`` through a cursor of the server's, ``page`` in memory at a time."""
    async with connection.cursor(name=name, binary=True) as cursor:
        cursor.itersize = page
        await cursor.execute(query.encode(), parameters)
        async for row in cursor:
            yield row


async def strays(connection: Connection, head: StoredHead) -> list[str]:
    """Names of entries and tiles that lie beyond the log's size."""
    entries = await connection.execute(_BEYOND, (head.log_id, head.size))
    found = [f"entry {index}" for (index,) in await entries.fetchall()]
    tiles = await connection.execute(_TILES_BEYOND, {"log_id": head.log_id, "size": head.size})
    found += [f"tile {Tile(level=level, n=n).path()}" for level, n in await tiles.fetchall()]
    return found


async def of_no_log(connection: Connection, head: StoredHead) -> list[str]:
    """Names of rows under a number that no log has; the audited log's own is told of elsewhere."""
    found = []
    for table in _LOG_TABLES:
        cursor = await connection.execute(_OF_NO_LOG.format(table=table).encode())
        found += [
            f"{table} under log number {id_}"
            for (id_,) in await cursor.fetchall()
            if id_ != head.log_id
        ]
    return found


class StoredSource:
    """The log's entries and tiles as a source of groups."""

    def __init__(self, connection: Connection, head: StoredHead) -> None:
        self._connection = connection
        self._head = head

    async def groups(self) -> AsyncIterator[Group]:
        """All groups in order, complete or not."""
        head = self._head
        entries = stream(self._connection, "audit_entries", _ENTRIES, (head.log_id, head.size))
        tiles = stream(
            self._connection, "audit_leaf_tiles", _LEAF_TILES, (head.log_id,), page=PAGE // 32
        )
        entry, tile = await anext(entries, None), await anext(tiles, None)
        for n in range(-(-head.size // TILE_WIDTH)):
            end = min(head.size, (n + 1) * TILE_WIDTH)
            rows: list[tuple[Any, ...]] = []
            while entry is not None and entry[0] < end:
                rows.append(entry)
                entry = await anext(entries, None)
            while tile is not None and tile[0] < n:
                tile = await anext(tiles, None)
            data = tile[1] if tile is not None and tile[0] == n else None
            yield _group(n, end - n * TILE_WIDTH, rows, data)

    async def tile(self, tile: Tile) -> bytes | None:
        """A tile above level 0; None where it is not stored."""
        cursor = await self._connection.execute(
            _TILE, (self._head.log_id, tile.level, tile.n), binary=True
        )
        row = await cursor.fetchone()
        return None if row is None else bytes(row[0])

    async def lost_leaves(self) -> list[LeafHash]:
        """Leaf hashes that a trail's row or a later entry names, though no entry has them."""
        cursor = await self._connection.execute(_LOST, {"log_id": self._head.log_id}, binary=True)
        return [LeafHash(leaf) for (leaf,) in await cursor.fetchall()]


def _group(n: int, width: int, rows: Sequence[tuple[Any, ...]], data: bytes | None) -> Group:
    entries: list[bytes | None] = [None] * width
    stored: list[LeafHash | None] = [None] * width
    trails = [UNKNOWN_TRAIL] * width
    for index, trail_first, seq, at, prev, commitment, leaf, trail in rows:
        place = index - n * TILE_WIDTH
        stored[place] = LeafHash(leaf)
        trails[place] = trail_first
        entries[place] = _entry(at=at, trail=trail, seq=seq, prev=prev, commitment=commitment)
    hashes = split_hashes(data) if data is not None else None
    # A tile of level 0 is stored once it is full; until then the hashes beside the entries serve.
    missing = hashes is None and width == TILE_WIDTH
    return Group(
        n=n,
        width=width,
        entries=entries,
        hashes=[] if missing else hashes,
        stored=stored,
        trails=trails,
    )


def _entry(*, at: int, trail: bytes | None, seq: int, prev: bytes, commitment: bytes) -> bytes:
    """The entry's bytes out of its row; empty where the row cannot make any."""
    if trail is None:
        return b""
    try:
        return encode_entry(
            at=at,
            trail_hex=trail.hex(),
            seq=seq,
            prev_hex=prev.hex(),
            commitment_hex=commitment.hex(),
        )
    except ProvenanceError:
        return b""
