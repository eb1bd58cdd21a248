"""What PostgreSQL keeps of a row that was emptied, and how it is left behind.

- The row's old version stays in its page, also after a VACUUM: that frees the place and does not
  overwrite it. So the tables are rewritten (VACUUM FULL), which locks each while it lasts.
- Statistics hold samples of values: they are taken anew and their table is rewritten too. Columns
  that hold what was said have no statistics (migration 0004).
- The write-ahead log holds every version. It is switched to a new file, and the checkpoint removes
  the old ones, unless ``wal_recycle`` keeps them under new names, or a replication slot, archiving
  or ``wal_keep_size`` holds them back.

What cannot be done is told, with what the operator can do about it. Copies of the write-ahead log
elsewhere (archives, standbys) are for whoever made them; so are freed blocks of the disk.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors, sql
from psycopg.errors import Diagnostic

from provenance.anchor.session import Connection

TABLES: Final = ("records", "requests", "capture_jobs", "pg_statistic")
"""Tables that may hold what was said, in the order in which they are rewritten."""
LOCK_SECONDS: Final = 5
"""How long a rewrite waits for readers of a table, and makes those behind it wait."""

_NOT_GONE: Final = re.compile(r"([0-9]+)\s")
_BEFORE = "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name < %s"


async def clean(connection: Connection) -> list[str]:
    """Leave nothing of emptied rows behind; returns what is left, each with the remedy.

    ``connection`` is in autocommit mode; its time-outs are changed.
    """
    left: list[str] = []
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'".encode())
    for table in TABLES:
        with _noted(left, f"table {table}"):
            left += await _rewrite(connection, table)
    with _noted(left, "table entries"):
        await connection.execute("VACUUM (ANALYZE) entries")
    if not left:
        # A rewrite writes the live rows to the log: nothing that is older is needed after it.
        with _noted(left, "write-ahead log"):
            left += await _leave_log_behind(connection)
    return left


async def _rewrite(connection: Connection, table: str) -> list[str]:
    not_gone: list[str] = []

    def note(diagnostic: Diagnostic) -> None:
        # VERBOSE says how many dead rows somebody's snapshot still sees.
        for line in (diagnostic.message_detail or "").splitlines()[:1]:
            found = _NOT_GONE.match(line)
            if found is not None and int(found[1]):
                not_gone.append(found[1])

    connection.add_notice_handler(note)
    try:
        await connection.execute(
            sql.SQL("VACUUM (FULL, ANALYZE, VERBOSE) {}").format(sql.Identifier(table))
            if table != "pg_statistic"
            else sql.SQL("VACUUM (FULL, VERBOSE) pg_catalog.pg_statistic")
        )
    finally:
        connection.remove_notice_handler(note)
    seen = f"table {table}: an older transaction, such as a dump's, still sees rows; tried again"
    return [seen] if not_gone else []


async def _leave_log_behind(connection: Connection) -> list[str]:
    cursor = await connection.execute("SELECT current_setting('wal_recycle')")
    row = await cursor.fetchone()
    if row is not None and row[0] != "off":
        return ["write-ahead log: old files are used again; set wal_recycle = off"]
    await connection.execute("SELECT pg_switch_wal()")
    cursor = await connection.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    row = await cursor.fetchone()
    assert row is not None, "a function gives a row"
    await connection.execute("CHECKPOINT")
    cursor = await connection.execute(_BEFORE, (row[0],))
    row = await cursor.fetchone()
    held = "a replication slot, archiving or wal_keep_size holds older files back; tried again"
    return [f"write-ahead log: {held}"] if row is not None and row[0] else []


@contextmanager
def _noted(left: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except errors.InsufficientPrivilege as error:
        reason = str(error).strip().partition("\n")[0]
        left.append(
            f"{what}: {reason}; the role must own the tables and the database, be in pg_checkpoint,"
            " and may execute pg_switch_wal() and pg_ls_waldir()"
        )
    except (errors.LockNotAvailable, errors.QueryCanceled):
        left.append(f"{what}: is in use; it is tried again")
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        left.append(f"{what}: {type(error).__name__}; it is tried again")
