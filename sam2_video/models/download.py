"""Fetching Meta's published weights: downloads are resumed and verified.

The `download` command runs this; it needs only Python's standard library.
"""

import hashlib
import http
import http.client
import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from sam2_video.core.errors import reason_of, shown
from sam2_video.core.progress import DownloadProgress
from sam2_video.models.registry import (
    CHECKPOINTS,
    Checkpoint,
    CheckpointError,
    checkpoint_folder,
    find_checkpoint,
)

logger = logging.getLogger(__name__)

WEIGHTS_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"
_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60
PUBLISHED = tuple(c.name for c in CHECKPOINTS if c.sha256)


def download(checkpoint: Checkpoint, folder: Path, base_url: str = WEIGHTS_URL) -> Path:
    """Fetch a published checkpoint into `folder`, unless it is there already.

    An interrupted download is resumed. The file gets its final name only when its size and SHA-256
    are those of the published file.

    Args:
        checkpoint: which one.
        folder: where it goes; created if missing.
        base_url: the file's URL without its name.

    Returns:
        The file.

    Raises:
        CheckpointError: it cannot be fetched, or is not the published file.
    """
    if checkpoint.size is None or checkpoint.sha256 is None:
        raise CheckpointError(f"{checkpoint.name} needs no download: it comes with the project")
    path, part = folder / checkpoint.file, folder / f"{checkpoint.file}.part"
    if path.is_file() and path.stat().st_size == checkpoint.size:
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(f"{base_url.rstrip('/')}/{checkpoint.file}", part, checkpoint)
        _verify(part, checkpoint)
        part.replace(path)
    except urllib.error.HTTPError as error:
        raise CheckpointError(
            f"{checkpoint.file} cannot be fetched: the server answered {error.code} {error.reason}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise CheckpointError(f"{checkpoint.file} cannot be fetched: {reason_of(error)}") from error
    return path


def download_all(names: Sequence[str]) -> Iterator[Path]:
    """Fetch checkpoints by name; yields each file when it is complete.

    Raises:
        CheckpointError: there is no checkpoint of that name, or it cannot be fetched.
    """
    for checkpoint in [find_checkpoint(name, "NAME") for name in names]:
        yield download(checkpoint, checkpoint_folder(), weights_url())


def weights_url() -> str:
    """Where weights are fetched from: `SAM2_WEIGHTS_URL`, else Meta's server.

    Raises:
        CheckpointError: the variable is not an http(s) URL.
    """
    url = os.environ.get("SAM2_WEIGHTS_URL") or WEIGHTS_URL
    try:
        parts = urllib.parse.urlsplit(url)
        is_url = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not url.isascii() or not url.isprintable() or " " in url:
        raise CheckpointError(
            f"SAM2_WEIGHTS_URL is {shown(url)}; give an http(s) URL, as {WEIGHTS_URL}"
        )
    return url


def _fetch(url: str, part: Path, checkpoint: Checkpoint) -> None:
    """Complete `part`; start over if the server does not support ranges."""
    size = checkpoint.size or 0
    done = part.stat().st_size if part.exists() else 0
    if done == size:
        return
    if done > size:
        done = 0
    request = urllib.request.Request(url)  # noqa: S310 - the operator's URL, not a client's
    if done:
        request.add_header("Range", f"bytes={done}-")
        logger.info("%s: resuming at byte %d", checkpoint.file, done)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = 0
        with (
            part.open("ab" if done else "wb") as file,
            DownloadProgress(checkpoint.file, size, done) as progress,
        ):
            while chunk := response.read(_CHUNK):
                done += len(chunk)
                if done > size:
                    break
                file.write(chunk)
                progress.advance(len(chunk))
    if done < size:
        raise CheckpointError(
            f"{checkpoint.file} broke off at {done} of {size} bytes; run the same command "
            "again to resume"
        )


def _verify(part: Path, checkpoint: Checkpoint) -> None:
    """Compare size and digest with the published ones; delete the file if they differ."""
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if part.stat().st_size != checkpoint.size or digest != checkpoint.sha256:
        part.unlink()
        raise CheckpointError(
            f"{checkpoint.file} is not the published file (its SHA-256 is {digest}, expected "
            f"{checkpoint.sha256}) and was deleted"
        )
