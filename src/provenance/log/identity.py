"""Which log: its row, made once, and the head that writers lock."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.notes import check_origin
from provenance.core.tree import Frontier
from provenance.db.tables import log_heads, logs
from provenance.log.errors import UnknownLogError


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """A log's number in this database and its name everywhere."""

    log_id: int
    origin: str


async def create_log(engine: AsyncEngine, *, origin: str, now_ms: int) -> LogIdentity:
    """Return the log of ``origin``, made empty if it is not there; safe to do at every start.

    Raises:
        BadValueError: ``origin`` cannot name a log.

    """
    check_origin(origin)
    async with engine.begin() as connection:
        await connection.execute(
            insert(logs).values(origin=origin, created_at=now_ms).on_conflict_do_nothing()
        )
        log_id = (
            await connection.execute(select(logs.c.log_id).where(logs.c.origin == origin))
        ).scalar_one()
        await connection.execute(
            insert(log_heads)
            .values(
                log_id=log_id,
                size=0,
                last_at=0,
                frontier=Frontier.empty().to_bytes(),
                state="open",
            )
            .on_conflict_do_nothing()
        )
    return LogIdentity(log_id=log_id, origin=origin)


async def load_log(engine: AsyncEngine, *, origin: str) -> LogIdentity:
    """Return the log of ``origin``.

    Raises:
        UnknownLogError: there is none.

    """
    async with engine.connect() as connection:
        log_id = (
            await connection.execute(select(logs.c.log_id).where(logs.c.origin == origin))
        ).scalar_one_or_none()
    if log_id is None:
        raise UnknownLogError(f"this database has no log {origin!r}; start the service once")
    return LogIdentity(log_id=log_id, origin=origin)
