"""What a client is told when a call cannot be answered: the hosted API's shape, one sentence."""

from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from sam2_video.service.errors import SERVER_FAILED
from sam2_video.service.net.bodies import BodyError

_TITLES = {
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


@dataclass(frozen=True)
class InvalidField:
    """One input that is not as it should be.

    Attributes:
        field: where it stands in the request, as `input.video_fps`.
        type: which rule of the schema it breaks, as `required`.
        sentence: the value and what would be right.
    """

    field: str
    type: str
    sentence: str


class ApiError(Exception):
    """A call that is refused.

    Attributes:
        status: the HTTP status.
        detail: one sentence.
        fields: the inputs that are at fault, for 422.
        retry_after: seconds after which another try may succeed, for 429.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        fields: tuple[InvalidField, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fields = fields
        self.retry_after = retry_after

    @classmethod
    def of_field(cls, field: str, sentence: str, kind: str = "value_error") -> "ApiError":
        """A 422 about one field of the request."""
        return cls(422, sentence, fields=(InvalidField(field, kind, sentence),))

    def response(self) -> JSONResponse:
        """The answer."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": _TITLES.get(self.status, "Error"),
            "detail": self.detail,
            "status": self.status,
        }
        headers = {}
        if self.fields:
            body["invalid_fields"] = [
                {"field": f.field, "type": f.type, "description": f.sentence} for f in self.fields
            ]
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")


async def answer_problem(_request: Request, error: Exception) -> JSONResponse:
    """Answer an `ApiError`."""
    assert isinstance(error, ApiError)
    return error.response()


async def answer_body_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a `BodyError`."""
    assert isinstance(error, BodyError)
    return ApiError(error.status, error.sentence).response()


async def answer_http_exception(_request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: an unknown path, a method, a body that is too large."""
    assert isinstance(error, HTTPException)
    sentences = {
        404: "There is no such URL here.",
        405: "This URL does not take that method.",
        413: "The request is larger than this server takes.",
    }
    return ApiError(error.status_code, sentences.get(error.status_code, error.detail)).response()


async def answer_fault(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a failure of this server; the traceback goes to the log only."""
    return ApiError(500, SERVER_FAILED).response()


ANSWERS: dict[Any, Any] = {
    ApiError: answer_problem,
    BodyError: answer_body_error,
    HTTPException: answer_http_exception,
    Exception: answer_fault,
}
