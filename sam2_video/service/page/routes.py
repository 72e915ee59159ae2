"""The page's routes: the page itself, what it starts with, and videos."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sam2_video.service.api.views import Model
from sam2_video.service.errors import RequestError
from sam2_video.service.jobs.containers import Containers
from sam2_video.service.net.bodies import read_body
from sam2_video.service.net.file_response import send_content
from sam2_video.service.net.origin import base_url
from sam2_video.service.page.examples import Examples
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.projects import Projects
from sam2_video.service.page.requests import ExampleRequest, FetchRequest
from sam2_video.service.page.videos import Videos, about, frame_of, number_of
from sam2_video.service.page.visitors import client_of, unless_left, visitor_of
from sam2_video.service.settings import Settings
from sam2_video.service.storage.database import StoredFile
from sam2_video.service.storage.files import Files
from sam2_video.video.draw_rgb import PALETTE

STATIC = Path(__file__).parent / "static"
MAX_JSON = 2**20
FOREVER = {"cache-control": "private, max-age=86400, immutable"}
NEVER = {"cache-control": "no-store"}
_CHUNK = 1 << 20
_THUMBNAIL_HEIGHTS = range(16, 721)


@dataclass(frozen=True)
class Page:
    """These routes, and what they need."""

    settings: Settings
    model: Model
    containers: Containers
    files: Files
    videos: Videos
    projects: Projects
    pictures: Pictures
    examples: Examples

    async def index(self, _: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def schema(self, _: Request) -> Response:
        """The model's schema, from which the form is built."""
        return JSONResponse(self.model.schema, headers=NEVER)

    async def status(self, _: Request) -> Response:
        """How the containers are."""
        status = await self.containers.health()
        return JSONResponse({"status": status, "model": self._model()}, headers=NEVER)

    async def start(self, request: Request) -> Response:
        """What the page needs to know, and what this visitor has here already."""
        owner, settings = visitor_of(request), self.settings
        await self.videos.use(owner)
        return JSONResponse(
            {
                "api": base_url(request, settings.public_url) if settings.has_api else None,
                "needs_token": bool(settings.tokens),
                "palette": [f"rgb({r} {g} {b})" for r, g, b in PALETTE.tolist()],
                "max_upload_bytes": settings.video_limits.max_video_bytes,
                "keep_minutes": round(settings.limits.visitor_keep_seconds / 60),
                "model": self._model(),
                "examples": self.examples.about(),
                "projects": await self.projects.summaries(owner),
            },
            headers=NEVER,
        )

    def _model(self) -> dict[str, Any] | None:
        name = self.containers.model
        return None if name is None else {"name": name, "is_small": name == "nano"}

    # Examples.

    async def thumbnail(self, request: Request) -> Response:
        """A picture of an example."""
        picture = await self.examples.thumbnail(self.examples.get(request.path_params["example"]))
        return Response(picture, media_type="image/jpeg", headers=FOREVER)

    async def preview(self, request: Request) -> Response:
        """A short video of an example's result."""
        path = self.examples.get(request.path_params["example"]).preview
        if path is None:
            raise RequestError(404, "This example has no preview.")
        return FileResponse(path, headers=FOREVER)

    async def example(self, request: Request) -> Response:
        """Give the visitor an example, as if it had been uploaded."""
        clip = self.examples.get((await read_body(request, ExampleRequest)).id).clip
        file = await self.videos.upload(visitor_of(request), clip.name, _file_chunks(clip))
        return await self._checked(request, file)

    # Videos.

    async def upload(self, request: Request) -> Response:
        """Take a video as the body of the request."""
        name = request.query_params.get("name", "video")
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        file = await self.videos.upload(visitor_of(request), name, request.stream(), size)
        return await self._checked(request, file)

    async def fetch(self, request: Request) -> Response:
        """Fetch a video from a URL."""
        url = (await read_body(request, FetchRequest)).url
        fetching = self.videos.fetch(visitor_of(request), url, client_of(request))
        file = await unless_left(request, fetching)
        return JSONResponse(about(file), status_code=201)

    async def source(self, request: Request) -> Response:
        """The file, for the visitor's player."""
        return send_content(request, self.files, await self._video(request))

    async def frame(self, request: Request) -> Response:
        """One frame, by its number; small if a height is given."""
        file = await self._video(request)
        index = frame_of(file, number_of(request.path_params["index"]))
        height = request.query_params.get("height")
        if height is not None and number_of(height) not in _THUMBNAIL_HEIGHTS:
            first, last = _THUMBNAIL_HEIGHTS[0], _THUMBNAIL_HEIGHTS[-1]
            raise RequestError(422, f"height should be a whole number from {first} to {last}.")
        client = client_of(request)

        async def shown() -> bytes:
            async with self.videos.opened(file, client) as video:
                if height is not None:
                    return await self.pictures.thumbnail(video, index, int(height), client)
                return await self.pictures.shown(video, index, client)

        picture = await unless_left(request, shown())
        return Response(picture, media_type="image/jpeg", headers=FOREVER)

    async def _checked(self, request: Request, file: StoredFile) -> Response:
        """The answer to an upload, once it is known to be a video."""
        checking = self.videos.checked(file, None, client_of(request))
        return JSONResponse(about(await unless_left(request, checking)), status_code=201)

    async def _video(self, request: Request) -> StoredFile:
        return await self.videos.get(visitor_of(request), request.path_params["video"])

    def routes(self) -> list[BaseRoute]:
        """The routes by path."""
        example, video = "/api/examples/{example}", "/api/videos/{video}"
        return [
            Route("/", self.index),
            Route("/openapi.json", self.schema),
            Route("/api/start", self.start),
            Route("/api/status", self.status),
            Route(f"{example}/thumbnail", self.thumbnail),
            Route(f"{example}/preview", self.preview),
            Route("/api/videos", self.upload, methods=["POST"]),
            Route("/api/videos/fetch", self.fetch, methods=["POST"], max_body_size=MAX_JSON),
            Route("/api/videos/example", self.example, methods=["POST"], max_body_size=MAX_JSON),
            Route(f"{video}/file", self.source),
            Route(f"{video}/frames/{{index}}", self.frame),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]


async def _file_chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk
