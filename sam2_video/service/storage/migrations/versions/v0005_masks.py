"""Give predictions a second input that is a file: `input_masks`."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("predictions", sa.Column("masks_id", sa.String(), nullable=True))
