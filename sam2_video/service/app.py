"""The protocol as a part of a server: routes, and what has to run while they are served."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount

from sam2_video.prediction.contract import SCHEMA_FILE
from sam2_video.service.api.auth import Access
from sam2_video.service.api.problems import (
    ApiError,
    answer_fault,
    answer_http_exception,
    answer_problem,
)
from sam2_video.service.api.routes import Api
from sam2_video.service.api.validation import InputSchema
from sam2_video.service.api.views import Model, Views
from sam2_video.service.api.webhooks import Webhooks
from sam2_video.service.jobs.containers import Workers
from sam2_video.service.jobs.notifier import Feed
from sam2_video.service.jobs.queue import Runner
from sam2_video.service.jobs.worker_endpoint import DoorServer
from sam2_video.service.net.guard import Guard
from sam2_video.service.net.inputs import Sources
from sam2_video.service.settings import Settings
from sam2_video.service.storage.blobs import Shelf
from sam2_video.service.storage.database import Store
from sam2_video.service.storage.files import Files
from sam2_video.service.storage.secrets import Secret

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_SWEEPS = 60.0
_BODIES_AT_A_TIME = 2


class Hosted:
    """The protocol, put together: `routes` and `lifespan` for a server.

    Args:
        settings: what the operator decided.

    Attributes:
        door: where workers reach this server; its port is taken from now on.
        workers: the containers; some may be added before they are needed.
        routes: everything below `/v1`.

    Raises:
        OSError: the folder cannot be written, or the door's port is taken.
    """

    def __init__(self, settings: Settings) -> None:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = Secret.in_folder(settings.folder)
        limits = settings.limits
        model = Model(SCHEMA_FILE)
        feed = Feed()
        guard = Guard(settings.allowed_networks)
        self._store = (
            Store(settings.database) if settings.database else Store.in_folder(settings.folder)
        )
        shelf = Shelf(settings.files or str((settings.folder / "files").resolve()))
        self._files = Files(self._store, shelf, limits)
        sources = Sources(self._store, self._files, guard, limits)
        views = Views(self._store, secret)
        self.door = DoorServer(settings.door, secret.word("door"), self._store, self._files)
        self.door.bind()
        self.workers = Workers(settings.workers, limits.worker_patience_seconds)
        self._runner = Runner(self._store, self._files, sources, self.workers, self.door, feed)
        self._webhooks = Webhooks(self._store, views, feed, guard, secret)
        api = Api(
            settings=settings,
            secret=secret,
            access=Access(settings.tokens),
            store=self._store,
            files=self._files,
            sources=sources,
            guard=guard,
            runner=self._runner,
            webhooks=self._webhooks,
            feed=feed,
            views=views,
            model=model,
            schema=InputSchema(model.schema),
            reading=asyncio.Semaphore(_BODIES_AT_A_TIME),
        )
        self.routes: list[BaseRoute] = [
            Mount(
                "/v1",
                app=Starlette(
                    routes=api.routes(),
                    exception_handlers={
                        ApiError: answer_problem,
                        HTTPException: answer_http_exception,
                        Exception: answer_fault,
                    },
                ),
            )
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run predictions while the server runs, those first that a stop has left."""
        async with self._store.opened(), self.door.opened(self._runner):
            await self._files.start()
            sweeping = asyncio.create_task(self._keep_swept())
            await self._webhooks.resume()
            await self._runner.resume()
            try:
                yield
            finally:
                sweeping.cancel()
                await asyncio.wait([sweeping])
                await self._runner.stop()
                await self._webhooks.stop()
                await self.workers.close()

    async def sweep(self) -> None:
        """Remove what has expired; it happens by itself every minute."""
        await self._files.sweep()

    async def _keep_swept(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                logger.exception("what has expired could not be removed")
            await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)
