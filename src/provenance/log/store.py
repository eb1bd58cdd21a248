"""What a log holds, read from the database. Every method is one short transaction."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import Commitment, LeafHash, RootHash, Salt, TrailId
from provenance.core.entry import Entry
from provenance.core.errors import BadValueError
from provenance.core.tree import Frontier
from provenance.db.tables import entries, log_heads, records, trails
from provenance.log.errors import InconsistentLogError, NotInLogError, UnknownLogError
from provenance.log.statements import statement_for

PAGE = 1000
"""Entries that are read at once."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """Committed size, time of the last entry, tree, and the fence's verdict."""

    size: int
    last_at: int
    frontier: Frontier
    state: str
    state_reason: str

    @property
    def root(self) -> RootHash:
        """Root of the whole tree."""
        return self.frontier.root()


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry, what it belongs to, and what opens its commitment (None once erased)."""

    index: int
    entry: Entry
    leaf_hash: LeafHash
    subject: str
    record_first: int
    salt: Salt | None
    statement: bytes | None


@dataclass(frozen=True, slots=True)
class TrailRow:
    """A subject's trail as it is now; ``first_index`` is its name inside the database."""

    first_index: int
    subject: str
    trail: TrailId
    count: int
    last_leaf: LeafHash


class LogStore:
    """Reads one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def head(self) -> LogHead:
        """Return the committed head.

        Raises:
            UnknownLogError: the log was not created.
            InconsistentLogError: its frontier does not fit its size.

        """
        query = select(
            log_heads.c.size,
            log_heads.c.last_at,
            log_heads.c.frontier,
            log_heads.c.state,
            log_heads.c.state_reason,
        ).where(log_heads.c.log_id == self._log_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise UnknownLogError(f"log {self._log_id} has no head; start the service once")
        try:
            frontier = Frontier.from_bytes(row.size, row.frontier)
        except BadValueError as error:
            raise InconsistentLogError(f"the stored frontier does not fit: {error}") from error
        return LogHead(
            size=row.size,
            last_at=row.last_at,
            frontier=frontier,
            state=row.state,
            state_reason=row.state_reason,
        )

    async def entry(self, index: int) -> StoredEntry:
        """Return the entry at ``index``.

        Raises:
            NotInLogError: there is none.

        """
        found = await self.entries(index, index + 1)
        if not found:
            raise NotInLogError(f"the log has no entry {index}")
        return found[0]

    async def entries(self, start: int, end: int) -> list[StoredEntry]:
        """Return the entries of ``[start, end)``, fewer where the log ends before."""
        query = _ENTRIES.where(
            entries.c.log_id == self._log_id, entries.c.index >= start, entries.c.index < end
        ).order_by(entries.c.index)
        return await self._entries(query)

    async def stream(self, start: int, end: int) -> AsyncIterator[StoredEntry]:
        """Yield the entries of ``[start, end)``, a page in memory at a time."""
        while start < end:
            page = await self.entries(start, min(end, start + PAGE))
            if not page:
                return
            for entry in page:
                yield entry
            start = page[-1].index + 1

    async def leaf_hashes(self, start: int, end: int) -> list[LeafHash]:
        """Return the leaf hashes of ``[start, end)``."""
        query = (
            select(entries.c.leaf_hash)
            .where(
                entries.c.log_id == self._log_id, entries.c.index >= start, entries.c.index < end
            )
            .order_by(entries.c.index)
        )
        async with self._engine.connect() as connection:
            return [LeafHash(leaf) for leaf in await connection.scalars(query)]

    async def index_of(self, leaf_hash: LeafHash) -> int:
        """Return the index of the entry with this leaf hash.

        Raises:
            NotInLogError: there is none.

        """
        query = select(entries.c.index).where(
            entries.c.leaf_hash == leaf_hash, entries.c.log_id == self._log_id
        )
        async with self._engine.connect() as connection:
            index: int | None = await connection.scalar(query)
        if index is None:
            raise NotInLogError(f"the log has no entry with leaf hash {leaf_hash.hex()}")
        return index

    async def trail(self, subject: str) -> TrailRow:
        """Return a subject's trail.

        Raises:
            NotInLogError: the log does not know the subject.

        """
        query = select(
            trails.c.first_index,
            trails.c.subject,
            trails.c.trail,
            trails.c.count,
            trails.c.last_leaf,
        ).where(trails.c.log_id == self._log_id, trails.c.subject == subject)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotInLogError("the log has no trail of this subject")
        return TrailRow(*row)

    async def trail_entries(
        self, trail: TrailRow, *, after_seq: int = -1, limit: int = PAGE
    ) -> list[StoredEntry]:
        """Return a page of a trail's entries, in order of ``seq``."""
        query = (
            _ENTRIES.where(
                entries.c.log_id == self._log_id,
                entries.c.trail_first == trail.first_index,
                entries.c.seq > after_seq,
            )
            .order_by(entries.c.seq)
            .limit(limit)
        )
        return await self._entries(query)

    async def _entries(self, query: Select[Any]) -> list[StoredEntry]:
        async with self._engine.connect() as connection:
            return [_stored(row) for row in await connection.execute(query)]


_ENTRIES = (
    select(
        entries.c.index.label("place"),
        entries.c.at,
        entries.c.seq,
        entries.c.prev,
        entries.c.commitment,
        entries.c.leaf_hash,
        entries.c.record_first,
        entries.c.salt,
        trails.c.trail,
        trails.c.subject,
        records.c.statement_head,
        records.c.statement_tail,
    )
    .join(
        trails,
        and_(trails.c.log_id == entries.c.log_id, trails.c.first_index == entries.c.trail_first),
    )
    .join(
        records,
        and_(records.c.log_id == entries.c.log_id, records.c.first_index == entries.c.record_first),
    )
)


def _stored(row: Row[Any]) -> StoredEntry:
    head, tail = row.statement_head, row.statement_tail
    return StoredEntry(
        index=row.place,
        entry=Entry(
            at=row.at,
            trail=TrailId(row.trail),
            seq=row.seq,
            prev=LeafHash(row.prev),
            commitment=Commitment(row.commitment),
        ),
        leaf_hash=LeafHash(row.leaf_hash),
        subject=row.subject,
        record_first=row.record_first,
        salt=None if row.salt is None else Salt(row.salt),
        statement=None if head is None or tail is None else statement_for(head, row.subject, tail),
    )
