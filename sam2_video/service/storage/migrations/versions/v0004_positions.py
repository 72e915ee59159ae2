"""Order outputs by their position in the list, no longer by the frame that they show."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Rename the column, and divide frames by the interval of their prediction."""
    with op.batch_alter_table("files") as batch:
        batch.alter_column("frame", new_column_name="position")
    predictions = sa.table("predictions", sa.column("id"), sa.column("input", sa.JSON()))
    files = sa.table("files", sa.column("prediction_id"), sa.column("position", sa.Integer()))
    connection = op.get_bind()
    for name, inputs in connection.execute(sa.select(predictions)).all():
        interval = min(inputs.get("output_frame_interval", 1), 10**9)  # what a database can hold
        if interval > 1:
            connection.execute(
                files.update()
                .where(files.c.prediction_id == name)
                .values(position=files.c.position // interval)
            )
