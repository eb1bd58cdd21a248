"""Brings a database to the tables of this release, and tells whether it is there.

Migrations live in the package and are run from here, never by Alembic's own command line. One
process migrates at a time (advisory lock); each migration is a transaction of its own with time
limits, so that it gives up instead of blocking a running service behind it.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection

from provenance.db.engine import database_url
from provenance.db.errors import SchemaError
from provenance.db.loading import IS_MARKED, check_unmarked
from provenance.db.tables import metadata

LOCK_TIMEOUT_SECONDS = 5
"""How long a migration waits for a table that others use."""
STATEMENT_TIMEOUT_SECONDS = 600
"""How long one statement of a migration may take."""

_ADVISORY_LOCK = 0x70726F76  # "prov"; only has to differ from the other locks of this service


def upgrade(url: str, *, revision: str = "head", is_restoring: bool = False) -> None:
    """Run the migrations that the database at ``url`` does not have yet.

    ``is_restoring``: the caller is the restore that loads it.

    Raises:
        SchemaError: a newer release has changed its tables.
        HalfRestoredError: a restore into it was cut off.

    """
    engine = create_engine(database_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
            connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'"))
            connection.commit()
            if not is_restoring:
                check_unmarked(_is_marked(connection))
            config = _config()
            found = _revision(connection)
            connection.commit()
            if found is not None and found not in revisions():
                raise SchemaError(found=found, expected=expected(), is_newer=True)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def expected() -> str:
    """Revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package has migrations"
    return head


def revisions() -> frozenset[str]:
    """All that this release can bring to its own."""
    known = ScriptDirectory.from_config(_config()).walk_revisions()
    return frozenset(script.revision for script in known)


def current(url: str) -> str | None:
    """Revision of the database at ``url``, None where it was never migrated."""
    engine = create_engine(database_url(url))
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


async def check_schema(connection: AsyncConnection) -> None:
    """Make sure that the database has this release's tables.

    Raises:
        SchemaError: it has older or newer ones, or none.
        HalfRestoredError: a restore into it was cut off.

    """
    check_unmarked(await connection.run_sync(_is_marked))
    found = await connection.run_sync(_revision)
    if found != expected():
        raise SchemaError(found=found, expected=expected())


def drift(url: str) -> list[Any]:
    """Differences between the tables as migrated and as declared; empty when there are none."""
    engine = create_engine(database_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def _is_marked(connection: Connection) -> bool:
    return bool(connection.scalar(text(IS_MARKED)))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
