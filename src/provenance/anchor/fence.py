"""Compares log and chain, before the first write and before each anchor.

With C and R the size and root of the chain's head, and L the log's size:

- C <= L and the log's root at C is R: OPEN; whatever was anchored above C is replayed.
- C > L, or the log signed a size above L: BEHIND, an older copy of the log; nothing is written
  until it is refilled.
- the roots differ, or the log contradicts itself: FORKED; no write, no signature, no anchor.
- the contract closed the log: CLOSED; its successor goes on.

A chain that does not have the registry or the log (any more) holds nothing that could contradict
us: C is 0, and ``lost`` is set. A chain may come back as old as the database, so what the log has
signed is looked for elsewhere too (:mod:`~provenance.anchor.promises`): before the first write and
after anything that was not OPEN, not before each anchor, since it lists the copies. Nothing here
writes; what follows from a verdict is the worker's.
"""

from dataclasses import dataclass
from enum import Enum

import psycopg

from provenance.anchor.deployment import Deployment, load_deployment
from provenance.anchor.promises import Promised, Promises
from provenance.anchor.session import connect
from provenance.anchor.states import ON_CHAIN, LogHead
from provenance.anchor.store import AnchorStore
from provenance.anchor.tree import StoredTree
from provenance.blobs import BlobError
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.errors import ChainUnavailableError
from provenance.chain.registry import Registry, registry_at
from provenance.chain.types import Block, ChainIdentity, Head, LogState
from provenance.core.digests import RootHash
from provenance.core.errors import BadValueError
from provenance.core.tree import Frontier
from provenance.log.errors import InconsistentLogError, UnavailableError
from provenance.log.identity import LogIdentity


class Verdict(Enum):
    """What the fence says; the numbers are those of the metric."""

    OPEN = 0
    BEHIND = 1
    FORKED = 2
    CLOSED = 3
    UNREACHABLE = 4


@dataclass(frozen=True, slots=True)
class ChainView:
    """The log on chain as of one block. ``lost``: the chain has no such log, or no registry."""

    block: Block
    head: Head
    lost: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class FenceReport:
    """A verdict and what it rests on; ``chain`` is None where the chain could not be asked.

    ``target``: where the log is BEHIND, the size to which it has to be refilled.
    """

    verdict: Verdict
    reason: str
    log: LogHead
    chain: ChainView | None
    target: int = 0


NOTHING = Head(size=0, root=RootHash(bytes(32)))
"""Head of a log without anchors, as the contract gives it."""


async def read_chain(
    registry: Registry, registry_log: bytes, *, identity: ChainIdentity
) -> ChainView:
    """Read the log's head and state as of the newest block.

    Raises:
        WrongChainError: the node serves another chain than the log's.
        NoContractError: there is other code at the registry's address.
        ChainUnavailableError: the node does not answer.

    """
    await registry.chain.check_identity(identity)
    block = await registry.chain.latest()
    if not await registry.is_deployed(block_hash=block.hash):
        return ChainView(block=block, head=NOTHING, lost=True, closed=False)
    info = await registry.log_info(registry_log, block_hash=block.hash)
    head = await registry.head(registry_log, block_hash=block.hash)
    return ChainView(
        block=block,
        head=head,
        lost=info.state is LogState.UNKNOWN,
        closed=info.state is LogState.CLOSED,
    )


async def judge(
    view: ChainView,
    *,
    registry: Registry,
    registry_log: bytes,
    store: AnchorStore,
    tree: StoredTree,
    promises: Promises | None = None,
) -> FenceReport:
    """Compare what the chain holds, and with ``promises`` what was signed, with the log as it is.

    Raises:
        BlobError: the copies cannot be looked at.

    """
    log = await store.head()
    target = view.head.size
    try:
        verdict, reason = await _verdict(
            view, log, registry=registry, registry_log=registry_log, store=store, tree=tree
        )
        if promises is not None and verdict in {Verdict.OPEN, Verdict.BEHIND}:
            promised = await _promised(promises, log, store)
            if promised.checkpoint is not None and promised.checkpoint.size > target:
                target = promised.checkpoint.size
                if verdict is Verdict.OPEN:
                    verdict = Verdict.BEHIND
                    reason = (
                        f"entries [{log.size}, {target}) were signed by this log, "
                        f"{promised.found_in} says so, but they are not here"
                    )
            elif verdict is Verdict.OPEN:
                verdict, reason = await _kept(promised, log, tree)
    except InconsistentLogError as error:
        verdict, reason = Verdict.FORKED, str(error)
    return FenceReport(verdict=verdict, reason=reason, log=log, chain=view, target=target)


async def _promised(promises: Promises, log: LogHead, store: AnchorStore) -> Promised:
    # A batch that reaches beyond the log begins at an anchored size, at the newest or later.
    newest = await store.newest(at_most=log.size)
    return await promises.above(log.size, from_old_size=0 if newest is None else newest.size)


async def _kept(promised: Promised, log: LogHead, tree: StoredTree) -> tuple[Verdict, str]:
    """Whether the log, which has everything that is known to be promised, is the one that did."""
    if promised.problems:
        return Verdict.FORKED, (
            f"what was signed above size {log.size} is not known: {'; '.join(promised.problems)}; "
            "put the whole object back, or take it away if it is not this log's"
        )
    marked = promised.marked
    if marked is not None and await tree.root(marked.size) != marked.root:
        return Verdict.FORKED, f"this log signed another root at size {marked.size}"
    return Verdict.OPEN, ""


async def _verdict(
    view: ChainView,
    log: LogHead,
    *,
    registry: Registry,
    registry_log: bytes,
    store: AnchorStore,
    tree: StoredTree,
) -> tuple[Verdict, str]:
    if view.closed:
        return Verdict.CLOSED, "a succession closed this log; its successor goes on"
    if await tree.root(log.size) != frontier_root(log):
        return Verdict.FORKED, f"the tiles do not lead to the log's own root at size {log.size}"
    head = view.head
    if head.size <= log.size:
        if head.size and await tree.root(head.size) != head.root:
            return Verdict.FORKED, f"the chain holds another root at size {head.size}"
        return Verdict.OPEN, ""
    # The last checkpoint that we know to be anchored tells an older copy from another log.
    known = await store.newest(at_most=log.size)
    if known is not None and known.state in ON_CHAIN:
        anchored = await registry.root_at(registry_log, known.size, block_hash=view.block.hash)
        if anchored is not None and anchored != await tree.root(known.size):
            return Verdict.FORKED, f"the chain holds another root at size {known.size}"
    return Verdict.BEHIND, f"entries [{log.size}, {head.size}) are anchored but not here"


def frontier_root(log: LogHead) -> RootHash:
    """Root that the log's own row claims; raises :class:`InconsistentLogError`."""
    try:
        return Frontier.from_bytes(log.size, log.frontier).root()
    except BadValueError as error:
        raise InconsistentLogError(f"the log's frontier is damaged: {error}") from error


async def check_fence(
    *,
    database_url: str,
    chain: ChainClient,
    log: LogIdentity,
    promises: Promises | None = None,
) -> FenceReport:
    """Look once, from outside of the worker: for a process that is about to write.

    OPEN is the only verdict after which writing is safe. UNREACHABLE means that nobody knows:
    the log may be a restored dump, so wait until chain and copies can be asked.

    Raises:
        WrongChainError: the node serves another chain than the log's.
        NotDeployedError: the log was never opened on a chain.
        UnavailableError: the database can't be reached.

    """
    try:
        return await _check_fence(database_url, chain, log, promises)
    except psycopg.OperationalError as error:
        raise UnavailableError("the database cannot be reached", retry_after=2) from error


async def _check_fence(
    database_url: str, chain: ChainClient, log: LogIdentity, promises: Promises | None
) -> FenceReport:
    async with connect(database_url) as connection:
        deployment: Deployment = (await load_deployment(connection, log.log_id)).complete()
        store = AnchorStore(connection, log.log_id)
        registry = registry_at(chain, deployment.contract, start_block=deployment.start_block)
        registry_log = registry_log_id(log.origin)
        try:
            view = await read_chain(registry, registry_log, identity=deployment.identity)
            return await judge(
                view,
                registry=registry,
                registry_log=registry_log,
                store=store,
                tree=StoredTree(connection, log.log_id),
                promises=promises,
            )
        except ChainUnavailableError as error:
            reason = f"the chain can't be asked: {error}"
        except BlobError as error:
            reason = f"the copies can't be looked at: {error}"
        return FenceReport(
            verdict=Verdict.UNREACHABLE, reason=reason, log=await store.head(), chain=None
        )
