"""What a server makes sure of before it takes requests."""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sam2_video.models.download import download, weights_url
from sam2_video.models.registry import PROJECT, checkpoint_folder, find_checkpoint

logger = logging.getLogger(__name__)

PINS = ("requirements.txt", "requirements-sam2.txt")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)")

# Where coglet makes folders for each prediction, and never removes one.
SERVER_FOLDERS = Path("/tmp/coglet/predictions")  # noqa: S108 - coglet's choice
_SETTLED_SECONDS = 2.0
_ABANDONED_SECONDS = 3600.0


class StartupError(RuntimeError):
    """The server should not start like this, told in one sentence."""


def fetch_named_weights() -> None:
    """Fetch the published model that `SAM2_MODEL` names, unless its file is there.

    Without a name nothing is fetched: what is there is served. With one, it is that model or
    none, never a smaller one in its place.

    Raises:
        CheckpointError: it cannot be had; one sentence.
    """
    name = os.environ.get("SAM2_MODEL")
    if not name:
        return
    checkpoint, folder = find_checkpoint(name, "SAM2_MODEL"), checkpoint_folder()
    if checkpoint.sha256 is None or (folder / checkpoint.file).is_file():
        return
    logger.info("%s is not in the checkpoint folder: fetching it", checkpoint.file)
    download(checkpoint, folder, weights_url())
    logger.info("%s is complete and verified", checkpoint.file)


def check_versions(project: Path = PROJECT) -> None:
    """Hold what is installed against the pins that the project was tested with.

    Raises:
        StartupError: a package is missing or of another version.
    """
    for name, pinned in pins(project):
        try:
            # A build's local label (`+cu130`) is the same release.
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            installed = "not installed"
        if installed != pinned:
            raise StartupError(f"{name} is {installed}, but this release runs with {pinned}")


def pins(project: Path = PROJECT) -> Iterator[tuple[str, str]]:
    """Name and version of every pinned package of the image; none without the project's files."""
    for file in PINS:
        path = project / file
        for line in path.read_text().splitlines() if path.is_file() else ():
            if found := _PIN.match(line):
                yield found[1], found[2]


def remove_server_folders(
    base: Path = SERVER_FOLDERS, clock: Callable[[], float] = time.time
) -> None:
    """Remove the folders that the server made for earlier predictions.

    Empty ones a moment after they were made, by when a request that was parked in one has been
    read; all others once they are so old that their server was killed.
    """
    for folder in _subfolders(base):
        age = _seconds_since_change(folder, clock())
        if age < _SETTLED_SECONDS:
            continue
        for path in _subfolders(folder):
            if age > _ABANDONED_SECONDS:
                for file in path.iterdir():
                    file.unlink(missing_ok=True)
            _remove_if_empty(path)
        _remove_if_empty(folder)


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []


def _seconds_since_change(folder: Path, now: float) -> float:
    try:
        return now - folder.stat().st_mtime
    except OSError:
        return 0.0  # gone meanwhile


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
