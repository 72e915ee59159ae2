"""A visitor's projects: a video, what the page keeps of the work on it, tracks and exports."""

import json
from dataclasses import dataclass
from typing import Any

import anyio

from sam2_video.service.errors import RequestError
from sam2_video.service.jobs.queue import JobQueue
from sam2_video.service.page.tracks import pictures_of, track_summary
from sam2_video.service.page.videos import Videos, about
from sam2_video.service.settings import ServiceLimits
from sam2_video.service.storage.database import FINISHED, Prediction, Project, Store, StoredFile
from sam2_video.service.storage.files import Files, StorageFullError
from sam2_video.service.storage.secrets import new_id

MOST_DOCUMENT_BYTES = 256 * 1024
_NOT_SHARED = "This link does not work: the project is not shared."


@dataclass(frozen=True)
class Projects:
    """Makes, saves, shares and removes projects.

    Attributes:
        store: the records.
        files: videos and pictures.
        videos: finds videos.
        queue: runs tracks.
        limits: projects of one visitor, of which the one that was not changed for longest goes;
            and of all visitors.
    """

    store: Store
    files: Files
    videos: Videos
    queue: JobQueue
    limits: ServiceLimits

    async def get(self, owner: str, name: str) -> Project:
        """The project of that id, if the visitor owns it.

        Raises:
            RequestError: 404; whether somebody else has it is not told.
        """
        project = await self.store.project(owner, name)
        if project is None:
            raise RequestError(404, "That project is no longer here.")
        await self.videos.use(owner)
        return project

    async def create(self, video: StoredFile) -> Project:
        """A new project of a video.

        Raises:
            RequestError: the server has too many.
        """
        await self._make_room(video.owner)
        project = Project(
            id=new_id(),
            owner=video.owner,
            video_id=video.id,
            name=video.name,
            created_at=self.store.now(),
            changed_at=self.store.now(),
        )
        await self.store.add_record(project)
        return project

    async def save(
        self, project: Project, revision: int, name: str | None, document: dict[str, Any] | None
    ) -> int:
        """Keep a name, a document, or both; the new revision.

        Raises:
            RequestError: the document is too large, or another window has saved since `revision`.
        """
        values: dict[str, Any] = {"revision": revision + 1, "changed_at": self.store.now()}
        if name is not None:
            printable = "".join(letter for letter in name if letter.isprintable())
            values["name"] = printable.strip() or project.name
        if document is not None:
            try:
                size = len(json.dumps(document, allow_nan=False).encode())
            except (ValueError, RecursionError) as error:
                raise RequestError(422, "The document should be JSON without NaN.") from error
            if size > MOST_DOCUMENT_BYTES:
                raise RequestError(413, "This project has too much in it to be saved.")
            values["document"] = document
        if not await self.store.change_project(project.id, revision, **values):
            raise RequestError(
                409, "Another window has changed this project. Reload to see what it holds now."
            )
        return revision + 1

    async def remove(self, project: Project) -> None:
        """Delete a project with its tracks and exports, and its video unless it has another.

        Exports that are under way are ended before.
        """
        for track in await self.store.tracks(project.id):
            await self.queue.discard(track.id)
        files: list[str] = []
        for export in await self.store.exports(project.id):
            files += [file.id for file in await self.store.export_files(export.id)]
        await self.store.remove_project(project.id)
        others = await self.store.projects(project.owner)
        if project.video_id not in {other.video_id for other in others}:
            files.append(project.video_id)
        await self.files.remove(files)

    async def share(self, project: Project) -> str:
        """The token with which others get a copy; the same until it is withdrawn."""
        token = project.share or new_id()
        await self.store.change_project(project.id, share=token)
        return token

    async def withdraw(self, project: Project) -> None:
        """Share a project no longer; copies stay."""
        await self.store.change_project(project.id, share=None)

    async def copy(self, token: str, owner: str) -> Project:
        """A shared project for another visitor: video, document, tracks; its own for its owner.

        Raises:
            RequestError: it is shared no longer, or there is no room for it.
        """
        original = await self.store.shared_project(token)
        video = None if original is None else await self.store.file(original.video_id)
        if original is None or video is None:
            raise RequestError(404, _NOT_SHARED)
        if original.owner == owner:
            return original
        await self.videos.use(original.owner)
        await self._make_room(owner)
        made: list[str] = []  # of files
        copied: list[Prediction] = []
        try:
            new_video = await self.files.copy(video, owner)
            made.append(new_video.id)
            names: dict[str, str] = {}  # of tracks: in document and prompts, too
            copied = [
                _copied(track, owner, new_video.id, names)
                for track in await self.store.tracks(original.id)
                if track.status != "failed"
            ]
            project = Project(
                id=new_id(),
                owner=owner,
                video_id=new_video.id,
                name=original.name,
                document=_renamed(original.document, names),
                created_at=self.store.now(),
                changed_at=self.store.now(),
            )
            for track in copied:
                track.project_id = project.id
                track.track = _renamed(track.track, names)
                await self.store.add_record(track)
            for old, new in names.items():
                for output in await self.store.outputs(old):
                    file = await self.store.file(output.id)
                    if file is not None:
                        copy = await self.files.copy(file, owner, prediction_id=new)
                        made.append(copy.id)
            await self.store.add_record(project)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self.files.remove(made)
                for track in copied:
                    await self.store.discard(track.id)
            if isinstance(error, StorageFullError):
                raise RequestError(
                    507, "The server has no disk space left. Try again later."
                ) from error
            if await self.store.shared_project(token) is None:  # removed meanwhile
                raise RequestError(404, _NOT_SHARED) from error
            raise
        return project

    async def summaries(self, owner: str) -> list[dict[str, Any]]:
        """A visitor's projects as the start of the page gets them, newest change first."""
        videos = {file.id: file for file in await self.videos.of(owner)}
        counts = await self.store.count_tracked(owner)
        return [
            _summary(project, videos[project.video_id], counts.get(project.id, 0))
            for project in await self.store.projects(owner)
            if project.video_id in videos
        ]

    async def about(self, project: Project) -> dict[str, Any]:
        """A project as the page gets it, but for its exports."""
        video = await self.videos.get(project.owner, project.video_id)
        tracks = [
            track_summary(track, pictures_of(await self.store.outputs(track.id)), video.name)
            for track in await self.store.tracks(project.id)
        ]
        counts = await self.store.count_tracked(project.owner)
        return {
            **_summary(project, video, counts.get(project.id, 0)),
            "document": project.document,
            "revision": project.revision,
            "tracks": tracks,
            "share": project.share,
        }

    async def _make_room(self, owner: str) -> None:
        """Remove a visitor's oldest projects that are not worked on, so that one more fits.

        Raises:
            RequestError: there are too many of all visitors.
        """
        busy = {run.project_id for run in await self.store.kept(owner) if not run.is_finished}
        busy |= {export.project_id for export in await self.store.unfinished_exports(owner)}
        idle = [one for one in await self.store.projects(owner) if one.id not in busy]
        for project in idle[max(0, self.limits.max_visitor_projects - 1) :]:
            await self.remove(project)
        if await self.store.count_projects() >= self.limits.max_projects:
            raise RequestError(507, "The server has no room for more projects. Try again later.")


def _summary(project: Project, video: StoredFile, tracked_frames: int) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "video": about(video),
        "changed_at": f"{project.changed_at.isoformat(timespec='milliseconds')}Z",
        "tracked_frames": tracked_frames,
        "is_shared": project.share is not None,
    }


def _copied(track: Prediction, owner: str, video_id: str, names: dict[str, str]) -> Prediction:
    """A track for another visitor; one that is under way ends with the frames that are here."""
    name = names[track.id] = new_id()
    inputs = {key: value for key, value in track.input.items() if key != "input_masks"}
    return Prediction(
        id=name,
        owner=owner,
        version=track.version,
        input=inputs,
        base_url=track.base_url,
        source_id=video_id,
        status=track.status if track.status in FINISHED else "canceled",
        logs=track.logs,
        predict_time=track.predict_time,
        created_at=track.created_at,
        started_at=track.started_at,
        completed_at=track.completed_at or track.created_at,
        track=track.track,
    )


def _renamed(document: Any, names: dict[str, str]) -> Any:
    """A document in which ids of tracks are replaced; no other text can be equal to one."""
    text = json.dumps(document)
    for old, new in names.items():
        text = text.replace(old, new)
    return json.loads(text)
