"""Serve the hosted API's protocol alone: `python -m sam2_video.service`."""

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from sam2_video.core.logs import log_to_stderr
from sam2_video.service.app import Hosted
from sam2_video.service.jobs.local_worker import LocalWorker
from sam2_video.service.net.tls import ANY_HOST, certificates, tls_names
from sam2_video.service.settings import (
    SettingsError,
    add_api_options,
    add_worker_options,
    check_exposure,
    read_settings,
)

_KEEP_ALIVE_SECONDS = 75  # longer than clients pause between calls
_GRACE_SECONDS = 5  # for answers under way when the server is to end


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal asks for the end; 1 if an option is not as it should be."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        settings = read_settings(options)
        check_exposure(settings, options.host)
        hosted = Hosted(settings)
        names = tls_names(options.host, settings.public_url)
        trusted = certificates(settings.folder / "tls", names) if options.tls else None
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the server cannot start: {error}", file=sys.stderr)
        return 1

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(hosted.lifespan(app))
            if not settings.workers:
                worker = LocalWorker(settings.folder / "worker", hosted.door.upload_url)
                await stack.enter_async_context(worker.running())
                hosted.workers.add(worker.url)
            yield

    scheme = "https" if options.tls else "http"
    host = "localhost" if options.host in ("127.0.0.1", *ANY_HOST) else options.host
    url = settings.public_url or f"{scheme}://{host}:{options.port}"
    print(f"Python:      export REPLICATE_BASE_URL={url}", file=sys.stderr)
    print(f"JavaScript:  new Replicate({{ baseUrl: '{url}/v1' }})", file=sys.stderr)
    if settings.workers:
        print(f"workers:     --upload-url {hosted.door.upload_url}", file=sys.stderr)
    if trusted is not None:
        print(f"clients have to trust this server:\n{trusted.how_to_trust()}", file=sys.stderr)
    uvicorn.run(
        Starlette(routes=hosted.routes, lifespan=lifespan),
        host=options.host,
        port=options.port,
        ssl_certfile=trusted.chain if trusted else None,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sam2_video.service", description="Serve the hosted API's protocol."
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="on which port (8000)")
    parser.add_argument(
        "--tls", action="store_true", help="https, by a local authority made on first use"
    )
    add_worker_options(parser)
    add_api_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
