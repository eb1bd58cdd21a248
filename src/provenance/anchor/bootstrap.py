"""Opens a log on chain: deploys the registry, opens the log, lets the worker's key anchor it.

It looks at the chain and does what is missing, so it may be run at every start and cut off
anywhere. On a chain that lost its last blocks it first sends the journal again, which gives the
registry its old address; where that is no longer possible it stops instead of making a second
registry that no receipt names. A database that knows of no deployment adopts the one that was
published, if the chain has it, and makes no other. Administrator, anchoring and recovery are three different keys.
"""

from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount

from provenance.anchor.courier import Courier, Patience, Wanted
from provenance.anchor.deployment import (
    Deployment,
    PartialDeployment,
    load_deployment,
    store_chain,
    store_contract,
    store_start,
)
from provenance.anchor.errors import DeploymentLostError, NotDeployedError
from provenance.anchor.journal import Journal, Purpose, StoredTransaction
from provenance.anchor.session import Connection, LockKind, connect, lock
from provenance.anchor.steps import BootstrapStep, StepObserver, Unobserved, observed
from provenance.chain.abi import anchor_role, load_anchor_registry, recovery_role
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.errors import ChainUnavailableError, WrongChainError
from provenance.chain.registry import Registry
from provenance.chain.transactions import address_of, contract_address
from provenance.chain.types import Address, ChainIdentity, EventPlace, LogState
from provenance.log.identity import LogIdentity

_log = structlog.get_logger(__name__)
_NOWHERE = Address(bytes(20))
HANDOVER_DELAY_SECONDS = 3 * 24 * 3600
"""Between the two steps that hand the administration over: time to notice and to object."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what. Without the administrator's key, what is missing can't be put right.

    ``recovery`` is needed to deploy a registry, and kept elsewhere from then on.
    """

    administrator: LocalAccount | None
    anchorer: Address
    recovery: Address | None


@dataclass(frozen=True, slots=True)
class Published:
    """Where a log is, as its trust file says: the log was opened there, in block ``start`` once."""

    identity: ChainIdentity
    contract: Address
    start: int


async def ensure_deployed(
    *,
    database_url: str,
    chain: ChainClient,
    log: LogIdentity,
    roles: Roles,
    published: Published | None = None,
    patience: Patience | None = None,
    observer: StepObserver | None = None,
) -> Deployment:
    """Open ``log`` on the node's chain unless that is done; where it is then.

    ``published`` is where a log is that the database does not know to be anywhere: it is adopted,
    or nothing is done. Without it a registry is deployed.

    Raises:
        WrongChainError: the log was opened on another chain.
        DeploymentLostError: the chain lost the registry and it can't be put back, or it has not
            the one that was published.
        NotDeployedError: something is missing and the administrator's key was not given.
        ChainError: the node does not answer, or refuses.

    """
    async with connect(database_url) as connection:
        await lock(connection, LockKind.BOOTSTRAP, log.log_id)
        bootstrap = _Bootstrap(
            connection=connection,
            chain=chain,
            log=log,
            roles=roles,
            patience=patience or Patience(),
            observer=observer or Unobserved(),
        )
        return await bootstrap.run(published)


class _Bootstrap:
    def __init__(
        self,
        *,
        connection: Connection,
        chain: ChainClient,
        log: LogIdentity,
        roles: Roles,
        patience: Patience,
        observer: StepObserver,
    ) -> None:
        self._connection = connection
        self._chain = chain
        self._log = log
        self._roles = roles
        self._patience = patience
        self._observer = observer
        self._artifact = load_anchor_registry()
        self._registry_log = registry_log_id(log.origin)

    async def run(self, published: Published | None) -> Deployment:
        if published is not None:
            await self._adopt(published)
        await self._bind_chain()
        known = await load_deployment(self._connection, self._log.log_id)
        registry = self._registry(known.contract or _NOWHERE)
        if not await self._is_open(registry):
            await self._courier(registry).restore()
        if not await registry.is_deployed():
            is_new = known.start_block is None and not known.is_successor
            registry = await self._deploy(may_move=is_new and published is None)
        await self._open(registry, is_successor=known.is_successor)
        await self._grant(registry, known)
        await self._look_at_recovery(registry)
        start = published.start if published is not None else known.start_block
        await self._note_start(registry, start)
        return (await load_deployment(self._connection, self._log.log_id)).complete()

    async def _adopt(self, published: Published) -> None:
        """Take the published registry for this log's, if it holds the log, still open.

        Nothing is stored before: a start that was refused leaves the database as it was.
        """
        known = await load_deployment(self._connection, self._log.log_id)
        registry = self._registry(published.contract)
        where = f"the registry 0x{published.contract.hex()} that trust.json names"
        if known.contract not in {None, published.contract}:
            raise WrongChainError(
                f"the database says that the log is in the registry 0x{(known.contract or b'').hex()}"
                f", not in {where}; set DATABASE_URL to the log's database"
            )
        await self._chain.check_identity(published.identity)
        if not await self._is_open(registry):
            raise DeploymentLostError(
                f"the chain does not have {where} for {self._log.origin}; restore the chain from a "
                "backup, or the database from a dump. No second registry is made: receipts name this "
                "one. A new log needs a data folder and an object store of its own"
            )
        info = await registry.log_info(self._registry_log)
        if info.state is LogState.CLOSED:
            raise DeploymentLostError(
                f"a succession closed {self._log.origin} in {where}, and this database does not "
                "know its successor; restore the database from a dump"
            )
        await store_contract(self._connection, self._log.log_id, published.contract)
        _log.warning("deployment_adopted", contract="0x" + published.contract.hex())

    async def _bind_chain(self) -> None:
        known = await load_deployment(self._connection, self._log.log_id)
        if known.identity is not None:
            await self._chain.check_identity(known.identity)
            self._chain_id = known.identity.chain_id
            return
        identity = await self._chain.identity()
        async with observed(self._observer, BootstrapStep.STORE_CHAIN):
            await store_chain(self._connection, self._log.log_id, identity)
        self._chain_id = identity.chain_id

    async def _is_open(self, registry: Registry) -> bool:
        if not await registry.is_deployed():
            return False
        info = await registry.log_info(self._registry_log)
        return info.state is not LogState.UNKNOWN

    async def _deploy(self, *, may_move: bool) -> Registry:
        if not may_move:
            raise DeploymentLostError(
                "the chain no longer holds the registry of this log, and the stored transactions "
                "can't put it back there; restore the chain from a backup"
            )
        account = self._administrator("deploy the registry")
        recovery = self._roles.recovery
        if recovery is None:
            raise NotDeployedError("the recovery key is needed (deploy the registry)")
        wanted = Wanted(
            purpose=Purpose.DEPLOY,
            log_id=self._log.log_id,
            to=None,
            call_data=self._registry(_NOWHERE).deployment(
                delay=HANDOVER_DELAY_SECONDS,
                administrator=address_of(account),
                recovery=recovery,
            ),
        )
        courier = self._courier(self._registry(_NOWHERE))
        stored = await courier.stored(wanted, sender=address_of(account))
        if stored is None:
            signed = await courier.sign(wanted, account)
            async with (
                observed(self._observer, BootstrapStep.STORE_DEPLOYMENT),
                self._connection.transaction(),
            ):
                stored = await courier.store(wanted, signed)
                await store_contract(
                    self._connection,
                    self._log.log_id,
                    contract_address(signed.sender, signed.nonce),
                )
        await self._send(courier, wanted, stored, account, step=BootstrapStep.SEND_DEPLOYMENT)
        registry = self._registry(contract_address(stored.sender, stored.nonce))
        if not await registry.is_deployed():
            raise ChainUnavailableError("the registry was deployed, but the node has no code there")
        _log.info("registry_deployed", contract="0x" + registry.address.hex())
        return registry

    async def _open(self, registry: Registry, *, is_successor: bool) -> None:
        info = await registry.log_info(self._registry_log)
        if info.state is not LogState.UNKNOWN:
            return
        if is_successor:
            raise DeploymentLostError(
                "the chain lost the succession that opened this log; restore it from a backup"
            )
        await self._deliver(
            registry,
            Purpose.OPEN,
            registry.open_log(self._log.origin),
            steps=(BootstrapStep.STORE_OPENING, BootstrapStep.SEND_OPENING),
        )
        _log.info("log_opened", origin=self._log.origin)

    async def _grant(self, registry: Registry, known: PartialDeployment) -> None:
        role = anchor_role(self._registry_log)
        if await registry.has_role(role, self._roles.anchorer):
            return
        head = await registry.head(self._registry_log)
        if known.start_block is not None or head.size > known.start_size:
            # Another key has anchored. Whoever did not ask for another key has to hear of it.
            _log.warning("new_anchoring_key", account="0x" + self._roles.anchorer.hex())
        await self._deliver(
            registry,
            Purpose.ROLE,
            registry.grant_role(role, self._roles.anchorer),
            steps=(BootstrapStep.STORE_ROLE, BootstrapStep.SEND_ROLE),
        )

    async def _look_at_recovery(self, registry: Registry) -> None:
        """Warn of a key that is called the recovery key and is not: somebody may rely on it."""
        recovery = self._roles.recovery
        if recovery is not None and not await registry.has_role(recovery_role(), recovery):
            _log.warning("not_the_recovery_key", account="0x" + recovery.hex())

    async def _note_start(self, registry: Registry, start_block: int | None) -> None:
        place: EventPlace | None = None
        if start_block is not None:
            place = await registry.events.opened(self._registry_log, within=start_block)
        if place is None:
            place = await registry.events.opened(self._registry_log)
        block = None if place is None else await self._chain.block(place.block_hash)
        if block is None:
            raise ChainUnavailableError("the node does not show where the log was opened")
        async with observed(self._observer, BootstrapStep.STORE_START):
            await store_start(
                self._connection,
                self._log.log_id,
                code_hash=self._artifact.runtime_code_hash,
                start_block=block.number,
                start_time=block.time,
            )

    async def _deliver(
        self,
        registry: Registry,
        purpose: Purpose,
        call_data: bytes,
        *,
        steps: tuple[BootstrapStep, BootstrapStep],
    ) -> None:
        account = self._administrator(purpose.value)
        wanted = Wanted(
            purpose=purpose, log_id=self._log.log_id, to=registry.address, call_data=call_data
        )
        courier = self._courier(registry)
        stored = await courier.stored(wanted, sender=address_of(account))
        if stored is None:
            signed = await courier.sign(wanted, account)
            async with observed(self._observer, steps[0]):
                stored = await courier.store(wanted, signed)
        await self._send(courier, wanted, stored, account, step=steps[1])

    async def _send(
        self,
        courier: Courier,
        wanted: Wanted,
        stored: StoredTransaction,
        account: LocalAccount,
        *,
        step: BootstrapStep,
    ) -> None:
        async with observed(self._observer, step):
            accepted = await courier.send(stored)
        await courier.follow(wanted, stored, account, accepted=accepted)

    def _administrator(self, purpose: str) -> LocalAccount:
        if self._roles.administrator is None:
            raise NotDeployedError(
                f"the administrator's key is needed ({purpose}): put it back for one start"
            )
        return self._roles.administrator

    def _registry(self, address: Address) -> Registry:
        return Registry(self._chain, address, artifact=self._artifact)

    def _courier(self, registry: Registry) -> Courier:
        journal = Journal(self._connection, chain_id=self._chain_id)
        return Courier(registry, journal, chain_id=self._chain_id, patience=self._patience)
