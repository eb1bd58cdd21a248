"""Carries the current log on under another name, and publishes the trust file that says so.

The successor's keys are made here, once. Where chain, trust file, checkpoint or copies know the
successor already, it was published with keys of its own, and another in their place would sign and
anchor what nobody can check: then they have to be there before anything is changed.
"""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.anchor.deployment import Deployment
from provenance.anchor.errors import SuccessionError
from provenance.anchor.succession import Succession, finished, succeed
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.chain.types import LogState
from provenance.core.notes import check_origin
from provenance.db.engine import create_engine
from provenance.db.tables import logs
from provenance.embedded.files import write_atomically
from provenance.keys.files import FileKeys
from provenance.log.identity import LogIdentity
from provenance.settings import Settings
from provenance.wiring.chain import (
    ADMINISTRATOR,
    account,
    blob_store,
    file_keys,
    first_keys,
    roles,
)
from provenance.wiring.keyring import make_log_keys, require_successors_keys
from provenance.wiring.logs import current_log, log_before, signer_for
from provenance.wiring.recovering import deployment_of, recovery_account
from provenance.wiring.traces import own_trace
from provenance.wiring.trust import (
    published_successor,
    read_published,
    read_trust,
    trust_path,
)


async def carry_on(settings: Settings, *, new_origin: str, reason: str) -> tuple[Succession, Path]:
    """Close the current log and go on as ``new_origin``; return what came of it, and where the
    new trust file is. What was cut off is finished, and what is finished is told again.

    Raises:
        SuccessionError: nothing agrees, another log succeeded already, or ``new_origin`` names a
            log that does not carry this one on.
        KeyMissingError: the recovery key is not in the data folder (names its account), or a key
            that the successor was published with.
        WrongKeyError: the successor's signing key is not the published one.
        MissingRoleError: the key in the data folder is not the recovery key; names its account too.
        TrustFileError: the trust file says otherwise.
        ChainError: the chain could not be asked.

    """
    assert settings.database_url is not None
    assert settings.rpc_url is not None
    check_origin(new_origin)
    engine = create_engine(settings.database_url)
    chain = ChainClient(settings.rpc_url)
    try:
        log, done = await current_log(engine, origin=settings.origin), None
        if log.origin == new_origin:
            done = await finished(settings.database_url, log)
            log = await _log_before(engine, log)
        if done is None:
            done = await _succeed(
                settings, engine, chain, log, new_origin=new_origin, reason=reason
            )
        trust = await read_trust(engine, settings=settings, keys=file_keys(settings))
    finally:
        await chain.aclose()
        await engine.dispose()
    path = trust_path(settings)
    write_atomically(path, trust.encode() + b"\n", mode=0o644)
    return done, path


async def _succeed(
    settings: Settings,
    engine: AsyncEngine,
    chain: ChainClient,
    log: LogIdentity,
    *,
    new_origin: str,
    reason: str,
) -> Succession:
    assert settings.database_url is not None
    recovery = await recovery_account(settings, chain=chain, log=log)
    deployment = await deployment_of(settings, log)
    # What contradicts the published file is told before anything is stored or sent.
    await read_trust(engine, settings=settings, keys=file_keys(settings))
    # It grants the successor's role: better missed now than once the log is closed.
    account(file_keys(settings), ADMINISTRATOR)
    await _check_name(engine, settings, log, new_origin, deployment)
    published = _published_size(settings, log, new_origin)
    is_known = await _is_known(settings, chain, deployment, log, new_origin)
    keys = _keys(settings, new_origin, is_known=is_known)
    return await succeed(
        database_url=settings.database_url,
        chain=chain,
        blobs=blob_store(settings),
        log=log,
        new_origin=new_origin,
        reason=reason,
        recovery=recovery,
        roles=roles(keys, new_origin),
        signers=(signer_for(log.origin, keys),),
        published=published,
    )


async def _log_before(engine: AsyncEngine, log: LogIdentity) -> LogIdentity:
    before = await log_before(engine, log)
    if before is None:
        raise SuccessionError(f"{log.origin} is the log that would be closed; name another")
    return before


async def _check_name(
    engine: AsyncEngine, settings: Settings, log: LogIdentity, new_origin: str, place: Deployment
) -> None:
    """Refuse the name of a log that began by itself: closing this one for it could not be undone."""
    query = select(logs.c.predecessor_id).where(logs.c.origin == new_origin)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    trust = read_published(settings)
    published = None if trust is None else trust.log(new_origin)
    if (row is not None and row.predecessor_id != log.log_id) or (
        published is not None and published.contract != place.contract
    ):
        raise SuccessionError(
            f"{new_origin} is a log already, and does not carry {log.origin} on; name another"
        )


def _published_size(settings: Settings, log: LogIdentity, new_origin: str) -> int | None:
    """Size from which the trust file says that ``new_origin`` carries the log on, if it does."""
    successor = published_successor(settings, log.origin)
    if successor is None:
        return None
    if successor.origin != new_origin:
        raise SuccessionError(
            f"{trust_path(settings)} says that {successor.origin} carries {log.origin} on: name that "
            "one; another can follow it then"
        )
    return successor.size


async def _is_known(
    settings: Settings, chain: ChainClient, place: Deployment, log: LogIdentity, new_origin: str
) -> bool:
    """Whether anything but this database tells that the successor exists."""
    registry = registry_at(chain, place.contract, start_block=place.start_block)
    info = await registry.log_info(registry_log_id(log.origin))
    successor = registry_log_id(new_origin)
    if info.state is LogState.CLOSED and info.successor == successor:
        return True
    if (await registry.log_info(successor)).state is not LogState.UNKNOWN:
        raise SuccessionError(
            f"{new_origin} is a log of the registry already, and does not carry {log.origin} on; "
            "name another"
        )
    trust = read_published(settings)
    is_published = trust is not None and trust.log(new_origin) is not None
    return is_published or bool(await own_trace(settings, new_origin))


def _keys(settings: Settings, new_origin: str, *, is_known: bool) -> FileKeys:
    if is_known:
        require_successors_keys(settings, new_origin)
    else:
        make_log_keys(first_keys(settings), new_origin)
    return file_keys(settings)
