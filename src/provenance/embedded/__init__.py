"""Starts and guards PostgreSQL and anvil for the default set-up.

Whoever brings a database (``DATABASE_URL``) and a chain (``RPC_URL``) of their own needs nothing
of this package. What it starts is real and durable: a record that was acknowledged survives a
``kill -9`` of every process here.
"""

from provenance.embedded.anvil import ChainAddress, EmbeddedAnvil
from provenance.embedded.errors import EmbeddedError
from provenance.embedded.postgres import EmbeddedPostgres, PostgresAddress
from provenance.embedded.snapshots import DurableBlock, durable_block

__all__ = [
    "ChainAddress",
    "DurableBlock",
    "EmbeddedAnvil",
    "EmbeddedError",
    "EmbeddedPostgres",
    "PostgresAddress",
    "durable_block",
]
