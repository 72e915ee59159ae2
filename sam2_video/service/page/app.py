"""The page as an application: its routes, what guards them, and how errors are answered."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sam2_video.core.errors import InputError
from sam2_video.service.api.problems import ApiError
from sam2_video.service.errors import SERVER_FAILED
from sam2_video.service.net.bodies import BodyError
from sam2_video.service.page.browser_guard import BrowserGuard
from sam2_video.service.page.errors import PageError
from sam2_video.service.page.routes import Page, page_routes


def page_app(page: Page) -> Starlette:
    """The page as an application."""
    return Starlette(
        routes=page_routes(page),
        middleware=[Middleware(BrowserGuard, settings=page.settings)],
        exception_handlers={
            PageError: _answer(lambda error: error),
            ApiError: _answer(lambda error: PageError(error.detail, status=error.status)),
            BodyError: _answer(lambda error: PageError(error.sentence, status=error.status)),
            InputError: _answer(lambda error: PageError.of(str(error))),
            HTTPException: _answer(lambda e: PageError(str(e.detail), status=e.status_code)),
            ClientDisconnect: _disconnected,
            Exception: _answer(lambda _: PageError(SERVER_FAILED, status=500)),
        },
    )


def _answer(as_page_error: Callable[..., PageError]) -> Callable[[Request, Exception], Response]:
    def answer(_: Request, error: Exception) -> Response:
        told = as_page_error(error)
        return JSONResponse(told.as_json(), status_code=told.status)

    return answer


def _disconnected(_: Request, __: Exception) -> Response:
    """The answer to an upload whose sender has disconnected; it reaches nobody."""
    return Response(status_code=499)
