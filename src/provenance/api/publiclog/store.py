"""Anchored checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.api.anchoring import on_chain
from provenance.db.tables import anchors
from provenance.prove.store import LogRow


@dataclass(frozen=True, slots=True)
class AnchoredRow:
    """A checkpoint that the contract accepted; ``block_time`` in milliseconds."""

    size: int
    old_size: int
    root: bytes
    checkpoint: str
    state: str
    tx_hash: bytes
    block_number: int
    block_hash: bytes
    block_time: int


class CheckpointStore:
    """Reads the anchored checkpoints of a log and of those that it succeeded."""

    def __init__(self, engine: AsyncEngine, *, lineage: Sequence[LogRow]) -> None:
        self._engine = engine
        self._lineage = lineage

    async def latest(self) -> AnchoredRow | None:
        """Return the largest."""
        return await self._one(self._rows().order_by(anchors.c.size.desc()).limit(1))

    async def at(self, size: int) -> AnchoredRow | None:
        """Return that of exactly ``size``; where a log ended and the next began, the older."""
        query = self._rows().where(anchors.c.size == size).order_by(anchors.c.log_id).limit(1)
        return await self._one(query)

    async def page(self, *, above: int, limit: int) -> list[AnchoredRow]:
        """Return checkpoints of sizes above ``above``, in order of size."""
        query = self._rows().where(anchors.c.size > above).order_by(anchors.c.size).limit(limit)
        async with self._engine.connect() as connection:
            return [AnchoredRow(*row) for row in await connection.execute(query)]

    async def _one(self, query: Select[Any]) -> AnchoredRow | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return AnchoredRow(*row) if row is not None else None

    def _rows(self) -> Select[Any]:
        return select(
            anchors.c.size,
            anchors.c.old_size,
            anchors.c.root,
            anchors.c.checkpoint,
            anchors.c.state,
            anchors.c.tx_hash,
            anchors.c.block_number,
            anchors.c.block_hash,
            anchors.c.block_time,
        ).where(on_chain(self._lineage))
