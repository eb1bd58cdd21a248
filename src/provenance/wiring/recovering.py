"""The recovery key, as a succession asks for it: the one that the registry knows, or none.

It is moved away after the first start and brought for a succession, years later perhaps. So a file
of its name is compared with the chain before anything is done, and what is wanted is named by its
account.
"""

from typing import Final

from eth_account.signers.local import LocalAccount

from provenance.anchor.deployment import Deployment, load_deployment
from provenance.anchor.session import connect
from provenance.chain.abi import recovery_role
from provenance.chain.client import ChainClient
from provenance.chain.errors import MissingRoleError
from provenance.chain.registry import Registry, registry_at
from provenance.chain.transactions import address_of
from provenance.keys.errors import KeyMissingError
from provenance.log.identity import LogIdentity
from provenance.settings import Settings
from provenance.wiring.chain import RECOVERY, file_keys, kept_account

_FIRST_START = "SELECT min(start_block) FROM logs WHERE contract = %s"
_BEFORE: Final = 10_000
"""Blocks before the opening of the first log in which its registry was deployed."""


async def recovery_account(
    settings: Settings, *, chain: ChainClient, log: LogIdentity
) -> LocalAccount:
    """Return the recovery key in the data folder, if it is the registry's.

    Raises:
        KeyMissingError: there is none.
        MissingRoleError: it is another key.
        NotDeployedError: the log was never opened on a chain.
        ChainError: the chain could not be asked, or is another.

    """
    assert settings.database_url is not None
    deployment = await deployment_of(settings, log)
    async with connect(settings.database_url) as connection:
        cursor = await connection.execute(_FIRST_START, (deployment.contract,))
        row = await cursor.fetchone()
    await chain.check_identity(deployment.identity)
    registry = registry_at(chain, deployment.contract)
    first = deployment.start_block if row is None or row[0] is None else row[0]
    path = settings.data_dir / "keys" / f"{RECOVERY}.secp256k1"
    own = kept_account(file_keys(settings), RECOVERY)
    if own is None:
        raise KeyMissingError(
            f"{path} is missing: bring the key that was moved away after the first start, "
            f"{await _wanted(registry, first)}"
        )
    if not await registry.has_role(recovery_role(), address_of(own)):
        raise MissingRoleError(
            f"{path} is not the recovery key: it is that of {own.address}, which may not close this "
            "log. Bring the key that was moved away after the first start, "
            f"{await _wanted(registry, first)}"
        )
    return own


async def deployment_of(settings: Settings, log: LogIdentity) -> Deployment:
    """Where the log is on its chain, as the database has it.

    Raises:
        NotDeployedError: it was never opened on a chain.

    """
    assert settings.database_url is not None
    async with connect(settings.database_url) as connection:
        return (await load_deployment(connection, log.log_id)).complete()


async def _wanted(registry: Registry, opened: int) -> str:
    granted = await registry.events.granted(
        recovery_role(), from_block=max(0, opened - _BEFORE), to_block=opened
    )
    holders = [one for one in granted if await registry.has_role(recovery_role(), one)]
    if not holders:
        return "or another that its holder has appointed on the chain since"
    return "that of 0x" + " or 0x".join(holder.hex() for holder in holders)
