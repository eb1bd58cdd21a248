"""Receipts, trail heads and consistency proofs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from provenance.core.digests import Commitment, LeafHash, Salt, TrailId, sha256
from provenance.core.entry import Entry
from provenance.core.fields import DisclosedField, disclose
from provenance.core.jcs import parse
from provenance.core.notes import Signer, TrailHead, sign_note
from provenance.core.receipt import AnchoredCheckpoint, AnchorRecord, PayloadOpening, Receipt
from provenance.core.statement import Statement, StatementTemplate
from provenance.core.tiles import (
    Tile,
    TileHashes,
    consistency_proof,
    consistency_tiles,
    inclusion_proof,
    inclusion_tiles,
)
from provenance.prove.errors import (
    DistrustedLogError,
    EntryNotFoundError,
    NotAnchoredError,
    NotAnchoredSizeError,
)
from provenance.prove.store import AnchorRow, EntryRow, LogRow, ProofStore


class TileSource(Protocol):
    """Where hash tiles come from, full or partial."""

    async def fetch(self, tiles: set[Tile]) -> Mapping[Tile, bytes]:
        """Return the bytes of each tile."""
        ...


class Prover:
    """Proves what one log (and those that it succeeded) holds."""

    def __init__(
        self,
        *,
        store: ProofStore,
        tiles: TileSource,
        lineage: Sequence[LogRow],
        signers: Sequence[Signer],
    ) -> None:
        self._store = store
        self._tiles = tiles
        self._lineage = lineage
        self._signers = signers

    @property
    def log(self) -> LogRow:
        """The log that is proven; its predecessors stand behind it."""
        return self._lineage[0]

    async def receipt(self, index: int, *, pointers: Sequence[str] | None = None) -> Receipt:
        """Receipt of one entry; without a trail head while the log is forked and signs nothing.

        With ``pointers`` (RFC 6901) the receipt discloses only these fields of the payload and
        does not open the payload's commitment.

        Raises:
            EntryNotFoundError: the log has no such entry.
            NotAnchoredError: no anchor covers it yet.
            BadValueError: the payload has no field at one of ``pointers``.

        """
        rows = await self._store.entries(self.log.log_id, index, 1)
        if not rows:
            raise EntryNotFoundError(f"the log has no entry {index}")
        return await self._receipt(rows[0], pointers)

    async def receipts_of_record(self, first_index: int) -> list[Receipt]:
        """Receipts of all entries of the record whose first entry is ``first_index``.

        Raises:
            EntryNotFoundError: no record starts there.
            NotAnchoredError: no anchor covers it yet.

        """
        count = await self._store.record_span(self.log.log_id, first_index)
        if count is None:
            raise EntryNotFoundError(f"no record starts at entry {first_index}")
        rows = await self._store.entries(self.log.log_id, first_index, count)
        return [await self._receipt(row, None) for row in rows]

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
            if size and await self._anchor_at(size) is None:
                raise NotAnchoredSizeError(f"{size} is not an anchored size of this log")
        tiles = await self._tiles.fetch(consistency_tiles(old, new))
        return list(consistency_proof(TileHashes(tiles, size=new), old=old, new=new))

    async def _anchor_at(self, size: int) -> AnchorRow | None:
        for log in self._lineage:
            if log.until is None or size <= log.until:
                anchor = await self._store.anchor_at(log.log_id, size)
                if anchor is not None:
                    return anchor
        return None

    async def _receipt(self, row: EntryRow, pointers: Sequence[str] | None) -> Receipt:
        log = self._log_of(row.index)
        anchor = await self._store.first_anchor(log.log_id, row.index, log.until)
        if anchor is None:
            raise NotAnchoredError(f"entry {row.index} is recorded, but not anchored yet")
        entry = Entry(
            at=row.at,
            trail=TrailId(row.trail),
            seq=row.seq,
            prev=LeafHash(row.prev),
            commitment=Commitment(row.commitment),
        )
        anchored = AnchoredCheckpoint(
            path=tuple(await self._path(row.index, anchor.size)),
            checkpoint=anchor.checkpoint,
            anchor=await self._anchor_record(log, anchor),
        )
        statement = _statement(row)
        if statement is None or row.salt is None:
            return Receipt(entry=entry, index=row.index, anchored=anchored, state="erased")
        trail_first = (await self._store.trail_of(self.log.log_id, row.subject) or (row.index,))[0]
        return Receipt(
            entry=entry,
            index=row.index,
            anchored=anchored,
            statement=statement,
            salt=Salt(row.salt),
            payload=_opening(row) if pointers is None else None,
            fields=_disclosure(row, pointers) if pointers is not None else (),
            trail_head=await self._head_if_signable(row.subject, trail_first, row.trail),
        )

    async def _head_if_signable(
        self, subject: str, trail_first: int, trail_id: bytes
    ) -> str | None:
        try:
            return await self._sign_head(subject, trail_first, trail_id)
        except DistrustedLogError:
            return None

    def _log_of(self, index: int) -> LogRow:
        return next(log for log in self._lineage if index >= log.start_size)

    async def _path(self, index: int, size: int) -> list[bytes]:
        tiles = await self._tiles.fetch(inclusion_tiles(index, size))
        return list(inclusion_proof(TileHashes(tiles, size=size), index=index, size=size))

    async def _anchor_record(self, log: LogRow, anchor: AnchorRow) -> AnchorRecord:
        return AnchorRecord(
            chain_id=log.chain_id,
            genesis_hash=log.genesis_hash,
            contract=log.contract,
            log_id=sha256(log.origin.encode()),
            transaction=anchor.tx_hash,
            log_index=anchor.log_index,
            block_number=anchor.block_number,
            block_hash=anchor.block_hash,
            block_time=anchor.block_time,
            size=anchor.size,
            old_size=anchor.old_size,
            old_time=await self._old_time(log, anchor.old_size),
        )

    async def _old_time(self, log: LogRow, old_size: int) -> int:
        if old_size == log.start_size:
            return log.start_time
        old = await self._store.anchor_at(log.log_id, old_size)
        if old is None:
            raise NotAnchoredError(
                f"the anchor at size {old_size} is not on the chain at the moment"
            )
        return old.block_time

    async def _sign_head(self, subject: str, trail_first: int, trail_id: bytes) -> str:
        anchored = await self._anchored_size()
        end = await self._store.trail_end(self.log.log_id, trail_first, anchored)
        if end is None:
            raise NotAnchoredError(f"no entry of {subject} is anchored yet")
        head = TrailHead(
            origin=self.log.origin,
            subject=subject,
            trail=TrailId(trail_id),
            count=end[0] + 1,
            last_leaf=LeafHash(end[1]),
            anchored_size=anchored,
        )
        return sign_note(head.text(), self._signers)

    async def _anchored_size(self) -> int:
        may_sign, largest = await self._store.signable(self.log.log_id)
        if not may_sign:
            raise DistrustedLogError(
                "the log contradicts the chain and signs nothing until that is settled"
            )
        return self.log.start_size if largest is None else largest


def _statement(row: EntryRow) -> Statement | None:
    if row.statement_head is None or row.statement_tail is None:
        return None
    template = StatementTemplate(head=row.statement_head, tail=row.statement_tail)
    return Statement.from_json(parse(template.for_subject(row.subject)))


def _opening(row: EntryRow) -> PayloadOpening | None:
    if row.payload is None or row.payload_salt is None:
        return None
    return PayloadOpening(salt=Salt(row.payload_salt), sha256=sha256(row.payload))


def _disclosure(row: EntryRow, pointers: Sequence[str]) -> tuple[DisclosedField, ...]:
    if row.payload is None or row.fields_salt is None:
        raise EntryNotFoundError("this record commits to no fields that could be disclosed singly")
    return disclose(row.payload, pointers, fields_salt=Salt(row.fields_salt))
