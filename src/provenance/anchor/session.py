"""The worker's own connection to the database, and the locks that live and die with it.

Everything the worker writes goes through the connection that holds its lock: a worker that has
lost the lock has lost the connection, and can no longer write what a second worker now writes.
A connection whose server falls silent is given up: whoever waits for it is told within 15 seconds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import IntEnum
from typing import Any

import psycopg
from psycopg import AsyncConnection

from provenance.anchor.errors import LockLostError
from provenance.db.engine import PoolOptions, connect_arguments, database_url
from provenance.db.errors import DatabaseSilentError
from provenance.db.watch import DatabaseWatch, WatchRhythm, sever

Connection = AsyncConnection[Any]
"""In autocommit mode: what belongs together stands in a ``transaction()`` block."""

_STATEMENT_SECONDS = 600
"""A batch of a million entries is read in one COPY."""


class LockKind(IntEnum):
    """First half of PostgreSQL's two-part advisory locks; the second is the log's number."""

    WORKER = 0x70_72_6F_76
    BOOTSTRAP = 0x70_72_6F_77
    TIMESTAMPS = 0x70_72_6F_78


@asynccontextmanager
async def connect(url: str, *, rhythm: WatchRhythm | None = None) -> AsyncIterator[Connection]:
    """Connection of one's own to the database at ``url``, which is asked now and then if it is there.

    Raises:
        DatabaseSilentError: it was, and did not answer; the connection is lost.

    """
    conninfo = database_url(url).set(drivername="postgresql")
    arguments: dict[str, Any] = connect_arguments(
        replace(PoolOptions(), statement=_STATEMENT_SECONDS)
    )
    connection = await AsyncConnection.connect(
        conninfo.render_as_string(hide_password=False), autocommit=True, **arguments
    )
    watch = DatabaseWatch(url, silenced=lambda: sever(connection), rhythm=rhythm)
    try:
        async with watch.running():
            # The server, too, has to notice a peer that vanished: it holds the lock until then.
            await connection.execute(
                "SELECT set_config('tcp_keepalives_idle', '15', false),"
                " set_config('tcp_keepalives_interval', '5', false),"
                " set_config('tcp_keepalives_count', '3', false)"
            )
            yield connection
    except (psycopg.Error, LockLostError) as error:
        if watch.is_silent:
            raise DatabaseSilentError(seconds=watch.silent_seconds) from error
        raise
    finally:
        await connection.close()


async def try_lock(connection: Connection, kind: LockKind, log_id: int) -> bool:
    """Take the lock for as long as the connection lives, if nobody else has it."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (int(kind), log_id))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def lock(connection: Connection, kind: LockKind, log_id: int) -> None:
    """Wait for the lock, at most the connection's lock time-out."""
    await connection.execute("SELECT pg_advisory_lock(%s, %s)", (int(kind), log_id))


async def check_lock(connection: Connection) -> None:
    """Make sure that the connection, and with it every lock that it took, is still there.

    Raises:
        LockLostError: it is not.

    """
    try:
        await connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        raise LockLostError("the connection that held the worker's lock was lost") from error
