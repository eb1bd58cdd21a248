"""Puts back what a restored database lacks, from the batches in the blob store.

Only entries up to an anchored size are put back, one batch in one transaction each, and a batch
counts only if the tree that its entries make has the root that the contract holds. What content
the rows claim is not checked here; the audit compares it with the commitments.
"""

import asyncio
from dataclasses import dataclass

import psycopg
import structlog

from provenance.anchor.batch import (
    BatchName,
    BatchPaths,
    Manifest,
    decode_manifest,
    list_batches,
)
from provenance.anchor.errors import BatchError
from provenance.anchor.loading import BatchLoader, EmptiesErased
from provenance.anchor.session import Connection
from provenance.blobs import BlobError, BlobStore
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.registry import Registry
from provenance.core.digests import RootHash

_log = structlog.get_logger(__name__)
_ORIGINS = """
WITH RECURSIVE line AS (
  SELECT log_id, origin, predecessor_id FROM logs WHERE log_id = %s
  UNION
  SELECT logs.log_id, logs.origin, logs.predecessor_id
  FROM logs JOIN line ON logs.log_id = line.predecessor_id
)
SELECT origin FROM line
"""
# A batch begins where the one before it ends, at an anchored size.
_BEGINS = "SELECT coalesce(max(size), 0) FROM anchors WHERE log_id = %s AND size <= %s"


@dataclass(frozen=True, slots=True)
class Refilled:
    """What a refill achieved. ``lost`` are ranges of entries of which no usable batch is left."""

    size: int
    entries: int
    lost: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    name: BatchName
    origin: str


class Refill:
    """Refills one log through the worker's connection."""

    def __init__(
        self,
        connection: Connection,
        blobs: BlobStore,
        registry: Registry,
        *,
        log_id: int,
        erased: EmptiesErased | None = None,
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._registry = registry
        self._log_id = log_id
        self._erased = erased

    async def run(self, *, size: int, target: int) -> Refilled:
        """Grow the log from ``size`` up to ``target``, an anchored size, as far as batches go."""
        start = size
        found = await self._list(size)
        unusable: set[_Found] = set()
        while size < target:
            usable = [
                one
                for one in found
                if one.name.old_size <= size < one.name.size <= target and one not in unusable
            ]
            if not usable:
                break
            batch = max(usable)
            try:
                await self._load(batch, size)
            except (BatchError, BlobError) as error:
                unusable.add(batch)
                _log.error("batch_unusable", batch=str(batch.name), reason=str(error))
            else:
                size = batch.name.size
                _log.info("batch_refilled", batch=str(batch.name), size=size)
        names = [one.name for one in found if one not in unusable]
        return Refilled(size=size, entries=size - start, lost=missing(names, size, target))

    async def _list(self, size: int) -> list[_Found]:
        cursor = await self._connection.execute(_ORIGINS, (self._log_id,))
        origins = [origin for (origin,) in await cursor.fetchall()]
        cursor = await self._connection.execute(_BEGINS, (self._log_id, size))
        row = await cursor.fetchone()
        begins = 0 if row is None else row[0]
        return [
            _Found(name=name, origin=origin)
            for origin in origins
            for name in await list_batches(self._blobs, BatchPaths(origin), from_old_size=begins)
        ]

    async def _load(self, batch: _Found, size: int) -> None:
        paths = BatchPaths(batch.origin)
        manifest = decode_manifest(await self._blobs.get(paths.manifest(batch.name)))
        root = await self._anchored_root(batch, manifest)
        loader = BatchLoader(
            self._connection,
            self._blobs,
            log_id=self._log_id,
            paths=paths,
            manifest=manifest,
            erased=self._erased,
        )
        try:
            await loader.load(batch.name, size=size, root=root)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            # Other columns than this schema has, or rows that contradict those that are there.
            raise BatchError(
                f"does not fit the database (written at schema {manifest.schema}): {error}"
            ) from error
        await asyncio.sleep(0)

    async def _anchored_root(self, batch: _Found, manifest: Manifest) -> RootHash:
        name = batch.name
        if (manifest.origin, manifest.old_size, manifest.size) != (
            batch.origin,
            name.old_size,
            name.size,
        ):
            raise BatchError("is the manifest of another batch")
        root = await self._registry.root_at(registry_log_id(batch.origin), name.size)
        if root is None or root.hex() != manifest.root:
            raise BatchError("was not anchored with this root")
        return root


def missing(names: list[BatchName], size: int, target: int) -> tuple[tuple[int, int], ...]:
    """Parts of ``[size, target)`` that no batch covers."""
    ranges: list[tuple[int, int]] = []
    for name in sorted(names):
        if name.size <= size:
            continue
        if name.old_size >= target:
            break
        if name.old_size > size:
            ranges.append((size, name.old_size))
        size = name.size
    if size < target:
        ranges.append((size, target))
    return tuple(ranges)
