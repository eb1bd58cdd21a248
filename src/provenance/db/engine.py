"""Connections: one pool for each process, asynchronous, on psycopg 3.

Every connection bounds how long a statement may run, wait for a lock or leave a transaction open,
so that one stuck process cannot hold the log's row for ever.
"""

from dataclasses import dataclass

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from provenance.db.errors import DurabilityError

_DRIVER = "postgresql+psycopg"
_DURABLE = {
    "fsync": ("on",),
    # remote_* wait for a standby besides the local flush; "local" waits for the flush alone.
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "full_page_writes": ("on",),
}
PLANS_BY_KEY = (
    "plan_cache_mode=force_generic_plan",
    "enable_seqscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
)
"""Settings of a connection whose prepared statements get one plan for all parameters, by index
whatever the statistics say."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Sizes of the pool and time limits of its connections, in seconds.

    ``statement`` covers the longest statement of a request (one COPY of a large capture),
    ``idle_in_transaction`` the Python between two of them. ``wait`` is how long a request waits
    for a connection before it is told to come back. ``plans_once``: a prepared statement gets one
    plan for all parameters, by index whatever the statistics say; for queries by key, whose plan
    takes longer to make than to run and may be made while the tables are empty.
    """

    size: int = 8
    overflow: int = 4
    wait: float = 5.0
    connect: int = 10
    lock: int = 15
    statement: int = 60
    idle_in_transaction: int = 30
    plans_once: bool = False


def database_url(url: str) -> URL:
    """Return ``url`` with our driver, whichever spelling of PostgreSQL's scheme it has."""
    return make_url(url).set(drivername=_DRIVER)


def connect_arguments(options: PoolOptions) -> dict[str, object]:
    """What each connection is opened with."""
    settings = {
        "lock_timeout": options.lock,
        "statement_timeout": options.statement,
        "idle_in_transaction_session_timeout": options.idle_in_transaction,
    }
    words = [f"-c {name}={seconds}s" for name, seconds in settings.items()]
    if options.plans_once:
        words += [f"-c {setting}" for setting in PLANS_BY_KEY]
    return {
        "application_name": "provenance",
        "connect_timeout": options.connect,
        # A peer that vanished without a word is noticed within half a minute, whether something
        # is on its way to it or not. One that is there and silent: see provenance.db.watch.
        "tcp_user_timeout": 25_000,  # milliseconds
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": " ".join(words),
    }


def create_engine(url: str, *, options: PoolOptions | None = None) -> AsyncEngine:
    """Engine for the database at ``url``; nothing is connected yet."""
    options = options or PoolOptions()
    # The connection that was used last comes first: its statements are prepared.
    return create_async_engine(
        database_url(url),
        pool_size=options.size,
        max_overflow=options.overflow,
        pool_timeout=options.wait,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        connect_args=connect_arguments(options),
    )


async def check_durability(connection: AsyncConnection) -> None:
    """Make sure that what this server confirms is on disk.

    Raises:
        DurabilityError: fsync, synchronous_commit or full_page_writes is off.

    """
    rows = await connection.execute(
        text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)"),
        {"names": list(_DURABLE)},
    )
    wrong = {name: value for name, value in rows if value not in _DURABLE[name]}
    if wrong:
        raise DurabilityError(wrong)
