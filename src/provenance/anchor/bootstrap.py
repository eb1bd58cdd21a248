"""Opens a log on chain: deploys the registry, opens the log, lets the worker's key anchor it.

It looks at the chain and does what is missing, so it may be run at every start and cut off
anywhere. On a chain that lost its last blocks it first sends the journal again, which gives the
registry its old address; where that is no longer possible it stops instead of making a second
registry that no receipt names. Administrator, anchoring and recovery are three different keys.
"""

from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount

from provenance.anchor.courier import Courier, Patience, Wanted
from provenance.anchor.deployment import (
    Deployment,
    load_deployment,
    store_chain,
    store_contract,
    store_start,
)
from provenance.anchor.errors import DeploymentLostError, NotDeployedError
from provenance.anchor.journal import Journal, Purpose, StoredTransaction
from provenance.anchor.session import Connection, LockKind, connect, lock
from provenance.anchor.steps import BootstrapStep, StepObserver, Unobserved, observed
from provenance.chain.abi import anchor_role, load_anchor_registry
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.errors import ChainUnavailableError, WrongChainError
from provenance.chain.registry import Registry
from provenance.chain.transactions import address_of, contract_address
from provenance.chain.types import Address, EventPlace, LogState
from provenance.log.identity import LogIdentity

_log = structlog.get_logger(__name__)
_NOWHERE = Address(bytes(20))
HANDOVER_DELAY_SECONDS = 3 * 24 * 3600
"""Between the two steps that hand the administration over: time to notice and to object."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what. Without the administrator's key, what is missing can't be put right."""

    administrator: LocalAccount | None
    anchorer: Address
    recovery: Address


async def ensure_deployed(
    *,
    database_url: str,
    chain: ChainClient,
    log: LogIdentity,
    roles: Roles,
    contract: Address | None = None,
    patience: Patience | None = None,
    observer: StepObserver | None = None,
) -> Deployment:
    """Open ``log`` on the node's chain unless that is done; where it is then.

    ``contract`` is a registry that somebody deployed already; without it one is deployed.

    Raises:
        WrongChainError: the log was opened on another chain.
        DeploymentLostError: the chain lost the registry and it can't be put back.
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
        return await bootstrap.run(contract)


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

    async def run(self, given: Address | None) -> Deployment:
        await self._bind_chain()
        known = await load_deployment(self._connection, self._log.log_id)
        if given is not None and known.contract not in {None, given}:
            raise WrongChainError(
                f"the log is in the registry 0x{(known.contract or b'').hex()}, "
                f"not in 0x{given.hex()}"
            )
        registry = self._registry(given or known.contract or _NOWHERE)
        if not await self._is_open(registry):
            await self._courier(registry).restore()
        if given is not None:
            await store_contract(self._connection, self._log.log_id, given)
        if not await registry.is_deployed():
            is_new = known.start_block is None and not known.is_successor
            registry = await self._deploy(may_move=is_new and given is None)
        await self._open(registry, is_successor=known.is_successor)
        await self._grant(registry)
        await self._note_start(registry, known.start_block)
        return (await load_deployment(self._connection, self._log.log_id)).complete()

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
        wanted = Wanted(
            purpose=Purpose.DEPLOY,
            log_id=self._log.log_id,
            to=None,
            call_data=self._registry(_NOWHERE).deployment(
                delay=HANDOVER_DELAY_SECONDS,
                administrator=address_of(account),
                recovery=self._roles.recovery,
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

    async def _grant(self, registry: Registry) -> None:
        role = anchor_role(self._registry_log)
        if await registry.has_role(role, self._roles.anchorer):
            return
        await self._deliver(
            registry,
            Purpose.ROLE,
            registry.grant_role(role, self._roles.anchorer),
            steps=(BootstrapStep.STORE_ROLE, BootstrapStep.SEND_ROLE),
        )

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
            raise NotDeployedError(f"the administrator's key is needed ({purpose})")
        return self._roles.administrator

    def _registry(self, address: Address) -> Registry:
        return Registry(self._chain, address, artifact=self._artifact)

    def _courier(self, registry: Registry) -> Courier:
        journal = Journal(self._connection, chain_id=self._chain_id)
        return Courier(registry, journal, chain_id=self._chain_id, patience=self._patience)
