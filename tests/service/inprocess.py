"""The server inside the test's own process: for limits, and for time that only seems to pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from sam2_video.service.app import Service, create_service
from sam2_video.service.settings import ServiceLimits, Settings
from sam2_video.service.storage.database import FINISHED, now


class Clock:
    """The time, some of which a test lets pass."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self) -> datetime:
        return now() + self.passed


@asynccontextmanager
async def served(
    folder: Path,
    *,
    limits: dict[str, Any] | None = None,
    clock: Callable[[], datetime] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """The server, running, and a client of its API."""
    service = create_service(
        Settings(folder=folder, limits=replace(ServiceLimits(), **(limits or {})), **settings),
        clock or now,
    )
    app = Starlette(routes=service.routes)
    transport = httpx.ASGITransport(app)
    async with (
        service.lifespan(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:8000/v1") as client,
    ):
        yield service, client


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run an asynchronous test."""

    async def whole() -> None:
        await test()

    asyncio.run(whole())


async def ended(client: httpx.AsyncClient, name: str, seconds: float = 20) -> dict[str, Any]:
    """A prediction once it is over."""
    async with asyncio.timeout(seconds):
        while True:
            found = (await client.get(f"/predictions/{name}")).json()
            if found["status"] in FINISHED:
                return found
            await asyncio.sleep(0.02)
