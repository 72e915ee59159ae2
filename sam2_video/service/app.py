"""The server, put together: one queue, one store and one set of containers for page and API."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from sam2_video.prediction.contract import SCHEMA_FILE
from sam2_video.service.api.auth import Access
from sam2_video.service.api.problems import ANSWERS
from sam2_video.service.api.routes import Api
from sam2_video.service.api.validation import InputSchema
from sam2_video.service.api.views import Model, Views
from sam2_video.service.api.webhooks import Webhooks
from sam2_video.service.jobs.containers import Containers
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.preview import Previews
from sam2_video.service.jobs.queue import JobQueue
from sam2_video.service.jobs.worker_endpoint import WorkerEndpoint
from sam2_video.service.net.bodies import PacedBodies
from sam2_video.service.net.guard import Guard
from sam2_video.service.net.inputs import Sources
from sam2_video.service.net.places import Places
from sam2_video.service.page.app import page_app
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.routes import Page
from sam2_video.service.page.runs import Runs
from sam2_video.service.page.videos import Videos
from sam2_video.service.settings import Settings
from sam2_video.service.storage.blobs import BlobStore
from sam2_video.service.storage.database import Store, now
from sam2_video.service.storage.files import Files
from sam2_video.service.storage.local_copies import LocalCopies
from sam2_video.service.storage.secrets import Secret

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_SWEEPS = 60.0
_BODIES_AT_A_TIME = 2
_COPIES_BYTES = 20 * 1024**3


@dataclass(frozen=True)
class Service:
    """The parts of the server that the command needs to run it.

    Attributes:
        routes: the page's and the API's.
        containers: where predictions run; some may be added before they are needed.
        endpoint: where workers reach this server; its port is taken already.
    """

    routes: list[BaseRoute]
    containers: Containers
    endpoint: WorkerEndpoint
    _store: Store
    _files: Files
    _queue: JobQueue
    _webhooks: Webhooks

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run predictions while the server runs, first those that an earlier one left."""
        async with self._store.opened(), self.endpoint.opened():
            await self._files.start()
            await self.sweep()
            sweeping = asyncio.create_task(self._keep_sweeping())
            await self._webhooks.resume()
            await self._queue.resume()
            try:
                yield
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping
                await self._queue.stop()
                await self._webhooks.stop()
                await self.containers.close()

    async def upgrade_database(self) -> None:
        """Bring the tables to the newest revision, before the server starts and can only log.

        Raises:
            DatabaseVersionError: a newer version has used the database.
        """
        async with self._store.opened():
            pass

    async def sweep(self) -> None:
        """Remove what has expired; it happens by itself every minute."""
        await self._files.sweep()

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)
            try:
                await self.sweep()
            except Exception:
                logger.exception("expired files could not be removed")


def create_service(settings: Settings, clock: Callable[[], datetime] = now) -> Service:
    """Put the server together.

    Args:
        settings: what the operator decided.
        clock: the time, in UTC and without a zone, by which files expire.

    Raises:
        OSError: the folder cannot be written, or the worker endpoint's port is taken.
    """
    folder, limits = settings.folder, settings.limits
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = Secret.in_folder(folder)
    model = Model(SCHEMA_FILE)
    schema = InputSchema(model.schema)
    guard = Guard(settings.allowed_networks)
    store = Store(settings.database or Store.url_in(folder), clock)
    notifier = Notifier(store)
    copies = LocalCopies(folder / "copies", _COPIES_BYTES)
    files = Files(
        store, BlobStore(settings.files or str((folder / "files").resolve()), copies), limits
    )
    sources = Sources(store, files, guard, limits, settings.bounds)
    views = Views(store, secret)
    endpoint = WorkerEndpoint(
        settings.worker_endpoint, secret.token("worker endpoint"), store, files
    )
    endpoint.bind()
    containers = Containers(settings.workers, limits.worker_patience_seconds)
    queue = JobQueue(store, files, sources, containers, endpoint, notifier, limits.max_queue)
    webhooks = Webhooks(store, views, notifier, guard, secret)
    routes: list[BaseRoute] = []
    if settings.has_api:
        api = Api(
            settings=settings,
            secret=secret,
            access=Access(settings.tokens),
            store=store,
            files=files,
            sources=sources,
            guard=guard,
            queue=queue,
            webhooks=webhooks,
            notifier=notifier,
            views=views,
            model=model,
            schema=schema,
            reading=Places(_BODIES_AT_A_TIME),
        )
        paced = Middleware(PacedBodies, bounds=settings.bounds)
        app = Starlette(routes=api.routes(), exception_handlers=ANSWERS, middleware=[paced])
        routes.append(Mount("/v1", app))
    if settings.has_page:
        page = Page(
            settings=settings,
            model=model,
            containers=containers,
            previews=Previews(containers, endpoint),
            files=files,
            videos=Videos(store, files, sources, queue, settings),
            runs=Runs(store, files, queue, notifier, schema, model.version),
            pictures=Pictures(settings.bounds),
        )
        routes.append(Mount("/", page_app(page)))
    return Service(routes, containers, endpoint, store, files, queue, webhooks)
