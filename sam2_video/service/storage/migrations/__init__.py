"""Migrations of the database: every change of its tables, in order.

To change a table, change the model in `database.py` and add the next revision to `versions/`
(`v0002_....py`, with `down_revision = "0001"`). SQLite cannot alter a column in place, so use
`op.batch_alter_table`. A test holds models and migrations together, another upgrades a database
of version 0.1.0. Databases are never downgraded: a revision has no `downgrade`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from sam2_video.service.settings import SettingsError

SCRIPTS = Path(__file__).parent
BASELINE = "0001"
# Version 0.1.0 made these tables, and recorded no revision.
BASELINE_TABLES = frozenset({"predictions", "files"})


class DatabaseVersionError(SettingsError):
    """The database was made by a newer version, told in one sentence that an operator may see."""


def upgrade(connection: Connection) -> None:
    """Bring the database's tables to the newest revision, in one transaction.

    Args:
        connection: without a transaction under way; its transaction is committed.

    Raises:
        DatabaseVersionError: the database has a revision that this version does not know.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # Altering a table means replacing it, which other tables' references would forbid. The
        # driver begins no transaction for DDL by itself; an immediate one keeps out a second
        # server that starts at the same time.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        _upgrade(connection)
        if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise RuntimeError("a migration broke a reference between tables")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None and set(inspect(connection).get_table_names()) >= BASELINE_TABLES:
        command.stamp(config, BASELINE)
    elif current is not None and current not in known:
        raise DatabaseVersionError(
            f"the database has revision {current}, which this version of sam2-video does not "
            f"know: start a version that is at least as new as the one that used it last"
        )
    command.upgrade(config, "head")
