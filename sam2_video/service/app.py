"""The server, put together: one queue, one store and one set of containers for page and API."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from sam2_video.core.errors import reason_of
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
from sam2_video.service.net.listen import listen
from sam2_video.service.net.places import Places
from sam2_video.service.page.app import page_app
from sam2_video.service.page.examples import Examples
from sam2_video.service.page.exports import Exports
from sam2_video.service.page.frames import Pictures
from sam2_video.service.page.lanes import Lanes
from sam2_video.service.page.project_routes import ProjectRoutes
from sam2_video.service.page.projects import Projects
from sam2_video.service.page.routes import Page
from sam2_video.service.page.tracks import Tracks
from sam2_video.service.page.videos import Videos
from sam2_video.service.settings import Settings, SettingsError
from sam2_video.service.storage.blobs import BlobStore
from sam2_video.service.storage.database import Export, Prediction, Store, now
from sam2_video.service.storage.files import Files
from sam2_video.service.storage.local_copies import LocalCopies
from sam2_video.service.storage.secrets import Secret

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_SWEEPS = 60.0
_BODIES_AT_A_TIME = 2
_COPIES_BYTES = 20 * 1024**3
_PASSWORD = re.compile(r":[^:@/]*@")
_RIGHT = {
    "--database": "it should be an SQLAlchemy URL with an asynchronous driver that is installed, "
    "as postgresql+asyncpg://host/name",
    "--files": "it should be a folder or an fsspec URL whose package is installed, as "
    "s3://bucket/folder with s3fs",
}


@dataclass(frozen=True)
class Service:
    """The parts of the server that the command needs to run it.

    Attributes:
        routes: the page's and the API's.
        containers: where predictions run; some may be added before they are needed.
        endpoint: where workers reach this server; its port is taken already.
        queue: of predictions; it runs while `lifespan` does.
    """

    routes: list[BaseRoute]
    containers: Containers
    endpoint: WorkerEndpoint
    queue: JobQueue
    _settings: Settings
    _store: Store
    _files: Files
    _webhooks: Webhooks
    _exports: Exports | None
    _notifiers: tuple[Notifier[Prediction], Notifier[Export]]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run predictions while the server runs, first those that an earlier one left."""
        async with self._store.opened(), self.endpoint.opened():
            await self._files.start()
            await self.sweep()
            sweeping = asyncio.create_task(self._keep_sweeping())
            await self._webhooks.resume()
            await self.queue.resume()
            try:
                async with self._exports.running() if self._exports else nullcontext():
                    yield
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping
                await self.queue.stop()
                await self._webhooks.stop()
                await self.containers.close()

    def end_streams(self) -> None:
        """End the answers that wait for changes, which would keep a server from stopping."""
        for notifier in self._notifiers:
            notifier.stop()

    async def prepare(self) -> None:
        """Open the database and the storage once, before the server starts and can only log.

        Raises:
            SettingsError: one of them cannot be used, or a newer version has used the database.
        """
        with _explained("--database", self._settings.database):
            async with self._store.opened():
                with _explained("--files", self._settings.files):
                    await self._files.start()

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


@contextmanager
def _explained(option: str, url: str | None) -> Iterator[None]:
    """Tell in one sentence what goes wrong with the URL of an option."""
    try:
        yield
    except SettingsError:
        raise
    except Exception as error:  # every driver and every storage has exceptions of its own
        reason = reason_of(getattr(error, "orig", None) or error).partition("\n")[0]
        given = f" {_PASSWORD.sub(':***@', url)!r}" if url else ", which is not given,"
        raise SettingsError(
            f"{option}{given} cannot be used ({reason}): {_RIGHT[option]}"
        ) from error


def create_service(settings: Settings, clock: Callable[[], datetime] = now) -> Service:
    """Put the server together.

    Args:
        settings: what the operator decided.
        clock: the time, in UTC and without a zone, by which files expire.

    Raises:
        SettingsError: an option cannot be used.
        OSError: the folder cannot be written.
    """
    folder, limits = settings.folder, settings.limits
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = Secret.in_folder(folder)
    model = Model(SCHEMA_FILE)
    schema = InputSchema(model.schema)
    guard = Guard(settings.allowed_networks)
    with _explained("--database", settings.database):
        store = Store(settings.database or Store.url_in(folder), clock)
    notifier, export_notifier = Notifier(store.prediction), Notifier(store.export)
    copies = LocalCopies(folder / "copies", _COPIES_BYTES)
    with _explained("--files", settings.files):
        blobs = BlobStore(settings.files or str((folder / "files").resolve()), copies)
    files = Files(store, blobs, limits)
    sources = Sources(store, files, guard, limits, settings.bounds)
    views = Views(store, secret)
    where = settings.worker_endpoint
    listener = listen("--worker-endpoint", where.host, where.port)
    endpoint = WorkerEndpoint(where, listener, secret.token("worker endpoint"), store, files)
    containers = Containers(settings.workers, limits.worker_patience_seconds)
    queue = JobQueue(store, files, sources, containers, endpoint, notifier, limits.max_queue)
    webhooks = Webhooks(store, views, notifier, guard, secret)
    reading = Places(_BODIES_AT_A_TIME)
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
            reading=reading,
        )
        routes += [Mount("/v1", routes=api.routes()), *api.routes()]
    exports = None
    if settings.has_page:
        videos = Videos(store, files, sources, settings)
        projects = Projects(store, files, videos, queue, limits)
        pictures = Pictures(settings.bounds)
        reading_masks = Places(_BODIES_AT_A_TIME)
        page = Page(
            settings=settings,
            model=model,
            containers=containers,
            files=files,
            videos=videos,
            projects=projects,
            pictures=pictures,
            examples=Examples(settings),
        )
        tracks = Tracks(
            store=store,
            files=files,
            videos=videos,
            sources=sources,
            queue=queue,
            notifier=notifier,
            schema=schema,
            version=model.version,
            limits=settings.video_limits,
            reading=reading_masks,
            most=limits.max_project_tracks,
        )
        exports = Exports(
            store=store,
            files=files,
            videos=videos,
            notifier=export_notifier,
            folder=folder / "exports",
            places=Places(settings.bounds.max_exports),
            max_seconds=settings.bounds.max_export_seconds,
            most=limits.max_project_exports,
        )
        project_routes = ProjectRoutes(
            settings=settings,
            containers=containers,
            previews=Previews(containers, endpoint),
            files=files,
            videos=videos,
            projects=projects,
            tracks=tracks,
            lanes_of=Lanes(store, files, reading_masks, settings.bounds.max_check_seconds),
            exports=exports,
            pictures=pictures,
            reading=reading,
            reading_masks=reading_masks,
        )
        page_routes = [*page.routes(), *project_routes.routes()]
        routes.append(Mount("/", page_app(page_routes, settings)))
    paced = Middleware(PacedBodies, bounds=settings.bounds)
    app = Starlette(routes=routes, exception_handlers=ANSWERS, middleware=[paced])
    routes, notifiers = [Mount("/", app)], (notifier, export_notifier)
    return Service(
        routes, containers, endpoint, queue, settings, store, files, webhooks, exports, notifiers
    )
