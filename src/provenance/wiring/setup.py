"""What a first start makes and each later one finds: the log, its place on chain, API keys."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from provenance.anchor.bootstrap import ensure_deployed
from provenance.chain.client import ChainClient
from provenance.core.trustfile import TrustFile
from provenance.db.engine import check_durability, create_engine
from provenance.log.identity import create_log
from provenance.settings import Settings
from provenance.wiring.chain import account_addresses, roles
from provenance.wiring.credentials import Credentials, ensure_credentials
from provenance.wiring.existing import find_existing, ready_keys
from provenance.wiring.logs import current_log
from provenance.wiring.shelved import check_shelf
from provenance.wiring.trust import read_trust

Fund = Callable[[str], Awaitable[None]]
"""Gives an account funds."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What there is to publish."""

    trust: TrustFile
    credentials: Credentials


async def set_up(settings: Settings, *, fund: Fund | None = None) -> SetUp:
    """Bring log, registry and API keys into being; may be cut off anywhere and run again.

    ``fund`` gives an account (0x address) what it needs to pay for gas, where that is possible.
    ``settings`` must have ``database_url`` and ``rpc_url``, and the database this release's tables.

    Raises:
        DurabilityError: the server does not keep what it confirms.
        WrongChainError: the log was opened on another chain.
        DeploymentLostError: the log exists, but neither this database nor the chain has it.
        KeyMissingError: the log exists, but one of its keys is not there.
        TrustFileError: the trust file in the data folder says otherwise.
        ProvenanceError: what else the steps can meet.

    """
    assert settings.database_url is not None
    assert settings.rpc_url is not None
    engine = create_engine(settings.database_url)
    chain = ChainClient(settings.rpc_url)
    try:
        async with engine.connect() as connection:
            await check_durability(connection)
        existing = await find_existing(engine, settings)
        keys = await ready_keys(settings, existing)
        await check_shelf(engine, settings, log_ids=existing.log_ids)
        # What the published file contradicts is told before anything is stored or sent.
        await read_trust(engine, settings=settings, keys=keys)
        await create_log(engine, origin=settings.origin, now_ms=time.time_ns() // 1_000_000)
        log = await current_log(engine, origin=settings.origin)
        if fund is not None:
            for address in account_addresses(keys, log.origin):
                await fund(address)
        await ensure_deployed(
            database_url=settings.database_url,
            chain=chain,
            log=log,
            roles=roles(keys, log.origin),
            published=existing.published,
        )
        return SetUp(
            trust=await read_trust(engine, settings=settings, keys=keys),
            credentials=await ensure_credentials(engine, data_dir=settings.data_dir),
        )
    finally:
        await chain.aclose()
        await engine.dispose()
