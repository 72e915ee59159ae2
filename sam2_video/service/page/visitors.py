"""Who sends a request, and work that ends when the visitor leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

Result = TypeVar("Result")


def visitor_of(request: Request) -> str:
    """The owner of what the sender makes."""
    visitor: str = request.state.visitor
    return visitor


def client_of(request: Request) -> str:
    """Who takes a place: an address, since anybody can come with any number of cookies."""
    return request.client.host if request.client else ""


async def unless_left(request: Request, work: Awaitable[Result]) -> Result:
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
