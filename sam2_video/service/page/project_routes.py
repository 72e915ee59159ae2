"""The routes of projects, of their tracks and of their exports."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sam2_video.core.file_names import MASKS_NAME, VIDEO_NAME
from sam2_video.service.errors import NO_WORKER, RequestError
from sam2_video.service.jobs.container_client import (
    WorkerBusyError,
    WorkerLostError,
    WorkerRefusedError,
    WorkerUnavailableError,
)
from sam2_video.service.jobs.containers import Containers
from sam2_video.service.jobs.preview import PreviewError, Previews
from sam2_video.service.net.bodies import is_large, read_body
from sam2_video.service.net.file_response import send_content
from sam2_video.service.net.origin import own_urls
from sam2_video.service.net.places import Places
from sam2_video.service.net.server_sent import event_stream
from sam2_video.service.page.exports import Exports
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.lanes import Lanes
from sam2_video.service.page.projects import MOST_DOCUMENT_BYTES, Projects
from sam2_video.service.page.prompts import (
    check_count,
    check_places,
    data_uri,
    mask_picture,
    strings_of,
    with_inner_points,
)
from sam2_video.service.page.requests import (
    ExportRequest,
    ProjectRequest,
    PromptRequest,
    SaveRequest,
    TrackRequest,
)
from sam2_video.service.page.routes import MAX_JSON, NEVER
from sam2_video.service.page.tracks import Tracks
from sam2_video.service.page.videos import VideoInfo, Videos, frame_of, number_of
from sam2_video.service.page.visitors import client_of, unless_left, visitor_of
from sam2_video.service.page.words import in_words
from sam2_video.service.settings import Settings
from sam2_video.service.storage.database import Export, Prediction, Project
from sam2_video.service.storage.files import Files

logger = logging.getLogger(__name__)

_MAX_SAVE = MOST_DOCUMENT_BYTES * 8  # escapes and white space do not count
_MAX_TRACK = 2**22

_LOOKS = {
    "highlighted": "highlight",
    "alpha": "cutout",
    "greenscreen": "background",
    "binary": "matte",
    "indexed": "objects",
}


@dataclass(frozen=True)
class ProjectRoutes:
    """These routes, and what they need."""

    settings: Settings
    containers: Containers
    previews: Previews
    files: Files
    videos: Videos
    projects: Projects
    tracks: Tracks
    lanes_of: Lanes
    exports: Exports
    pictures: Pictures
    reading: Places
    reading_masks: Places

    # Projects.

    async def create(self, request: Request) -> Response:
        """Make a project of a video."""
        given = await read_body(request, ProjectRequest)
        video = await self.videos.get(visitor_of(request), given.video)
        return await self._answer(await self.projects.create(video), 201)

    async def project(self, request: Request) -> Response:
        """A project and everything in it."""
        return await self._answer(await self._project(request))

    async def save(self, request: Request) -> Response:
        """Keep the name, the document, or both."""
        project = await self._project(request)
        given = await read_body(request, SaveRequest)
        revision = await self.projects.save(project, given.revision, given.name, given.document)
        return JSONResponse({"revision": revision})

    async def remove(self, request: Request) -> Response:
        """Delete a project."""
        project = await self._project(request)
        await self.exports.cancel_all(project)
        await self.projects.remove(project)
        return Response(status_code=204)

    async def share(self, request: Request) -> Response:
        """Let others copy a project."""
        token = await self.projects.share(await self._project(request))
        return JSONResponse({"share": token}, headers=NEVER)

    async def withdraw(self, request: Request) -> Response:
        """Let nobody copy a project any more."""
        await self.projects.withdraw(await self._project(request))
        return Response(status_code=204)

    async def copy(self, request: Request) -> Response:
        """Copy a shared project for the visitor."""
        async with self.reading_masks.held(client_of(request)):
            copying = self.projects.copy(request.path_params["token"], visitor_of(request))
            project = await unless_left(request, copying)
        return await self._answer(project, 201)

    # Masks.

    async def mask(self, request: Request) -> Response:
        """The mask of one object on one frame, from what is given of it there."""
        project = await self._project(request)
        given = await read_body(request, PromptRequest)
        file = await self.videos.get(project.owner, project.video_id)
        index, info = frame_of(file, given.frame), VideoInfo.of(file)
        check_count([given], self.settings.video_limits)
        check_places(given, info)
        if not given.is_start:
            raise RequestError(422, "Mark the object first: these points are not part of it.")
        client = client_of(request)
        masks = {}
        if given.mask_of:
            async with self.reading_masks.held(client):
                begun = await self.tracks.mask(project, given, info)
                picture_begun = await asyncio.to_thread(mask_picture, {1: begun})
                given = await asyncio.to_thread(with_inner_points, given, begun)
            masks["input_masks"] = data_uri(picture_begun, "image/png")
        inputs = strings_of([given.model_copy(update={"frame": 0})]) | masks

        async def made() -> bytes:
            async with self.videos.opened(file, client) as video:
                picture, media_type = await self.pictures.exact(video, index, client)
            return await self.previews.mask(picture, media_type, inputs)

        try:
            mask = await unless_left(request, made())
        except WorkerBusyError as error:
            if await self.containers.health() == "STARTING":
                raise RequestError(503, "The model is starting.") from error
            busy = {"sentence": "The model is busy.", "field": None, "busy": True}
            return JSONResponse(busy, status_code=409)
        except WorkerUnavailableError as error:
            logger.warning("a preview found no worker alive: %s", error)
            raise RequestError(503, NO_WORKER) from error
        except WorkerLostError as error:
            # Not 503, after which the page asks again: this prompt may be what ends workers.
            raise RequestError(502, f"The worker was lost: {error}.") from error
        except (WorkerRefusedError, PreviewError) as error:
            raise RequestError(422, in_words(str(error), file.name)) from error
        return Response(mask, media_type="image/png", headers=NEVER)

    # Tracks.

    async def track(self, request: Request) -> Response:
        """Start a track."""
        client = client_of(request)
        project = await self._project(request)
        async with self.reading.held(client) if is_large(request) else nullcontext():
            given = await read_body(request, TrackRequest)
        track = await self.tracks.start(project, given, own_urls(request, self.settings), client)
        return JSONResponse(await self.tracks.about(track), status_code=201)

    async def track_events(self, request: Request) -> Response:
        """Follow a track, from its beginning to its end."""
        return event_stream(self.tracks.events(await self._track(request)))

    async def cancel_track(self, request: Request) -> Response:
        """Stop a track."""
        track = await self.tracks.cancel(await self._track(request))
        return JSONResponse(await self.tracks.about(track))

    async def track_frame(self, request: Request) -> Response:
        """The indexed picture of a frame."""
        track = await self._track(request)
        file = await self.tracks.picture(track, number_of(request.path_params["index"]))
        return send_content(request, self.files, file)

    async def lanes(self, request: Request) -> Response:
        """Where the objects of a track are in sight."""
        track = await self._track(request)
        video = await self.videos.get(track.owner, track.source_id or "")
        reading = self.lanes_of.of(track, VideoInfo.of(video), client_of(request))
        try:
            return JSONResponse(await unless_left(request, reading), headers=NEVER)
        except TimeoutError as error:
            raise RequestError(503, "Reading the masks takes too long.") from error

    # Exports.

    async def export(self, request: Request) -> Response:
        """Start an export."""
        project = await self._project(request)
        given = await read_body(request, ExportRequest)
        export = await self.exports.start(project, given, client_of(request))
        return JSONResponse(await self.exports.about(export), status_code=201)

    async def export_events(self, request: Request) -> Response:
        """Follow an export to its end."""
        return event_stream(self.exports.events(await self._export(request)))

    async def cancel_export(self, request: Request) -> Response:
        """Stop an export."""
        export = await self.exports.cancel(await self._export(request))
        return JSONResponse(await self.exports.about(export))

    async def remove_export(self, request: Request) -> Response:
        """Delete an export."""
        await self.exports.remove(await self._export(request))
        return Response(status_code=204)

    async def export_file(self, request: Request) -> Response:
        """One file of an export; to be saved by the browser where `download` is given."""
        export = await self._export(request)
        file = await self.exports.file(export, request.path_params["name"])
        answer = send_content(request, self.files, file)
        if "download" in request.query_params:
            name = await self._download_name(export, file.name)
            answer.headers["content-disposition"] = _attachment(name)
        return answer

    async def archive(self, request: Request) -> Response:
        """All files of an export, as one zip."""
        export = await self._export(request)
        archive = await self.exports.archive(export)
        headers = {
            "content-disposition": _attachment(await self._download_name(export, ".zip")),
            "content-length": str(len(archive)),
            **NEVER,
        }
        return StreamingResponse(archive, media_type="application/zip", headers=headers)

    async def _download_name(self, export: Export, name: str) -> str:
        """What a visitor gets a file as: `clip_cutout.mov`, `clip_matte_frame_00004.png`."""
        project = await self.projects.get(export.owner, export.project_id)
        clip = PurePath(project.name).stem
        if name == MASKS_NAME:
            return f"{clip}_{MASKS_NAME}"
        rest = name.removeprefix(VIDEO_NAME)
        start = f"{clip}_{_LOOKS[export.inputs['mask_type']]}"
        return start + rest if rest[:1] in "._" else f"{start}_{rest}"

    async def _answer(self, project: Project, status: int = 200) -> Response:
        found = await self.projects.about(project)
        exports = await self.exports.about_all(project)
        return JSONResponse({**found, "exports": exports}, status, headers=NEVER)

    async def _project(self, request: Request) -> Project:
        return await self.projects.get(visitor_of(request), request.path_params["project"])

    async def _track(self, request: Request) -> Prediction:
        return await self.tracks.get(visitor_of(request), request.path_params["track"])

    async def _export(self, request: Request) -> Export:
        return await self.exports.get(visitor_of(request), request.path_params["export"])

    def routes(self) -> list[BaseRoute]:
        """The routes by path."""
        project, track = "/api/projects/{project}", "/api/tracks/{track}"
        export = "/api/exports/{export}"

        def post(
            path: str, answer: Callable[[Request], Awaitable[Response]], most: int = MAX_JSON
        ) -> Route:
            return Route(path, answer, methods=["POST"], max_body_size=most)

        return [
            post("/api/projects", self.create),
            Route(project, self.project, methods=["GET"]),
            Route(project, self.save, methods=["PUT"], max_body_size=_MAX_SAVE),
            Route(project, self.remove, methods=["DELETE"]),
            post(f"{project}/share", self.share),
            Route(f"{project}/share", self.withdraw, methods=["DELETE"]),
            post("/api/shared/{token}", self.copy),
            post(f"{project}/mask", self.mask),
            post(f"{project}/tracks", self.track, _MAX_TRACK),
            Route(f"{track}/events", self.track_events),
            post(f"{track}/cancel", self.cancel_track),
            Route(f"{track}/frames/{{index}}", self.track_frame),
            Route(f"{track}/lanes", self.lanes),
            post(f"{project}/exports", self.export),
            Route(f"{export}/events", self.export_events),
            post(f"{export}/cancel", self.cancel_export),
            Route(f"{export}/files/{{name}}", self.export_file),
            Route(f"{export}/zip", self.archive),
            Route(export, self.remove_export, methods=["DELETE"]),
        ]


def _attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
