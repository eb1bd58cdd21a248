"""Settings, and the database and chain that a command works on."""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from provenance.cli.exits import USAGE, fail

if TYPE_CHECKING:
    from provenance.settings import Settings


@asynccontextmanager
async def database(settings: "Settings") -> AsyncIterator[str]:
    """URL of the database: the one that is set, or the embedded one, started if it is not.

    A database that cannot be used ends the command with one line.

    Raises:
        ProvenanceError: the embedded one could not be started, or the data folder is not whole.

    """
    with database_errors():
        async with _database(settings) as url:
            yield url


@contextmanager
def database_errors() -> Iterator[None]:
    """End a command whose database cannot be used with one line."""
    from psycopg import Error as DriverError
    from sqlalchemy.exc import ArgumentError, DBAPIError

    try:
        yield
    except (DriverError, DBAPIError, ArgumentError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = str(cause).strip().partition("\n")[0] or type(error).__name__
        fail(f"the database could not be used: {reason}")


@asynccontextmanager
async def _database(settings: "Settings") -> AsyncIterator[str]:
    from provenance.wiring.restored import check_whole

    check_whole(settings.data_dir)
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not (settings.data_dir / "postgres").is_dir():
        fail(
            f"there is no database in {settings.data_dir}: start the service once, set "
            "PROVENANCE_DATA to its data folder, or DATABASE_URL to a database"
        )
    from provenance.embedded.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(settings.data_dir)
    address = await server.start()
    try:
        yield address.url
    finally:
        await server.stop()


@asynccontextmanager
async def chain(settings: "Settings") -> AsyncIterator[str]:
    """RPC URL of the chain: the one that is set, or the embedded one, started if it is not.

    Raises:
        ProvenanceError: the embedded one could not be started.

    """
    from provenance.wiring.restored import check_whole

    check_whole(settings.data_dir)
    if settings.rpc_url is not None:
        yield settings.rpc_url
        return
    if not (settings.data_dir / "chain").is_dir():
        fail(f"there is no chain in {settings.data_dir}: start the service once, or set RPC_URL")
    from provenance.embedded.anvil import EmbeddedAnvil

    node = EmbeddedAnvil(settings.data_dir)
    address = await node.start()
    try:
        yield address.rpc_url
    finally:
        await node.stop()


def read_settings() -> "Settings":
    """Settings of the environment; a setting that cannot be read ends the command."""
    from pydantic import ValidationError

    from provenance.settings import Settings
    from provenance.wiring.logging import set_up_logging

    # What happens is told in words; the parts' own logs lie in the data folder.
    set_up_logging(level=logging.WARNING)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        fail(f"setting {name}: {first['msg']}", code=USAGE)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
