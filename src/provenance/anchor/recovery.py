"""Brings chain and anchors back into agreement: the one path out of every interruption.

It is entered only after the fence said OPEN. A crash at any step, a dropped or replaced
transaction, a nonce gap, an error after the transaction landed, a reorg and a chain that lost its
last blocks all look the same from here: some stored checkpoints are on chain, at places that may
be new to us, and the others have to be put there, in order of size, one at a time and never
merged, because receipts name their sizes.
"""

import structlog

from provenance.anchor.anchoring import Anchoring, Session
from provenance.anchor.deployment import load_deployment, store_start
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
        async with observed(self._session.observer, RecoveryStep.RESTORE_JOURNAL):
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

    async def note_opening(self) -> None:
        """Store where the log is opened now, if that is news: receipts and trust file name it.

        A chain that was restored has it in another block, whoever saw to the restoring.
        """
        session = self._session
        known = await load_deployment(session.connection, session.log.log_id)
        events, chain = session.registry.events, session.registry.chain
        if known.start_block is not None:
            place = await events.opened(session.registry_log, within=known.start_block)
            block = None if place is None else await chain.block(place.block_hash)
            if block is not None and (known.is_successor or block.time == known.start_time):
                return
        events.search_everything()
        async with observed(session.observer, RecoveryStep.NOTE_OPENING):
            await self._note_opening()

    async def reconcile(self, size: int, *, start_size: int) -> None:
        """Learn where the anchors up to ``size``, which is on chain, are.

        First those that the database does not know (it was restored from a dump, or we were cut
        off after sending); then those whose block was replaced: the newest ones, down to one that
        is where we left it, since what is before it was there when it was. Both are gone through
        upwards, so that being cut off leaves nothing to do below what was done.
        """
        session, store = self._session, self._session.store
        newest = await store.newest(at_most=size)
        known = newest.size if newest is not None else start_size
        for unknown in reversed(await self._unknown(size, known=known)):
            await self._adopt(unknown)
        displaced: list[int] = []
        bound = size
        while (anchor := await store.newest(at_most=bound)) is not None:
            if anchor.state in ON_CHAIN and await self._anchoring.is_in_place(anchor):
                break
            displaced.append(anchor.size)
            bound = anchor.size - 1
        for one in reversed(displaced):
            anchor = await store.anchor(one)
            assert anchor is not None, "anchors are never removed"
            async with observed(session.observer, RecoveryStep.FIND_AGAIN):
                await self._anchoring.find_again(anchor)

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

    async def _unknown(self, size: int, *, known: int) -> list[int]:
        """Sizes on chain from ``size`` down to ``known``, which is not among them."""
        session = self._session
        sizes: list[int] = []
        while size > known:
            event = await session.registry.events.anchored(session.registry_log, size)
            if event is None:
                raise ChainUnavailableError(f"the node does not show the anchor of size {size}")
            sizes.append(size)
            size = event.old_size
        return sizes

    async def _adopt(self, size: int) -> None:
        async with observed(self._session.observer, RecoveryStep.ADOPT):
            is_there = await self._anchoring.settle(size)
        if not is_there:
            raise ChainUnavailableError(f"the node does not show the anchor of size {size}")
