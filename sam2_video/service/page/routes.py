"""What the page's server answers to."""

import asyncio
import json
import time
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sam2_video.service.page import clicks_view, runs, uploads
from sam2_video.service.page.archive import zip_stream
from sam2_video.service.page.container import MAX_INLINE_BYTES, BusyError, Container, InlineFile
from sam2_video.service.page.errors import PageError
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.library import Disk, Library, StoredVideo
from sam2_video.service.page.runs import Run
from sam2_video.service.page.settings import Settings
from sam2_video.video.draw_rgb import PALETTE

STATIC = Path(__file__).parent / "static"
_MAX_JSON = 2**20
_FOREVER = {"cache-control": "private, max-age=86400, immutable"}
_NEVER = {"cache-control": "no-store"}

Result = TypeVar("Result")


class Page:
    """What the routes share while the server runs."""

    disk: Disk
    videos: Library[StoredVideo]
    runs: Library[Run]
    pictures: Pictures
    container: Container

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(
        self,
        *,
        disk: Disk,
        videos: Library[StoredVideo],
        runs: Library[Run],
        pictures: Pictures,
        container: Container,
    ) -> None:
        """Take what was made for this start of the server."""
        self.disk, self.videos, self.runs = disk, videos, runs
        self.pictures, self.container = pictures, container

    def sweep(self) -> None:
        """Delete what nobody has used for a time."""
        in_use = {run.video_id for run in self.runs if run.is_busy}
        for video in self.videos:
            if video.id in in_use:
                video.touched = time.monotonic()
        self.runs.sweep(self.settings.keep_seconds)
        before = {video.id for video in self.videos}
        self.videos.sweep(self.settings.keep_seconds)
        for gone in before - {video.id for video in self.videos}:
            self.pictures.forget(gone)

    def make_room(self, owner: str) -> None:
        """Delete a visitor's oldest videos, so that one more is not too many."""
        in_use = {run.video_id for run in self.runs.of(owner) if run.is_busy}
        old = [v for v in self.videos.of(owner) if v.id not in in_use and not v.is_busy]
        for video in old[: max(0, len(old) + 1 - self.settings.max_videos)]:
            for run in self.runs.of(owner):
                if run.video_id == video.id:
                    self.runs.remove(run)
            self.videos.remove(video)
            self.pictures.forget(video.id)

    # The page and what it starts with.

    async def index(self, _: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def schema(self, _: Request) -> Response:
        """The container's schema, from which the form is built."""
        return JSONResponse(await self.container.schema(), headers=_NEVER)

    async def status(self, _: Request) -> Response:
        """How the container is."""
        return JSONResponse({"status": await self.container.status()}, headers=_NEVER)

    async def start(self, request: Request) -> Response:
        """What the page needs to know, and what this visitor has here already."""
        owner = _visitor(request)
        settings = self.settings
        return JSONResponse(
            {
                "api": settings.api,
                "palette": [f"rgb({r} {g} {b})" for r, g, b in PALETTE.tolist()],
                "has_example": settings.example is not None,
                "max_upload_bytes": settings.limits.max_video_bytes,
                "max_inline_bytes": MAX_INLINE_BYTES,
                "keep_minutes": round(settings.keep_seconds / 60),
                "videos": [_about(v) for v in self.videos.of(owner) if v.video],
                "runs": [run.summary() for run in self.runs.of(owner)],
            },
            headers=_NEVER,
        )

    # Videos.

    async def upload(self, request: Request) -> Response:
        """Take a video as the body of the request."""
        owner, limits = _visitor(request), self.settings.limits
        uploads.check_size(_content_length(request), limits)
        self.make_room(owner)
        name = request.query_params.get("name", "video")
        item = await uploads.receive(self.videos, owner, name, request.stream(), limits)
        return JSONResponse(_about(item), status_code=201)

    async def fetch(self, request: Request) -> Response:
        """Fetch a video from an address."""
        owner = _visitor(request)
        given = await _json(request)
        self.make_room(owner)
        item = await uploads.fetch(
            self.videos, owner, str(given.get("address", "")), self.disk, self.settings.limits
        )
        return JSONResponse(_about(item), status_code=201)

    async def example(self, request: Request) -> Response:
        """Give the visitor the example clip, as if it had been uploaded."""
        path = self.settings.example
        if path is None:
            raise HTTPException(404, "There is no example here.")
        owner = _visitor(request)
        self.make_room(owner)
        limits = self.settings.limits
        item = await uploads.receive(self.videos, owner, path.name, _file_chunks(path), limits)
        return JSONResponse(_about(item), status_code=201)

    async def video(self, request: Request) -> Response:
        """What is known of a video."""
        return JSONResponse(_about(self._video(request)), headers=_NEVER)

    async def remove_video(self, request: Request) -> Response:
        """Delete a video."""
        item = self._video(request)
        if any(run.is_busy for run in self.runs if run.video_id == item.id):
            raise PageError("This video is being worked on. Cancel the run first.", status=409)
        self.videos.remove(item)
        self.pictures.forget(item.id)
        return Response(status_code=204)

    async def source(self, request: Request) -> Response:
        """The file, for the visitor's player."""
        item = self._video(request)
        return FileResponse(item.path, media_type=uploads.media_type_of(item), headers=_FOREVER)

    async def source_for_container(self, request: Request) -> Response:
        """The file, for whoever knows its token: the container."""
        token = request.path_params["token"]
        for item in self.videos:
            if item.video is not None and item.token == token:
                return FileResponse(item.path, media_type="application/octet-stream")
        raise HTTPException(404, "There is no such file.")

    async def frame(self, request: Request) -> Response:
        """One frame, by its number."""
        item = self._video(request)
        index = _frame_of(item, request.path_params["index"])
        picture = await self.pictures.shown(item, index)
        return Response(picture, media_type="image/jpeg", headers=_FOREVER)

    # The model.

    async def clicks(self, request: Request) -> Response:
        """Read the click strings by the model's rules."""
        given = await _json(request)
        item = self.videos.get(_visitor(request), given["video"]) if given.get("video") else None
        video = item.video if item else None
        return JSONResponse(clicks_view.view(given, video, self.settings.limits))

    async def mask(self, request: Request) -> Response:
        """The mask of one object on one frame, from its clicks there."""
        item = self._video(request)
        given = await _json(request)
        index = _frame_of(item, given.get("frame"))
        picture = await self.pictures.exact(item, index)
        strings = {
            "click_coordinates": json.dumps(given.get("points"))[1:-1],
            "click_labels": ",".join(str(label) for label in given.get("labels") or []),
            "click_frames": "0",
            "click_object_ids": "preview",
        }
        try:
            mask = await _unless_left(request, self.container.mask(picture, strings))
        except BusyError:
            return JSONResponse({"busy": True}, status_code=409)
        return Response(mask, media_type="image/png", headers=_NEVER)

    async def start_run(self, request: Request) -> Response:
        """Start a run."""
        owner = _visitor(request)
        given = await _json(request)
        if any(run.is_busy for run in self.runs.of(owner)):
            raise PageError("A run of yours is under way. Cancel it, or wait for it.", status=409)
        item = self.videos.get(owner, str(given.get("video", "")))
        inputs = runs.checked_inputs(_dict(given.get("inputs")), await self.container.schema())
        for old in self.runs.of(owner):  # a visitor has one result at a time
            self.runs.remove(old)
        run = Run(owner, self.runs.new_folder(), inputs=inputs, video_id=item.id)
        self.runs.add(run)
        source = self._for_container(item)
        run.task = asyncio.create_task(runs.execute(run, self.runs, self.container, source))
        return JSONResponse(run.summary(), status_code=201)

    async def run_events(self, request: Request) -> Response:
        """Follow a run, from its beginning to its end."""
        run = self._run(request)

        async def lines() -> AsyncIterator[str]:
            async for report in runs.reports(run):
                run.touched = time.monotonic()
                yield f"data: {json.dumps(report)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream", headers=_NEVER)

    async def cancel_run(self, request: Request) -> Response:
        """Stop a run."""
        run = self._run(request)
        await runs.cancel(run)
        return JSONResponse(run.summary())

    async def result(self, request: Request) -> Response:
        """One file of a run."""
        run = self._run(request)
        name = request.path_params["name"]
        if name not in run.files:
            raise HTTPException(404, "There is no such result.")
        return FileResponse(run.folder / name, headers=_FOREVER)

    async def archive(self, request: Request) -> Response:
        """All files of a run, and the inputs it had, as one zip."""
        run = self._run(request)
        archive = zip_stream(
            [run.folder / name for name in run.files],
            {"inputs.json": json.dumps(run.inputs, indent=2) + "\n"},
        )
        headers = {
            "content-disposition": 'attachment; filename="sam2-video.zip"',
            "content-length": str(len(archive)),
            **_NEVER,
        }
        return StreamingResponse(archive, media_type="application/zip", headers=headers)

    def _for_container(self, item: StoredVideo) -> InlineFile | str:
        """How the container gets a video: within the request, or by an address if too large."""
        if item.path.stat().st_size <= MAX_INLINE_BYTES:
            return InlineFile(item.path, uploads.media_type_of(item))
        name = urllib.parse.quote(item.name, safe="")
        return f"{self.settings.public_url}/files/{item.token}/{name}"

    def _video(self, request: Request) -> StoredVideo:
        item = self.videos.get(_visitor(request), request.path_params["video"])
        if item.video is None:
            raise PageError("The video is still arriving.", status=409)
        return item

    def _run(self, request: Request) -> Run:
        return self.runs.get(_visitor(request), request.path_params["run"])


def page_routes(page: Page) -> list[BaseRoute]:
    """The page's addresses."""
    video, run = "/api/videos/{video}", "/api/runs/{run}"
    return [
        Route("/", page.index),
        Route("/openapi.json", page.schema),
        Route("/api/start", page.start),
        Route("/api/status", page.status),
        Route("/api/videos", page.upload, methods=["POST"]),
        Route("/api/videos/fetch", page.fetch, methods=["POST"]),
        Route("/api/videos/example", page.example, methods=["POST"]),
        Route(video, page.video, methods=["GET"]),
        Route(video, page.remove_video, methods=["DELETE"]),
        Route(f"{video}/file", page.source),
        Route(f"{video}/frames/{{index:int}}", page.frame),
        Route(f"{video}/mask", page.mask, methods=["POST"]),
        Route("/api/clicks", page.clicks, methods=["POST"]),
        Route("/api/runs", page.start_run, methods=["POST"]),
        Route(f"{run}/events", page.run_events),
        Route(f"{run}/cancel", page.cancel_run, methods=["POST"]),
        Route(f"{run}/files/{{name}}", page.result),
        Route(f"{run}/zip", page.archive),
        Route("/files/{token}/{name}", page.source_for_container),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def _visitor(request: Request) -> str:
    visitor: str = request.state.visitor
    return visitor


def _about(item: StoredVideo) -> dict[str, Any]:
    """A video as the page gets it."""
    video = item.video
    assert video is not None
    return {
        "id": item.id,
        "name": item.name,
        "address": item.address,
        "bytes": item.size,
        "media_type": uploads.media_type_of(item),
        "width": video.width,
        "height": video.height,
        "num_frames": video.num_frames,
        "frame_rate": video.frame_rate,
    }


def _frame_of(item: StoredVideo, index: object) -> int:
    assert item.video is not None
    count = item.video.num_frames
    if type(index) is not int or not 0 <= index < count:
        raise PageError(f"Frame {str(index)[:20]} is not in the video, which has {count}.")
    return index


def _content_length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isdecimal() else 0


async def _json(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body, which may not be large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON:
            raise PageError("The request is too large.", status=413)
    try:
        return _dict(json.loads(body))
    except ValueError as error:
        raise PageError("The request is not JSON.") from error


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PageError("The request is not a JSON object.")
    return value


async def _file_chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


async def _unless_left(request: Request, work: Awaitable[Result]) -> Result:
    """Do something for a visitor, and give it up when the visitor has gone."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait([task, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(499, "The visitor has gone.")
        return task.result()
    finally:
        task.cancel()
        leaving.cancel()


async def _left(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
