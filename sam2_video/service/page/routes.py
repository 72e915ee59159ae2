"""The page's routes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sam2_video.service.api.views import Model
from sam2_video.service.errors import RequestError
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
from sam2_video.service.net.origin import base_url, own_urls
from sam2_video.service.net.places import Places
from sam2_video.service.net.server_sent import event_stream
from sam2_video.service.page import clicks_view
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.requests import (
    ClicksRequest,
    FetchRequest,
    MaskRequest,
    RunRequest,
)
from sam2_video.service.page.runs import Runs, summary
from sam2_video.service.page.videos import VideoInfo, Videos, about
from sam2_video.service.settings import Settings
from sam2_video.service.storage.database import Prediction, StoredFile
from sam2_video.service.storage.files import Files
from sam2_video.video.draw_rgb import PALETTE

STATIC = Path(__file__).parent / "static"
_MAX_JSON = 2**20
_MAX_RUN = 2**24  # a run may come with masks as a data URI
_CHUNK = 1 << 20
_FOREVER = {"cache-control": "private, max-age=86400, immutable"}
_NEVER = {"cache-control": "no-store"}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Page:
    """The routes, and what they need."""

    settings: Settings
    model: Model
    containers: Containers
    previews: Previews
    files: Files
    videos: Videos
    runs: Runs
    pictures: Pictures
    reading: Places

    # The page and what it starts with.

    async def index(self, _: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def schema(self, _: Request) -> Response:
        """The model's schema, from which the form is built."""
        return JSONResponse(self.model.schema, headers=_NEVER)

    async def status(self, _: Request) -> Response:
        """How the containers are."""
        return JSONResponse({"status": await self.containers.health()}, headers=_NEVER)

    async def start(self, request: Request) -> Response:
        """What the page needs to know, and what this visitor has here already."""
        owner, settings = _visitor(request), self.settings
        videos = await self.videos.of(owner)
        if videos:
            await self.files.extend(videos[-1])
        return JSONResponse(
            {
                "api": base_url(request, settings.public_url) if settings.has_api else None,
                "needs_token": bool(settings.tokens),
                "palette": [f"rgb({r} {g} {b})" for r, g, b in PALETTE.tolist()],
                "has_example": settings.example is not None,
                "max_upload_bytes": settings.video_limits.max_video_bytes,
                "keep_minutes": round(settings.limits.visitor_keep_seconds / 60),
                "videos": [about(video) for video in videos],
                "runs": [summary(run) for run in await self.runs.of(owner)],
            },
            headers=_NEVER,
        )

    # Videos.

    async def upload(self, request: Request) -> Response:
        """Take a video as the body of the request."""
        name = request.query_params.get("name", "video")
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        file = await self.videos.upload(_visitor(request), name, request.stream(), size)
        return await self._checked(request, file)

    async def fetch(self, request: Request) -> Response:
        """Fetch a video from a URL."""
        url = (await read_body(request, FetchRequest)).url
        fetching = self.videos.fetch(_visitor(request), url, _client(request))
        file = await _unless_left(request, fetching)
        return JSONResponse(about(file), status_code=201)

    async def example(self, request: Request) -> Response:
        """Give the visitor the example clip, as if it had been uploaded."""
        path = self.settings.example
        if path is None:
            raise RequestError(404, "There is no example here.")
        file = await self.videos.upload(_visitor(request), path.name, _file_chunks(path))
        return await self._checked(request, file)

    async def video(self, request: Request) -> Response:
        """What is known of a video."""
        return JSONResponse(about(await self._video(request)), headers=_NEVER)

    async def remove_video(self, request: Request) -> Response:
        """Delete a video."""
        file = await self._video(request)
        await self.videos.remove(file)
        return Response(status_code=204)

    async def source(self, request: Request) -> Response:
        """The file, for the visitor's player."""
        return send_content(request, self.files, await self._video(request))

    async def frame(self, request: Request) -> Response:
        """One frame, by its number."""
        file = await self._video(request)
        text = request.path_params["index"]
        is_number = text.isascii() and text.isdecimal() and len(text) < 10
        index = _frame_of(file, int(text) if is_number else text)
        client = _client(request)

        async def shown() -> bytes:
            async with self.videos.opened(file, client) as video:
                return await self.pictures.shown(video, index, client)

        picture = await _unless_left(request, shown())
        return Response(picture, media_type="image/jpeg", headers=_FOREVER)

    # The model.

    async def clicks(self, request: Request) -> Response:
        """Read the click strings by the model's rules."""
        given = await read_body(request, ClicksRequest)
        info = None
        if given.video is not None:
            info = VideoInfo.of(await self.videos.get(_visitor(request), given.video))
        strings = given.model_dump(exclude={"video"})
        return JSONResponse(clicks_view.view(strings, info, self.settings.video_limits))

    async def mask(self, request: Request) -> Response:
        """The mask of one object on one frame, from its clicks there."""
        file = await self._video(request)
        given = await read_body(request, MaskRequest)
        index = _frame_of(file, given.frame)
        if len(given.points) > (most := self.settings.video_limits.max_clicks):
            raise RequestError(422, f"points should be at most {most}, not {len(given.points)}.")
        clicks = {
            "click_coordinates": json.dumps(given.points)[1:-1],
            "click_labels": ",".join(map(str, given.labels)),
            "click_frames": "0",
            "click_object_ids": "preview",
        }
        client = _client(request)

        async def mask_of() -> bytes:
            async with self.videos.opened(file, client) as video:
                picture, media_type = await self.pictures.exact(video, index, client)
            return await self.previews.mask(picture, media_type, clicks)

        try:
            mask = await _unless_left(request, mask_of())
        except WorkerBusyError as error:
            if await self.containers.health() == "STARTING":
                raise RequestError(503, "The model is starting.") from error
            return JSONResponse({"busy": True}, status_code=409)
        except WorkerUnavailableError as error:
            raise RequestError(503, f"No worker is alive: {error}.") from error
        except WorkerLostError as error:
            raise RequestError(503, f"The worker was lost: {error}.") from error
        except (WorkerRefusedError, PreviewError) as error:
            raise RequestError(422, str(error)) from error
        return Response(mask, media_type="image/png", headers=_NEVER)

    async def start_run(self, request: Request) -> Response:
        """Start a run."""
        client = _client(request)
        async with self.reading.held(client) if is_large(request) else nullcontext():
            given = await read_body(request, RunRequest)
            file = await self.videos.get(_visitor(request), given.video)
            urls = own_urls(request, self.settings)
            run = await self.runs.start(file, given.inputs, urls, client)
        return JSONResponse(summary(run), status_code=201)

    async def run_events(self, request: Request) -> Response:
        """Follow a run, from its beginning to its end."""
        return event_stream(self.runs.events((await self._run(request)).id))

    async def cancel_run(self, request: Request) -> Response:
        """Stop a run."""
        return JSONResponse(summary(await self.runs.cancel(await self._run(request))))

    async def result(self, request: Request) -> Response:
        """One file of a run."""
        file = await self.runs.result(await self._run(request), request.path_params["name"])
        return send_content(request, self.files, file)

    async def archive(self, request: Request) -> Response:
        """All files of a run, and the inputs it had, as one zip."""
        archive = await self.runs.archive(await self._run(request))
        headers = {
            "content-disposition": 'attachment; filename="sam2-video.zip"',
            "content-length": str(len(archive)),
            **_NEVER,
        }
        return StreamingResponse(archive, media_type="application/zip", headers=headers)

    async def _checked(self, request: Request, file: StoredFile) -> Response:
        """The answer to an upload, once it is known to be a video."""
        checking = self.videos.checked(file, None, _client(request))
        return JSONResponse(about(await _unless_left(request, checking)), status_code=201)

    async def _video(self, request: Request) -> StoredFile:
        return await self.videos.get(_visitor(request), request.path_params["video"])

    async def _run(self, request: Request) -> Prediction:
        return await self.runs.get(_visitor(request), request.path_params["run"])


def page_routes(page: Page) -> list[BaseRoute]:
    """The routes by path."""
    video, run = "/api/videos/{video}", "/api/runs/{run}"

    def post(
        path: str, answer: Callable[[Request], Awaitable[Response]], most: int = _MAX_JSON
    ) -> Route:
        return Route(path, answer, methods=["POST"], max_body_size=most)

    return [
        Route("/", page.index),
        Route("/openapi.json", page.schema),
        Route("/api/start", page.start),
        Route("/api/status", page.status),
        Route("/api/videos", page.upload, methods=["POST"]),
        post("/api/videos/fetch", page.fetch),
        post("/api/videos/example", page.example),
        Route(video, page.video, methods=["GET"]),
        Route(video, page.remove_video, methods=["DELETE"]),
        Route(f"{video}/file", page.source),
        Route(f"{video}/frames/{{index}}", page.frame),
        post(f"{video}/mask", page.mask),
        post("/api/clicks", page.clicks),
        post("/api/runs", page.start_run, _MAX_RUN),
        Route(f"{run}/events", page.run_events),
        post(f"{run}/cancel", page.cancel_run),
        Route(f"{run}/files/{{name}}", page.result),
        Route(f"{run}/zip", page.archive),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def _visitor(request: Request) -> str:
    visitor: str = request.state.visitor
    return visitor


def _client(request: Request) -> str:
    """Who takes a place: an address, since anybody can come with any number of cookies."""
    return request.client.host if request.client else ""


def _frame_of(file: StoredFile, index: object) -> int:
    count = VideoInfo.of(file).num_frames
    if type(index) is not int or not 0 <= index < count:
        raise RequestError(422, f"Frame {str(index)[:20]} is not in the video, which has {count}.")
    return index


async def _file_chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk


async def _unless_left(request: Request, work: Awaitable[Result]) -> Result:
    """Do something for a visitor, and give it up when the visitor disconnects."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait([task, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(499, "The visitor has disconnected.")
        return task.result()
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.wait([task, leaving])


async def _left(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
