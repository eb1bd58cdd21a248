"""Which log is written now, and with which keys its notes are signed."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.digests import sha256
from provenance.core.notes import Signer
from provenance.db.engine import create_engine
from provenance.db.tables import logs
from provenance.keys.provider import KeyProvider
from provenance.log.errors import BrokenLineageError
from provenance.log.identity import LogIdentity, load_log


def signer_for(origin: str, keys: KeyProvider) -> Signer:
    """Signer of one log's notes; each origin has a key of its own."""
    return Signer(name=origin, private_key=keys.signing_key(signer_name(origin)))


def signer_name(origin: str) -> str:
    """Name of the key that signs a log's notes."""
    return f"log-{sha256(origin.encode()).hex()[:16]}"


async def current_log(engine: AsyncEngine, *, origin: str) -> LogIdentity:
    """Return the log of ``origin``, or the newest that succeeded it.

    Raises:
        UnknownLogError: the database has no log of this origin.
        BrokenLineageError: logs carry each other on in a circle, or two the same one.

    """
    log = await load_log(engine, origin=origin)
    seen: set[int] = set()
    while True:
        seen.add(log.log_id)
        query = select(logs.c.log_id, logs.c.origin).where(logs.c.predecessor_id == log.log_id)
        async with engine.connect() as connection:
            rows = (await connection.execute(query.limit(2))).all()
        if not rows:
            return log
        row = rows[0]
        if len(rows) > 1 or row.log_id in seen:
            raise BrokenLineageError(
                f"the table logs says that log {log.origin} is carried on by {row.origin}, and by "
                "another or in a circle: find out what was altered with `provenance log audit "
                "--database`, then restore a dump"
            )
        log = LogIdentity(log_id=row.log_id, origin=row.origin)


async def log_before(engine: AsyncEngine, log: LogIdentity) -> LogIdentity | None:
    """Return the log that ``log`` carries on; None if it began by itself."""
    before = logs.alias()
    query = (
        select(before.c.log_id, before.c.origin)
        .join(logs, logs.c.predecessor_id == before.c.log_id)
        .where(logs.c.log_id == log.log_id)
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else LogIdentity(log_id=row.log_id, origin=row.origin)


async def current_origin(database_url: str, *, origin: str) -> str:
    """Return the name of the log that carries on the log of ``origin``.

    Raises:
        UnknownLogError: the database has no log of this origin.
        BrokenLineageError: as :func:`current_log`.

    """
    engine = create_engine(database_url)
    try:
        return (await current_log(engine, origin=origin)).origin
    finally:
        await engine.dispose()
