"""What the operator of a server decides: options of the command line, checked once."""

import argparse
import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sam2_video.service.net.guard import Network

TOKENS_VARIABLE = "SAM2_API_TOKENS"
DEFAULT_FOLDER = Path("outputs/hosted")

_SHORTEST_TOKEN = 16
_HOUR = 3600.0


class SettingsError(Exception):
    """An option is not as it should be; the message is one sentence."""


@dataclass(frozen=True)
class HostedLimits:
    """Bounds on what clients may cost.

    Attributes:
        max_queue: predictions that are not finished, all together.
        max_body_bytes: a request that carries a prediction, its data URIs included.
        max_file_bytes: one file, uploaded or fetched.
        max_files: uploaded files of one token.
        max_stored_bytes: all files together.
        max_fetch_seconds: fetching one file.
        worker_patience_seconds: how long a prediction waits while no worker is alive.
        keep_seconds: how long files, inputs and outputs stay.
        keep_records_seconds: how long what is left of a prediction is listed.
        max_records: predictions that are listed at most.
    """

    max_queue: int = 100
    max_body_bytes: int = 100 * 1024**2
    max_file_bytes: int = 4 * 1024**3
    max_files: int = 1000
    max_stored_bytes: int = 100 * 1024**3
    max_fetch_seconds: float = 600
    worker_patience_seconds: float = 600
    keep_seconds: float = 24 * _HOUR
    keep_records_seconds: float = 30 * 24 * _HOUR
    max_records: int = 100_000


@dataclass(frozen=True)
class Door:
    """Where workers fetch inputs and put outputs: a listener of its own, always plain http.

    Attributes:
        host, port: where it listens; port 0 takes a free one.
        url: how workers reach it, without the secret part; None for that host and port.
    """

    host: str = "127.0.0.1"
    port: int = 0
    url: str | None = None


@dataclass(frozen=True)
class Settings:
    """Everything that the protocol needs to know.

    Attributes:
        workers: addresses of the containers.
        folder: where the database, the files and the secrets lie.
        database: SQLAlchemy's URL of the database; None for SQLite in `folder`.
        files: fsspec's URL of where files lie; None for a folder in `folder`.
        tokens: who may call; empty for anybody on this machine.
        public_url: this server as clients know it; None to take it from each request.
        allowed_networks: private networks that addresses from clients may lead to.
        door: where workers reach this server.
        limits: what clients may cost.
    """

    workers: tuple[str, ...]
    folder: Path = DEFAULT_FOLDER
    database: str | None = None
    files: str | None = None
    tokens: tuple[str, ...] = ()
    public_url: str | None = None
    allowed_networks: tuple[Network, ...] = ()
    door: Door = field(default_factory=Door)
    limits: HostedLimits = field(default_factory=HostedLimits)


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where predictions run."""
    group = parser.add_argument_group("workers")
    group.add_argument(
        "--api",
        action="append",
        default=[],
        metavar="URL",
        help="a container to run predictions in; may be repeated (default: start one here)",
    )
    group.add_argument(
        "--door",
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="where workers fetch inputs and put outputs, plain http (127.0.0.1, a free port)",
    )
    group.add_argument(
        "--door-url", metavar="URL", help="how workers reach the door, if not by that host and port"
    )


def add_api_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who may call and what is kept."""
    group = parser.add_argument_group("the hosted API")
    group.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="FOLDER",
        help=f"where predictions, files and secrets are kept ({DEFAULT_FOLDER})",
    )
    group.add_argument(
        "--database", metavar="URL", help="another database, as SQLAlchemy names it (SQLite)"
    )
    group.add_argument(
        "--files", metavar="URL", help="other storage of files, as fsspec names it: s3://bucket/x"
    )
    group.add_argument(
        "--public-url", metavar="URL", help="this server as clients know it, behind a proxy"
    )
    group.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help=f"tokens that may call, one a line; or {TOKENS_VARIABLE}, separated by commas",
    )
    group.add_argument(
        "--allow-private",
        action="append",
        default=[],
        metavar="NETWORK",
        help="a private network that inputs and webhooks may lead to, as 10.1.0.0/16; "
        "may be repeated (default: none)",
    )
    group.add_argument(
        "--keep-hours", type=float, default=24, metavar="HOURS", help="how long files stay (24)"
    )
    group.add_argument(
        "--max-queue", type=int, default=100, metavar="N", help="predictions that may wait (100)"
    )


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings that a command line asks for.

    Raises:
        SettingsError: an option is not as it should be.
    """
    if options.keep_hours <= 0 or options.max_queue <= 0:
        raise SettingsError("--keep-hours and --max-queue should be above zero")
    return Settings(
        workers=tuple(_address("--api", url) for url in options.api),
        folder=options.data,
        database=options.database,
        files=options.files,
        tokens=_tokens(options.tokens),
        public_url=options.public_url and _address("--public-url", options.public_url),
        allowed_networks=tuple(_network(text) for text in options.allow_private),
        door=_door(options.door, options.door_url),
        limits=HostedLimits(keep_seconds=options.keep_hours * _HOUR, max_queue=options.max_queue),
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings, host: str) -> None:
    """Refuse to serve other machines without tokens.

    Raises:
        SettingsError: `host` or the public address is not loopback, and there is no token.
    """
    public = urlsplit(settings.public_url or "").hostname
    for option, name in (("--host", host), ("--public-url", public)):
        if name is not None and not settings.tokens and not is_loopback(name):
            raise SettingsError(
                f"{option} {name} lets other machines call, which takes tokens: give --tokens FILE "
                f"or {TOKENS_VARIABLE}"
            )


def _address(option: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{option} is {text!r}, but it should be an http(s) address")
    return text.rstrip("/")


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"--allow-private is {text!r}, but it should be a network as 10.1.0.0/16 or an address"
        ) from error


def _door(text: str, url: str | None) -> Door:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"--door is {text!r}, but it should be HOST:PORT")
    if url is None and host in ("0.0.0.0", "[::]"):  # noqa: S104 - a comparison
        raise SettingsError(f"--door {text} takes --door-url too: how do workers reach it?")
    return Door(host.strip("[]"), int(port), url and _address("--door-url", url))


def _tokens(path: Path | None) -> tuple[str, ...]:
    texts = os.environ.get(TOKENS_VARIABLE, "").split(",")
    if path is not None:
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"--tokens {str(path)!r} cannot be read: {error}") from error
        texts += [line for line in lines if not line.lstrip().startswith("#")]
    tokens = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if path is not None and not tokens:
        raise SettingsError(f"--tokens {str(path)!r} holds no token")
    for token in tokens:
        if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise SettingsError(
                f"a token should be {_SHORTEST_TOKEN} or more printable characters, as "
                "`openssl rand -hex 20` writes them"
            )
    return tokens
