"""Answers of the hosted API's shape to calls that are refused."""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sam2_video.service.errors import SERVER_FAILED, RequestError
from sam2_video.service.storage.files import is_full

_TITLES = {
    400: "Bad request",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    422: "Input validation failed",
    429: "Too many requests",
    500: "Server error",
    507: "Storage is full",
}
_SENTENCES = {
    404: "There is no such URL here.",
    405: "This URL does not take that method.",
    413: "The request is larger than this server takes.",
}


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(error.status, "Error"),
        "detail": error.sentence,
        "status": error.status,
    }
    headers = {}
    if error.fields:
        body["invalid_fields"] = [
            {"field": f.field, "type": f.type, "description": f.sentence} for f in error.fields
        ]
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
        seconds = str(error.retry_after)
        headers = {"Retry-After": seconds, "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, error.status, headers, media_type="application/problem+json")


def _refused_by_framework(request: Request, error: Exception) -> JSONResponse:
    """An unknown path, a method, a body that is too large."""
    assert isinstance(error, HTTPException)
    sentence = _SENTENCES.get(error.status_code, error.detail)
    return _refused(request, RequestError(error.status_code, sentence))


def _failed(request: Request, error: Exception) -> JSONResponse:
    """A failure of this server; the traceback goes to the log only."""
    if is_full(error):
        return _refused(request, RequestError(507, "The server has no disk space left."))
    return _refused(request, RequestError(500, SERVER_FAILED))


def _disconnected(_: Request, __: Exception) -> Response:
    """The answer to a request whose sender has disconnected."""
    return Response(status_code=499)


ANSWERS: dict[Any, Callable[[Request, Exception], Response]] = {
    ClientDisconnect: _disconnected,
    RequestError: _refused,
    HTTPException: _refused_by_framework,
    Exception: _failed,
}
