"""The page as an application: its routes, what guards them, and how errors are answered."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sam2_video.core.errors import InputError
from sam2_video.service.errors import SERVER_FAILED, RequestError
from sam2_video.service.net.bodies import PacedBodies
from sam2_video.service.page.browser_guard import BrowserGuard
from sam2_video.service.page.problem import problem
from sam2_video.service.page.routes import Page, page_routes


def page_app(page: Page) -> Starlette:
    """The page as an application."""
    return Starlette(
        routes=page_routes(page),
        middleware=[
            Middleware(BrowserGuard, settings=page.settings),
            Middleware(PacedBodies, bounds=page.settings.bounds),
        ],
        exception_handlers={
            RequestError: _answer,
            InputError: _answer,
            HTTPException: _answer,
            ClientDisconnect: _disconnected,
            Exception: _answer,
        },
    )


def _answer(_: Request, error: Exception) -> Response:
    if isinstance(error, RequestError):
        field = error.fields[0].field.removeprefix("input.") if error.fields else None
        return JSONResponse(problem(error.sentence, field), error.status)
    if isinstance(error, HTTPException):
        return JSONResponse(problem(error.detail), error.status_code)
    if isinstance(error, InputError):
        return JSONResponse(problem(str(error)), 422)
    return JSONResponse(problem(SERVER_FAILED), 500)


def _disconnected(_: Request, __: Exception) -> Response:
    """The answer to an upload whose sender has disconnected."""
    return Response(status_code=499)
