"""The page as an application: its routes, what guards them, and how errors are answered."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from sam2_video.core.errors import InputError
from sam2_video.service.errors import SERVER_FAILED, RequestError
from sam2_video.service.page.browser_guard import BrowserGuard
from sam2_video.service.page.words import in_words
from sam2_video.service.settings import Settings

_NOT_FOUND = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Not found · sam2-video</title>
<p>There is no such page. <a href="/">Open sam2-video</a></p></html>
"""


def page_app(routes: Sequence[BaseRoute], settings: Settings) -> Starlette:
    """The page as an application."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(BrowserGuard, settings=settings)],
        exception_handlers={
            RequestError: _answer,
            InputError: _answer,
            HTTPException: _answer,
            ClientDisconnect: _disconnected,
            Exception: _answer,
        },
    )


def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestError):
        field = error.fields[0].field.removeprefix("input.") if error.fields else None
        answer = _problem(error.sentence, error.status, field)
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    if isinstance(error, HTTPException):
        if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_NOT_FOUND, 404)
        return _problem(error.detail, error.status_code)
    if isinstance(error, InputError):
        return _problem(in_words(str(error), "The video"), 422)
    return _problem(SERVER_FAILED, 500)


def _problem(sentence: str, status: int, field: str | None = None) -> Response:
    return JSONResponse({"sentence": sentence, "field": field}, status)


def _disconnected(_: Request, __: Exception) -> Response:
    """The answer to an upload whose sender has disconnected."""
    return Response(status_code=499)
