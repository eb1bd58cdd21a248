"""The one connection that a writer keeps for itself, so that readers cannot starve it."""

from typing import Any, cast

import psycopg
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from provenance.db.binary import register_arrays
from provenance.log.errors import UnavailableError

# SQLSTATE classes that speak of the server or of other transactions, not of our data: connection,
# transaction state, rollback, resources, locks and shutdown, system errors.
_SERVER_CLASSES = ("08", "25", "40", "53", "55", "57", "58")


class WriterConnection:
    """A connection out of the engine's pool, checked out until it breaks or the writer stops."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._checked_out: AsyncConnection | None = None

    async def get(self) -> psycopg.AsyncConnection[Any]:
        """Return the connection, made if there is none.

        Raises:
            UnavailableError: the database cannot be reached, or the pool is exhausted.

        """
        try:
            if self._checked_out is None:
                self._checked_out = await self._engine.connect()
            raw = await self._checked_out.get_raw_connection()
        except (exc.SQLAlchemyError, psycopg.Error, OSError) as error:
            await self.discard()
            raise UnavailableError("the database cannot be reached", retry_after=2) from error
        connection = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
        register_arrays(connection)
        return connection

    async def reset(self) -> None:
        """Roll back what was begun, or throw the connection away where that fails."""
        if self._checked_out is None:
            return
        try:
            raw = await self._checked_out.get_raw_connection()
            connection = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
            await connection.rollback()
        except (exc.SQLAlchemyError, psycopg.Error, OSError):
            await self.discard()

    async def discard(self) -> None:
        """Throw the connection away, and the idle ones of the pool: they share its fate."""
        connection, self._checked_out = self._checked_out, None
        if connection is None:
            return
        await connection.invalidate()
        await connection.close()
        await self._engine.dispose()

    async def close(self) -> None:
        """Give the connection back to the pool."""
        connection, self._checked_out = self._checked_out, None
        if connection is not None:
            await connection.close()


def is_lost(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether the server has closed the connection, or nobody can tell."""
    return connection.closed or connection.broken


def blames_server(error: psycopg.Error) -> bool:
    """Whether another try of the same data can succeed."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in _SERVER_CLASSES
