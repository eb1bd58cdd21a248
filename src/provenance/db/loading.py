"""The mark of a database that a restore is loading, and how what was loaded is taken back.

A restore into an empty database first makes the table :data:`MARK` in it, and drops it when all
else is in place. While it is there, no service starts on the database and no backup is made of it:
so whatever the database holds was loaded by a restore that has not ended, and may be dropped by the
next one. Only tables are: ours bring nothing else along, and what an operator had put there before
(extensions, functions) stays.

One restore at a time loads a database, by an advisory lock that ends with its connection. What loads
the dump has a session of its own, which the server may keep when the restore is gone, and whose work
nobody sees before it commits: it is ended before anything is taken back.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from provenance.core.errors import ProvenanceError
from provenance.db.errors import HalfRestoredError

MARK: Final = "provenance_restoring"
IS_MARKED: Final = f"SELECT to_regclass('{MARK}') IS NOT NULL"
LOADER: Final = "provenance-restore"
"""Application name of the session that loads the dump."""
_LOCK: Final = 0x72657374  # "rest"; only has to differ from the other locks of this service
_TABLES: Final = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%'
AND n.nspname <> 'information_schema' AND c.oid IS DISTINCT FROM to_regclass(%s)
AND NOT EXISTS (
  SELECT FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
)
ORDER BY 1, 2
"""
_LOADERS: Final = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()
"""
_ENDING_MS: Final = 60_000
"""Milliseconds for a session to undo what it did: it is told, and it only has to abort."""


class DatabaseNotEmptyError(ProvenanceError):
    """The database holds something that no restore has left there."""

    code = "database-not-empty"

    def __init__(self) -> None:
        super().__init__("the database is not empty; name one that is (DATABASE_URL)")


class LoadedElsewhereError(ProvenanceError):
    """Another restore works on this database."""

    code = "already-restoring"

    def __init__(self) -> None:
        super().__init__(
            f"another restore loads this database, or its session {LOADER} has not ended; let it end "
            "first"
        )


def check_unmarked(is_marked: bool) -> None:
    """Refuse a database that was loaded in part.

    Raises:
        HalfRestoredError: the mark is there.

    """
    if is_marked:
        raise HalfRestoredError(
            "a restore into this database was cut off: run `provenance restore` again, with the "
            "same DATABASE_URL and PROVENANCE_DATA"
        )


class MarkedDatabase:
    """A database that this process restores into; made by :func:`restored_into`."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def is_marked(self) -> bool:
        """Whether a restore has begun and not ended."""
        cursor = await self._connection.execute(IS_MARKED.encode())
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def check_free(self) -> None:
        """Refuse a database that is in use.

        Raises:
            DatabaseNotEmptyError: it has tables, and no restore has left them.

        """
        if not await self.is_marked() and await self._tables():
            raise DatabaseNotEmptyError

    async def mark(self) -> None:
        """Say that a restore has begun; the database is empty but for that.

        Raises:
            DatabaseNotEmptyError: it was not.

        """
        async with self._connection.transaction():
            await self._connection.execute(
                sql.SQL("CREATE TABLE {} (since timestamptz NOT NULL DEFAULT now())").format(
                    sql.Identifier(MARK)
                )
            )
            if await self._tables():
                raise DatabaseNotEmptyError

    async def unmark(self) -> None:
        """Say that it has ended: the database is whole."""
        await self._connection.execute(
            sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(MARK))
        )

    async def take_back(self) -> None:
        """Drop what a restore has loaded, and its mark: all of it or nothing.

        Raises:
            LoadedElsewhereError: what loads the dump for a restore that is gone cannot be ended.

        """
        await self._end_loaders()
        async with self._connection.transaction():
            if not await self.is_marked():
                return
            for schema, name in await self._tables():
                await self._connection.execute(
                    sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(schema, name))
                )
            await self.unmark()

    async def _end_loaders(self) -> None:
        """End whatever still loads: this restore has the lock, so that its own is gone."""
        cursor = await self._connection.execute(_LOADERS.encode(), (LOADER,))
        for (pid,) in await cursor.fetchall():
            await self._connection.execute("SELECT pg_terminate_backend(%s, %s)", (pid, _ENDING_MS))
        cursor = await self._connection.execute(_LOADERS.encode(), (LOADER,))
        if await cursor.fetchall():
            raise LoadedElsewhereError

    async def _tables(self) -> list[tuple[str, str]]:
        """Tables that no extension brought, but for the mark."""
        cursor = await self._connection.execute(_TABLES.encode(), (MARK,))
        return [(str(schema), str(name)) for schema, name in await cursor.fetchall()]


@asynccontextmanager
async def restored_into(conninfo: str) -> AsyncIterator[MarkedDatabase]:
    """Hold the database at ``conninfo`` (libpq's spelling) for one restore.

    Raises:
        LoadedElsewhereError: another restore holds it.

    """
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
        if await cursor.fetchone() != (True,):
            raise LoadedElsewhereError
        yield MarkedDatabase(connection)
