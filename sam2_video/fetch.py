"""Getting an input from where a user says it is: a file, a data URI or a web address."""

import http.client
import urllib.parse
import urllib.request
from pathlib import Path

from sam2_video.errors import InputError, reason_of

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30


def fetch_input(name: str, source: str, folder: Path, max_bytes: int) -> Path:
    """Make a local file of an input written as `@path`, `data:...` or `http(s)://...`.

    Args:
        name: the input's name, for errors.
        source: what the user wrote.
        folder: where a downloaded file goes; it is named `name` there.
        max_bytes: the most a download may bring.

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
    scheme = urllib.parse.urlsplit(source).scheme.lower()
    if scheme not in ("data", "http", "https"):
        raise InputError(
            f"{name} is {source[:80]!r}, but it should be @file, a data URI or an http(s) address"
        )
    shown = f"{source[:40]}..." if len(source) > 60 else source
    path = folder / name
    try:
        # The scheme was checked above: no file: and no ftp:.
        with urllib.request.urlopen(source, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            _save(response, path, max_bytes, name)
    except InputError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(
            f"{name} is {shown!r}, which cannot be fetched: {reason_of(error)}"
        ) from error
    return path


def _save(response: http.client.HTTPResponse, path: Path, max_bytes: int, name: str) -> None:
    total = 0
    with path.open("wb") as file:
        while chunk := response.read(_CHUNK):
            total += len(chunk)
            if total > max_bytes:
                raise InputError(f"{name} has more than the {max_bytes} bytes allowed")
            file.write(chunk)
