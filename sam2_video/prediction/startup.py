"""Checks and clean-up before the server accepts requests."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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

    Without `SAM2_MODEL` nothing is fetched, and the best model present is used. With it, that
    model or none is used, never a smaller one instead.

    Raises:
        CheckpointError: it cannot be fetched; one sentence.
    """
    name = os.environ.get("SAM2_MODEL")
    if not name:
        return
    checkpoint, folder = find_checkpoint(name), checkpoint_folder()
    if checkpoint.sha256 is None or (folder / checkpoint.file).is_file():
        return
    logger.info("%s is not in the checkpoint folder: fetching it", checkpoint.file)
    download(checkpoint, folder, weights_url())
    logger.info("%s is complete and verified", checkpoint.file)


def check_versions(project: Path = PROJECT) -> None:
    """Compare the installed versions with the pinned ones.

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

    The path lies in a folder where everybody may write, so somebody else may have put something
    there. Nothing happens where `base` or the folder above it is a symbolic link or another
    user's, and no link below is followed.
    """
    with (
        suppress(OSError),
        _own_folder(base.parent) as parent,
        _own_folder(base.name, parent) as folder,
    ):
        for entry in os.scandir(folder):
            with suppress(OSError):  # gone meanwhile, or no folder of ours
                _remove_if_over(entry.name, folder, clock())


@contextmanager
def _own_folder(name: Path | str, parent: int | None = None) -> Iterator[int]:
    """A descriptor of a folder below the one of `parent`.

    Raises:
        OSError: it is no folder, a symbolic link, or another user's.
    """
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        if os.fstat(folder).st_uid != os.getuid():
            raise PermissionError(f"{name} is another user's")
        yield folder
    finally:
        os.close(folder)


def _remove_if_over(name: str, base: int, now: float) -> None:
    """Remove a prediction's folder, if it is old, or empty and not new."""
    with _own_folder(name, base) as folder:
        age = now - os.fstat(folder).st_mtime
        if age < _SETTLED_SECONDS:
            return
        if age <= _ABANDONED_SECONDS:
            for entry in os.scandir(folder):
                with suppress(OSError):  # a file, or not empty
                    os.rmdir(entry.name, dir_fd=folder)
    if age > _ABANDONED_SECONDS:
        shutil.rmtree(name, ignore_errors=True, dir_fd=base)
    else:
        os.rmdir(name, dir_fd=base)
