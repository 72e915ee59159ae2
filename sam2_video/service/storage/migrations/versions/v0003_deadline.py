"""Give predictions a deadline."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("predictions", sa.Column("deadline", sa.DateTime(), nullable=True))
