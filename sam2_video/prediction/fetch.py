"""Getting an input from where a client says it is: a data URI or an http(s) URL."""

import http.client
import os
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sam2_video.core.errors import InputError, reason_of, shown
from sam2_video.core.limits import Limits
from sam2_video.core.processes import start_thread

_CHUNK = 1 << 20
_SILENCE_SECONDS = 30  # that a server may say nothing
_SECONDS_BETWEEN_LOOKS = 0.05
_USER_AGENT = "sam2-video"
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
    return source.partition(":")[0].lower() in ("data", "http", "https")


def fetch_url(name: str, source: str, folder: Path, limits: Limits) -> Path:
    """Save what a data URI or an http(s) URL holds as the file `name` in `folder`.

    Raises:
        InputError: it is no such URL, or it cannot be fetched within the limits.
    """
    if not is_url(source):
        raise InputError(
            f"{name} is {shown(source)}, but it should be a data URI or an http(s) URL"
        )
    path = folder / name
    stop = threading.Event()
    try:
        _interruptible(lambda: _save(source, path, name, limits, stop), stop)
    except InputError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(
            f"{name} is {shown(source)}, which cannot be fetched: {reason_of(error)}"
        ) from error
    return path


def _save(source: str, path: Path, name: str, limits: Limits, stop: threading.Event) -> None:
    """Download until the end, a limit, or `stop`."""
    started = time.monotonic()
    total = 0
    with ExitStack() as stack:
        response = stack.enter_context(_open(source))
        if stop.is_set():
            return  # nobody is left to remove the file
        file = stack.enter_context(path.open("wb"))
        while (chunk := response.read1(_CHUNK)) and not stop.is_set():
            total += len(chunk)
            if total > limits.max_video_bytes:
                raise InputError(f"{name} has more than the {limits.max_video_bytes} bytes allowed")
            if time.monotonic() - started > limits.max_fetch_seconds:
                raise InputError(
                    f"{name} takes longer to fetch than the {limits.max_fetch_seconds:g} seconds "
                    "allowed"
                )
            file.write(chunk)
        expected = response.headers.get("Content-Length")
    if expected is not None and not stop.is_set() and total != int(expected):
        raise InputError(f"{name} broke off at {total} of {expected} bytes")


def _open(source: str) -> Any:
    """Open a URL whose scheme was checked: neither `file:` nor `ftp:`, redirected or not."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.DataHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    if not source.lower().startswith("data:"):
        source = urllib.parse.quote(source, safe=_URL_PUNCTUATION)
    agent = os.environ.get("COG_USER_AGENT") or _USER_AGENT
    request = urllib.request.Request(source, headers={"User-Agent": agent})  # noqa: S310
    return opener.open(request, timeout=_SILENCE_SECONDS)


def _interruptible(work: Callable[[], None], stop: threading.Event) -> None:
    """Run `work` so that a cancellation is noticed although a socket is waited for.

    A cancellation reaches Python only between two of its instructions, and a read from a silent
    server is one for as long as the server pleases. `work` therefore runs beside; when it is
    given up, `stop` is set and it ends by itself.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    try:
        thread = start_thread(run)
        while thread.is_alive():
            thread.join(_SECONDS_BETWEEN_LOOKS)
    finally:
        stop.set()
    if errors:
        raise errors[0]
