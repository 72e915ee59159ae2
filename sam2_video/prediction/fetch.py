"""Getting an input from where a user says it is: a file, a data URI or a web address."""

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

from sam2_video.core.errors import InputError, reason_of
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.core.processes import start_thread

_CHUNK = 1 << 20
_SILENCE_SECONDS = 30  # that a server may say nothing
_SECONDS_BETWEEN_LOOKS = 0.05
_USER_AGENT = "sam2-video"
_URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"


def fetch_input(name: str, source: str, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Make a local file of an input written as `@path`, `data:...` or `http(s)://...`.

    For the command line, whose user may name any file: a client of the server may not.

    Args:
        name: the input's name, for errors.
        source: what the user wrote.
        folder: where a downloaded file goes; it is named `name` there.
        limits: bounds on bytes and seconds of a download.

    Returns:
        The user's own file for `@path`, else the file in `folder`.

    Raises:
        InputError: there is no such file, or it cannot be fetched.
    """
    if source.startswith("@"):
        path = Path(source[1:]).expanduser()
        if not path.is_file():
            raise InputError(f"{name} is {source!r}, but there is no such file")
        return path
    return fetch_address(name, source, folder, limits, allowed="@file, a data URI")


@contextmanager
def local_file(name: str, value: Path | str, folder: Path, limits: Limits) -> Iterator[Path]:
    """Have an input as a local file while the block runs.

    Args:
        name: the input's name, for errors.
        value: a `Path` is a file that is already here, left alone; a string is a stranger's, so
            an address and never a path.
        folder: where a download lies until the block ends.
        limits: bounds on bytes and seconds of a download.

    Raises:
        InputError: the address is none, or it cannot be fetched.
    """
    if isinstance(value, Path):
        yield value
        return
    try:
        yield fetch_address(name, value, folder, limits)
    finally:
        (folder / name).unlink(missing_ok=True)


def fetch_address(
    name: str, source: str, folder: Path, limits: Limits, allowed: str = "a data URI"
) -> Path:
    """Save what a data URI or a web address holds as the file `name` in `folder`.

    Raises:
        InputError: it is no such address, or it cannot be fetched within the limits.
    """
    shown = repr(f"{source[:40]}..." if len(source) > 60 else source)
    if source.partition(":")[0].lower() not in ("data", "http", "https"):
        raise InputError(f"{name} is {shown}, but it should be {allowed} or an http(s) address")
    path = folder / name
    stop = threading.Event()
    try:
        _interruptible(lambda: _save(source, path, name, limits, stop), stop)
    except InputError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(
            f"{name} is {shown}, which cannot be fetched: {reason_of(error)}"
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
    """Open an address whose scheme was checked: neither `file:` nor `ftp:`, redirected or not."""
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
