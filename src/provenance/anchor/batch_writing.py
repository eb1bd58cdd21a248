"""Writes a batch before its anchor is sent, and checks on the way what is about to be anchored.

Every entry is hashed here and the tree grown from them alone: an entry that was changed in the
database is found before its leaf hash goes on chain. Memory is bounded by a chunk, whatever the
size of the batch.
"""

import hashlib
from collections.abc import AsyncIterator

import msgspec
import structlog
from psycopg.rows import TupleRow

from provenance.anchor.batch import (
    CHUNK,
    PLACE_SIZE,
    VERSION,
    BatchName,
    BatchPaths,
    Manifest,
    Part,
    TablePart,
    decode_manifest,
    generation_name,
)
from provenance.anchor.batch_queries import CONTEXTS, ENTRIES, LEAVES, PLACES, TABLES
from provenance.anchor.calls import AnchorCall
from provenance.anchor.errors import BatchError, CheckpointMismatchError
from provenance.anchor.session import Connection
from provenance.blobs import BlobNotFoundError, BlobStore
from provenance.core.digests import HASH_SIZE
from provenance.core.tiles import decode_bundle
from provenance.core.tree import Frontier, leaf_hash

_log = structlog.get_logger(__name__)


class BatchWriter:
    """Writes the batches of one log."""

    def __init__(
        self, blobs: BlobStore, connection: Connection, *, log_id: int, origin: str
    ) -> None:
        self._blobs = blobs
        self._connection = connection
        self._log_id = log_id
        self._origin = origin
        self._paths = BatchPaths(origin)
        # Contexts that are known to be stored: a handful for all events of a carrier.
        self._contexts: set[bytes] = set()

    async def write(self, call: AnchorCall, *, checkpoint: str) -> None:
        """Store the batch of a step, with its signed ``checkpoint``, durably, unless it is there.

        Raises:
            CheckpointMismatchError: the entries are not what the step would anchor.
            BlobError: the store failed.

        """
        name = BatchName(old_size=call.old_size, size=call.new_size)
        if await self._is_there(name, call):
            return
        contexts = await self._write_contexts(name)
        entries = await self._put(name, "entries", self._entries(call))
        leaves = await self._put(name, "leaves", self._fixed(LEAVES, name, width=HASH_SIZE))
        places = await self._put(name, "places", self._fixed(PLACES, name, width=PLACE_SIZE))
        tables: list[TablePart] = []
        rows = await self._put(name, "rows", self._rows(name, tables))
        await self._blobs.sync(
            self._paths.object(name, part) for part in ("entries", "leaves", "places", "rows")
        )
        manifest = Manifest(
            v=VERSION,
            origin=self._origin,
            old_size=call.old_size,
            size=call.new_size,
            root=call.root.hex(),
            schema=await self._schema(),
            entries=entries,
            leaves=leaves,
            places=places,
            rows=rows,
            tables=tuple(tables),
            contexts=contexts,
            checkpoint=checkpoint,
        )
        await self._blobs.put(self._paths.manifest(name), manifest.encode())
        total = sum(part.bytes for part in (entries, leaves, places, rows))
        _log.info("batch_stored", batch=str(name), bytes=total)

    async def rewrite(self, name: BatchName) -> bool:
        """Write anew what a stored batch holds of the database's rows; False if there is no batch.

        What is there without a manifest, left by a worker that was cut off, is removed.

        Raises:
            CheckpointMismatchError: the database has not all of the batch's entries.
            BlobError: the store failed.

        """
        try:
            old = decode_manifest(await self._blobs.get(self._paths.manifest(name)))
        except (BlobNotFoundError, BatchError):
            old = None
        if old is not None:
            await self._renew(name, old)
        kept = () if old is None else (old.generation + 1,)
        folder = f"{self._paths.batches}/{name}"
        stored = [blob.path async for blob in self._blobs.list(folder)]
        keep = {generation_name(part, at) for part in ("places", "rows") for at in kept}
        for path in stored:
            part = path.rpartition("/")[2]
            if part.partition(".")[0] in {"places", "rows"} and part not in keep:
                await self._blobs.delete(path)
        return old is not None

    async def _renew(self, name: BatchName, old: Manifest) -> None:
        generation = old.generation + 1
        places_name = generation_name("places", generation)
        rows_name = generation_name("rows", generation)
        places = await self._put(name, places_name, self._fixed(PLACES, name, width=PLACE_SIZE))
        tables: list[TablePart] = []
        rows = await self._put(name, rows_name, self._rows(name, tables))
        await self._blobs.sync(self._paths.object(name, part) for part in (places_name, rows_name))
        manifest = msgspec.structs.replace(
            old,
            schema=await self._schema(),
            places=places,
            rows=rows,
            tables=tuple(tables),
            generation=generation,
        )
        await self._blobs.put(self._paths.manifest(name), manifest.encode())
        _log.info("batch_rewritten", batch=str(name), generation=generation)

    async def _is_there(self, name: BatchName, call: AnchorCall) -> bool:
        try:
            manifest = decode_manifest(await self._blobs.get(self._paths.manifest(name)))
        except (BlobNotFoundError, BatchError):
            return False
        return manifest.origin == self._origin and manifest.root == call.root.hex()

    async def _put(self, name: BatchName, part: str, source: AsyncIterator[bytes]) -> Part:
        digest = hashlib.sha256()
        size = 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in source:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        await self._blobs.put(self._paths.object(name, part), measured(), sync=False)
        return Part(bytes=size, sha256=digest.hexdigest())

    async def _entries(self, call: AnchorCall) -> AsyncIterator[bytes]:
        tree = Frontier(size=call.old_size, peaks=call.peaks)
        for start in range(call.old_size, call.new_size, CHUNK):
            end = min(start + CHUNK, call.new_size)
            count, stored, bundle = await self._row(ENTRIES, start, end)
            if count != end - start:
                raise CheckpointMismatchError(f"entries [{start}, {end}) are not all there")
            leaves = [leaf_hash(entry) for entry in decode_bundle(bundle, width=count)]
            if b"".join(leaves) != stored:
                wrong = next(
                    start + at
                    for at, leaf in enumerate(leaves)
                    if leaf != stored[at * HASH_SIZE : (at + 1) * HASH_SIZE]
                )
                raise CheckpointMismatchError(f"entry {wrong} is not what its leaf hash is of")
            tree = tree.extend(leaves).frontier
            yield bundle
        if tree.root() != call.root:
            raise CheckpointMismatchError(
                f"entries [{call.old_size}, {call.new_size}) do not lead to the log's root"
            )

    async def _fixed(self, query: str, name: BatchName, *, width: int) -> AsyncIterator[bytes]:
        for start in range(name.old_size, name.size, CHUNK):
            end = min(start + CHUNK, name.size)
            count, data = await self._row(query, start, end)
            if count != end - start or len(data) != width * count:
                raise CheckpointMismatchError(f"entries [{start}, {end}) are not all there")
            yield data

    async def _rows(self, name: BatchName, tables: list[TablePart]) -> AsyncIterator[bytes]:
        for table in TABLES:
            size = 0
            query = f"COPY ({table.query}) TO STDOUT (FORMAT binary)".encode()
            async with (
                self._connection.cursor() as cursor,
                cursor.copy(query, (self._log_id, name.old_size, name.size)) as copy,
            ):
                copy.set_types(["bytea"])
                async for (line,) in copy.rows():
                    size += len(line)
                    yield line
            tables.append(TablePart(table=table.name, columns=table.columns, bytes=size))

    async def _write_contexts(self, name: BatchName) -> tuple[str, ...]:
        cursor = await self._connection.execute(CONTEXTS, (self._log_id, name.old_size, name.size))
        digests = sorted(digest for (digest,) in await cursor.fetchall())
        for digest in digests:
            path = self._paths.context(digest.hex())
            if digest in self._contexts or await self._blobs.exists(path):
                self._contexts.add(digest)
                continue
            found = await self._connection.execute(
                "SELECT data FROM contexts WHERE sha256 = %s", (digest,)
            )
            row = await found.fetchone()
            if row is None:
                raise CheckpointMismatchError(f"the context {digest.hex()} is not stored")
            await self._blobs.put(path, row[0])
            self._contexts.add(digest)
        return tuple(digest.hex() for digest in digests)

    async def _row(self, query: str, start: int, end: int) -> TupleRow:
        cursor = await self._connection.execute(query.encode(), (self._log_id, start, end))
        row: TupleRow | None = await cursor.fetchone()
        assert row is not None, "an aggregate gives a row"
        return row

    async def _schema(self) -> str:
        cursor = await self._connection.execute("SELECT version_num FROM alembic_version")
        row = await cursor.fetchone()
        return "" if row is None else str(row[0])
