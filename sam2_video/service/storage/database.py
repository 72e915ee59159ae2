"""Predictions and files on record, in a database that outlives the server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import enumerate as enumerate_threads
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Select,
    Update,
    delete,
    event,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sam2_video.service.storage.migrations import upgrade

T = TypeVar("T")

_AT_ONCE = 500  # values that one statement may name

SOURCES = {"input_video": "source_id", "input_masks": "masks_id"}
"""The inputs that are files, and the columns of a prediction with the ids of those files."""

FINISHED = ("succeeded", "failed", "canceled", "aborted")
UNFINISHED_EXPORT = ("waiting", "running")
VISITOR = "visitor:"  # what an owner begins with that is a visitor of the page


def now() -> datetime:
    """The time, in UTC and without a zone: what every column of the database holds."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """The tables."""

    type_annotation_map = {  # noqa: RUF012
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, str]]: JSON,
    }


class Prediction(Base):
    """One prediction.

    Attributes:
        number: counts predictions; the queue's order.
        id: the unguessable id that clients know it by.
        owner: a digest of the token that made it, or `VISITOR` and a digest of a cookie.
        version: the version id that it was answered with.
        input: the inputs as clients see them: a data URI has become the URL of a file.
        source_id: the file that `input_video` is; None while it has not been fetched.
        masks_id: the file that `input_masks` is; None also where there are none.
        status: `starting`, `processing`, or one of `FINISHED`; `aborted` is what reached its
            deadline before it began.
        base_url: this server as the client reached it, for URLs in answers and webhooks.
        webhook: the URL that events are sent to; None without a webhook.
        webhook_events: which events are sent.
        webhook_owed: whether the `completed` event has still to be sent.
        deadline: when it is ended if it has not ended by itself; None for never.
        data_removed: whether inputs, outputs and logs have expired.
        project_id: the project that it is a track of; None for what a program made.
        track: what the page asked for: `objects` (ids, in the order of the pixel values) and
            `prompts`; empty unless it is a track.
    """

    __tablename__ = "predictions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str] = mapped_column(index=True)
    version: Mapped[str]
    input: Mapped[dict[str, Any]]
    base_url: Mapped[str]
    source_id: Mapped[str | None] = mapped_column(default=None)
    masks_id: Mapped[str | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(default="starting", index=True)
    logs: Mapped[str] = mapped_column(default="")
    error: Mapped[str | None] = mapped_column(default=None)
    predict_time: Mapped[float | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    completed_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    webhook: Mapped[str | None] = mapped_column(default=None)
    webhook_events: Mapped[list[str]] = mapped_column(default=list)
    webhook_owed: Mapped[bool] = mapped_column(default=False)
    deadline: Mapped[datetime | None] = mapped_column(default=None)
    data_removed: Mapped[bool] = mapped_column(default=False)
    project_id: Mapped[str | None] = mapped_column(default=None, index=True)
    track: Mapped[dict[str, Any]] = mapped_column(default=dict)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINISHED

    @property
    def is_from_page(self) -> bool:
        """Whether a visitor of the page made it, not a program."""
        return self.owner.startswith(VISITOR)

    @property
    def file_ids(self) -> set[str | None]:
        """The ids of the files that its inputs name."""
        return {getattr(self, column) for column in SOURCES.values()}


class StoredFile(Base):
    """One file; its content lies in the blob store under `id`.

    Attributes:
        kind: `upload` (by a client), `inline` (came as a data URI), `source` (fetched from a URL),
            `video` (of a visitor of the page), `unchecked` (one that is not known to be a video
            yet), `output`, `superseded` (an output of an attempt that was not the last), or
            `export` (of an export).
        name: what the client, or the model, calls it; never a path.
        position: for an output, its place in the list of outputs, from 0.
        prediction_id: the prediction that it is an output or an input of, if it goes with it.
        export_id: the export that it is a file of.
    """

    __tablename__ = "files"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(default=0)
    prediction_id: Mapped[str | None] = mapped_column(
        ForeignKey("predictions.id"), default=None, index=True
    )
    export_id: Mapped[str | None] = mapped_column(default=None, index=True)


class Project(Base):
    """A video of a visitor of the page, and what the page keeps of the work on it.

    Attributes:
        id: the unguessable id that the page knows it by.
        video_id: the file of the kind `video`.
        document: the page's own JSON; None until the page has saved it.
        revision: counts what was saved, so that a window with an older one is refused.
        share: the unguessable token with which others get a copy; None while it is not shared.
        changed_at: when it was saved, tracked or exported last.
    """

    __tablename__ = "projects"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str] = mapped_column(index=True)
    video_id: Mapped[str]
    name: Mapped[str]
    document: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    revision: Mapped[int] = mapped_column(default=0)
    share: Mapped[str | None] = mapped_column(unique=True, default=None)
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now)


class Export(Base):
    """Files that are rendered from the masks of a project.

    Attributes:
        objects: the `id` and the `name` of each, in order.
        inputs: of the renderer, checked, without the video.
        status: `waiting`, `running`, `done`, `failed` or `cancelled`.
        frames_done, frames_total: how far it is.
        error: why it failed, in one sentence.
    """

    __tablename__ = "exports"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(index=True)
    owner: Mapped[str]
    title: Mapped[str]
    objects: Mapped[list[dict[str, str]]]
    inputs: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="waiting")
    frames_done: Mapped[int] = mapped_column(default=0)
    frames_total: Mapped[int]
    error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in UNFINISHED_EXPORT


class Output(NamedTuple):
    """The columns of an output that lists need; a prediction may have very many."""

    id: str
    name: str
    position: int
    size: int


_UNFINISHED = Prediction.status.not_in(FINISHED)
_COUNT_UNFINISHED = select(func.count()).where(_UNFINISHED)


class Store:
    """Reads and writes the tables. Records that it returns are copies: change them by `update`."""

    def __init__(self, url: str, clock: Callable[[], datetime] = now) -> None:
        self.now = clock
        self._engine = create_async_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._adding = asyncio.Lock()

    @staticmethod
    def url_in(folder: Path) -> str:
        """The URL of the SQLite database in a folder."""
        return f"sqlite+aiosqlite:///{(folder / 'hosted.db').resolve()}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Store"]:
        """Bring the tables to the newest revision, and close the connections at the end.

        Raises:
            DatabaseVersionError: a newer version has used the database.
        """
        try:
            async with self._engine.connect() as connection:
                await connection.run_sync(upgrade)
        except BaseException:
            await self._engine.dispose()
            # aiosqlite does not wait for the thread of a connection that failed, and the thread's
            # last message needs the event loop.
            for _ in range(100):
                if not any("_connection_worker_thread" in one.name for one in enumerate_threads()):
                    break
                await asyncio.sleep(0.01)
            raise
        try:
            yield self
        finally:
            await self._engine.dispose()

    async def add_file(self, file: StoredFile) -> None:
        """Keep a new file."""
        async with self._writing() as session:
            session.add(file)

    async def add(self, prediction: Prediction, most: int) -> bool:
        """Keep a new prediction, unless so many have not ended; whether it was kept.

        One server uses a database at a time, so its lock keeps any other prediction from being
        added between the count and the insertion.
        """
        async with self._adding, self._writing() as session:
            if (await session.scalar(_COUNT_UNFINISHED) or 0) >= most:
                return False
            session.add(prediction)
        return True

    async def prediction(self, name: str) -> Prediction | None:
        """The prediction of that id."""
        return await self._one(select(Prediction).where(Prediction.id == name))

    async def change(self, name: str, **values: Any) -> bool:
        """Set columns of a prediction that has not ended; whether there is such a one."""
        changed = update(Prediction).where(Prediction.id == name, _UNFINISHED).values(**values)
        return bool(await self._execute(changed))

    async def log(self, name: str, text: str) -> None:
        """Add to a prediction's log."""
        await self.change(name, logs=Prediction.logs + text)

    async def finish(self, name: str, status: str, **values: Any) -> bool:
        """End a prediction, if it has not ended yet; whether this was the end."""
        return await self.change(name, status=status, completed_at=self.now(), **values)

    async def page(
        self,
        owner: str,
        size: int,
        created: tuple[datetime | None, datetime | None] = (None, None),
        *,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Prediction]:
        """Predictions of an owner, newest first.

        Args:
            owner: whose.
            size: how many at most.
            created: only those created from the first time on, and before the second.
            before: only older ones than this number, the newest of them.
            after: only newer ones than this number, the oldest of them.
        """
        found = select(Prediction).where(Prediction.owner == owner).limit(size)
        since, until = created
        if since is not None:
            found = found.where(Prediction.created_at >= since)
        if until is not None:
            found = found.where(Prediction.created_at < until)
        if after is not None:
            found = found.where(Prediction.number > after).order_by(Prediction.number)
        else:
            found = found.order_by(Prediction.number.desc())
        if before is not None:
            found = found.where(Prediction.number < before)
        rows = await self._all(found)
        return rows[::-1] if after is not None else rows

    async def kept(self, owner: str) -> list[Prediction]:
        """Predictions of an owner whose inputs and outputs are still here, oldest first."""
        found = select(Prediction).where(
            Prediction.owner == owner, Prediction.data_removed.is_(False)
        )
        return await self._all(found.order_by(Prediction.number))

    async def project(self, owner: str, name: str) -> Project | None:
        """The project of that id that an owner has."""
        return await self._one(select(Project).where(Project.id == name, Project.owner == owner))

    async def shared_project(self, token: str) -> Project | None:
        """The project that is shared by that token."""
        return await self._one(select(Project).where(Project.share == token))

    async def projects(self, owner: str) -> list[Project]:
        """The projects of an owner, the one that was changed last first."""
        found = select(Project).where(Project.owner == owner)
        return await self._all(found.order_by(Project.changed_at.desc(), Project.number.desc()))

    async def count_projects(self) -> int:
        """How many projects there are on record."""
        return await self._one(select(func.count(Project.number))) or 0

    async def change_project(self, project_id: str, seen: int | None = None, **values: Any) -> bool:
        """Set columns of a project, if it has the revision `seen`; whether it had."""
        which = [Project.id == project_id]
        if seen is not None:
            which.append(Project.revision == seen)
        return bool(await self._execute(update(Project).where(*which).values(**values)))

    async def remove_project(self, name: str) -> None:
        """Remove the record of a project, and those of its exports."""
        async with self._writing() as session:
            await session.execute(delete(Export).where(Export.project_id == name))
            await session.execute(delete(Project).where(Project.id == name))

    async def tracks(self, project_id: str) -> list[Prediction]:
        """The tracks of a project, oldest first."""
        found = select(Prediction).where(
            Prediction.project_id == project_id, Prediction.data_removed.is_(False)
        )
        return await self._all(found.order_by(Prediction.number))

    async def count_tracked(self, owner: str) -> dict[str, int]:
        """By project of an owner, how many frames have a picture of masks."""
        found = (
            select(Prediction.project_id, func.count(StoredFile.name.distinct()))
            .join(StoredFile, StoredFile.prediction_id == Prediction.id)
            .where(
                Prediction.owner == owner,
                Prediction.project_id.is_not(None),
                StoredFile.kind == "output",
                StoredFile.content_type.startswith("image/"),
            )
            .group_by(Prediction.project_id)
        )
        async with self._sessions() as session:
            return {name: count for name, count in await session.execute(found) if name}

    async def export(self, name: str) -> Export | None:
        """The export of that id."""
        return await self._one(select(Export).where(Export.id == name))

    async def exports(self, project_id: str) -> list[Export]:
        """The exports of a project, newest first."""
        found = select(Export).where(Export.project_id == project_id)
        return await self._all(found.order_by(Export.number.desc()))

    async def unfinished_exports(self, owner: str | None = None) -> list[Export]:
        """Exports that have not ended, in their order: an owner's, or all."""
        found = select(Export).where(Export.status.in_(UNFINISHED_EXPORT))
        if owner is not None:
            found = found.where(Export.owner == owner)
        return await self._all(found.order_by(Export.number))

    async def change_export(self, name: str, **values: Any) -> bool:
        """Set columns of an export that has not ended; whether there is such a one."""
        which = Export.id == name, Export.status.in_(UNFINISHED_EXPORT)
        return bool(await self._execute(update(Export).where(*which).values(**values)))

    async def remove_export(self, name: str) -> None:
        """Remove the record of an export."""
        async with self._writing() as session:
            await session.execute(delete(Export).where(Export.id == name))

    async def export_files(self, export_id: str) -> list[StoredFile]:
        """The files of an export, in order."""
        found = select(StoredFile).where(StoredFile.export_id == export_id)
        return await self._all(found.order_by(StoredFile.position))

    async def add_record(self, record: Prediction | Project | Export) -> None:
        """Keep a new project or export, or a prediction that has ended."""
        async with self._writing() as session:
            session.add(record)

    async def unfinished(self) -> list[Prediction]:
        """Predictions that have not ended, in their order."""
        found = select(Prediction).where(_UNFINISHED)
        return await self._all(found.order_by(Prediction.number))

    async def overdue(self) -> list[str]:
        """The ids of predictions that have not ended by their deadline."""
        return await self._all(
            select(Prediction.id).where(_UNFINISHED, Prediction.deadline <= self.now())
        )

    async def waiting_visitors(self) -> list[str]:
        """Visitors of the page who have a prediction or an export that has not ended."""
        tracking = select(Prediction.owner).where(_UNFINISHED, Prediction.owner.startswith(VISITOR))
        exporting = select(Export.owner).where(Export.status.in_(UNFINISHED_EXPORT))
        return await self._all(tracking.union(exporting))  # type: ignore[arg-type]

    async def count_unfinished(self) -> int:
        """How many predictions have not ended."""
        return await self._one(_COUNT_UNFINISHED) or 0

    async def count(self) -> int:
        """How many predictions there are on record."""
        return await self._one(select(func.count(Prediction.number))) or 0

    async def owing_webhooks(self) -> list[Prediction]:
        """Predictions that have ended, but whose webhook has not been told."""
        found = select(Prediction).where(Prediction.webhook_owed.is_(True), ~_UNFINISHED)
        return await self._all(found)

    async def settle_webhook(self, name: str) -> None:
        """Record that the `completed` event of a prediction was sent, or given up."""
        await self._execute(
            update(Prediction).where(Prediction.id == name).values(webhook_owed=False)
        )

    async def file(self, name: str) -> StoredFile | None:
        """The file of that id, if it has not expired."""
        found = select(StoredFile).where(StoredFile.id == name, StoredFile.expires_at > self.now())
        return await self._one(found)

    async def files(self, owner: str, kind: str) -> list[StoredFile]:
        """The files of one kind that an owner has, newest first."""
        found = select(StoredFile).where(
            StoredFile.owner == owner, StoredFile.kind == kind, StoredFile.expires_at > self.now()
        )
        return await self._all(found.order_by(StoredFile.number.desc()))

    async def outputs(self, prediction_id: str, start: int = 0) -> list[Output]:
        """The outputs of a prediction that are here, in order, from a position on."""
        position = StoredFile.position
        found = select(StoredFile.id, StoredFile.name, position, StoredFile.size).where(
            StoredFile.prediction_id == prediction_id,
            StoredFile.kind == "output",
            position >= start,
        )
        async with self._sessions() as session:
            return [Output(*row) for row in await session.execute(found.order_by(position))]

    async def output_at(self, prediction_id: str, position: int) -> StoredFile | None:
        """The output of a prediction at a position."""
        found = select(StoredFile).where(
            StoredFile.prediction_id == prediction_id,
            StoredFile.kind == "output",
            StoredFile.position == position,
        )
        return await self._one(found)

    async def change_file(self, name: str, **values: Any) -> None:
        """Set columns of a file."""
        await self._execute(update(StoredFile).where(StoredFile.id == name).values(**values))

    async def extend_files(self, owner: str, expiry: datetime) -> None:
        """Let the files of an owner expire at another time."""
        await self._execute(
            update(StoredFile).where(StoredFile.owner == owner).values(expires_at=expiry)
        )

    async def supersede_outputs(self, prediction_id: str) -> None:
        """Take the outputs of a prediction off its list; their URLs still work."""
        await self._execute(
            update(StoredFile)
            .where(StoredFile.prediction_id == prediction_id, StoredFile.kind == "output")
            .values(kind="superseded")
        )

    async def file_ids(self, prediction_id: str, kind: str | None = None) -> list[str]:
        """The ids of the files of a prediction: of one kind, or all."""
        found = select(StoredFile.id).where(StoredFile.prediction_id == prediction_id)
        if kind is not None:
            found = found.where(StoredFile.kind == kind)
        return await self._all(found)

    async def stored_bytes(self) -> int:
        """Bytes of all files together."""
        return await self._one(select(func.sum(StoredFile.size))) or 0

    async def all_file_ids(self) -> set[str]:
        """The ids of all files."""
        return set(await self._all(select(StoredFile.id)))

    async def expired_files(self) -> list[str]:
        """The ids of files whose time is over, but for inputs of what has not ended."""
        columns = [getattr(Prediction, column) for column in SOURCES.values()]
        needed = [select(column).where(_UNFINISHED, column.is_not(None)) for column in columns]
        found = select(StoredFile.id).where(
            StoredFile.expires_at <= self.now(), *(StoredFile.id.not_in(ids) for ids in needed)
        )
        return await self._all(found)

    async def forget_files(self, names: Sequence[str]) -> int:
        """Remove the records of files; the bytes that they had."""
        freed = 0
        async with self._writing() as session:
            for start in range(0, len(names), _AT_ONCE):
                some = StoredFile.id.in_(names[start : start + _AT_ONCE])
                freed += await session.scalar(select(func.sum(StoredFile.size)).where(some)) or 0
                await session.execute(delete(StoredFile).where(some))
        return freed

    async def remove_data(self, age: timedelta) -> None:
        """Empty predictions that ended so long ago, and remove a visitor's without a video."""
        is_from_page = Prediction.owner.startswith(VISITOR)
        has_source = select(StoredFile.id).where(StoredFile.id == Prediction.source_id).exists()
        is_old = Prediction.completed_at < self.now() - age
        await self._empty(
            ~_UNFINISHED,
            Prediction.data_removed.is_(False),
            (~is_from_page & is_old) | (is_from_page & ~has_source),
        )
        has_video = select(StoredFile.id).where(StoredFile.id == Project.video_id).exists()
        has_project = select(Project.id).where(Project.id == Export.project_id).exists()
        async with self._writing() as session:
            await session.execute(delete(Project).where(~has_video))
            await session.execute(delete(Export).where(~has_project))

    async def discard(self, name: str) -> None:
        """Empty a prediction that has ended."""
        await self._empty(Prediction.id == name, ~_UNFINISHED)

    async def _empty(self, *which: ColumnElement[bool]) -> None:
        """Remove inputs, logs and errors of predictions."""
        await self._execute(
            update(Prediction)
            .where(*which)
            .values(input={}, logs="", error=None, data_removed=True)
        )

    async def forget_predictions(self, age: timedelta, most: int) -> None:
        """Remove the records of predictions that ended so long ago, or are more than `most`."""
        newest = select(func.max(Prediction.number)).scalar_subquery()
        is_old = Prediction.completed_at.is_not(None) & (
            (Prediction.completed_at < self.now() - age) | (Prediction.number <= newest - most)
        )
        is_old &= Prediction.project_id.is_(None) | Prediction.data_removed
        async with self._writing() as session:
            old = (await session.scalars(select(Prediction.id).where(is_old))).all()
            for start in range(0, len(old), _AT_ONCE):
                some = old[start : start + _AT_ONCE]
                await session.execute(
                    update(StoredFile)
                    .where(StoredFile.prediction_id.in_(some))
                    .values(prediction_id=None, expires_at=self.now())
                )
                await session.execute(delete(Prediction).where(Prediction.id.in_(some)))

    async def _one(self, found: Select[T]) -> T | None:
        async with self._sessions() as session:
            return await session.scalar(found)

    async def _all(self, found: Select[T]) -> list[T]:
        async with self._sessions() as session:
            return list((await session.scalars(found)).all())

    async def _execute(self, statement: Update) -> int:
        """Change rows; how many there were."""
        async with self._writing() as session:
            done = await session.execute(statement)
            return int(done.rowcount)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            yield session


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Readers do not wait for writers, and a crash of this process loses nothing."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
