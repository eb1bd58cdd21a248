"""Loads one batch into the database, all of it or nothing."""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from psycopg import sql

from provenance.anchor.batch import (
    NO_SALT,
    ORGANISATION_COLUMNS,
    PLACE_SIZE,
    RECORD_COLUMNS,
    TRAIL_COLUMNS,
    BatchName,
    BatchPaths,
    Manifest,
    TablePart,
)
from provenance.anchor.errors import BatchError
from provenance.anchor.session import Connection
from provenance.anchor.steps import RefillStep, StepObserver, Unobserved, observed
from provenance.anchor.streams import BundleReader, LineReader
from provenance.anchor.submitters import take_submitters
from provenance.blobs import BlobStore
from provenance.core.digests import LeafHash, RootHash, sha256
from provenance.core.entry import Entry
from provenance.core.errors import FormatError
from provenance.core.tiles import TILE_WIDTH
from provenance.core.tree import Frontier, leaf_hash
from provenance.db.binary import bytea, copy_rows, int4, int8
from provenance.log.reading import read_edge
from provenance.log.rows import ENTRY_COLUMNS
from provenance.log.writing import tile_appends

_COLUMNS = {
    "records": RECORD_COLUMNS,
    "trails": TRAIL_COLUMNS,
    "organisations": ORGANISATION_COLUMNS,
}
_LOCK = "SELECT size, last_at, frontier FROM log_heads WHERE log_id = %s FOR UPDATE"
_TILE = """
INSERT INTO tiles (log_id, level, n, data) VALUES (%s, %s, %s, %s)
ON CONFLICT (log_id, level, n) DO UPDATE SET data = tiles.data || excluded.data
"""
_NEW_TRAILS = """
INSERT INTO trails (log_id, first_index, subject, trail, count, last_leaf)
SELECT %s, first_index, subject, trail, 0, ''::bytea FROM staged_trails WHERE first_index >= %s
"""
_TRAIL_ENDS = """
UPDATE trails SET count = ends.seq + 1, last_leaf = ends.leaf_hash
FROM (
  SELECT DISTINCT ON (trail_first) trail_first, seq, leaf_hash FROM entries
  WHERE log_id = %(log)s AND index >= %(start)s AND index < %(end)s
  ORDER BY trail_first, seq DESC
) AS ends
WHERE trails.log_id = %(log)s AND trails.first_index = ends.trail_first
"""
_HEAD = "UPDATE log_heads SET size = %s, last_at = %s, frontier = %s WHERE log_id = %s"


# Of a step that the chain does not hold: whoever replays it signs its transaction anew.
_INTEND = """
INSERT INTO anchors (log_id, size, old_size, root, checkpoint, state, created_at)
VALUES (%s, %s, %s, %s, %s, 'pending', (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """An anchor that is to be made of a batch: its signed checkpoint."""

    checkpoint: str


async def store_intent(
    connection: Connection, log_id: int, name: BatchName, root: RootHash, intent: Intent
) -> None:
    """Store the step of a batch as an anchor that is to be made, unless it is known."""
    await connection.execute(_INTEND, (log_id, name.size, name.old_size, root, intent.checkpoint))


@dataclass(slots=True)
class _Growth:
    """The log while it grows: tree, time of the last entry, leaf hashes of the open tile."""

    frontier: Frontier
    last_at: int
    edge: list[LeafHash] = field(default_factory=list)


class EmptiesErased(Protocol):
    """Whoever knows what was erased since a batch was written."""

    async def empty(self, connection: Connection, *, log_id: int, start: int, end: int) -> None:
        """Empty what was erased of the entries ``[start, end)``, in the open transaction."""
        ...


class BatchLoader:
    """Loads batches of one log; what was erased since they were written stays erased."""

    def __init__(
        self,
        connection: Connection,
        blobs: BlobStore,
        *,
        log_id: int,
        paths: BatchPaths,
        manifest: Manifest,
        erased: EmptiesErased | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._log_id = log_id
        self._paths = paths
        self._manifest = manifest
        self._erased = erased
        self._observer = observer or Unobserved()

    async def load(
        self, name: BatchName, *, size: int, root: RootHash, intent: Intent | None = None
    ) -> None:
        """Grow the log from ``size`` to the batch's end, if that gives ``root``.

        With ``intent`` the batch's step is stored as an anchor that is to be made.

        Raises:
            BatchError: it is damaged, or its entries make another tree.

        """
        async with self._connection.transaction():
            growth = await self._lock(size)
            async with observed(self._observer, RefillStep.STAGE_ROWS):
                await self._stage(name)
                await self._insert_contexts()
            async with observed(self._observer, RefillStep.INSERT_ROWS):
                await self._insert_rows(size)
            async with observed(self._observer, RefillStep.INSERT_ENTRIES):
                await self._insert_entries(name, size, growth)
            if growth.frontier.size != name.size or growth.frontier.root() != root:
                raise BatchError("holds entries that do not make the anchored or signed tree")
            if self._erased is not None:
                await self._erased.empty(
                    self._connection, log_id=self._log_id, start=size, end=name.size
                )
            async with observed(self._observer, RefillStep.UPDATE_HEAD):
                await self._update_head(name, size, growth, intent)
                await take_submitters(self._connection)
            await self._observer.before(RefillStep.COMMIT)

    async def _update_head(
        self, name: BatchName, size: int, growth: _Growth, intent: Intent | None
    ) -> None:
        log_id = self._log_id
        await self._connection.execute(
            _TRAIL_ENDS, {"log": log_id, "start": size, "end": name.size}
        )
        await self._connection.execute(
            _HEAD, (name.size, growth.last_at, growth.frontier.to_bytes(), log_id)
        )
        if intent is not None:
            root = growth.frontier.root()
            await store_intent(self._connection, log_id, name, root, intent)

    async def _lock(self, size: int) -> _Growth:
        cursor = await self._connection.execute(_LOCK, (self._log_id,))
        row = await cursor.fetchone()
        if row is None or row[0] != size:
            raise BatchError(f"the log no longer has the size {size}")
        return _Growth(
            frontier=Frontier.from_bytes(size, row[2]),
            last_at=row[1],
            edge=await read_edge(self._connection, log_id=self._log_id, size=size),
        )

    async def _stage(self, name: BatchName) -> None:
        """Copy the rows into temporary tables that end with the transaction."""
        reader = LineReader(self._blobs.stream(self._paths.object(name, self._manifest.rows_name)))
        for part in self._manifest.tables:
            columns = sql.SQL(", ").join(map(sql.Identifier, _known_columns(part)))
            staged = sql.Identifier(f"staged_{part.table}")
            await self._connection.execute(
                sql.SQL(
                    "CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS"
                    " SELECT {columns} FROM {table} WITH NO DATA"
                ).format(staged=staged, columns=columns, table=sql.Identifier(part.table))
            )
            insert = sql.SQL(
                "INSERT INTO {staged} SELECT * FROM json_populate_recordset(NULL::{staged}, %s)"
            ).format(staged=staged)
            async for line in reader.lines(part.bytes):
                await self._connection.execute(insert, (_text(line),))
        await reader.finish(self._manifest.rows, "rows")

    async def _insert_contexts(self) -> None:
        for digest in self._manifest.contexts:
            data = await self._blobs.get(self._paths.context(digest))
            if sha256(data).hex() != digest:
                raise BatchError(f"the context {digest} is damaged")
            await self._connection.execute(
                "INSERT INTO contexts (sha256, data) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (bytes.fromhex(digest), data),
            )

    async def _insert_rows(self, size: int) -> None:
        tables = {part.table: _known_columns(part) for part in self._manifest.tables}
        if set(tables) != set(_COLUMNS):
            raise BatchError("has other tables than this release reads")
        columns = sql.SQL(", ").join(map(sql.Identifier, tables["records"]))
        await self._connection.execute(
            sql.SQL(
                "INSERT INTO records (log_id, {columns})"
                " SELECT %s, {columns} FROM staged_records WHERE first_index >= %s"
            ).format(columns=columns),
            (self._log_id, size),
        )
        await self._connection.execute(_NEW_TRAILS, (self._log_id, size))

    async def _insert_entries(self, name: BatchName, size: int, growth: _Growth) -> None:
        places = self._paths.object(name, self._manifest.places_name)
        digest = hashlib.sha256()
        index = name.old_size
        bundle = BundleReader()
        stream = self._blobs.stream(self._paths.object(name, "entries"))
        async for chunk in stream:
            entries = list(bundle.feed(chunk))
            length = len(entries) * PLACE_SIZE
            start = (index - name.old_size) * PLACE_SIZE
            block = b""
            if entries:
                block = await self._blobs.get_range(places, start=start, length=length)
            digest.update(block)
            if len(block) != length:
                raise BatchError("has fewer places than entries")
            skipped = min(max(size - index, 0), len(entries))
            await self._append(
                entries[skipped:], block[skipped * PLACE_SIZE :], index + skipped, growth
            )
            index += len(entries)
        if (
            index != name.size
            or bundle.pending
            or digest.hexdigest() != self._manifest.places.sha256
        ):
            raise BatchError("its entries or their places are damaged")

    async def _append(
        self, entries: list[bytes], places: bytes, first: int, growth: _Growth
    ) -> None:
        if not entries:
            return
        leaves = [leaf_hash(entry) for entry in entries]
        rows = (
            self._entry_row(first + at, entry, leaves[at], places[at * PLACE_SIZE :][:PLACE_SIZE])
            for at, entry in enumerate(entries)
        )
        await copy_rows(self._connection, ENTRY_COLUMNS, rows)
        extension = growth.frontier.extend(leaves)
        for level, n, data, _ in tile_appends(extension, growth.edge):
            await self._connection.execute(_TILE, (self._log_id, level, n, data))
        growth.frontier = extension.frontier
        growth.last_at = Entry.decode(entries[-1]).at
        open_leaves = extension.frontier.size % TILE_WIDTH
        growth.edge = [*growth.edge, *leaves][-open_leaves:] if open_leaves else []

    def _entry_row(self, index: int, data: bytes, leaf: LeafHash, place: bytes) -> bytes:
        try:
            entry = Entry.decode(data)
        except FormatError as error:
            raise BatchError(f"entry {index} can't be read: {error}") from error
        salt = place[16:]
        return b"".join(
            (
                (10).to_bytes(2, "big"),
                int4(self._log_id),
                int8(index),
                int8(int.from_bytes(place[:8], "big")),
                int8(entry.seq),
                int8(entry.at),
                bytea(entry.prev),
                bytea(entry.commitment),
                bytea(leaf),
                int8(int.from_bytes(place[8:16], "big")),
                bytea(None if salt == NO_SALT else salt),
            )
        )


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise BatchError("its rows are no text") from error


def _known_columns(part: TablePart) -> tuple[str, ...]:
    known = _COLUMNS.get(part.table, ())
    if not part.columns or not set(part.columns) <= set(known):
        raise BatchError(f"has columns of {part.table} that this release does not know")
    return part.columns
