"""Puts back what a restored database lacks, from the batches in the blob store.

One batch is put back in one transaction, and it counts only if the tree that its entries make has
the root that the contract holds at its size. Above the chain's head, where a chain came back as old
as the database, the log's own signature stands for the contract; such a step is stored as an anchor
to be made, so that it is put on chain at its own size again. What content the rows claim is not
checked here; the audit compares it with the commitments.
"""

import asyncio
from dataclasses import dataclass

import psycopg
import structlog

from provenance.anchor.anchoring import Session
from provenance.anchor.batch import (
    BatchName,
    BatchPaths,
    Manifest,
    decode_manifest,
    list_batches,
)
from provenance.anchor.errors import BatchError, CheckpointMismatchError
from provenance.anchor.loading import BatchLoader, EmptiesErased, Intent, store_intent
from provenance.anchor.promises import Promises
from provenance.anchor.steps import RefillStep, observed
from provenance.blobs import BlobError, BlobStore
from provenance.chain.abi import log_id as registry_log_id
from provenance.core.digests import RootHash
from provenance.db.faults import told

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
    """What a refill achieved.

    ``lost`` are ranges of entries of which there is no copy, ``unusable`` the copies that could not
    be loaded, with the reason.
    """

    size: int
    entries: int
    lost: tuple[tuple[int, int], ...]
    unusable: tuple[tuple[BatchName, str], ...]

    def left(self, target: int) -> str:
        """Say what keeps the log from ``target``, and what can be done about it."""
        said = []
        if self.lost:
            ranges = ", ".join(f"[{start}, {end})" for start, end in self.lost)
            said.append(
                f"lost, because no copy holds them: entries {ranges}; put the blob store back"
            )
        for name, reason in self.unusable:
            start, end = max(name.old_size, self.size), min(name.size, target)
            said.append(
                f"entries [{start}, {end}) are in the copy {name}, which {reason}; nothing of them "
                "is lost yet: put an undamaged copy back, or a dump that it fits"
            )
        return "; ".join(said) or f"the copies end at size {self.size}; put the blob store back"


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    name: BatchName
    origin: str


class Refill:
    """Refills one log through the worker's connection."""

    def __init__(
        self,
        session: Session,
        blobs: BlobStore,
        *,
        promises: Promises,
        erased: EmptiesErased | None = None,
    ) -> None:
        self._session = session
        self._connection = session.connection
        self._blobs = blobs
        self._promises = promises
        self._log_id = session.log.log_id
        self._erased = erased

    async def run(self, *, size: int, target: int, anchored: int) -> Refilled:
        """Grow the log from ``size`` up to ``target``, as far as batches go.

        ``anchored`` is the size of the chain's head: beyond it, the log's signature counts.
        """
        start = size
        async with observed(self._session.observer, RefillStep.FIND_BATCHES):
            found = await self._list(size)
        unusable: dict[_Found, str] = {}
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
                await self._load(batch, size, anchored=anchored)
            except (BatchError, BlobError) as error:
                unusable[batch] = str(error)
                _log.error("batch_unusable", batch=str(batch.name), reason=str(error))
            else:
                size = batch.name.size
                _log.info("batch_refilled", batch=str(batch.name), size=size)
        return Refilled(
            size=size,
            entries=size - start,
            lost=missing([one.name for one in found], size, target),
            unusable=tuple(
                (one.name, reason) for one, reason in unusable.items() if one.name.size > size
            ),
        )

    async def intend(self, *, size: int, anchored: int) -> None:
        """Store as anchors to be made the signed steps up to ``size`` that nobody knows any more.

        They were made after the dump, of entries that are in it, on a chain that forgot them too;
        receipts may name them. ``size`` is the log's, ``anchored`` that of the chain's head.
        """
        session = self._session
        for one in sorted(await self._list(size)):
            if one.origin != session.log.origin or not anchored < one.name.size <= size:
                continue
            if await session.store.anchor(one.name.size) is not None:
                continue
            paths = BatchPaths(one.origin)
            try:
                manifest = decode_manifest(await self._blobs.get(paths.manifest(one.name)))
                root, _ = await self._agreed_root(one, manifest, anchored=anchored)
            except BatchError as error:
                _log.error("batch_unusable", batch=str(one.name), reason=str(error))
                continue
            if await session.tree.root(one.name.size) != root:
                raise CheckpointMismatchError(f"this log signed another root at {one.name.size}")
            await store_intent(
                self._connection, self._log_id, one.name, root, Intent(manifest.checkpoint)
            )

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

    async def _load(self, batch: _Found, size: int, *, anchored: int) -> None:
        observer = self._session.observer
        paths = BatchPaths(batch.origin)
        async with observed(observer, RefillStep.READ_MANIFEST):
            manifest = decode_manifest(await self._blobs.get(paths.manifest(batch.name)))
            root, intent = await self._agreed_root(batch, manifest, anchored=anchored)
        loader = BatchLoader(
            self._connection,
            self._blobs,
            log_id=self._log_id,
            paths=paths,
            manifest=manifest,
            erased=self._erased,
            observer=observer,
        )
        try:
            await loader.load(batch.name, size=size, root=root, intent=intent)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            # Other columns than this schema has, or rows that contradict those that are there.
            raise BatchError(
                f"does not fit the database ({told(error)}; written at schema {manifest.schema})"
            ) from error
        await observer.after(RefillStep.COMMIT)
        await asyncio.sleep(0)

    async def _agreed_root(
        self, batch: _Found, manifest: Manifest, *, anchored: int
    ) -> tuple[RootHash, Intent | None]:
        """Root that the batch has to lead to, and the anchor to be made where none is on chain."""
        name = batch.name
        if (manifest.origin, manifest.old_size, manifest.size) != (
            batch.origin,
            name.old_size,
            name.size,
        ):
            raise BatchError("is the manifest of another batch")
        if batch.origin == self._session.log.origin and name.size > anchored:
            return self._promises.signed(manifest).root, Intent(checkpoint=manifest.checkpoint)
        root = await self._session.registry.root_at(registry_log_id(batch.origin), name.size)
        if root is None or root.hex() != manifest.root:
            raise BatchError("was not anchored with this root")
        return root, None


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
