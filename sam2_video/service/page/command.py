"""The model page and the hosted API in one server: `python -m sam2_video.service.page.command`.

On this machine alone unless told otherwise. The protocol, which hands out predictions to programs,
is for others only where tokens say who may call; without them others get the page alone.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from sam2_video.core.limits import Limits
from sam2_video.core.signals import Interrupted, interruptible
from sam2_video.service.app import Hosted
from sam2_video.service.jobs.local_worker import LocalWorker
from sam2_video.service.net.tls import certificates, tls_names
from sam2_video.service.page.app import Context, create_app
from sam2_video.service.page.settings import Settings
from sam2_video.service.settings import Settings as HostedSettings
from sam2_video.service.settings import (
    SettingsError,
    add_api_options,
    add_worker_options,
    check_exposure,
    is_loopback,
    read_settings,
)

_SECONDS_TO_END = 3
_KEEP_ALIVE_SECONDS = 75  # longer than clients of the API pause between calls


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until a signal asks for the end; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with interruptible():
        try:
            _serve(options, read_settings(options))
        except (SettingsError, ValueError) as error:  # an option, or a setting of the environment
            print(error, file=sys.stderr)
            return 1
        except OSError as error:
            print(f"the server cannot start: {error}", file=sys.stderr)
            return 1
        except Interrupted as end:
            return end.exit_code
    return 0


def _serve(options: argparse.Namespace, hosted_settings: HostedSettings) -> None:
    """Put the server together and run it.

    Raises:
        OSError: a folder cannot be written, or a port is taken.
    """
    worker = None if hosted_settings.workers else LocalWorker(hosted_settings.folder / "worker")
    contexts: list[Context] = []
    hosted = _hosted(options, hosted_settings)
    if hosted is not None:
        contexts.append(hosted.lifespan)
        if worker is not None:
            hosted.workers.add(worker.url)
    if worker is not None:
        contexts.append(_running(worker))
    trusted = None
    if options.tls:
        names = tls_names(options.host, hosted_settings.public_url)
        trusted = certificates(hosted_settings.folder / "tls", names)
        # The worker of our own fetches large videos from here.
        os.environ["SSL_CERT_FILE"] = str(trusted.bundle)
    api = worker.url if worker is not None else hosted_settings.workers[0]
    scheme = "https" if options.tls else "http"
    shown = "localhost" if is_loopback(options.host) else options.host
    print(f"the page is at {scheme}://{shown}:{options.port}", flush=True)
    if hosted is not None:
        address = hosted_settings.public_url or f"{scheme}://{shown}:{options.port}"
        print(f"programs of the hosted model: REPLICATE_BASE_URL={address}", flush=True)
    if trusted is not None:
        print(f"clients have to trust this server:\n{trusted.how_to_trust()}", flush=True)
    uvicorn.run(
        create_app(
            _settings(options, api, scheme),
            routes=hosted.routes if hosted is not None else (),
            contexts=contexts,
        ),
        host=options.host,
        port=options.port,
        ssl_certfile=trusted.chain if trusted is not None else None,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SECONDS_TO_END,
        server_header=False,
    )


def _hosted(options: argparse.Namespace, settings: HostedSettings) -> Hosted | None:
    """The protocol; None, and a line that says so, where everybody could call it."""
    try:
        check_exposure(settings, options.host)
    except SettingsError as error:
        print(f"the page is served without the hosted API: {error}", file=sys.stderr)
        return None
    return Hosted(settings)


def _running(worker: LocalWorker) -> Context:
    @asynccontextmanager
    async def context(_: Starlette) -> AsyncIterator[None]:
        async with worker.running():
            yield

    return context


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sam2_video.service.page.command",
        description="A page to upload a video, click on it, run the model and watch the result; "
        "and the hosted API's protocol under /v1.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8000, help="on which port (8000)")
    parser.add_argument(
        "--fetch-url",
        type=_address,
        metavar="URL",
        help="where the container reaches this page, for videos above 75 MB "
        "(http://127.0.0.1:PORT)",
    )
    parser.add_argument(
        "--tls", action="store_true", help="https, by a local authority made on first use"
    )
    parser.add_argument("--example", type=_file, metavar="FILE", help="a clip to try the page with")
    parser.add_argument(
        "--keep-minutes",
        type=_positive,
        default=120.0,
        metavar="N",
        help="files are deleted so long after their last use (120)",
    )
    parser.add_argument(
        "--max-disk-gb",
        type=_positive,
        default=20.0,
        metavar="N",
        help="what all files together may take (20)",
    )
    add_worker_options(parser)
    add_api_options(parser)
    return parser


def _settings(options: argparse.Namespace, api: str, scheme: str) -> Settings:
    return Settings(
        api=api,
        public_url=options.fetch_url or f"{scheme}://127.0.0.1:{options.port}",
        only_local=is_loopback(options.host),
        example=options.example,
        keep_seconds=options.keep_minutes * 60,
        max_disk_bytes=int(options.max_disk_gb * 1e9),
        limits=Limits.from_env(),
    )


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like http://localhost:5000")
    return text.rstrip("/")


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 65535")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no such file as {text!r}")
    return Path(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
