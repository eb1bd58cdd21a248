"""One anchor, step by step: the same code for a new checkpoint and for one that is replayed.

The steps are those of :class:`~provenance.anchor.steps.Step` and of ``docs/anchoring.md``. None
relies on an earlier one having been reached by this process: each looks at what is stored, and
on chain the contract's event decides where an anchor is, whoever sent it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount

from provenance.anchor.batch_writing import BatchWriter
from provenance.anchor.calls import AnchorCall, build_call
from provenance.anchor.courier import Courier, Wanted
from provenance.anchor.errors import CheckpointMismatchError
from provenance.anchor.journal import Journal, Purpose, StoredTransaction
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.promises import CheckpointMark
from provenance.anchor.session import Connection, check_lock
from provenance.anchor.states import ON_CHAIN, Anchor, AnchorState, Place
from provenance.anchor.steps import Step, StepObserver, observed
from provenance.anchor.store import AnchorStore
from provenance.anchor.tree import StoredTree
from provenance.chain.errors import ChainUnavailableError
from provenance.chain.finality import Finality
from provenance.chain.registry import Registry
from provenance.chain.transactions import address_of
from provenance.chain.types import Block, Head, Receipt
from provenance.core.digests import RootHash
from provenance.core.notes import Checkpoint, Signer, sign_note
from provenance.log.identity import LogIdentity

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What belongs to one time of holding the lock; gone with its connection."""

    connection: Connection
    log: LogIdentity
    registry: Registry
    registry_log: bytes
    store: AnchorStore
    tree: StoredTree
    journal: Journal
    courier: Courier
    batches: BatchWriter
    account: LocalAccount
    signers: Sequence[Signer]
    finality: Finality
    metrics: AnchorMetrics
    observer: StepObserver
    mark: CheckpointMark | None = None


class Anchoring:
    """Puts single checkpoints on chain and follows them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def anchor(self, size: int, *, head: Head) -> None:
        """Get the log's tree of ``size`` on chain, on top of the chain's ``head``.

        Raises:
            CheckpointMismatchError: what would be anchored is not the log.
            CallRevertedError: the contract would refuse it; read the head again.
            ChainError: the chain could not be asked or did not take it.
            LockLostError: somebody else may be the worker now.

        """
        session = self._session
        began = time.perf_counter()
        async with observed(session.observer, Step.TRY_CALL):
            call = await build_call(session.tree, head=head, size=size)
            wanted = self._wanted(call)
            await session.registry.try_call(
                sender=address_of(session.account), call_data=wanted.call_data
            )
        stored, checkpoint = await self._store_intent(call, wanted)
        async with observed(session.observer, Step.WRITE_BATCH):
            await session.batches.write(call, checkpoint=checkpoint)
            if session.mark is not None:
                await asyncio.to_thread(session.mark.write, checkpoint)
        await check_lock(session.connection)
        async with observed(session.observer, Step.SEND):
            accepted = await session.courier.send(stored)
            await session.store.move(size, AnchorState.SUBMITTED)
        async with observed(session.observer, Step.AWAIT_RECEIPT):
            receipt = await session.courier.follow(
                wanted, stored, session.account, accepted=accepted
            )
        async with observed(session.observer, Step.STORE_BLOCK):
            if not await self.settle(size):
                raise ChainUnavailableError(f"the node does not show the anchor of size {size} yet")
        self._count(receipt, seconds=time.perf_counter() - began)

    async def settle(self, size: int) -> bool:
        """Store where the chain has the anchor of ``size``; False where it has none.

        Raises:
            CheckpointMismatchError: the chain holds another root at this size.

        """
        session = self._session
        event = await session.registry.events.anchored(session.registry_log, size)
        if event is None:
            return False
        root = await session.tree.root(size)
        if event.root != root:
            raise CheckpointMismatchError(f"the chain holds another root at size {size}")
        block = await session.registry.chain.block(event.block_hash)
        receipt = await session.registry.chain.receipt(event.tx_hash)
        if block is None or receipt is None:
            return False
        known = await session.store.anchor(size)
        async with session.connection.transaction():
            await session.journal.place(receipt)
            await session.store.include(
                size=size,
                old_size=event.old_size,
                root=root,
                checkpoint=self._checkpoint(size, root, known),
                place=Place(
                    tx_hash=event.tx_hash,
                    block_number=block.number,
                    block_hash=block.hash,
                    block_time=block.time,
                    log_index=event.log_index,
                    gas_used=receipt.gas_used,
                ),
            )
        _log.info(
            "anchor_included",
            size=size,
            old_size=event.old_size,
            tx="0x" + event.tx_hash.hex(),
            block=block.number,
        )
        return True

    async def recheck(self, *, at_most: int, newest: Block) -> None:
        """Look again at every anchor up to a size that is not final."""
        session = self._session
        async with observed(session.observer, Step.RECHECK):
            unfinished = await session.store.unfinished(at_most=at_most)
            if not unfinished:
                return
            final = await session.finality.final_number(session.registry.chain)
            for anchor in unfinished:
                if anchor.state not in ON_CHAIN or not await self.is_in_place(anchor):
                    await self.find_again(anchor)
                elif anchor.block_number is not None and anchor.block_number <= final:
                    assert anchor.block_hash is not None
                    await session.store.finalize(anchor.size, block_hash=anchor.block_hash)
                    _log.info("anchor_final", size=anchor.size, block=anchor.block_number)
                    session.metrics.final_size.set(anchor.size)
                elif anchor.block_number is not None:
                    session.metrics.confirmations.set(newest.number - anchor.block_number + 1)

    async def is_in_place(self, anchor: Anchor) -> bool:
        """Whether the block that an anchor was seen in is still part of the chain."""
        if anchor.block_number is None:
            return False
        block = await self._session.registry.chain.block(anchor.block_number)
        return block is not None and block.hash == anchor.block_hash

    async def find_again(self, anchor: Anchor) -> None:
        """Follow an anchor whose block went away, or whose block we never heard of."""
        if anchor.state in ON_CHAIN:
            _log.warning("anchor_reorganised", size=anchor.size, block=anchor.block_number)
            self._session.metrics.reorganised.inc()
            await self._session.store.move(anchor.size, AnchorState.SUBMITTED)
        await self.settle(anchor.size)

    async def _store_intent(
        self, call: AnchorCall, wanted: Wanted
    ) -> tuple[StoredTransaction, str]:
        """Store what is about to be done; the transaction and the signed checkpoint."""
        session = self._session
        known = await session.store.anchor(call.new_size)
        if known is not None and known.root != call.root:
            raise CheckpointMismatchError(
                f"a checkpoint of size {call.new_size} was signed whose root is not the log's"
            )
        stored = await session.courier.stored(wanted, sender=address_of(session.account))
        signed = None if stored else await session.courier.sign(wanted, session.account)
        checkpoint = self._checkpoint(call.new_size, call.root, known)
        async with (
            observed(session.observer, Step.STORE_INTENT),
            session.connection.transaction(),
        ):
            if signed is not None:
                stored = await session.courier.store(wanted, signed)
            assert stored is not None
            await session.store.intend(
                size=call.new_size,
                old_size=call.old_size,
                root=call.root,
                checkpoint=checkpoint,
                tx_hash=stored.tx_hash,
            )
        return stored, checkpoint

    def _checkpoint(self, size: int, root: RootHash, known: Anchor | None) -> str:
        if known is not None and known.root == root:
            return known.checkpoint
        checkpoint = Checkpoint(origin=self._session.log.origin, size=size, root=root)
        return sign_note(checkpoint.text(), self._session.signers)

    def _wanted(self, call: AnchorCall) -> Wanted:
        session = self._session
        return Wanted(
            purpose=Purpose.ANCHOR,
            log_id=session.log.log_id,
            size=call.new_size,
            to=session.registry.address,
            call_data=session.registry.anchor(
                session.registry_log,
                new_size=call.new_size,
                peaks=call.peaks,
                subtrees=call.subtrees,
            ),
        )

    def _count(self, receipt: Receipt, *, seconds: float) -> None:
        metrics = self._session.metrics
        metrics.anchors.inc()
        metrics.gas.observe(receipt.gas_used)
        metrics.gas_spent.inc(receipt.gas_used)
        metrics.fee_spent.inc(receipt.gas_used * receipt.effective_gas_price)
        metrics.seconds.observe(seconds)
