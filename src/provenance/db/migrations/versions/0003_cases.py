"""Claims cases: found by the state that their acts leave them in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go one step forward; there is no way back, a backup is."""
    op.create_index(
        "ix_records_cases",
        "records",
        ["log_id", "disposition", "first_index"],
        unique=False,
        postgresql_where=sa.text("kind = 'case'"),
    )
