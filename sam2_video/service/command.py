"""The command `serve`: the page and the hosted API in one server.

On this machine alone unless told otherwise. The API is for others only where tokens say who may
call; without them others get the page alone.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from sam2_video.service.settings import (
    ANY_HOST,
    Settings,
    SettingsError,
    add_options,
    check_exposure,
    read_settings,
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
        settings = _exposed(read_settings(options))
        _run(settings, has_tls=options.tls)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"serve needs {error.name}, which is not installed: pip install .[page]",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"the server cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _exposed(settings: Settings) -> Settings:
    """The settings without the API, and a line that says so, where everybody could call it.

    Raises:
        SettingsError: nothing would be left to serve.
    """
    try:
        check_exposure(settings)
    except SettingsError as error:
        if not settings.has_page:
            raise
        print(f"the page is served without the hosted API: {error}", file=sys.stderr)
        return replace(settings, has_api=False)
    return settings


def _run(settings: Settings, has_tls: bool) -> None:
    # Imported here: the command line does without these packages.
    import uvicorn
    from starlette.applications import Starlette

    from sam2_video.service.app import create_service
    from sam2_video.service.jobs.local_worker import LocalWorker
    from sam2_video.service.net.tls import certificates, tls_names
    from sam2_video.service.storage.migrations import DatabaseVersionError

    service = create_service(settings)
    try:
        asyncio.run(service.upgrade_database())
    except DatabaseVersionError as error:
        raise SettingsError(str(error)) from error
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
            yield

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
    uvicorn.run(
        Starlette(routes=service.routes, lifespan=lifespan),
        host=settings.host,
        port=settings.port,
        ssl_certfile=trusted.chain if trusted else None,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
