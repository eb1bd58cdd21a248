"""Which log is written now, and with which keys its notes are signed."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import sha256
from provenance.core.notes import Signer
from provenance.db.engine import create_engine
from provenance.db.tables import logs
from provenance.keys.provider import KeyProvider
from provenance.log.identity import LogIdentity, load_log


def signer_for(origin: str, keys: KeyProvider) -> Signer:
    """Signer of one log's notes; each origin has a key of its own."""
    name = f"log-{sha256(origin.encode()).hex()[:16]}"
    return Signer(name=origin, private_key=keys.signing_key(name))


async def current_log(engine: AsyncEngine, *, origin: str) -> LogIdentity:
    """Return the log of ``origin``, or the newest that succeeded it.

    Raises:
        UnknownLogError: the database has no log of this origin.

    """
    log = await load_log(engine, origin=origin)
    while True:
        query = select(logs.c.log_id, logs.c.origin).where(logs.c.predecessor_id == log.log_id)
        async with engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return log
        log = LogIdentity(log_id=row.log_id, origin=row.origin)


async def current_origin(database_url: str, *, origin: str) -> str:
    """Return the name of the log that carries on the log of ``origin``.

    Raises:
        UnknownLogError: the database has no log of this origin.

    """
    engine = create_engine(database_url)
    try:
        return (await current_log(engine, origin=origin)).origin
    finally:
        await engine.dispose()
