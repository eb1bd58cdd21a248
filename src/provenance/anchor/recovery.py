"""Brings chain and anchors back into agreement: the one path out of every interruption.

It is entered only after the fence said OPEN. A crash at any step, a dropped or replaced
transaction, a nonce gap, an error after the transaction landed, a reorg and a chain that lost its
last blocks all look the same from here: some stored checkpoints are on chain, at places that may
be new to us, and the others have to be put there, in order of size, one at a time and never
merged, because receipts name their sizes.
"""

import structlog

from provenance.anchor.anchoring import Anchoring, Session
from provenance.anchor.deployment import store_start
from provenance.anchor.errors import CheckpointMismatchError, DeploymentLostError
from provenance.anchor.fence import ChainView, FenceReport, judge, read_chain
from provenance.anchor.promises import Promises
from provenance.anchor.states import ON_CHAIN
from provenance.anchor.steps import RecoveryStep, Step, observed
from provenance.chain.errors import ChainUnavailableError
from provenance.chain.types import ChainIdentity, Head

_log = structlog.get_logger(__name__)


class Recovery:
    """Looks at the chain, and makes it and our anchors agree."""

    def __init__(
        self,
        session: Session,
        anchoring: Anchoring,
        identity: ChainIdentity,
        *,
        promises: Promises | None = None,
    ) -> None:
        self._session = session
        self._anchoring = anchoring
        self._identity = identity
        self._promises = promises

    async def look(self, *, at_promises: bool = False) -> tuple[ChainView, FenceReport]:
        """Read the head on chain and compare it, and what was signed, with the log.

        Raises:
            WrongChainError: the node serves another chain than the log's.
            ChainUnavailableError: the node does not answer.
            BlobError: the copies cannot be looked at.

        """
        session = self._session
        async with observed(session.observer, Step.READ_HEAD):
            view = await read_chain(session.registry, session.registry_log, identity=self._identity)
        async with observed(session.observer, Step.FENCE):
            report = await judge(
                view,
                registry=session.registry,
                registry_log=session.registry_log,
                store=session.store,
                tree=session.tree,
                promises=self._promises if at_promises else None,
            )
        return view, report

    async def has_lost(self, view: ChainView) -> bool:
        """Whether the chain no longer holds what it once held."""
        if view.lost:
            return True
        newest = await self._session.store.newest_on_chain()
        return newest is not None and newest.size > view.head.size

    async def restore(self) -> None:
        """Send the journal again to a chain that lost blocks.

        Raises:
            DeploymentLostError: the registry or the log's opening did not come back.

        """
        _log.warning("head_below_anchors")
        observer = self._session.observer
        async with observed(observer, RecoveryStep.RESTORE_JOURNAL):
            count = await self._session.courier.restore()
        self._session.metrics.replayed.inc(count)
        self._session.registry.events.search_everything()
        view = await read_chain(
            self._session.registry, self._session.registry_log, identity=self._identity
        )
        if view.lost:
            raise DeploymentLostError(
                "the chain no longer has this log, and the stored transactions can't put it back "
                "there; restore the chain from a backup"
            )
        async with observed(observer, RecoveryStep.NOTE_OPENING):
            await self._note_opening()

    async def reconcile(self, size: int, *, start_size: int) -> None:
        """Learn where the anchors up to ``size``, which is on chain, are.

        First those that the database does not know (it was restored from a dump, or we were cut
        off after sending), then, newest first, those whose block may have been replaced, down to
        one that is where we left it: what is before it was there when it was.
        """
        store = self._session.store
        newest = await store.newest(at_most=size)
        known = newest.size if newest is not None else start_size
        bound = size
        while size > known:
            size = await self._adopt(size)
        while (anchor := await store.newest(at_most=bound)) is not None:
            if anchor.state in ON_CHAIN and await self._anchoring.is_in_place(anchor):
                return
            async with observed(self._session.observer, RecoveryStep.FIND_AGAIN):
                await self._anchoring.find_again(anchor)
            bound = anchor.size - 1

    async def replay(self, head: Head, *, log_size: int) -> Head:
        """Put every stored checkpoint above the chain's head back on it; the head afterwards."""
        while (anchor := await self._session.store.next_above(head.size)) is not None:
            if anchor.size > log_size:
                raise CheckpointMismatchError(
                    f"a checkpoint of size {anchor.size} was signed, but the log ends at {log_size}"
                )
            async with observed(self._session.observer, RecoveryStep.REPLAY):
                await self._anchoring.anchor(anchor.size, head=head)
            _log.info("anchor_replayed", size=anchor.size)
            self._session.metrics.replayed.inc()
            head = await self.head()
        return head

    async def head(self) -> Head:
        """Return the chain's head as it is now."""
        session = self._session
        return await session.registry.head(session.registry_log)

    async def _note_opening(self) -> None:
        """Store where the log is opened now: receipts and the trust file name it."""
        session = self._session
        place = await session.registry.events.opened(session.registry_log)
        block = None if place is None else await session.registry.chain.block(place.block_hash)
        if block is not None:
            await store_start(
                session.connection,
                session.log.log_id,
                code_hash=session.registry.artifact.runtime_code_hash,
                start_block=block.number,
                start_time=block.time,
            )

    async def _adopt(self, size: int) -> int:
        async with observed(self._session.observer, RecoveryStep.ADOPT):
            is_there = await self._anchoring.settle(size)
        if not is_there:
            raise ChainUnavailableError(f"the node does not show the anchor of size {size}")
        adopted = await self._session.store.anchor(size)
        assert adopted is not None, "it was stored just now"
        return adopted.old_size
