"""Getting an input from where a client says it is: a data URI or an http(s) URL."""

import http.client
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sam2_video.core.errors import InputError, reason_of, shown
from sam2_video.core.limits import Limits
from sam2_video.core.processes import start_thread
from sam2_video.prediction.data_uri import is_data_uri, read_data_uri

_CHUNK = 1 << 20
_SILENCE_SECONDS = 30  # that a server may say nothing
_SECONDS_BETWEEN_LOOKS = 0.05
_USER_AGENT = "sam2-video"
_URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


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
    """
    if not is_url(source):
        raise InputError(
            f"{name} is {shown(source)}, but it should be a data URI or an http(s) URL"
        )
    path, source = folder / name, source.strip()
    is_data = is_data_uri(source)
    if not is_data and "@" in re.split("[/?#]", source.split(":", 1)[1].lstrip("/"), maxsplit=1)[0]:
        raise InputError(f"{name} is a URL with a user or password, which is not supported")
    stop = threading.Event()
    try:
        if is_data:
            _save_data_uri(source, path, name, limits)
        else:
            _interruptible(lambda: _save(source, path, name, limits, stop), stop)
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


def _save(source: str, path: Path, name: str, limits: Limits, stop: threading.Event) -> None:
    """Download until the end, a limit, or `stop`."""
    started = time.monotonic()
    total = 0
    with ExitStack() as stack:
        response = stack.enter_context(_open(source))
        if stop.is_set():
            return  # the caller has given up: nothing would remove the file
        file = stack.enter_context(path.open("wb"))
        for chunk in _decoded(response):
            if stop.is_set():
                return
            total += len(chunk)
            check_size(total, name, limits)
            if time.monotonic() - started > limits.max_fetch_seconds:
                raise InputError(
                    f"{name} takes longer to fetch than the {limits.max_fetch_seconds:g} seconds "
                    "allowed (SAM2_MAX_FETCH_SECONDS)"
                )
            file.write(chunk)
        expected = response.headers.get("Content-Length", "")
        is_whole = _encoding_of(response) or not expected.isdecimal() or total == int(expected)
    if not is_whole:
        raise InputError(f"{name} broke off at {total} of {expected} bytes")


def _encoding_of(response: Any) -> str:
    """The answer's content encoding, in small letters; empty if there is none."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _decoded(response: Any) -> Iterator[bytes]:
    """An answer's content in chunks of at most 1 MiB, its content encoding undone.

    Raises:
        ValueError: the encoding is unknown, or the content damaged.
    """
    encoding = _encoding_of(response)
    if encoding not in ("", "gzip", "x-gzip", "deflate"):
        raise ValueError(f"its content encoding {shown(encoding)} is not supported")
    data = response.read1(_CHUNK)
    while data and not encoding:
        yield data
        data = response.read1(_CHUNK)
    while data:  # once for each member: gzip files may be joined
        decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
        while not decoder.eof:
            try:
                chunk = decoder.decompress(data, _CHUNK)
            except zlib.error as error:
                raise ValueError(f"its {encoding} content is damaged") from error
            if not (data or chunk):
                raise ValueError(f"its {encoding} content breaks off")
            yield chunk
            data = decoder.unconsumed_tail or (b"" if decoder.eof else response.read1(_CHUNK))
        data = decoder.unused_data or response.read1(_CHUNK)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the message for too many is a clause."""

    inf_msg = "it redirects without an end, saying "


def _open(source: str) -> Any:
    """Open a URL whose scheme was checked: neither `file:` nor `ftp:`, redirected or not."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
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
