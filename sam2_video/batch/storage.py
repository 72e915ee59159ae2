"""Where the files of a batch go: a folder, or object storage through fsspec.

A job's folder appears only when all its files are written; an object appears only when its upload
is complete.
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
from sam2_video.core.workspace import place, remove

OBJECT_SCHEMES = ("s3", "gs")
_PARTIAL = ".partial-"


class FolderStore:
    """A folder that all workers can reach. Every `name` is relative to it."""

    def __init__(self, root: Path) -> None:
        self.root, self._given = root.absolute(), str(root)

    def publish(self, folder: Path, name: str) -> None:
        """Copy the files of a local folder to `name`, replacing what is there.

        Raises:
            OutputError: they cannot be written.
        """
        target = self.root / name
        with writing(), self._temporary() as partial, self._temporary() as earlier:
            place(_files_of(folder), folder, partial, shutil.copyfile)
            if target.exists():
                target.rename(earlier)
            partial.rename(target)

    @contextmanager
    def journal(self, name: str) -> Iterator[Path]:
        """A local file with the stored content, to append to; `save` stores it again."""
        yield self.root / name

    def save(self, path: Path, name: str) -> None:
        """Store one file under `name`.

        Raises:
            OutputError: it cannot be written.
        """
        if path != self.root / name:
            with writing(), self._temporary() as partial:
                shutil.copyfile(path, partial)
                partial.replace(self.root / name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for one batch, and delete incomplete files that killed workers left.

        Raises:
            BatchError: the folder cannot be used, or another batch uses it.
        """
        try:
            is_new = not self.root.exists()
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root, os.O_RDONLY)
        except OSError as error:
            raise _unusable(self._given, "written to", error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise BatchError(f"-o {self._given!r} is in use by another batch") from error
        try:
            self._sweep()
            yield
        finally:
            self._sweep()
            if is_new and not any(self.root.iterdir()):
                self.root.rmdir()
            os.close(lock)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A new path for a file or folder, which is deleted after the block if it is there."""
        path = self.root / f"{_PARTIAL}{uuid.uuid4().hex}"
        try:
            yield path
        finally:
            remove(path)

    def _sweep(self) -> None:
        for path in self.root.glob(f"{_PARTIAL}*"):
            remove(path)


class ObjectStore:
    """A prefix of a bucket, with the methods of `FolderStore`."""

    def __init__(self, files: Any, root: str) -> None:
        self._files, self._root = files, root.rstrip("/")

    def publish(self, folder: Path, name: str) -> None:
        local = _files_of(folder)
        remote = [f"{self._root}/{name}/{path.as_posix()}" for path in local]
        with writing():
            self._files.put([str(folder / path) for path in local], remote)
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
                raise _unusable(self._root, "read", error) from error
            yield path

    def save(self, path: Path, name: str) -> None:
        with writing():
            self._files.put_file(str(path), f"{self._root}/{name}")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Check that the bucket can be written to; object storage has no locks."""
        probe = f"{self._root}/.probe"
        try:
            self._files.pipe_file(probe, b"")
            self._files.rm_file(probe)
        except OSError as error:
            raise _unusable(self._root, "written to", error) from error
        yield


def _files_of(folder: Path) -> list[Path]:
    """All files in a folder, relative to it."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _unusable(output: str, what: str, error: OSError) -> BatchError:
    return BatchError(f"-o {output!r} cannot be {what}: {reason_of(error)}")


Store = FolderStore | ObjectStore


def open_store(output: str) -> Store:
    """The store at a path or at a URL that fsspec can open (`s3://`, `gs://`).

    Raises:
        BatchError: the URL cannot be opened, or the text is empty.
    """
    if not output.strip():
        raise BatchError(f"-o is {shown(output)}, but it should name a folder")
    if "://" not in output:
        return FolderStore(Path(output))
    try:
        files, root = fsspec.url_to_fs(output)
    except (ImportError, ValueError) as error:
        raise BatchError(f"-o is {shown(output)}, which cannot be used: {error}") from error
    is_local = isinstance(files, LocalFileSystem)
    return FolderStore(Path(root)) if is_local else ObjectStore(files, root)


def fetch_object(name: str, url: str, path: Path, max_bytes: int) -> None:
    """Download an input from object storage.

    Raises:
        InputError: it cannot be fetched, or is larger than `max_bytes`.
    """
    try:
        files, key = fsspec.url_to_fs(url)
        size = files.size(key)
        if size is not None and size > max_bytes:
            raise InputError(
                f"{name} has {size} bytes, more than the {max_bytes} allowed (SAM2_MAX_VIDEO_BYTES)"
            )
        files.get_file(key, str(path))
    except FileNotFoundError as error:
        raise InputError(f"{name} is {shown(url)}, but there is no such object") from error
    except (OSError, ImportError) as error:
        raise InputError(
            f"{name} is {shown(url)}, which cannot be fetched: {reason_of(error)}"
        ) from error
