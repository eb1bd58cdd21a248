"""Erasure: rows that are emptied, by which record, and nothing of them in statistics."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SAID = (
    "statement_head",
    "statement_tail",
    "payload_salt",
    "fields_salt",
    "payload",
    "dedup_key",
    "content_mac",
    "sealed_opening",
)


def upgrade() -> None:
    """Go one step forward; there is no way back, a backup is."""
    op.add_column("records", sa.Column("erased_by", sa.BigInteger(), nullable=True))
    for column in ("dedup_key", "content_mac"):
        op.alter_column("records", column, existing_type=sa.LargeBinary(), nullable=True)
    for table in ("requests", "capture_jobs"):
        op.create_index(
            f"ix_{table}_first_index",
            table,
            ["log_id", "first_index"],
            unique=False,
            postgresql_where=sa.text("count > 0"),
        )
    op.create_index(
        "ix_records_erasures",
        "records",
        ["log_id", "first_index"],
        unique=False,
        postgresql_where=sa.text("kind = 'erasure'"),
    )
    # Nothing is searched by these, and samples of them would be one more copy.
    for column in _SAID:
        op.execute(f"ALTER TABLE records ALTER COLUMN {column} SET STATISTICS 0")
    op.execute("ALTER TABLE entries ALTER COLUMN salt SET STATISTICS 0")
    op.execute("ALTER TABLE requests ALTER COLUMN content_mac SET STATISTICS 0")
