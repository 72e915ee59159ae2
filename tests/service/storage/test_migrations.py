"""The database's tables: made anew, taken over from version 0.1.0, and equal to the models."""

import asyncio
import importlib.util
import json
import shutil
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from setuptools import find_packages
from sqlalchemy import create_engine, text

from sam2_video.service.storage import migrations
from sam2_video.service.storage.database import Base, Prediction, Store, StoredFile
from sam2_video.service.storage.migrations import DatabaseVersionError, upgrade

OLD = Path(__file__).with_name("database_0_1_0.sql")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    """A folder with a database as version 0.1.0 left it."""
    with closing(sqlite3.connect(tmp_path / "hosted.db")) as database:
        database.executescript(OLD.read_text())
    return tmp_path


def test_a_database_of_version_0_1_0_is_read(old_folder: Path) -> None:
    async def read() -> tuple[Prediction | None, StoredFile | None, list[str]]:
        async with Store(Store.url_in(old_folder)).opened() as store:
            prediction = await store.prediction("k3xq2v7m9tnr0c1h8w5zb4dj6f")
            outputs = await store.outputs("k3xq2v7m9tnr0c1h8w5zb4dj6f")
            return prediction, await store.file("a7d0e2c4b6f81935"), [item.id for item in outputs]

    prediction, source, outputs = asyncio.run(read())
    assert prediction is not None
    assert prediction.number == 1
    assert prediction.status == "succeeded"
    assert prediction.input["click_coordinates"] == "[320,180]"
    assert prediction.webhook_events == ["start", "completed"]
    assert prediction.predict_time == 4.25
    assert source is not None
    assert (source.name, source.size) == ("clip.mp4", 482133)
    assert outputs == ["0c1d2e3f4a5b6978"]


def test_an_old_database_takes_new_records_and_opens_again(old_folder: Path) -> None:
    async def add(name: str) -> int:
        async with Store(Store.url_in(old_folder)).opened() as store:
            await store.add(
                Prediction(id=name, owner="o", version="v", input={}, base_url="http://localhost"),
                most=9,
            )
            return await store.count()

    assert asyncio.run(add("second")) == 2
    assert asyncio.run(add("third")) == 3


def test_outputs_keep_their_order(old_folder: Path) -> None:
    """They were ordered by the frame that they show, and are by their place in the list."""
    frames = {"every": [0, 1, 2], "fifth": [10, 0, 5], "vast": [0], "gone": [7]}
    inputs = {"every": {}, "fifth": {"output_frame_interval": 5}, "gone": {}}
    inputs["vast"] = {"output_frame_interval": 10**30}
    with closing(sqlite3.connect(old_folder / "hosted.db")) as database:
        for number, name in enumerate(frames, start=2):
            database.execute(
                "INSERT INTO predictions SELECT ?, ?, owner, version, ?, base_url, source_id, "
                "status, logs, error, predict_time, created_at, started_at, completed_at, "
                "webhook, webhook_events, webhook_owed, data_removed FROM predictions LIMIT 1",
                (number, name, json.dumps(inputs[name])),
            )
            for frame in frames[name]:
                database.execute(
                    "INSERT INTO files SELECT NULL, ?, owner, kind, ?, content_type, size, sha256, "
                    "details, created_at, expires_at, ?, ? FROM files WHERE kind = 'output' "
                    "LIMIT 1",
                    (f"{name}{frame}", f"frame_{frame:05d}.png", frame, name),
                )
        database.commit()

    async def read(name: str) -> list[tuple[str, int]]:
        async with Store(Store.url_in(old_folder)).opened() as store:
            return [(output.name, output.position) for output in await store.outputs(name)]

    assert asyncio.run(read("every")) == [(f"frame_0000{n}.png", n) for n in range(3)]
    assert asyncio.run(read("fifth")) == [
        ("frame_00000.png", 0),
        ("frame_00005.png", 1),
        ("frame_00010.png", 2),
    ]
    assert asyncio.run(read("vast")) == [("frame_00000.png", 0)]
    assert asyncio.run(read("gone")) == [("frame_00007.png", 7)]


def test_outputs_of_earlier_attempts_keep_their_meaning(old_folder: Path) -> None:
    with create_engine(f"sqlite:///{old_folder / 'hosted.db'}").connect() as connection:
        connection.execute(text("UPDATE files SET kind = 'aside' WHERE kind = 'output'"))
        connection.commit()
        upgrade(connection)
        kinds = connection.scalars(text("SELECT kind FROM files ORDER BY kind")).all()
    assert "superseded" in kinds
    assert "aside" not in kinds


@pytest.mark.parametrize("is_old", [True, False], ids=["version 0.1.0", "new"])
def test_the_migrated_tables_are_those_of_the_models(tmp_path: Path, is_old: bool) -> None:
    if is_old:
        with closing(sqlite3.connect(tmp_path / "hosted.db")) as database:
            database.executescript(OLD.read_text())
    with create_engine(f"sqlite:///{tmp_path / 'hosted.db'}").connect() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_the_comparison_sees_a_missing_column(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'hosted.db'}").connect() as connection:
        upgrade(connection)
        connection.execute(text("ALTER TABLE files DROP COLUMN sha256"))
        ((change, _, table, column),) = compare_metadata(
            MigrationContext.configure(connection), Base.metadata
        )
        assert (change, table, column.name) == ("add_column", "files", "sha256")


def test_a_database_of_a_newer_version_is_refused_and_left_alone(old_folder: Path) -> None:
    with create_engine(f"sqlite:///{old_folder / 'hosted.db'}").connect() as connection:
        upgrade(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
        with pytest.raises(DatabaseVersionError, match="has revision 9999"):
            upgrade(connection)
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        assert connection.scalar(text("SELECT count(*) FROM predictions")) == 1


@pytest.fixture
def next_revision(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Adds a revision after the newest one."""

    def add(body: str) -> None:
        scripts = tmp_path_factory.mktemp("migrations") / "scripts"
        shutil.copytree(migrations.SCRIPTS, scripts)
        head = ScriptDirectory(scripts).get_current_head()
        (scripts / "versions" / "next.py").write_text(
            f"from alembic import op\nrevision = 'next'\ndown_revision = {head!r}\n"
            f"def upgrade():\n{textwrap.indent(textwrap.dedent(body), '    ')}"
        )
        monkeypatch.setattr(migrations, "SCRIPTS", scripts)

    return add


def test_an_upgrade_that_fails_changes_nothing(old_folder: Path, next_revision) -> None:
    next_revision("""
        op.drop_index("ix_files_owner", "files")
        op.execute("DELETE FROM files")
        raise OSError("the disk is full")
    """)
    before = _dump(old_folder / "hosted.db")
    with create_engine(f"sqlite:///{old_folder / 'hosted.db'}").connect() as connection:
        with pytest.raises(OSError, match="the disk is full"):
            upgrade(connection)
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    assert _dump(old_folder / "hosted.db") == before


def test_a_revision_may_replace_a_table_that_others_refer_to(
    old_folder: Path, next_revision
) -> None:
    next_revision("""
        with op.batch_alter_table("predictions") as batch:
            batch.alter_column("owner", new_column_name="token")
    """)
    with create_engine(f"sqlite:///{old_folder / 'hosted.db'}").connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        upgrade(connection)
        found = connection.execute(
            text("SELECT p.token, f.size FROM files f JOIN predictions p ON p.id = f.prediction_id")
        )
        assert found.all() == [("9f86d081884c7d65", 91022)]


def test_a_revision_that_breaks_a_reference_is_refused(old_folder: Path, next_revision) -> None:
    next_revision("""op.execute("DELETE FROM predictions")""")
    before = _dump(old_folder / "hosted.db")
    with (
        create_engine(f"sqlite:///{old_folder / 'hosted.db'}").connect() as connection,
        pytest.raises(RuntimeError, match="broke a reference"),
    ):
        upgrade(connection)
    assert _dump(old_folder / "hosted.db") == before


def test_every_revision_is_in_the_wheel() -> None:
    packages = find_packages(str(ROOT), include=["sam2_video*"])
    assert f"{migrations.__name__}.versions" in packages
    assert importlib.util.find_spec(f"{migrations.__name__}.env") is not None


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())
