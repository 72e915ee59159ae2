"""Name outputs of an attempt that was not the last `superseded`."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rename the kind."""
    files = sa.table("files", sa.column("kind", sa.String()))
    op.execute(files.update().where(files.c.kind == "aside").values(kind="superseded"))
