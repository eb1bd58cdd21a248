"""What receipts are made of, read from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import anchors, entries, log_heads, logs, records, timestamps, trails
from provenance.log.errors import BrokenLineageError

FINAL = "final"
ANCHORED = ("included", FINAL)
"""States of an anchor in which the contract holds its root."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log of the lineage: a log, or one that it succeeded.

    ``until`` is the size from which a successor carries on (None: this is the newest).
    """

    log_id: int
    origin: str
    chain_id: int
    genesis_hash: bytes
    contract: bytes
    start_size: int
    start_time: int
    until: int | None


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """One anchored checkpoint; times in milliseconds since the epoch."""

    size: int
    old_size: int
    checkpoint: str
    tx_hash: bytes
    log_index: int
    block_number: int
    block_hash: bytes
    block_time: int
    state: str


@dataclass(frozen=True, slots=True)
class StampedCheckpoint:
    """A signed checkpoint and the RFC 3161 response over it (DER)."""

    size: int
    checkpoint: str
    token: bytes


class ProofStore:
    """Reads on ``engine``; every method is one short transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def lineage(self, log_id: int) -> list[LogRow]:
        """Return the log and its predecessors, newest first.

        Raises:
            BrokenLineageError: logs carry each other on in a circle.

        """
        lineage: list[LogRow] = []
        following: int | None = log_id
        until: int | None = None
        async with self._engine.connect() as connection:
            while following is not None:
                if any(log.log_id == following for log in lineage):
                    raise BrokenLineageError(
                        "predecessor_id in the table logs leads round in a circle: find out what "
                        "was altered with `provenance log audit --database`, then restore a dump"
                    )
                query = select(logs).where(logs.c.log_id == following)
                row = (await connection.execute(query)).one()
                lineage.append(
                    LogRow(
                        log_id=row.log_id,
                        origin=row.origin,
                        chain_id=row.chain_id,
                        genesis_hash=row.genesis_hash,
                        contract=row.contract,
                        start_size=row.start_size,
                        start_time=row.start_time,
                        until=until,
                    )
                )
                following, until = row.predecessor_id, row.start_size
        return lineage

    async def payload(self, log_id: int, first_index: int) -> bytes | None:
        """Return the payload of the record at ``first_index``; None once erased."""
        query = select(records.c.payload).where(
            records.c.log_id == log_id, records.c.first_index == first_index
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def anchor_at(self, log_id: int, size: int) -> AnchorRow | None:
        """Return the anchor of exactly ``size``."""
        query = self._anchors(log_id).where(anchors.c.size == size)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return AnchorRow(*row) if row is not None else None

    async def signable(self, log_id: int) -> tuple[bool, int | None]:
        """Return whether the log may sign, and its largest anchored size.

        A log that is forked may not: what it holds contradicts what it signed before, or was
        anchored by somebody else.
        """
        largest = (
            select(func.max(anchors.c.size))
            .where(anchors.c.log_id == log_id, anchors.c.state.in_(ANCHORED))
            .scalar_subquery()
        )
        query = select(log_heads.c.state != "forked", largest).where(log_heads.c.log_id == log_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one()
        return row[0], row[1]

    async def final_size(self, log_id: int) -> int | None:
        """Return the largest size of a log whose anchor is final."""
        query = select(func.max(anchors.c.size)).where(
            anchors.c.log_id == log_id, anchors.c.state == FINAL
        )
        async with self._engine.connect() as connection:
            largest: int | None = await connection.scalar(query)
        return largest

    async def trail_of(self, log_id: int, subject: str) -> tuple[int, bytes] | None:
        """Return first index and id of a subject's trail."""
        query = select(trails.c.first_index, trails.c.trail).where(
            trails.c.log_id == log_id, trails.c.subject == subject
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return (row[0], row[1]) if row is not None else None

    async def trail_end(self, log_id: int, trail_first: int, size: int) -> tuple[int, bytes] | None:
        """Return seq and leaf hash of the trail's last entry with an index below ``size``."""
        query = (
            select(entries.c.seq, entries.c.leaf_hash)
            .where(entries.c.log_id == log_id, entries.c.trail_first == trail_first)
            .where(entries.c.index < size)
            .order_by(entries.c.seq.desc())
            .limit(1)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return (row[0], row[1]) if row is not None else None

    async def stamped_sizes(self, log_id: int, *, at_most: int) -> list[int]:
        """Return the sizes of checkpoints that an authority stamped, up to a size, rising."""
        query = (
            select(timestamps.c.size)
            .where(timestamps.c.log_id == log_id, timestamps.c.size <= at_most)
            .order_by(timestamps.c.size)
        )
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def stamps(self, log_id: int, sizes: Sequence[int]) -> list[StampedCheckpoint]:
        """Return the time stamps over checkpoints of exactly ``sizes``, by rising size."""
        query = (
            select(timestamps.c.size, timestamps.c.checkpoint, timestamps.c.token)
            .where(timestamps.c.log_id == log_id, timestamps.c.size.in_(sizes))
            .order_by(timestamps.c.size)
        )
        async with self._engine.connect() as connection:
            return [StampedCheckpoint(*row) for row in await connection.execute(query)]

    @staticmethod
    def _anchors(log_id: int) -> Select[Any]:
        return select(
            anchors.c.size,
            anchors.c.old_size,
            anchors.c.checkpoint,
            anchors.c.tx_hash,
            anchors.c.log_index,
            anchors.c.block_number,
            anchors.c.block_hash,
            anchors.c.block_time,
            anchors.c.state,
        ).where(anchors.c.log_id == log_id, anchors.c.state.in_(ANCHORED))
