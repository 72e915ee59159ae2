"""The bodies of requests: how long they may take, and the JSON that they hold."""

import asyncio
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sam2_video.service.errors import RequestError
from sam2_video.service.net.places import Pace
from sam2_video.service.settings import Bounds

_LARGE = 1024**2
_NO_OBJECT = "The request should be a JSON object."


class PacedBodies:
    """Middleware: ends a request whose body comes too slowly or takes too long.

    Args:
        app: what gets the bodies; it answers the `RequestError`.
        bounds: how slow and how long.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pace, is_whole = Pace(self._bounds), False

        async def paced() -> Message:
            nonlocal is_whole
            if is_whole:  # what comes next is the disconnect
                return await receive()
            try:
                message = await pace.next(receive())
            except TimeoutError as error:
                raise RequestError(408, "The request took too long to arrive.") from error
            pace.count(len(message.get("body", b"")))
            is_whole = not message.get("more_body", False)
            return message

        await self._app(scope, paced, send)


class Body(BaseModel):
    """The JSON object of a request; its fields are neither converted nor ignored.

    A text is never taken for a number, and an unpaired surrogate is no text.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


def is_large(request: Request) -> bool:
    """Whether a body, which is in memory as a whole, takes a place among those read at a time."""
    return int(request.headers.get("Content-Length", _LARGE)) >= _LARGE


Model = TypeVar("Model", bound=Body)


async def read_body(request: Request, model: type[Model]) -> Model:
    """The JSON object that a request carries; the route bounds its size.

    Raises:
        RequestError: it is not one, or a field is wrong.
    """
    text = await request.body()
    try:
        return await asyncio.to_thread(model.model_validate_json, text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])[1:]
        if not name:
            raise RequestError(422, _NO_OBJECT) from error
        problem = first["msg"].removeprefix("Input ").replace("Field required", "is required")
        field = str(first["loc"][0])
        raise RequestError.of_field(field, f"{name} {problem}.", first["type"]) from error


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries; the route bounds its size.

    Raises:
        RequestError: it is not a JSON object.
    """
    text = await request.body()
    try:
        body = await asyncio.to_thread(json.loads, text)
    except (ValueError, RecursionError) as error:
        raise RequestError(422, _NO_OBJECT) from error
    if not isinstance(body, dict):
        raise RequestError(422, _NO_OBJECT)
    return body
