"""Copies of anchored batches in the object store, written anew without what was erased.

Only what an anchor covers has a finished copy. An entry that is not anchored yet is waited for:
its copy is being written, perhaps from rows as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provenance.anchor.batch import BatchName
from provenance.anchor.batch_writing import BatchWriter
from provenance.anchor.errors import CheckpointMismatchError
from provenance.anchor.session import Connection
from provenance.blobs import BlobStore

# Batches of one entry: that of the first anchor that covers it, and those that never became one.
_BATCHES: Final = """
WITH RECURSIVE line AS (
  SELECT log_id, origin, predecessor_id FROM logs WHERE log_id = %(log_id)s
  UNION ALL
  SELECT logs.log_id, logs.origin, logs.predecessor_id
  FROM logs JOIN line ON logs.log_id = line.predecessor_id
)
SELECT DISTINCT line.origin, near.old_size, near.size
FROM line CROSS JOIN unnest(%(indexes)s::bigint[]) AS erased (index)
CROSS JOIN LATERAL (
  SELECT old_size, size FROM anchors
  WHERE anchors.log_id = line.log_id AND size > erased.index ORDER BY size LIMIT 8
) AS near
WHERE near.old_size <= erased.index
ORDER BY 1, 2, 3
"""
_ANCHORED: Final = """
WITH RECURSIVE line AS (
  SELECT log_id, predecessor_id FROM logs WHERE log_id = %s
  UNION ALL
  SELECT logs.log_id, logs.predecessor_id
  FROM logs JOIN line ON logs.log_id = line.predecessor_id
)
SELECT coalesce(max(size), 0) FROM anchors JOIN line USING (log_id)
WHERE state IN ('included', 'final')
"""


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of one log's batches, and of those that it succeeded."""

    blobs: BlobStore
    connection: Connection
    log_id: int

    async def anchored(self) -> int:
        """Return the largest size that an anchor on the chain has."""
        cursor = await self.connection.execute(_ANCHORED, (self.log_id,))
        row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def renew(self, indexes: Sequence[int]) -> list[str]:
        """Write the batches of these anchored entries anew; returns what is left, with the reason.

        Raises:
            BlobError: the store failed.

        """
        left: list[str] = []
        cursor = await self.connection.execute(
            _BATCHES, {"log_id": self.log_id, "indexes": list(indexes)}
        )
        for origin, old_size, size in await cursor.fetchall():
            writer = BatchWriter(self.blobs, self.connection, log_id=self.log_id, origin=origin)
            name = BatchName(old_size=old_size, size=size)
            try:
                await writer.rewrite(name)
            except CheckpointMismatchError:
                left.append(f"batch {name}: the database lacks entries of it; it is tried again")
        return left
