"""The one connection that a writer keeps for itself, so that readers cannot starve it."""

from typing import Any, cast

import psycopg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from provenance.db.binary import register_arrays
from provenance.db.engine import PLANS_BY_KEY
from provenance.log.errors import UnavailableError

# SQLSTATE classes that speak of the server or of other transactions, not of our data: connection,
# transaction state, rollback, resources, locks and shutdown, system errors.
_SERVER_CLASSES = ("08", "25", "40", "53", "55", "57", "58")


# Some columns have no statistics (migration 0004), and those of the others lag behind a log that
# grows: tables would be read from end to end.
_PLANS = "; ".join(f"SET {setting}" for setting in PLANS_BY_KEY)


class WriterConnection:
    """A connection out of the engine's pool, checked out until it breaks or the writer stops."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._checked_out: AsyncConnection | None = None
        self._driver: psycopg.AsyncConnection[Any] | None = None
        self._planned_size = 0

    async def get(self) -> psycopg.AsyncConnection[Any]:
        """Return the connection, made if there is none.

        Raises:
            UnavailableError: the database cannot be reached, or the pool is exhausted.

        """
        if self._driver is None:
            try:
                self._checked_out = await self._check_out()
                raw = await self._checked_out.get_raw_connection()
                driver = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
                await driver.execute(_PLANS)
                await driver.commit()
            except (exc.SQLAlchemyError, psycopg.Error, OSError) as error:
                await self.discard()
                raise UnavailableError("the database cannot be reached", retry_after=2) from error
            register_arrays(driver)
            self._driver, self._planned_size = driver, 0
        return self._driver

    async def _check_out(self, *, again: bool = True) -> AsyncConnection:
        """Check out a connection that works: one of the pool may have died there unnoticed."""
        connection = await self._engine.connect()
        try:
            await _ping(connection)
        except BaseException as error:
            await _destroy(connection)
            if again and isinstance(error, exc.DBAPIError) and error.connection_invalidated:
                # The engine has noticed too, and replaces all that are as old.
                return await self._check_out(again=False)
            raise
        return connection

    async def plan_for(self, size: int) -> None:
        """Have statements planned anew each time that the log has doubled, to ``size`` entries.

        Among a handful of rows each index is as good as another, and a prepared statement would
        keep the one that it was planned with then.
        """
        if self._driver is not None and size > 2 * self._planned_size:
            await self._driver.execute("DISCARD PLANS")
            self._planned_size = size

    async def reset(self) -> None:
        """Roll back what was begun, or throw the connection away where that fails."""
        if self._driver is None:
            return
        try:
            await self._driver.rollback()
        except (psycopg.Error, OSError):
            await self.discard()

    async def discard(self) -> None:
        """Throw the connection away: nobody else gets one with the writer's settings."""
        connection, self._checked_out, self._driver = self._checked_out, None, None
        if connection is not None:
            await _destroy(connection)


async def _destroy(connection: AsyncConnection) -> None:
    """Close without a word to the server, which may not be listening."""
    if not connection.invalidated:
        raw = await connection.get_raw_connection()
        driver = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
        await driver.close()
        await connection.invalidate()
    await connection.close()


async def _ping(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))
    await connection.rollback()


def is_lost(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether the server has closed the connection, or nobody can tell."""
    return connection.closed or connection.broken


def blames_server(error: psycopg.Error) -> bool:
    """Whether another try of the same data can succeed."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in _SERVER_CLASSES
