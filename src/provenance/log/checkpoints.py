"""Signed checkpoints of committed sizes.

A log never signs two checkpoints that contradict each other. So the root is always computed from
the stored tiles, which only grow; it is compared with the frontier where the size is the log's
own, and the last checkpoint that was made before must still follow from the same tiles; and
nothing is signed while the fence holds the log for anything but open.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import RootHash
from provenance.core.errors import BoundsError
from provenance.core.notes import Checkpoint, Signer, sign_note
from provenance.core.tiles import TileHashes, root_tiles, tree_root
from provenance.core.tree import EMPTY_ROOT
from provenance.db.tables import anchors
from provenance.log.errors import InconsistentLogError, LogReadOnlyError
from provenance.log.identity import LogIdentity
from provenance.log.store import LogStore
from provenance.log.tilestore import TileStore


class CheckpointSigner:
    """Signs checkpoints of one log."""

    def __init__(
        self,
        engine: AsyncEngine,
        log: LogIdentity,
        *,
        signers: Sequence[Signer],
        tiles: TileStore,
    ) -> None:
        self._engine = engine
        self._log = log
        self._signers = signers
        self._tiles = tiles
        self._store = LogStore(engine, log_id=log.log_id)

    async def checkpoint(self, size: int) -> Checkpoint:
        """Return the checkpoint of a committed size, unsigned.

        Raises:
            BoundsError: the log is not that large.
            InconsistentLogError: tiles and frontier lead to different roots.

        """
        head = await self._store.head()
        if not 0 <= size <= head.size:
            raise BoundsError(f"the log has {head.size} entries, not {size}")
        root = await self.root(size)
        if size == head.size and root != head.root:
            raise InconsistentLogError(f"tiles and frontier differ at size {size}")
        return Checkpoint(origin=self._log.origin, size=size, root=root)

    async def sign(self, size: int) -> str:
        """Return the signed checkpoint of a committed size, as a note.

        Raises:
            LogReadOnlyError: the fence does not hold the log for open.
            BoundsError: the log is not that large.
            InconsistentLogError: it would contradict what was signed before.

        """
        head = await self._store.head()
        if head.state != "open":
            raise LogReadOnlyError(state=head.state, reason=head.state_reason or "see the alarms")
        checkpoint = await self.checkpoint(size)
        await self._check_earlier(size)
        return sign_note(checkpoint.text(), self._signers)

    async def root(self, size: int) -> RootHash:
        """Return the root of the tree of ``size``, computed from tiles."""
        if size == 0:
            return EMPTY_ROOT
        hashes = TileHashes(await self._tiles.fetch(root_tiles(size)), size=size)
        return tree_root(hashes, size=size)

    async def _check_earlier(self, size: int) -> None:
        query = (
            select(anchors.c.size, anchors.c.root)
            .where(anchors.c.log_id == self._log.log_id, anchors.c.size <= size)
            .order_by(anchors.c.size.desc())
            .limit(1)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is not None and await self.root(row.size) != row.root:
            raise InconsistentLogError(
                f"the tree has another root at size {row.size} than the checkpoint made there"
            )
