"""Getting an input from where a client says it is: a data URI or an http(s) URL."""

import http.client
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sam2_video.core.addresses import VARIABLE, AddressRules, PrivateAddressError
from sam2_video.core.errors import InputError, reason_of, shown
from sam2_video.core.limits import Limits
from sam2_video.core.processes import start_thread
from sam2_video.prediction.content_encoding import ContentDecoder
from sam2_video.prediction.data_uri import is_data_uri, read_data_uri

_CHUNK = 1 << 20
_SILENCE_SECONDS = 30  # that a server may say nothing
_SECONDS_BETWEEN_LOOKS = 0.05
_USER_AGENT = "sam2-video"
_SECONDS_TO_END = 1.0
_URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"


@contextmanager
def local_file(name: str, value: Path | str, folder: Path, limits: Limits) -> Iterator[Path]:
    """Have an input as a local file while the block runs.

    Args:
        name: the input's name, for errors.
        value: a `Path` is a file that is already here, left alone; a string comes from an
            untrusted client: a URL or a data URI, never a path.
        folder: where a download lies until the block ends.
        limits: bounds on bytes and seconds of a download.

    Raises:
        InputError: the value is no such URL, or it cannot be fetched.
    """
    if isinstance(value, Path):
        yield value
        return
    try:
        yield fetch_url(name, value, folder, limits)
    finally:
        (folder / name).unlink(missing_ok=True)


def is_url(source: str) -> bool:
    """Whether `fetch_url` would try to fetch this."""
    return source.lstrip().partition(":")[0].lower() in ("data", "http", "https")


def existing_file(name: str, given: str, path: str, folder: str = "") -> Path:
    """The file at a path that the user of this machine names.

    Args:
        name: the input's name, for errors.
        given: what the user wrote, for errors.
        path: `~` stands for the user's home folder.
        folder: where a relative path starts; empty for the working folder.

    Raises:
        InputError: it is not a file.
    """
    try:
        file = Path(folder, Path(path).expanduser())
        if file.is_file():
            return file
        reason = "it is not a file" if file.exists() else "there is no such file"
    except (OSError, RuntimeError) as error:  # too long, not allowed, or an unknown `~user`
        reason = f"it cannot be read: {reason_of(error)}"
    raise InputError(f"{name} is {shown(given, 180)}, but {reason}")


def fetch_url(name: str, source: str, folder: Path, limits: Limits) -> Path:
    """Save what a data URI or an http(s) URL holds as the file `name` in `folder`.

    White space around the source is ignored.

    Raises:
        InputError: it is no such URL, or it cannot be fetched within the limits.
        SettingError: `SAM2_ALLOW_PRIVATE` is invalid.
    """
    if not is_url(source):
        raise InputError(
            f"{name} is {shown(source)}, but it should be a data URI or an http(s) URL"
        )
    path, source = folder / name, source.strip()
    is_data = is_data_uri(source)
    if not is_data and "@" in re.split("[/?#]", source.split(":", 1)[1].lstrip("/"), maxsplit=1)[0]:
        raise InputError(f"{name} is a URL with a user or password, which is not supported")
    sockets = _Sockets(AddressRules.from_env())
    try:
        if is_data:
            _save_data_uri(source, path, name, limits)
        else:
            _interruptible(
                lambda: _save(source, path, name, limits, sockets),
                sockets,
                limits.max_fetch_seconds,
            )
    except _DeadlineError as error:
        raise InputError(
            f"{name} takes longer to fetch than the {limits.max_fetch_seconds:g} seconds "
            "allowed (SAM2_MAX_FETCH_SECONDS)"
        ) from error
    except InputError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(
            f"{name} is {shown(source)}, which cannot be fetched: {reason_of(error)}"
        ) from error
    return path


def _save_data_uri(source: str, path: Path, name: str, limits: Limits) -> None:
    try:
        _, content = read_data_uri(source)
    except ValueError as error:
        raise InputError(f"{name} is a data URI, but {error}") from error
    check_size(len(content), name, limits)
    path.write_bytes(content)


def check_size(size: int, name: str, limits: Limits) -> None:
    """Refuse a file that is too large.

    Raises:
        InputError: it has more than `limits.max_video_bytes`.
    """
    if size > limits.max_video_bytes:
        raise InputError(
            f"{name} has more than the {limits.max_video_bytes} bytes allowed "
            "(SAM2_MAX_VIDEO_BYTES)"
        )


def _save(source: str, path: Path, name: str, limits: Limits, sockets: "_Sockets") -> None:
    """Download until the end, a limit, or until `sockets` are closed."""
    total = 0
    with ExitStack() as stack:
        response = stack.enter_context(_open(source, sockets))
        decoder = ContentDecoder(response.headers.get("Content-Encoding", ""))
        if sockets.are_closed:
            return  # the caller has given up: nothing would remove the file
        file = stack.enter_context(path.open("wb"))
        while data := response.read1(_CHUNK):
            for chunk in decoder.feed(data):
                if sockets.are_closed:
                    return
                total += len(chunk)
                check_size(total, name, limits)
                file.write(chunk)
        decoder.finish()
        expected = response.headers.get("Content-Length", "")
        is_whole = decoder.encoding or not expected.isdecimal() or total == int(expected)
    if not is_whole:
        raise InputError(f"{name} broke off at {total} of {expected} bytes")


class _DeadlineError(Exception):
    """A download takes too long as a whole."""


class _Sockets:
    """The connections of one download: where they may go, and closing them from outside."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._opened: list[socket.socket] = []
        self.are_closed = False

    def connect(
        self, address: tuple[str, int], timeout: float, source: tuple[str, int] | None = None
    ) -> socket.socket:
        """As `socket.create_connection`, but only to addresses that are permitted."""
        host, port = address
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        try:
            permitted = self._rules.checked(host, (str(entry[4][0]) for entry in found))
        except PrivateAddressError as error:
            raise PrivateAddressError(f"{error} ({VARIABLE})") from error
        failure: OSError = OSError("there is no address")
        for number in permitted:
            try:
                return self.kept(socket.create_connection((number, port), timeout, source))
            except OSError as error:
                failure = error
        raise failure

    def connect_to_proxy(
        self, address: tuple[str, int], timeout: float, source: tuple[str, int] | None = None
    ) -> socket.socket:
        """As `socket.create_connection`: the operator's proxy decides where it connects to."""
        return self.kept(socket.create_connection(address, timeout, source))

    def kept(self, connection: socket.socket) -> socket.socket:
        """Keep a second descriptor of a connection: TLS takes over the first one."""
        with self._lock:
            self._opened.append(connection.dup())
        if self.are_closed:
            self.close()
        return connection

    def close(self) -> None:
        """End all connections, whatever they wait for."""
        self.are_closed = True
        with self._lock:
            while self._opened:
                with self._opened.pop() as connection, suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(urllib.request.HTTPSHandler):
    """Opens http and https by way of `_Sockets`."""

    def __init__(self, sockets: _Sockets) -> None:
        super().__init__()
        self._sockets = sockets

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kind(http.client.HTTPConnection, request), request)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kind(http.client.HTTPSConnection, request), request)

    def _kind(self, kind: Any, request: urllib.request.Request) -> Any:
        has_proxy = request.has_proxy() or getattr(request, "_tunnel_host", None)
        connect = self._sockets.connect_to_proxy if has_proxy else self._sockets.connect

        def connection(host: str, **options: Any) -> http.client.HTTPConnection:
            made: http.client.HTTPConnection = kind(host, **options)
            made._create_connection = connect  # type: ignore[attr-defined]
            return made

        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the message for too many is a clause."""

    inf_msg = "it redirects without an end, saying "


def _open(source: str, sockets: _Sockets) -> Any:
    """Open a URL whose scheme was checked: neither `file:` nor `ftp:`, redirected or not."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(sockets),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    agent = os.environ.get("COG_USER_AGENT") or _USER_AGENT
    request = urllib.request.Request(  # noqa: S310
        urllib.parse.quote(source, safe=_URL_PUNCTUATION), headers={"User-Agent": agent}
    )
    try:
        return opener.open(request, timeout=_SILENCE_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise
    except http.client.InvalidURL as error:
        raise ValueError("its host or port is malformed") from error


def _interruptible(work: Callable[[], None], sockets: _Sockets, seconds: float) -> None:
    """Run `work` so that a cancellation and a deadline are noticed although a socket is waited for.

    A cancellation reaches Python only between two of its instructions, and a read from a silent
    server is one for as long as the server pleases. `work` therefore runs beside; when it is
    given up, its `sockets` are closed and it ends.

    Raises:
        _DeadlineError: it takes longer than `seconds`.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    deadline = time.monotonic() + seconds
    thread = None
    try:
        thread = start_thread(run)
        while thread.is_alive():
            thread.join(_SECONDS_BETWEEN_LOOKS)
            if time.monotonic() > deadline and thread.is_alive():
                raise _DeadlineError
    finally:
        sockets.close()
        if thread is not None:
            thread.join(_SECONDS_TO_END)
    if errors:
        raise errors[0]
