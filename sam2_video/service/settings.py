"""What the operator of a server decides: options of the command line, checked once."""

import argparse
import ipaddress
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from sam2_video.core.addresses import Network
from sam2_video.core.errors import reason_of
from sam2_video.core.limits import FromEnvironment, Limits

TOKENS_VARIABLE = "SAM2_API_TOKENS"
PREVIEWS = ("_preview.webm", "_preview.mp4")
"""How the name of a short video ends that shows the result of an example beside it."""
DEFAULT_FOLDER = Path("outputs/hosted")
ANY_HOST = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on

_SHORTEST_TOKEN = 16
_HOUR = 3600.0
_GB = 10**9


class SettingsError(Exception):
    """An option is invalid; the message is one sentence."""


@dataclass(frozen=True)
class ServiceLimits:
    """Bounds on what clients may cost.

    Attributes:
        max_queue: predictions that are not finished, all together.
        max_body_bytes: a request that carries a prediction, its data URIs included.
        max_file_bytes: one file, uploaded or fetched.
        max_files: uploaded files of one token.
        max_visitor_videos: videos of one visitor that are in no project; the oldest goes first.
        max_visitor_projects: projects of one visitor; the one unused for longest goes first.
        max_projects: projects of all visitors; their documents are in the database.
        max_project_tracks: tracks of a project; the oldest goes first.
        max_project_exports: exports of a project; the oldest goes first.
        max_stored_bytes: all files together.
        max_fetch_seconds: fetching one file.
        worker_patience_seconds: how long a prediction waits while no worker is alive.
        keep_seconds: how long files, inputs and outputs of programs stay.
        visitor_keep_seconds: how long those of a visitor of the page stay after the last use.
        keep_records_seconds: how long what is left of a prediction is listed.
        max_records: predictions that are listed at most.
    """

    max_queue: int = 1000
    max_body_bytes: int = 100 * 1024**2
    max_file_bytes: int = 4 * 1024**3
    max_files: int = 1000
    max_visitor_videos: int = 5
    max_visitor_projects: int = 20
    max_projects: int = 10_000
    max_project_tracks: int = 50
    max_project_exports: int = 20
    max_stored_bytes: int = 100 * _GB
    max_fetch_seconds: float = 600
    worker_patience_seconds: float = 600
    keep_seconds: float = 24 * _HOUR
    visitor_keep_seconds: float = 7 * 24 * _HOUR
    keep_records_seconds: float = 30 * 24 * _HOUR
    max_records: int = 100_000


@dataclass(frozen=True)
class Bounds(FromEnvironment):
    """How much the server does for clients at a time, and how slow a client may be.

    One client gets half of the places at most.

    Attributes:
        max_checks: videos that are decoded at a time, to check them or to show a frame (2).
        max_check_seconds: decoding one of them (300).
        max_fetches: URLs that are fetched at a time (4).
        max_exports: exports that are rendered at a time (2).
        max_export_seconds: rendering one of them (3,600).
        max_body_seconds: waiting for the body of a request, uploads included (3,600).
        min_body_rate: bytes a second, on average and after 20 seconds, of the body of a request
            and of a URL that is fetched (4,096).
    """

    max_checks: int = 2
    max_check_seconds: float = 300.0
    max_fetches: int = 4
    max_exports: int = 2
    max_export_seconds: float = 3600.0
    max_body_seconds: float = 3600.0
    min_body_rate: int = 4096


@dataclass(frozen=True)
class Endpoint:
    """Where workers fetch inputs and upload outputs: a listener of its own, always plain http.

    Attributes:
        host, port: where it listens; port 0 takes a free one.
        url: how workers reach it, without the secret part; None for that host and port.
    """

    host: str = "127.0.0.1"
    port: int = 0
    url: str | None = None


@dataclass(frozen=True)
class Settings:
    """Everything that the server needs to know.

    Attributes:
        workers: URLs of the containers.
        host, port: where the server listens.
        has_page: whether the page is served.
        has_api: whether the API below `/v1` is served.
        examples: clips that people may try the page with.
        folder: where the database, the files and the secrets lie.
        database: SQLAlchemy's URL of the database; None for SQLite in `folder`.
        files: fsspec's URL of where files lie; None for a folder in `folder`.
        tokens: who may call the API; empty for everybody on this machine.
        public_url: this server as clients know it; None to take it from each request.
        allowed_networks: private networks that URLs of clients may lead to.
        worker_endpoint: where workers reach this server.
        limits: what clients may cost.
        bounds: how much is done for them at a time.
        video_limits: what one video may cost, as the container's.
    """

    workers: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    has_page: bool = True
    has_api: bool = True
    examples: tuple[Path, ...] = ()
    folder: Path = DEFAULT_FOLDER
    database: str | None = None
    files: str | None = None
    tokens: tuple[str, ...] = ()
    public_url: str | None = None
    allowed_networks: tuple[Network, ...] = ()
    worker_endpoint: Endpoint = field(default_factory=Endpoint)
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    bounds: Bounds = field(default_factory=Bounds)
    video_limits: Limits = field(default_factory=Limits)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `read_settings` reads."""
    settings, limits = Settings(), ServiceLimits()
    add = parser.add_argument
    add("--host", default=settings.host, help="where to listen (%(default)s)")
    add("--port", type=int, default=settings.port, help="on which port (%(default)s)")
    add("--public-url", metavar="URL", help="this server as clients know it, behind a proxy")
    text = f"tokens that may call the API, one a line; or {TOKENS_VARIABLE}, separated by commas"
    add("--tokens", type=Path, metavar="FILE", help=text)
    text = (
        "a private network that URLs of inputs and webhooks may lead to, as 10.1.0.0/16; may be "
        "repeated (none)"
    )
    add("--allow-private", action="append", default=[], metavar="NETWORK", help=text)

    page = parser.add_argument_group("the page")
    page.add_argument("--no-page", action="store_true", help="serve the API alone")
    text = "a clip to try the page with, or a folder of clips; may be repeated"
    page.add_argument(
        "--example", action="append", default=[], type=Path, metavar="PATH", help=text
    )
    text = "minutes from their last use until a visitor's files are deleted"
    _add_number(page, "--keep-minutes", limits.visitor_keep_seconds / 60, text)

    add = parser.add_argument_group("workers").add_argument
    text = "a container to run predictions in; may be repeated (start one here)"
    add("--api", action="append", default=[], metavar="URL", help=text)
    text = "where workers fetch inputs and upload outputs, in plain http (127.0.0.1, a free port)"
    add("--worker-endpoint", default="127.0.0.1:0", metavar="HOST:PORT", help=text)
    text = "the worker endpoint as workers know it (http and its host and port)"
    add("--worker-endpoint-url", metavar="URL", help=text)

    storage = parser.add_argument_group("storage")
    add, text = storage.add_argument, "where predictions, files and secrets are kept (%(default)s)"
    add("--data", type=Path, default=settings.folder, metavar="FOLDER", help=text)
    add("--database", metavar="URL", help="another database, as SQLAlchemy names it (SQLite)")
    add("--files", metavar="URL", help="other storage of files, as fsspec names it: s3://bucket/x")
    gigabytes = limits.max_stored_bytes / _GB
    _add_number(storage, "--max-disk-gb", gigabytes, "GB that all files together may take")
    text = "hours until a program's files are deleted"
    _add_number(storage, "--keep-hours", limits.keep_seconds / _HOUR, text)
    _add_number(storage, "--max-queue", limits.max_queue, "predictions that may wait or run")


def _add_number(group: argparse._ArgumentGroup, option: str, default: float, text: str) -> None:
    """Declare an option that is a number above zero; one of the default's type."""
    group.add_argument(
        option, type=type(default), default=default, metavar="N", help=f"{text} ({default:g})"
    )


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings that a command line asks for.

    Raises:
        SettingsError: an option, or a limit of the environment, is invalid.
    """
    for name in ("keep_hours", "keep_minutes", "max_disk_gb", "max_queue"):
        value = getattr(options, name)
        if not 0 < value < float("inf"):
            option = name.replace("_", "-")
            raise SettingsError(f"--{option} is {value:g}, but it should be above zero")
    if not 0 < options.port < 65536:
        raise SettingsError(f"--port is {options.port}, but it should be from 1 to 65535")
    try:
        video_limits, bounds = Limits.from_env(), Bounds.from_env()
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return Settings(
        workers=tuple(_url("--api", url) for url in options.api),
        host=options.host,
        port=options.port,
        has_page=not options.no_page,
        examples=tuple(clip for path in options.example for clip in _clips(path)),
        folder=options.data,
        database=options.database,
        files=options.files,
        tokens=_tokens(options.tokens),
        public_url=options.public_url and _url("--public-url", options.public_url),
        allowed_networks=tuple(_network(text) for text in options.allow_private),
        worker_endpoint=_endpoint(options.worker_endpoint, options.worker_endpoint_url),
        limits=ServiceLimits(
            keep_seconds=options.keep_hours * _HOUR,
            visitor_keep_seconds=options.keep_minutes * 60,
            max_stored_bytes=int(options.max_disk_gb * _GB),
            max_queue=options.max_queue,
            max_fetch_seconds=video_limits.max_fetch_seconds,
        ),
        bounds=bounds,
        video_limits=video_limits,
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def without_open_api(settings: Settings) -> tuple[Settings, str | None]:
    """Take the API away where other machines could call it without a token.

    Returns:
        The settings, and why the API was taken away; None if it was not.

    Raises:
        SettingsError: nothing would be left to serve.
    """
    public = urlsplit(settings.public_url or "").hostname
    for option, name in (("--host", settings.host), ("--public-url", public)):
        if name is not None and not settings.tokens and not is_loopback(name):
            reason = (
                f"{option} {name} lets other machines call, which takes tokens: give --tokens FILE "
                f"or {TOKENS_VARIABLE}"
            )
            if not settings.has_page:
                raise SettingsError(reason)
            return replace(settings, has_api=False), reason
    return settings, None


def _url(option: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and parts.hostname
    except ValueError:
        is_url = False
    if not is_url:
        raise SettingsError(f"{option} is {text!r}, but it should be an http(s) URL")
    return text.rstrip("/")


def _clips(path: Path) -> list[Path]:
    """A clip itself, or those of a folder in the order of their names."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise SettingsError(f"--example is {str(path)!r}, but there is no such file or folder")
    clips = sorted(one for one in path.glob("*.mp4") if not one.name.endswith(PREVIEWS))
    if not clips:
        raise SettingsError(f"--example is {str(path)!r}, but there is no .mp4 in this folder")
    return clips


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"--allow-private is {text!r}, but it should be a network as 10.1.0.0/16 or an address"
        ) from error


def _endpoint(text: str, url: str | None) -> Endpoint:
    option = "--worker-endpoint"
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{option} is {text!r}, but it should be HOST:PORT")
    if url is None and host in ANY_HOST:
        raise SettingsError(
            f"{option} {text} is every address of this machine: give {option}-url, the URL by "
            "which workers reach it"
        )
    return Endpoint(host, int(port), url and _url(f"{option}-url", url))


def _tokens(path: Path | None) -> tuple[str, ...]:
    """The tokens of the environment and of a file, each once."""
    texts = [(TOKENS_VARIABLE, text) for text in os.environ.get(TOKENS_VARIABLE, "").split(",")]
    if path is not None:
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"--tokens {str(path)!r} cannot be read: {reason_of(error)}"
            ) from error
        found = [
            (f"--tokens {str(path)!r}, line {number},", line)
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
        if not found:
            raise SettingsError(f"--tokens {str(path)!r} holds no token")
        texts += found
    tokens = []
    for place, text in texts:
        token = text.strip()
        if not token:
            continue
        if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise SettingsError(
                f"{place} has a token that is not {_SHORTEST_TOKEN} or more printable ASCII "
                "characters, as `openssl rand -hex 20` writes them"
            )
        tokens.append(token)
    return tuple(dict.fromkeys(tokens))
