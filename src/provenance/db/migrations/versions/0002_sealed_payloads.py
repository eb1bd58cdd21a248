"""Sealed payloads and documents."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go one step forward; there is no way back, a backup is."""
    # Columns without a default are added without rewriting the table.
    op.add_column("records", sa.Column("sealed_path", sa.Text(), nullable=True))
    op.add_column("records", sa.Column("sealed_segment", sa.Text(), nullable=True))
    op.add_column("records", sa.Column("sealed_slot", sa.Integer(), nullable=True))
    op.add_column("records", sa.Column("sealed_opening", sa.LargeBinary(), nullable=True))
    op.add_column("records", sa.Column("supersedes", sa.BigInteger(), nullable=True))
    op.add_column("records", sa.Column("describes", sa.BigInteger(), nullable=True))
    for name, columns, given in (
        ("ix_records_supersedes", ["log_id", "supersedes"], "supersedes"),
        ("ix_records_describes", ["log_id", "describes"], "describes"),
        ("ix_records_sealed_path", ["sealed_path"], "sealed_path"),
        ("ix_records_sealed_segment", ["sealed_segment"], "sealed_segment"),
    ):
        op.create_index(
            name, "records", columns, unique=False, postgresql_where=f"{given} IS NOT NULL"
        )
