"""Alembic's environment: runs on the connection that ``provenance.db.migrate`` opened."""

from alembic import context

from provenance.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
