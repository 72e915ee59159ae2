"""The page's server, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount

from sam2_video.core.errors import InputError
from sam2_video.core.workspace import Workspace
from sam2_video.service.page import runs
from sam2_video.service.page.container import Container
from sam2_video.service.page.errors import PageError, field_of
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.guard import Guard
from sam2_video.service.page.library import Disk, Library, StoredVideo
from sam2_video.service.page.routes import Page, page_routes
from sam2_video.service.page.runs import Run
from sam2_video.service.page.settings import Settings

_SECONDS_BETWEEN_SWEEPS = 30.0

Context = Callable[[Starlette], AbstractAsyncContextManager[object]]


def create_app(
    settings: Settings, *, routes: Sequence[BaseRoute] = (), contexts: Sequence[Context] = ()
) -> Starlette:
    """The page as an application.

    Args:
        settings: where the model is, and what strangers may use up.
        routes: of other parts of the server; they come before the page's and are not guarded by
            its rules for browsers.
        contexts: what these parts need to have open while the server runs.
    """
    page = Page(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_open_page(page))
            for context in contexts:
                await stack.enter_async_context(context(app))
            yield

    public_host = urlsplit(settings.public_url).hostname
    guard = Middleware(Guard, only_local=settings.only_local, public_host=public_host)
    errors = {PageError: _told, InputError: _told, HTTPException: _told, ClientDisconnect: _gone}
    return Starlette(
        routes=[*routes, Mount("/", routes=page_routes(page), middleware=[guard])],
        exception_handlers=errors,
        lifespan=lifespan,
    )


@asynccontextmanager
async def _open_page(page: Page) -> AsyncIterator[None]:
    """What the page's routes need while the server runs."""
    workspace = Workspace()
    disk = Disk(page.settings.max_disk_bytes)
    page.open(
        disk=disk,
        videos=Library[StoredVideo](workspace.folder / "videos", disk),
        runs=Library[Run](workspace.folder / "runs", disk),
        pictures=Pictures(),
        container=Container(page.settings.api),
    )
    sweeper = asyncio.create_task(_sweep(page))
    try:
        yield
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        for run in page.runs:
            await runs.cancel(run)
        await page.container.close()
        workspace.close()


async def _sweep(page: Page) -> None:
    """Delete, now and then, what nobody has used for a time."""
    while True:
        await asyncio.sleep(min(_SECONDS_BETWEEN_SWEEPS, page.settings.keep_seconds))
        page.sweep()


async def _told(_: Request, error: Exception) -> Response:
    """An error as the page gets it."""
    if isinstance(error, HTTPException):
        told = PageError(str(error.detail), status=error.status_code)
    elif isinstance(error, PageError):
        told = error
    else:
        told = PageError(str(error), field=field_of(str(error)))
    return JSONResponse(told.as_json(), status_code=told.status)


async def _gone(_: Request, __: Exception) -> Response:
    """The end of an upload whose sender has left: nobody reads it."""
    return Response(status_code=499)
