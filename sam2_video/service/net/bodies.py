"""Reading the JSON object in a request's body."""

import asyncio
import json
from typing import Any

from starlette.requests import Request

from sam2_video.service.errors import RequestError

_SECONDS = 300.0


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries; the route bounds its size.

    Raises:
        RequestError: it takes too long, or is not a JSON object.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            text = await request.body()
        body = await asyncio.to_thread(json.loads, text)
    except TimeoutError as error:
        raise RequestError(408, "The request took too long to arrive.") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(422, "The request should be a JSON object.") from error
    if not isinstance(body, dict):
        raise RequestError(422, "The request should be a JSON object.")
    return body
