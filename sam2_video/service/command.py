"""The command `serve`: the page and the hosted API in one server.

On this machine alone unless told otherwise. The API is for others only where tokens say who may
call; without them others get the page alone.
"""

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from socket import socket

from sam2_video.core.errors import reason_of
from sam2_video.service.settings import (
    ANY_HOST,
    Settings,
    SettingsError,
    add_options,
    read_settings,
    without_open_api,
)

_KEEP_ALIVE_SECONDS = 75  # longer than clients pause between calls
_GRACE_SECONDS = 3  # for answers under way when the server is to end


def add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "serve",
        help="serve the page and the hosted API",
        description="Serve a page to upload a video, click on it, run the model and watch the "
        "result; and the hosted API's protocol under /v1.",
    )
    parser.set_defaults(run=serve)
    parser.add_argument(
        "--tls", action="store_true", help="https, by a local authority made on first use"
    )
    add_options(parser)


def serve(options: argparse.Namespace) -> int:
    """Serve until a signal asks for the end; 1, and one sentence, if it cannot.

    Raises:
        BaseException: what the handler of a signal raises, once the server has ended in order.
    """
    try:
        settings, reason = without_open_api(read_settings(options))
        if reason is not None:
            _say(f"the page is served without the hosted API: {reason}")
        return _run(settings, has_tls=options.tls)
    except SettingsError as error:
        _say(str(error))
    except ModuleNotFoundError as error:
        _say(f"serve needs {error.name}, which is not installed: pip install .[page]")
    except OSError as error:
        _say(f"the server cannot start: {error}")
    return 1


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other servers out of the folder `--data` while the block runs.

    Raises:
        SettingsError: another server uses it, or it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except FileExistsError as error:
        raise SettingsError(f"--data is {str(folder)!r}, but it should be a folder") from error
    except OSError as error:
        raise SettingsError(f"--data {str(folder)!r} cannot be used: {reason_of(error)}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise SettingsError(f"--data {str(folder)!r} is in use by another server") from error
    try:
        yield
    finally:
        os.close(lock)


def _run(settings: Settings, has_tls: bool) -> int:
    """Serve to the end; the exit code."""
    # Imported here: the command line does without these packages.
    import uvicorn
    from starlette.applications import Starlette

    from sam2_video.service.app import create_service
    from sam2_video.service.jobs.local_worker import LocalWorker
    from sam2_video.service.net.listen import listen
    from sam2_video.service.net.tls import certificates, tls_names

    with (
        closing(listen("--host or --port", settings.host, settings.port)) as listener,
        _locked(settings.folder),
    ):
        service = create_service(settings)
        asyncio.run(service.prepare())
        worker = None
        if not settings.workers:
            worker = LocalWorker(settings.folder / "worker", service.endpoint.upload_url)
            service.containers.add(worker.url)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(service.lifespan(app))
                if worker is not None:
                    await stack.enter_async_context(worker.running())
                    # A worker that is to end would finish its run first.
                    stack.push_async_callback(service.queue.stop)
                yield

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket] | None = None) -> None:
                service.end_streams()  # before it waits for the answers under way
                await super().shutdown(sockets)

        names = tls_names(settings.host, settings.public_url)
        trusted = certificates(settings.folder / "tls", names) if has_tls else None
        host = "localhost" if settings.host in ("127.0.0.1", *ANY_HOST) else settings.host
        url = settings.public_url or f"{'https' if trusted else 'http'}://{host}:{settings.port}"
        if settings.has_page:
            _say(f"the page is at {url}")
        if settings.has_api:
            _say(f"Python:      export REPLICATE_BASE_URL={url}")
            _say(f"JavaScript:  new Replicate({{ baseUrl: '{url}/v1' }})")
        if settings.workers:
            _say(f"workers:     --upload-url {service.endpoint.upload_url}")
        if trusted is not None:
            _say(f"clients have to trust this server:\n{trusted.how_to_trust()}")
        config = uvicorn.Config(
            Starlette(routes=service.routes, lifespan=lifespan),
            ssl_certfile=trusted.chain if trusted else None,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = Server(config)
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
