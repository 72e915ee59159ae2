"""Exports: files that are rendered from the masks of a project, beside the queue."""

import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

from zipstream import ZipStream

from sam2_video.core.errors import InputError, OutputError
from sam2_video.core.file_names import MASKS_NAME
from sam2_video.prediction.contract import contract
from sam2_video.prediction.look import Look, look_of
from sam2_video.service.errors import SERVER_FAILED, RequestError
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.outputs import CONTENT_TYPES
from sam2_video.service.jobs.rendering import RenderError, render_masks
from sam2_video.service.net.inputs import INPUT
from sam2_video.service.net.places import Places
from sam2_video.service.net.server_sent import KEEP_ALIVE, server_sent
from sam2_video.service.page.merge import TrackedMasks, owners_of, write_masks
from sam2_video.service.page.requests import ExportRequest
from sam2_video.service.page.tracks import document_of, pictures_of
from sam2_video.service.page.videos import VideoInfo, Videos
from sam2_video.service.page.words import in_words
from sam2_video.service.storage.database import Export, Project, Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files
from sam2_video.service.storage.secrets import new_id
from sam2_video.video.draw_rgb import GREEN, colour_of
from sam2_video.video.pictures import Colour

logger = logging.getLogger(__name__)

INPUTS = (
    "mask_type",
    "annotation_type",
    "output_video",
    "video_format",
    "video_fps",
    "output_format",
    "output_quality",
    "output_frame_interval",
    "separate_objects",
    "keep_audio",
    "output_masks",
    "mask_expand",
    "mask_feather",
    "background_color",
    "start_frame",
    "end_frame",
)
_SECONDS_BETWEEN_REPORTS = 0.15
_KEEP_ALIVE_SECONDS = 10.0
_MOST_UNFINISHED = 5  # of one visitor
_CHUNK = 1 << 20
_LOOKS = {
    "highlighted": "Highlighted",
    "binary": "Matte",
    "greenscreen": "Green screen",
    "alpha": "Transparent",
    "indexed": "Indexed masks",
}
_FORMATS = {"mp4": "MP4", "webm": "WebM", "mov": "ProRes"}


@dataclass(frozen=True)
class Exports:
    """Makes, follows and removes exports.

    Attributes:
        store: the records.
        files: masks and results.
        videos: finds videos.
        notifier: tells of changes.
        folder: for what is made; emptied at the start.
        places: how many are rendered at a time.
        max_seconds: rendering one of them.
        most: exports that a project keeps.
    """

    store: Store
    files: Files
    videos: Videos
    notifier: Notifier[Export]
    folder: Path
    places: Places
    max_seconds: float
    most: int
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take up what had not ended when the server stopped; let go of it at the end."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        for export in await self.store.unfinished_exports():
            await self._remove_files(export.id)
            await self.store.change_export(export.id, status="waiting", frames_done=0)
            self._begin(export, export.owner)
        try:
            yield
        finally:
            for task in list(self._tasks.values()):
                await _end(task)

    async def get(self, owner: str, name: str) -> Export:
        """The export of that id, if the visitor owns it.

        Raises:
            RequestError: 404; whether somebody else has it is not told.
        """
        export = await self.store.export(name)
        if export is None or export.owner != owner:
            raise RequestError(404, "That export is no longer here.")
        await self.videos.use(owner)
        return export

    async def start(self, project: Project, asked: ExportRequest, client: str) -> Export:
        """Start an export.

        Args:
            project: whose masks are rendered.
            asked: objects and inputs.
            client: whose place it takes.

        Raises:
            RequestError: an input is wrong, masks are missing, or too much is under way.
        """
        video = await self.videos.get(project.owner, project.video_id)
        info = VideoInfo.of(video)
        inputs, look = _checked(asked.inputs, info, video.name)
        frames = range(inputs["start_frame"], inputs["end_frame"] + 1)
        _check_tracked(await self._tracks(project), asked, frames)
        export = Export(
            id=new_id(),
            project_id=project.id,
            owner=project.owner,
            title=_title(look),
            objects=[{"id": one.id, "name": one.name} for one in asked.objects],
            inputs=inputs,
            frames_total=len(frames),
            created_at=self.store.now(),
        )
        async with self._starting:
            if len(await self.store.unfinished_exports(project.owner)) >= _MOST_UNFINISHED:
                raise RequestError(
                    409, "Some exports of yours are under way. Wait for one of them."
                )
            await self.store.add_record(export)
        await self.store.change_project(project.id, changed_at=self.store.now())
        self._begin(export, client)
        finished = [one for one in await self.store.exports(project.id) if one.is_finished]
        for old in finished[max(0, self.most - 1) :]:
            await self.remove(old)
        return export

    async def cancel(self, export: Export) -> Export:
        """Stop an export; when this returns it has ended, and nothing of it is left."""
        if await self.store.change_export(export.id, status="cancelled"):
            self.notifier.notify(export.id)
            if task := self._tasks.get(export.id):
                await _end(task)
            await self._remove_files(export.id)
        return await self.get(export.owner, export.id)

    async def remove(self, export: Export) -> None:
        """Delete an export and its files."""
        await self.cancel(export)
        await self._remove_files(export.id)
        await self.store.remove_export(export.id)

    async def cancel_all(self, project: Project) -> None:
        """Stop all exports of a project."""
        for export in await self.store.exports(project.id):
            await self.cancel(export)

    async def file(self, export: Export, name: str) -> StoredFile:
        """The file of that name.

        Raises:
            RequestError: there is none.
        """
        for file in await self.store.export_files(export.id):
            if file.name == name and export.status == "done":
                return file
        raise RequestError(404, "There is no such file in this export.")

    async def archive(self, export: Export) -> ZipStream:
        """All files as a zip that is made while it is sent; pictures of objects are in folders.

        Returns:
            Iterable of bytes; its `len` is the archive's size in bytes. Pictures and video are
            compressed already, and stored as they are.

        Raises:
            RequestError: it is not done.
        """
        if export.status != "done":
            raise RequestError(404, "This export has no files.")
        archive = ZipStream(sized=True)
        for file in await self.store.export_files(export.id):
            name = file.details.get("in_archive", file.name)
            archive.add(self.files.chunks(file.id), name, size=file.size)
        return archive

    async def about_all(self, project: Project) -> list[dict[str, Any]]:
        """The exports of a project as the page gets them, newest first."""
        return [await self.about(export) for export in await self.store.exports(project.id)]

    async def about(self, export: Export) -> dict[str, Any]:
        """An export as the page gets it."""
        files: Sequence[StoredFile] = ()
        if export.status == "done":
            files = await self.store.export_files(export.id)
        return {
            "id": export.id,
            "title": export.title,
            "objects": export.objects,
            "inputs": export.inputs,
            "status": export.status,
            "frames_done": export.frames_done,
            "frames_total": export.frames_total,
            "error": export.error and {"sentence": export.error, "field": None},
            "files": [
                {
                    "name": file.name,
                    "size": file.size,
                    "url": f"/api/exports/{export.id}/files/{quote(file.name, safe='')}",
                    "media_type": file.content_type,
                }
                for file in files
            ],
            "created_at": f"{export.created_at.isoformat(timespec='milliseconds')}Z",
        }

    async def events(self, export: Export) -> AsyncIterator[str]:
        """Server-sent events with an export, from now to its end."""
        async for one in self.notifier.follow(export.id, _KEEP_ALIVE_SECONDS):
            yield KEEP_ALIVE if one is None else server_sent(json.dumps(await self.about(one)))
            await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)  # several changes make one report

    def _begin(self, export: Export, client: str) -> None:
        task = asyncio.create_task(self._run(export, client))
        self._tasks[export.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(export.id, None))

    async def _run(self, export: Export, client: str) -> None:
        try:
            async with self.places.held(client):
                await self._change(export, status="running")
                async with asyncio.timeout(self.max_seconds):
                    await self._make(export)
            if not await self._change(export, status="done", frames_done=export.frames_total):
                await self._remove_files(export.id)  # its project was removed meanwhile
        except (RenderError, InputError, OutputError, RequestError, FileRefusedError) as error:
            sentence = f"A file {error}" if isinstance(error, FileRefusedError) else str(error)
            await self._fail(export, in_words(sentence, "The video"))
        except TimeoutError:
            await self._fail(
                export,
                f"This took longer than the {self.max_seconds:g} seconds allowed. Export a shorter "
                "range.",
            )
        except Exception:
            logger.exception("export %s", export.id)
            await self._fail(export, SERVER_FAILED)

    async def _make(self, export: Export) -> None:
        """Merge, render, keep.

        Raises:
            RenderError, InputError, OutputError, FileRefusedError, RequestError: see there.
        """
        project = await self._project(export)
        video = await self.videos.get(export.owner, project.video_id)
        frames = range(export.inputs["start_frame"], export.inputs["end_frame"] + 1)
        tracks, objects = await self._tracks(project), _coloured(export, project)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        masks, stop = folder / MASKS_NAME, Event()

        def content(name: str) -> bytes:
            try:
                return b"".join(self.files.chunks(name))
            except FileNotFoundError as error:
                raise RequestError(
                    404, "Masks of this export were removed meanwhile. Export it again."
                ) from error

        async def advance(done: int) -> None:
            await self._change(export, frames_done=done)

        try:
            info = VideoInfo.of(video)
            work = asyncio.to_thread(
                write_masks, masks, tracks, objects, frames, info, content, stop
            )
            await _finished(work, stop)
            async with self.files.local_path(video.id) as clip:
                paths = await render_masks(
                    clip, masks, folder, export.inputs, advance, self.files.room
                )
            for position, path in enumerate(paths):
                await self._keep(export, position, path, clip.stem)
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def _keep(self, export: Export, position: int, path: Path, stem: str) -> None:
        """Keep one file; pictures that lie in the folder of their object get its name before."""
        parent = path.parent.name
        name, in_archive = path.name, path.name
        if parent != stem:
            name, in_archive = f"{parent}_{name}", f"{parent}/{name}"
        file = StoredFile(
            owner=export.owner,
            kind="export",
            name=name,
            content_type=CONTENT_TYPES[path.suffix[1:]],
            position=position,
            export_id=export.id,
            details={"in_archive": in_archive},
        )

        async def chunks() -> AsyncIterator[bytes]:
            with path.open("rb") as opened:
                while chunk := await asyncio.to_thread(opened.read, _CHUNK):
                    yield chunk

        await self.files.keep(chunks(), file)

    async def _tracks(self, project: Project) -> list[TrackedMasks]:
        """The masks of a project, oldest first."""
        tracks = []
        for track in await self.store.tracks(project.id):
            outputs = await self.store.outputs(track.id)
            first = track.input["start_frame"]
            pictures = {first + one.position: one.id for one in pictures_of(outputs)}
            masks = document_of(outputs)
            if pictures:
                masks_id = masks.id if masks else None
                tracks.append(TrackedMasks(track.track["objects"], pictures, masks_id))
        return tracks

    async def _project(self, export: Export) -> Project:
        project = await self.store.project(export.owner, export.project_id)
        if project is None:
            raise RequestError(404, "That project is no longer here.")
        return project

    async def _change(self, export: Export, **values: Any) -> bool:
        """Set columns of an export, and tell of it; whether it had not ended."""
        has_changed = await self.store.change_export(export.id, **values)
        self.notifier.notify(export.id)
        return has_changed

    async def _fail(self, export: Export, sentence: str) -> None:
        await self._remove_files(export.id)
        await self._change(export, status="failed", error=sentence)

    async def _remove_files(self, name: str) -> None:
        await self.files.remove([file.id for file in await self.store.export_files(name)])


def _checked(
    given: dict[str, Any], video: VideoInfo, video_name: str
) -> tuple[dict[str, Any], Look]:
    """The inputs of the renderer, complete, and the look that they make.

    Raises:
        RequestError: one is wrong.
    """
    for name in given:
        if name not in INPUTS:
            raise RequestError(422, f"{name[:60]} is not an option of an export.")
    known = contract().normalized(given)
    for problem in contract().problems({INPUT: "", "click_coordinates": "", **known}):
        sentence = in_words(problem.sentence, video_name)
        raise RequestError.of_field(problem.name, sentence, problem.rule)
    inputs: dict[str, Any] = {
        name: known.get(name, contract().inputs[name].default) for name in INPUTS
    }
    if video.num_frames == 1:
        inputs["output_video"] = False  # a picture gives a picture
    last = video.num_frames - 1
    if inputs["end_frame"] == -1:
        inputs["end_frame"] = last
    if not 0 <= inputs["start_frame"] <= inputs["end_frame"] <= last:
        raise RequestError(
            422,
            f"The frames {inputs['start_frame'] + 1} to {inputs['end_frame'] + 1} are no range of "
            f"the video, which has the frames 1 to {last + 1}.",
        )
    try:
        return inputs, look_of(inputs)
    except InputError as error:
        field = str(error).partition(" ")[0]
        raise RequestError.of_field(field, in_words(str(error), video_name)) from error


def _check_tracked(tracks: Sequence[TrackedMasks], asked: ExportRequest, frames: range) -> None:
    """Check that every frame has masks, and every object is tracked somewhere.

    Raises:
        RequestError: one has not; the sentence says what to do.
    """
    tracked: set[int] = set()
    for one in asked.objects:
        owners = owners_of(tracks, one.id, range(2**31))
        if not owners:
            raise RequestError(422, f"{one.name} is not tracked yet. Track it, or hide it.")
        tracked.update(owners)
    missing = [frame for frame in frames if frame not in tracked]
    if not missing:
        return
    if len(missing) == len(frames):
        raise RequestError(422, "No frame of the range is tracked yet. Track it first.")
    first = last = missing[0]
    while last + 1 < frames.stop and last + 1 not in tracked:
        last += 1
    if first == last:
        subject, them = f"Frame {first + 1} is", "it"
    else:
        subject, them = f"Frames {first + 1} to {last + 1} are", "them"
    way = f"start the range at frame {last + 2}"
    if first > frames.start:
        way = f"end the range at frame {first}"
    raise RequestError(422, f"{subject} not tracked yet. Track {them}, or {way}.")


def _coloured(export: Export, project: Project) -> list[tuple[str, str, Colour]]:
    """Id, name and colour of each object: colours go by the places among all of the project's."""
    known = (project.document or {}).get("objects")
    ids = (
        [one.get("id") for one in known if isinstance(one, dict)] if isinstance(known, list) else []
    )
    ids += [one["id"] for one in export.objects if one["id"] not in ids]
    return [(one["id"], one["name"], colour_of(ids.index(one["id"]))) for one in export.objects]


def _title(look: Look) -> str:
    kind = _LOOKS[look.mask_type]
    if look.mask_type == "greenscreen" and look.background != GREEN:
        kind = "Colour background"
    form = _FORMATS[look.video_format] if look.video_format else f"{look.suffix.upper()} pictures"
    return f"{kind}, {form}{', each object apart' if look.is_separate else ''}"


async def _finished(work: Awaitable[None], stop: Event) -> None:
    """Wait for a thread; if the waiting is cancelled, stop the thread and wait for its end."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        task.exception()  # read, or asyncio logs it
        raise


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
