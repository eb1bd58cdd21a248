"""Receipts, trail heads and consistency proofs."""

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from provenance.core.digests import LeafHash, RootHash, Salt, TrailId
from provenance.core.fields import DisclosedField, disclose
from provenance.core.notes import NoteSigner, Signer, TrailHead
from provenance.core.receipt import Receipt
from provenance.core.tiles import (
    Tile,
    TileHashes,
    TileNodes,
    consistency_proof,
    consistency_tiles,
    inclusion_proof,
    inclusion_tiles,
)
from provenance.log.errors import NotInLogError
from provenance.prove.encoding import encode_receipt
from provenance.prove.errors import (
    DistrustedLogError,
    EntryNotFoundError,
    NotAnchoredError,
    NotAnchoredSizeError,
)
from provenance.prove.materials import Anchored, Material, MaterialStore
from provenance.prove.store import AnchorRow, LogRow, ProofStore, StampedCheckpoint
from provenance.sealing import KeyGoneError, Opening, SealedRef, SealedRow

_HASHED_TILES: Final = 1_024
"""Tiles of which the inner hashes are kept: 16 MB, a quarter of a million entries."""
_SIGNED_HEADS: Final = 4_096
"""Trail heads that are not signed again: 2 MB. The signature would be the same."""


class TileSource(Protocol):
    """Where hash tiles come from, full or partial."""

    async def fetch(self, tiles: set[Tile]) -> Mapping[Tile, bytes]:
        """Return the bytes of each tile."""
        ...


class Openings(Protocol):
    """Whoever can open the references to sealed payloads."""

    async def opening(self, ref: SealedRef) -> Opening:
        """Return what opens the payload's commitment.

        Raises:
            KeyGoneError: the payload was erased.

        """
        ...

    async def open_rows(self, rows: Sequence[SealedRow]) -> list[bytes | None]:
        """Open payloads that lie sealed in rows; None where the key is gone."""
        ...


class Prover:
    """Proves what one log (and those that it succeeded) holds."""

    def __init__(
        self,
        *,
        store: ProofStore,
        materials: MaterialStore,
        tiles: TileSource,
        lineage: Sequence[LogRow],
        signers: Sequence[Signer],
        openings: Openings,
    ) -> None:
        self._store = store
        self._openings = openings
        self._materials = materials
        self._tiles = tiles
        self._lineage = lineage
        self._hashed: dict[tuple[int, int], TileNodes] = {}
        self._sign = lru_cache(maxsize=_SIGNED_HEADS)(NoteSigner(signers).sign)

    @property
    def log(self) -> LogRow:
        """The log that is proven; its predecessors stand behind it."""
        return self._lineage[0]

    async def warm_up(self) -> None:
        """Connect, and have the queries planned, before somebody waits for a receipt."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._materials.get(0))
            group.create_task(self._first_tile())

    async def material(self, index: int) -> Material | None:
        """What the receipt of an entry is made of; None if the log has no such entry.

        It is asked for together with what others ask for at the same time.
        """
        return await self._materials.get(index)

    async def materials(self, indexes: Collection[int]) -> dict[int, Material]:
        """Return :meth:`material` of several entries; those that do not exist are left out."""
        return await self._materials.get_all(indexes)

    async def materials_as_of(self, indexes: Sequence[int], *, size: int) -> dict[int, Material]:
        """Return :meth:`material` of entries below the anchored ``size``, all as of that size.

        Trail heads of receipts that are made of them end there, whatever was recorded since.
        """
        return await self._materials.as_of(indexes, size=size)

    async def final_size(self) -> int:
        """Largest size whose anchor is final; 0 while there is none.

        Raises:
            DistrustedLogError: the log is forked and signs nothing.

        """
        await self._anchored_size()
        for log in self._lineage:
            found = await self._store.final_size(log.log_id)
            if found is not None:
                return found if log.until is None else min(found, log.until)
        return 0

    async def encoded(self, material: Material) -> bytes:
        """Bytes of the receipt that opens the payload; see :meth:`receipt`.

        Raises:
            NotAnchoredError: no anchor covers the entry yet.

        """
        anchored, log = self._anchored(material)
        return encode_receipt(
            await self._opened(material),
            anchored,
            log=log,
            old_time=_old_time(log, anchored),
            path=await self._path(material.index, anchored.size),
            trail_head=self._head_if_signable(material),
        )

    async def receipt(self, index: int, *, pointers: Sequence[str] | None = None) -> Receipt:
        """Receipt of one entry; without a trail head while the log is forked and signs nothing.

        With ``pointers`` (RFC 6901) the receipt discloses only these fields of the payload and
        does not open the payload's commitment.

        Raises:
            EntryNotFoundError: the log has no such entry.
            NotAnchoredError: no anchor covers it yet.
            BadValueError: the payload has no field at one of ``pointers``.

        """
        material = await self.material(index)
        if material is None:
            raise EntryNotFoundError(f"the log has no entry {index}")
        if pointers is None:
            return Receipt.decode(await self.encoded(material))
        return await self.disclosing(material, pointers)

    async def disclosing(self, material: Material, pointers: Sequence[str]) -> Receipt:
        """Receipt of ``material`` that discloses the fields at ``pointers``; see :meth:`receipt`.

        Raises:
            EntryNotFoundError: the record commits to no fields that could be disclosed singly.
            NotAnchoredError: no anchor covers the entry yet.
            BadValueError: the payload has no field at one of ``pointers``.

        """
        receipt = Receipt.decode(await self.encoded(material))
        if receipt.state is not None:
            return receipt
        fields = await self._disclosed(material, pointers)
        return replace(receipt, payload=None, fields=fields)

    async def trail_head(self, subject: str) -> str:
        """Signed trail head of ``subject`` as of the last anchored size.

        Raises:
            EntryNotFoundError: the log has no trail of this subject.
            NotAnchoredError: none of its entries is anchored yet.
            DistrustedLogError: the log is forked and signs nothing.

        """
        trail = await self._store.trail_of(self.log.log_id, subject)
        if trail is None:
            raise EntryNotFoundError(f"the log has no trail of {subject}")
        trail_first, trail_id = trail
        return await self._sign_head(subject, trail_first, trail_id)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Consistency proof between two anchored sizes.

        Raises:
            NotAnchoredSizeError: one of them was never anchored.
            BoundsError: ``old`` is larger than ``new``.

        """
        for size in (old, new):
            if size and await self.anchor_at(size) is None:
                raise NotAnchoredSizeError(f"{size} is not an anchored size of this log")
        tiles = await self._tiles.fetch(consistency_tiles(old, new))
        return list(consistency_proof(TileHashes(tiles, size=new), old=old, new=new))

    async def stamped(self, indexes: Collection[int], *, at_most: int) -> list[StampedCheckpoint]:
        """For each entry the smallest stamped checkpoint that covers it; each once, rising.

        None is larger than ``at_most``; entries that no time stamp covers are passed over.
        """
        by_size: dict[int, LogRow] = {}
        for log in self._lineage:
            until = at_most if log.until is None else min(at_most, log.until)
            for size in await self._store.stamped_sizes(log.log_id, at_most=until):
                by_size.setdefault(size, log)
        sizes = sorted(by_size)
        places = {bisect_right(sizes, index) for index in indexes} - {len(sizes)}
        chosen = sorted(sizes[place] for place in places)
        found: list[StampedCheckpoint] = []
        for log in self._lineage:
            own = [size for size in chosen if by_size[size] is log]
            if own:
                found += await self._store.stamps(log.log_id, own)
        return sorted(found, key=lambda stamp: stamp.size)

    async def _first_tile(self) -> None:
        with suppress(NotInLogError):
            await self._tiles.fetch({Tile(level=0, n=0, width=1)})

    async def anchor_at(self, size: int) -> AnchorRow | None:
        """Return the anchor of exactly ``size``, of the log or of one that it carries on."""
        for log in self._lineage:
            if log.until is None or size <= log.until:
                anchor = await self._store.anchor_at(log.log_id, size)
                if anchor is not None:
                    return anchor
        return None

    def _anchored(self, material: Material) -> tuple[Anchored, LogRow]:
        if material.anchored is None:
            raise NotAnchoredError(f"entry {material.index} is recorded, but not anchored yet")
        return material.anchored, self._materials.log_of(material.index)

    async def _opened(self, material: Material) -> Material:
        """``material`` with salt and hash of a sealed payload, if that was not erased."""
        if material.sealed is None:
            return material
        try:
            opening = await self._openings.opening(material.sealed)
        except KeyGoneError:
            return material
        return msgspec.structs.replace(
            material,
            payload_salt=opening.payload_salt,
            payload_sha256=opening.sha256,
            fields_salt=opening.fields_salt,
        )

    async def _path(self, index: int, size: int) -> list[RootHash]:
        tiles = await self._tiles.fetch(inclusion_tiles(index, size))
        if len(self._hashed) > _HASHED_TILES:
            self._hashed.clear()
        hashes = TileHashes(tiles, size=size, known=self._hashed)
        return inclusion_proof(hashes, index=index, size=size)

    async def _disclosed(
        self, material: Material, pointers: Sequence[str]
    ) -> tuple[DisclosedField, ...]:
        payload = await self._store.payload(self.log.log_id, material.record_first)
        sealed = material.sealed
        if payload is not None and sealed is not None:
            material = await self._opened(material)
            [payload] = await self._openings.open_rows(
                [SealedRow(sealed.segment, sealed.slot, payload, sealed.opening)]
            )
        if payload is None or material.fields_salt is None:
            raise EntryNotFoundError(
                "this record commits to no fields that could be disclosed singly"
            )
        return disclose(payload, pointers, fields_salt=Salt(material.fields_salt))

    def _head_if_signable(self, material: Material) -> str | None:
        if not material.may_sign or material.statement is None:
            return None
        if material.last is None:
            raise NotAnchoredError(f"no entry of {material.subject} is anchored yet")
        seq, leaf = material.last
        return self._head(
            material.subject, material.trail, seq=seq, leaf=leaf, size=material.anchored_size
        )

    async def _sign_head(self, subject: str, trail_first: int, trail_id: bytes) -> str:
        anchored = await self._anchored_size()
        end = await self._store.trail_end(self.log.log_id, trail_first, anchored)
        if end is None:
            raise NotAnchoredError(f"no entry of {subject} is anchored yet")
        return self._head(subject, trail_id, seq=end[0], leaf=end[1], size=anchored)

    def _head(self, subject: str, trail_id: bytes, *, seq: int, leaf: bytes, size: int) -> str:
        head = TrailHead(
            origin=self.log.origin,
            subject=subject,
            trail=TrailId(trail_id),
            count=seq + 1,
            last_leaf=LeafHash(leaf),
            anchored_size=size,
        )
        return self._sign(head.text())

    async def _anchored_size(self) -> int:
        may_sign, largest = await self._store.signable(self.log.log_id)
        if not may_sign:
            raise DistrustedLogError(
                "the log contradicts the chain and signs nothing until that is settled"
            )
        return self.log.start_size if largest is None else largest


def _old_time(log: LogRow, anchored: Anchored) -> int:
    if anchored.old_size == log.start_size:
        return log.start_time
    if anchored.old_time is None:
        raise NotAnchoredError(
            f"the anchor at size {anchored.old_size} is not on the chain at the moment"
        )
    return anchored.old_time
