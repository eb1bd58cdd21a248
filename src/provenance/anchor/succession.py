"""Closes a log that can't go on and carries it on under another name.

The recovery key closes the log on chain at the largest anchored size at which chain and log
agree; anchors above it are abandoned. Indexes and leaf hashes carry on: the rows become the
successor's in one transaction, entries above that size included, which are anchored again. The
closed log keeps its anchors, because receipts name them. Acknowledgements were signed in its name:
they hold for the successor's entries, since these keep index and leaf hash.

It looks at chain and database and does what is missing, so it may be cut off and run again. A chain
that came back older gets again what was sent to it before, and is not closed below the anchors that
it held. Nor is a log that was published as carried on closed at another size than was published.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount
from prometheus_client import CollectorRegistry

from provenance.anchor.anchoring import Anchoring, Session
from provenance.anchor.assembly import Assembly
from provenance.anchor.bootstrap import Roles, ensure_deployed
from provenance.anchor.courier import Patience, Wanted
from provenance.anchor.deployment import Deployment, load_deployment
from provenance.anchor.errors import SuccessionError
from provenance.anchor.fence import frontier_root
from provenance.anchor.journal import Purpose
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.recovery import Recovery
from provenance.anchor.refill import Refill
from provenance.anchor.session import Connection, LockKind, connect, lock
from provenance.anchor.steps import StepObserver, SuccessionStep, Unobserved, observed
from provenance.blobs import BlobStore
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.finality import Confirmations
from provenance.chain.transactions import address_of
from provenance.chain.types import Head, LogState
from provenance.core.notes import Signer, check_origin
from provenance.log.identity import LogIdentity

_log = structlog.get_logger(__name__)
_TABLES = ("records", "entries", "trails", "tiles", "requests", "capture_jobs")
"""Whose rows become the successor's; anchors and transactions stay with their log."""
_SUCCESSOR = """
INSERT INTO logs (origin, created_at, chain_id, genesis_hash, contract, code_hash,
  predecessor_id, start_size, start_time)
SELECT %s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, chain_id, genesis_hash,
  contract, code_hash, log_id, %s, %s
FROM logs WHERE log_id = %s
RETURNING log_id
"""
_NEW_HEAD = """
INSERT INTO log_heads (log_id, size, last_at, frontier, state)
SELECT %s, size, last_at, frontier, 'open' FROM log_heads WHERE log_id = %s
"""
_CLOSE = "UPDATE log_heads SET state = 'closed', state_reason = %s WHERE log_id = %s"


@dataclass(frozen=True, slots=True)
class Succession:
    """What came of it. Entries ``[size, log_size)`` go on and are anchored again.

    ``abandoned`` are the sizes above ``size`` that the old log has anchored, newest first;
    ``lost`` is the range of entries that the chain holds a root of and the database has not:
    lost with a dump, or never there, where somebody anchored garbage. Of a succession that was
    finished before, only ``log`` and ``size`` are told.
    """

    log: LogIdentity
    size: int
    log_size: int
    abandoned: tuple[int, ...]
    lost: tuple[int, int] | None


async def succeed(
    *,
    database_url: str,
    chain: ChainClient,
    blobs: BlobStore,
    log: LogIdentity,
    new_origin: str,
    reason: str,
    recovery: LocalAccount,
    roles: Roles,
    signers: Sequence[Signer],
    published: int | None = None,
    patience: Patience | None = None,
    observer: StepObserver | None = None,
) -> Succession:
    """Close ``log`` and carry it on as ``new_origin``.

    ``signers`` are the old log's; ``roles.anchorer`` should be a fresh key if the old one may be
    known to others. ``published`` is the size from which ``new_origin`` was published to carry the
    log on, if it was. Stop the service first: its writers are refused from here on.

    Raises:
        SuccessionError: nothing agrees, or not at the published size; the chain came back older;
            or the log was succeeded by another.
        MissingRoleError: ``recovery`` is not the recovery key.
        ChainError: the chain could not be asked.

    """
    check_origin(new_origin)
    async with connect(database_url) as connection:
        await lock(connection, LockKind.BOOTSTRAP, log.log_id)
        deployment = (await load_deployment(connection, log.log_id)).complete()
        await chain.check_identity(deployment.identity)
        assembly = Assembly(
            connection=connection,
            chain=chain,
            blobs=blobs,
            deployment=deployment,
            account=recovery,
            signers=signers,
            finality=Confirmations(1),
            patience=patience or Patience(),
            metrics=AnchorMetrics(CollectorRegistry()),
            observer=observer or Unobserved(),
        )
        work = _Succession(assembly, deployment, log, new_origin)
        result = await work.run(reason, recovery, published=published)
    await ensure_deployed(
        database_url=database_url, chain=chain, log=result.log, roles=roles, patience=patience
    )
    return result


async def finished(database_url: str, log: LogIdentity) -> Succession | None:
    """Return the succession that made ``log``; None if it was cut off before its end."""
    async with connect(database_url) as connection:
        deployment = await load_deployment(connection, log.log_id)
    if not deployment.is_successor or deployment.start_block is None:
        return None
    size = deployment.start_size
    _log.warning("log_succeeded", origin=log.origin, size=size, abandoned=0)
    return Succession(log=log, size=size, log_size=size, abandoned=(), lost=None)


class _Succession:
    def __init__(
        self, assembly: Assembly, deployment: Deployment, log: LogIdentity, new_origin: str
    ) -> None:
        self._assembly = assembly
        self._connection: Connection = assembly.connection
        self._deployment = deployment
        self._log = log
        self._new_origin = new_origin
        self._session: Session = assembly.session(log)

    async def run(
        self, reason: str, recovery: LocalAccount, *, published: int | None
    ) -> Succession:
        await self._refill()
        session = self._session
        head = await session.registry.head(session.registry_log)
        info = await session.registry.log_info(session.registry_log)
        if info.state is LogState.CLOSED:
            if info.successor != registry_log_id(self._new_origin):
                raise SuccessionError("the log was succeeded already, by a log of another origin")
            size = info.closed_size
            if published not in {None, size}:
                raise SuccessionError(
                    f"the chain closed the log at size {size}, but {self._new_origin} was published "
                    f"to carry it on from size {published}; put back the chain that goes with that"
                )
            if not await self._agrees(size):
                raise SuccessionError(
                    f"the log was closed at size {size}, which this database does not have; "
                    "restore a newer dump, or put the blob store back"
                )
        else:
            head = await self._put_back(head)
            size = await self._agreed_size(published, anchored=head.size)
            await self._close(size, reason, recovery)
        abandoned = await self._abandoned(size)
        log_size = await self._check_log()
        log = await self._carry_on(size, reason)
        lost = (log_size, head.size) if head.size > log_size else None
        _log.warning("log_succeeded", origin=self._new_origin, size=size, abandoned=len(abandoned))
        return Succession(log=log, size=size, log_size=log_size, abandoned=abandoned, lost=lost)

    async def _refill(self) -> None:
        """Get back what batches still hold: a succession should lose nothing that is there."""
        session = self._session
        if await self._successor() is not None:
            return
        size = (await session.store.head()).size
        head = await session.registry.head(session.registry_log)
        promises = self._assembly.promises(self._log)
        promised = (await promises.above(size)).checkpoint
        target = max(head.size, 0 if promised is None else promised.size)
        refill = Refill(session, self._assembly.blobs, promises=promises)
        await refill.run(size=size, target=target, anchored=head.size)

    async def _put_back(self, head: Head) -> Head:
        """Send again what the chain held and lost, unless it contradicts the log; its head then."""
        if not await self._lost_above(head.size):
            return head
        recovery = self._recovery()
        await recovery.restore()
        head = await recovery.head()
        if lost := await self._lost_above(head.size):
            raise SuccessionError(
                f"the chain holds the log up to size {head.size}, but held it up to {lost}, and what "
                "was sent to it then does not bring that back: run the service while nobody "
                "submits, it anchors the log again; then come back"
            )
        return head

    async def _lost_above(self, anchored: int) -> int:
        """Size that the chain once held, where its head fits the log and is smaller; else 0."""
        newest = await self._session.store.newest_on_chain()
        if newest is None or newest.size <= anchored:
            return 0
        return newest.size if not anchored or await self._agrees(anchored) else 0

    def _recovery(self) -> Recovery:
        return Recovery(self._session, Anchoring(self._session), self._deployment.identity)

    async def _agreed_size(self, published: int | None, *, anchored: int) -> int:
        if published is None:
            return await self._largest_agreement()
        if await self._agrees(published):
            return published
        known = (await self._session.store.head()).size
        raise SuccessionError(
            f"{self._new_origin} was published to carry the log on from size {published}, but there "
            f"chain and database do not agree: the chain holds it up to {anchored}, the database up "
            f"to {known}. Start the service: it takes nothing new, but anchors again what the chain "
            "lost and loads what copies hold; then come back. Else restore a newer chain or dump"
        )

    async def _largest_agreement(self) -> int:
        async for size in self._anchored_sizes():
            if await self._agrees(size):
                return size
        raise SuccessionError("chain and log agree at no anchored size: there is nothing to go on")

    async def _abandoned(self, size: int) -> tuple[int, ...]:
        """Anchored sizes above ``size``: those of the chain, and those that it held and lost."""
        known = set(await self._session.store.on_chain_above(size))
        async for one in self._anchored_sizes():
            if one <= size:
                break
            known.add(one)
        return tuple(sorted(known, reverse=True))

    async def _anchored_sizes(self) -> AsyncIterator[int]:
        """Sizes that the chain holds, newest first, down to the log's first."""
        session = self._session
        size = (await session.registry.head(session.registry_log)).size
        while size > 0:
            yield size
            event = await session.registry.events.anchored(session.registry_log, size)
            if event is None:
                return
            size = event.old_size

    async def _agrees(self, size: int) -> bool:
        session = self._session
        tree = session.tree
        successor = await self._successor()
        if successor is not None:
            tree = self._assembly.session(successor).tree
            head = await self._assembly.session(successor).store.head()
        else:
            head = await session.store.head()
        if not 0 < size <= head.size:
            return False
        root = await session.registry.root_at(session.registry_log, size)
        return root == await tree.root(size)

    async def _close(self, size: int, reason: str, recovery: LocalAccount) -> None:
        session = self._session
        wanted = Wanted(
            purpose=Purpose.SUCCEED,
            log_id=self._log.log_id,
            size=size,
            to=session.registry.address,
            call_data=session.registry.succeed(
                session.registry_log, size=size, new_origin=self._new_origin, reason=reason
            ),
        )
        sender = address_of(recovery)
        await session.registry.try_call(sender=sender, call_data=wanted.call_data)
        stored = await session.courier.stored(wanted, sender=sender)
        if stored is None:
            signed = await session.courier.sign(wanted, recovery)
            async with observed(session.observer, SuccessionStep.STORE_CALL):
                stored = await session.courier.store(wanted, signed)
        async with observed(session.observer, SuccessionStep.SEND_CALL):
            accepted = await session.courier.send(stored)
        await session.courier.follow(wanted, stored, recovery, accepted=accepted)

    async def _check_log(self) -> int:
        """Return the log's size, if what lies above the agreed size is sound as well."""
        successor = await self._successor()
        session = self._session if successor is None else self._assembly.session(successor)
        head = await session.store.head()
        if await session.tree.root(head.size) != frontier_root(head):
            raise SuccessionError("the tiles do not lead to the log's own root; restore a dump")
        return head.size

    async def _carry_on(self, size: int, reason: str) -> LogIdentity:
        successor = await self._successor()
        if successor is not None:
            return successor
        # The anchors that stay behind are what old receipts name: all of them have to be known.
        await self._recovery().reconcile(size, start_size=self._deployment.start_size)
        rows = await self._connection.execute(
            "SELECT block_time FROM anchors WHERE log_id = %s AND size = %s",
            (self._log.log_id, size),
        )
        anchored = await rows.fetchone()
        start_time = self._deployment.start_time if anchored is None else anchored[0]
        async with (
            observed(self._session.observer, SuccessionStep.CARRY_ON),
            self._connection.transaction(),
        ):
            return await self._move_rows(size, start_time, reason)

    async def _move_rows(self, size: int, start_time: int, reason: str) -> LogIdentity:
        connection, old = self._connection, self._log.log_id
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("SELECT 1 FROM log_heads WHERE log_id = %s FOR UPDATE", (old,))
        cursor = await connection.execute(_SUCCESSOR, (self._new_origin, size, start_time, old))
        row = await cursor.fetchone()
        assert row is not None, "INSERT … RETURNING gives a row"
        new: int = row[0]
        for table in _TABLES:
            await connection.execute(
                f"UPDATE {table} SET log_id = %s WHERE log_id = %s".encode(),  # noqa: S608 - constants
                (new, old),
            )
        await connection.execute(_NEW_HEAD, (new, old))
        await connection.execute(_CLOSE, (f"succeeded by {self._new_origin}: {reason}", old))
        return LogIdentity(log_id=new, origin=self._new_origin)

    async def _successor(self) -> LogIdentity | None:
        cursor = await self._connection.execute(
            "SELECT log_id, origin FROM logs WHERE predecessor_id = %s", (self._log.log_id,)
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        if row[1] != self._new_origin:
            raise SuccessionError(f"the log was succeeded already, by {row[1]}")
        return LogIdentity(log_id=row[0], origin=row[1])
