"""Where the files of a batch go: a folder, or object storage through fsspec.

Nothing is ever half-written under its final name. A folder's jobs appear as a whole; an object
appears when its upload is complete.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from sam2_video.core.errors import BatchError, InputError, reason_of, shown, writing
from sam2_video.core.workspace import remove

OBJECT_SCHEMES = ("s3", "gs")
_PARTIAL = ".partial-"


class FolderStore:
    """A folder of a file system that all workers see. Every `name` is relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def publish(self, folder: Path, name: str) -> None:
        """Put the files of a local folder under `name`, in place of what was there.

        Raises:
            OutputError: they cannot be written.
        """
        target, earlier = self.root / name, self._partial()
        with writing(), self._new() as partial:
            shutil.copytree(folder, partial)
            if target.exists():
                target.rename(earlier)
            partial.rename(target)
            if earlier.exists():
                shutil.rmtree(earlier)

    @contextmanager
    def journal(self, name: str) -> Iterator[Path]:
        """A local file to append to, with what it holds already; `save` keeps what was added."""
        yield self.root / name

    def save(self, path: Path, name: str) -> None:
        """Put one file in place.

        Raises:
            OutputError: it cannot be written.
        """
        if path != self.root / name:
            with writing(), self._new() as partial:
                shutil.copyfile(path, partial)
                partial.replace(self.root / name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other batches out while the block runs; what killed workers left here goes.

        Raises:
            BatchError: the folder cannot be used, or another batch is at work there.
        """
        try:
            is_new = not self.root.exists()
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root, os.O_RDONLY)
        except OSError as error:
            raise BatchError(
                f"-o {str(self.root)!r} cannot be written to: {error.strerror}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise BatchError(f"-o {str(self.root)!r} is in use by another batch") from error
        try:
            self._sweep()
            yield
        finally:
            self._sweep()
            if is_new and not any(self.root.iterdir()):
                self.root.rmdir()
            os.close(lock)

    def _partial(self) -> Path:
        return self.root / f"{_PARTIAL}{uuid.uuid4().hex}"

    @contextmanager
    def _new(self) -> Iterator[Path]:
        """A path for a file or folder that is not complete; nothing is there afterwards."""
        partial = self._partial()
        try:
            yield partial
        finally:
            remove(partial)

    def _sweep(self) -> None:
        for path in self.root.glob(f"{_PARTIAL}*"):
            remove(path)


class ObjectStore:
    """A prefix of a bucket; its methods are those of `FolderStore`."""

    def __init__(self, files: Any, root: str) -> None:
        self._files, self._root = files, root.rstrip("/")

    def publish(self, folder: Path, name: str) -> None:
        local = sorted(path for path in folder.rglob("*") if path.is_file())
        remote = [f"{self._root}/{name}/{path.relative_to(folder).as_posix()}" for path in local]
        with writing():
            self._files.put([str(path) for path in local], remote)
            stale = set(self._files.find(f"{self._root}/{name}")) - set(remote)
            if stale:
                self._files.rm(sorted(stale))

    @contextmanager
    def journal(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            try:
                if self._files.exists(f"{self._root}/{name}"):
                    self._files.get_file(f"{self._root}/{name}", str(path))
            except OSError as error:
                raise BatchError(f"-o {self._root!r} cannot be read: {reason_of(error)}") from error
            yield path

    def save(self, path: Path, name: str) -> None:
        with writing():
            self._files.put_file(str(path), f"{self._root}/{name}")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A bucket knows no locks, and keeps nothing half-written."""
        probe = f"{self._root}/.probe"
        try:  # better now than after the first hour of work
            self._files.pipe_file(probe, b"")
            self._files.rm_file(probe)
        except OSError as error:
            raise BatchError(
                f"-o {self._root!r} cannot be written to: {reason_of(error)}"
            ) from error
        yield


Store = FolderStore | ObjectStore


def open_store(place: str) -> Store:
    """The store at a path, or at a URL that fsspec knows (`s3://`, `gs://`).

    Raises:
        BatchError: no file system is known for the URL.
    """
    if "://" not in place:
        return FolderStore(Path(place))
    try:
        files, root = fsspec.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise BatchError(f"-o is {shown(place)}, which cannot be used: {error}") from error
    is_local = isinstance(files, LocalFileSystem)
    return FolderStore(Path(root)) if is_local else ObjectStore(files, root)


def fetch_object(name: str, url: str, path: Path, max_bytes: int) -> None:
    """Download an input from object storage.

    Raises:
        InputError: it cannot be had, or is larger than `max_bytes`.
    """
    try:
        files, place = fsspec.url_to_fs(url)
        size = files.size(place)
        if size is not None and size > max_bytes:
            raise InputError(f"{name} has {size} bytes, more than the {max_bytes} allowed")
        files.get_file(place, str(path))
    except FileNotFoundError as error:
        raise InputError(f"{name} is {shown(url)}, but there is no such object") from error
    except (OSError, ImportError) as error:
        raise InputError(
            f"{name} is {shown(url)}, which cannot be fetched: {reason_of(error)}"
        ) from error
