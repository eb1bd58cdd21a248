"""Carries the current log on under another name, and publishes the trust file that says so."""

from pathlib import Path

from provenance.anchor.succession import Succession, succeed
from provenance.chain.client import ChainClient
from provenance.core.notes import check_origin
from provenance.db.engine import create_engine
from provenance.embedded.files import write_atomically
from provenance.settings import Settings
from provenance.wiring.chain import (
    ADMINISTRATOR,
    account,
    blob_store,
    file_keys,
    first_keys,
    roles,
)
from provenance.wiring.keyring import make_log_keys
from provenance.wiring.logs import current_log, signer_for
from provenance.wiring.recovering import recovery_account
from provenance.wiring.trust import read_trust, trust_path


async def carry_on(settings: Settings, *, new_origin: str, reason: str) -> tuple[Succession, Path]:
    """Close the current log and go on as ``new_origin``; return what came of it, and where the
    new trust file is.

    Raises:
        SuccessionError: nothing agrees, or another log succeeded already.
        KeyMissingError: the recovery key is not in the data folder; names its account.
        MissingRoleError: the key in the data folder is not the recovery key; names its account too.
        ChainError: the chain could not be asked.

    """
    assert settings.database_url is not None
    assert settings.rpc_url is not None
    keys = file_keys(settings)
    engine = create_engine(settings.database_url)
    chain = ChainClient(settings.rpc_url)
    try:
        log = await current_log(engine, origin=settings.origin)
        recovery = await recovery_account(settings, chain=chain, log=log)
        # It grants the successor's role: better missed now than once the log is closed.
        account(keys, ADMINISTRATOR)
        signers = (signer_for(log.origin, keys),)
        if new_origin != log.origin:
            make_log_keys(first_keys(settings), check_origin(new_origin))
        done = await succeed(
            database_url=settings.database_url,
            chain=chain,
            blobs=blob_store(settings),
            log=log,
            new_origin=new_origin,
            reason=reason,
            recovery=recovery,
            roles=roles(keys, new_origin),
            signers=signers,
        )
        trust = await read_trust(engine, settings=settings, keys=keys)
    finally:
        await chain.aclose()
        await engine.dispose()
    path = trust_path(settings)
    write_atomically(path, trust.encode() + b"\n", mode=0o644)
    return done, path
