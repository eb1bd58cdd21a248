"""Everything that the worker reads and writes about one log's head and its anchors."""

from psycopg.rows import TupleRow

from provenance.anchor.session import Connection
from provenance.anchor.states import MOVES, ON_CHAIN, Anchor, AnchorState, LogHead, LogState, Place
from provenance.chain.types import BlockHash, TxHash
from provenance.core.digests import RootHash

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_HEAD = f"""
SELECT size, last_at, created_at, frontier, state, state_reason, {_NOW}
FROM log_heads JOIN logs USING (log_id) WHERE log_id = %s
"""  # noqa: S608 - a constant
_WAITING = f"""
SELECT size - %(anchored)s,
  coalesce({_NOW} - (SELECT at FROM entries WHERE log_id = %(log)s AND index = %(anchored)s), 0)
FROM log_heads WHERE log_id = %(log)s
"""  # noqa: S608 - a constant
_LAST_RECORD_END = """
SELECT first_index + count FROM records
WHERE log_id = %s AND first_index < %s AND first_index + count <= %s
ORDER BY first_index DESC LIMIT 1
"""
_SET_STATE = """
UPDATE log_heads SET state = %s, state_reason = %s
WHERE log_id = %s AND (state, state_reason) IS DISTINCT FROM (%s, %s)
"""
_COLUMNS = "size, old_size, root, checkpoint, state, block_number, block_hash"
_SELECT = f"SELECT {_COLUMNS} FROM anchors WHERE log_id = %s"  # noqa: S608 - constants
_INTEND = f"""
INSERT INTO anchors (log_id, size, old_size, root, checkpoint, state, created_at, tx_hash)
VALUES (%s, %s, %s, %s, %s, 'pending', {_NOW}, %s)
ON CONFLICT (log_id, size) DO UPDATE SET
  old_size = excluded.old_size, state = 'pending', tx_hash = excluded.tx_hash,
  block_number = NULL, block_hash = NULL, block_time = NULL, log_index = NULL,
  gas_used = NULL, final_at = NULL
"""  # noqa: S608 - a constant
_INCLUDE = f"""
INSERT INTO anchors (log_id, size, old_size, root, checkpoint, state, created_at, tx_hash,
  block_number, block_hash, block_time, log_index, gas_used)
VALUES (%s, %s, %s, %s, %s, 'included', {_NOW}, %s, %s, %s, %s, %s, %s)
ON CONFLICT (log_id, size) DO UPDATE SET
  old_size = excluded.old_size, state = 'included', tx_hash = excluded.tx_hash,
  block_number = excluded.block_number, block_hash = excluded.block_hash,
  block_time = excluded.block_time, log_index = excluded.log_index,
  gas_used = excluded.gas_used, final_at = NULL
"""  # noqa: S608 - a constant
_MOVE = """
UPDATE anchors SET state = %s WHERE log_id = %s AND size = %s AND state = ANY(%s)
"""
_FINALIZE = f"""
UPDATE anchors SET state = 'final', final_at = {_NOW}
WHERE log_id = %s AND size = %s AND state = 'included' AND block_hash = %s
"""  # noqa: S608 - a constant

_ON_CHAIN = [state.value for state in ON_CHAIN]
_NOTE_START = """
UPDATE logs SET start_time = anchors.block_time FROM anchors
WHERE logs.log_id = %s AND anchors.log_id = logs.predecessor_id
  AND anchors.size = logs.start_size AND anchors.block_time IS NOT NULL
"""


class AnchorStore:
    """The rows of one log, through the connection that holds the worker's lock."""

    def __init__(self, connection: Connection, log_id: int) -> None:
        self._connection = connection
        self._log_id = log_id

    async def head(self) -> LogHead:
        """Size, time and state of the log."""
        cursor = await self._connection.execute(_HEAD, (self._log_id,))
        row = await cursor.fetchone()
        assert row is not None, "a log has a head from its first start on"
        size, last_at, created_at, frontier, state, reason, now = row
        return LogHead(
            size=size,
            last_at=last_at,
            created_at=created_at,
            frontier=frontier,
            state=LogState(state),
            reason=reason,
            now=now,
        )

    async def waiting(self, anchored: int) -> tuple[int, int]:
        """Entries from index ``anchored`` on, and the age of the oldest one in milliseconds."""
        cursor = await self._connection.execute(
            _WAITING, {"log": self._log_id, "anchored": anchored}
        )
        row = await cursor.fetchone()
        assert row is not None, "a log has a head from its first start on"
        return max(row[0], 0), max(row[1], 0)

    async def record_end(self, *, after: int, at_most: int) -> int | None:
        """End of the last record that ends in ``(after, at_most]``."""
        cursor = await self._connection.execute(_LAST_RECORD_END, (self._log_id, at_most, at_most))
        row = await cursor.fetchone()
        return row[0] if row is not None and row[0] > after else None

    async def set_state(self, state: LogState, reason: str = "") -> bool:
        """Tell the writers; whether that is news."""
        cursor = await self._connection.execute(
            _SET_STATE, (state.value, reason, self._log_id, state.value, reason)
        )
        return cursor.rowcount == 1

    async def anchor(self, size: int) -> Anchor | None:
        """Return the anchor of exactly ``size``."""
        rows = await self._rows(" AND size = %s", size)
        return rows[0] if rows else None

    async def newest(self, *, at_most: int | None = None) -> Anchor | None:
        """Return the largest anchor, or the largest of those up to a size."""
        bound = 2**62 if at_most is None else at_most
        rows = await self._rows(" AND size <= %s ORDER BY size DESC LIMIT 1", bound)
        return rows[0] if rows else None

    async def newest_on_chain(self) -> Anchor | None:
        """Return the largest anchor that the contract holds, as far as we know."""
        rows = await self._rows(" AND state = ANY(%s) ORDER BY size DESC LIMIT 1", _ON_CHAIN)
        return rows[0] if rows else None

    async def on_chain_above(self, size: int) -> list[int]:
        """Sizes above ``size`` of the anchors that the contract holds, as far as we know."""
        rows = await self._rows(" AND size > %s AND state = ANY(%s)", size, _ON_CHAIN)
        return [anchor.size for anchor in rows]

    async def next_above(self, size: int) -> Anchor | None:
        """Return the smallest anchor above a size."""
        rows = await self._rows(" AND size > %s ORDER BY size LIMIT 1", size)
        return rows[0] if rows else None

    async def unfinished(self, *, at_most: int) -> list[Anchor]:
        """Anchors up to a size that are not final, smallest first."""
        return await self._rows(" AND size <= %s AND state <> 'final' ORDER BY size", at_most)

    async def sizes(self) -> list[int]:
        """Return all anchored sizes, smallest first."""
        cursor = await self._connection.execute(
            "SELECT size FROM anchors WHERE log_id = %s ORDER BY size", (self._log_id,)
        )
        return [size for (size,) in await cursor.fetchall()]

    async def intend(
        self, *, size: int, old_size: int, root: RootHash, checkpoint: str, tx_hash: TxHash
    ) -> None:
        """Store the intent, or move an anchor that the chain lost back to it."""
        await self._connection.execute(
            _INTEND, (self._log_id, size, old_size, root, checkpoint, tx_hash)
        )

    async def include(
        self, *, size: int, old_size: int, root: RootHash, checkpoint: str, place: Place
    ) -> None:
        """Store where an anchor is; one that we did not know of is added."""
        await self._connection.execute(
            _INCLUDE,
            (
                *(self._log_id, size, old_size, root, checkpoint),
                *(place.tx_hash, place.block_number, place.block_hash),
                *(place.block_time, place.log_index, place.gas_used),
            ),
        )

    async def move(self, size: int, state: AnchorState) -> None:
        """Change the state where that is a legal move, else leave it."""
        sources = [source.value for source, targets in MOVES.items() if state in targets]
        await self._connection.execute(_MOVE, (state.value, self._log_id, size, sources))

    async def finalize(self, size: int, *, block_hash: BlockHash) -> None:
        """Mark an anchor final in the block in which it was looked at."""
        await self._connection.execute(_FINALIZE, (self._log_id, size, block_hash))

    async def note_start(self) -> None:
        """Take over the time of the predecessor's anchor from which this log goes on."""
        await self._connection.execute(_NOTE_START, (self._log_id,))

    async def _rows(self, condition: str, *parameters: object) -> list[Anchor]:
        cursor = await self._connection.execute(
            f"{_SELECT}{condition}".encode(), (self._log_id, *parameters)
        )
        return [_anchor(row) for row in await cursor.fetchall()]


def _anchor(row: TupleRow) -> Anchor:
    size, old_size, root, checkpoint, state, block_number, block_hash = row
    return Anchor(
        size=size,
        old_size=old_size,
        root=RootHash(root),
        checkpoint=checkpoint,
        state=AnchorState(state),
        block_number=block_number,
        block_hash=None if block_hash is None else BlockHash(block_hash),
    )
