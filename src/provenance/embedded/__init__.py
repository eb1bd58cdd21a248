"""Starts and guards PostgreSQL and anvil for the default set-up.

Whoever brings a database (``DATABASE_URL``) and a chain (``RPC_URL``) of their own needs nothing
of this package. What it starts is real and durable: a record that was acknowledged survives a
``kill -9`` of every process here.
"""

from provenance.embedded.errors import EmbeddedError
from provenance.embedded.postgres import EmbeddedPostgres, PostgresAddress

__all__ = ["EmbeddedError", "EmbeddedPostgres", "PostgresAddress"]
