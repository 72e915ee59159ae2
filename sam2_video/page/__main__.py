"""`python -m sam2_video.page`: the model page, on this machine unless told otherwise."""

import argparse
import ipaddress
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from sam2_video.cli import ENDING_SIGNALS, Interrupted
from sam2_video.limits import Limits
from sam2_video.page.app import create_app
from sam2_video.page.local import local_server
from sam2_video.page.settings import Settings

_SECONDS_TO_END = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until a signal asks for the end; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    previous = {number: signal.signal(number, _interrupt) for number in ENDING_SIGNALS}
    try:
        with ExitStack() as stack:
            api = options.api or stack.enter_context(local_server())
            settings = _settings(options, api)
            print(f"the page is at http://{_shown_host(options.host)}:{options.port}", flush=True)
            uvicorn.run(
                create_app(settings),
                host=options.host,
                port=options.port,
                log_level="warning",
                timeout_graceful_shutdown=_SECONDS_TO_END,
                server_header=False,
            )
    except ValueError as error:  # a setting of the environment
        print(error, file=sys.stderr)
        return 1
    except Interrupted as end:
        return end.exit_code
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sam2_video.page",
        description="A page to upload a video, click on it, run the model and watch the result.",
    )
    parser.add_argument(
        "--api",
        type=_address,
        metavar="URL",
        help="where the container listens, http://localhost:5000 for example; "
        "without it the local server is started",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8000, help="on which port (8000)")
    parser.add_argument(
        "--public-url",
        type=_address,
        metavar="URL",
        help="where the container reaches this page, for videos above 75 MB "
        "(http://127.0.0.1:PORT)",
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
    return parser


def _settings(options: argparse.Namespace, api: str) -> Settings:
    return Settings(
        api=api,
        public_url=options.public_url or f"http://127.0.0.1:{options.port}",
        only_local=_is_loopback(options.host),
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


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown_host(host: str) -> str:
    return "localhost" if _is_loopback(host) else host


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


if __name__ == "__main__":
    sys.exit(main())
