"""Temporary folders, and what is put in and removed from one."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


class Workspace:
    """A temporary folder of this process with at most one prediction's files.

    The folder is locked while the process lives. A new workspace first removes the folders of
    processes that have ended, killed ones included.
    """

    def __init__(self, base: Path | None = None) -> None:
        self.folder, self._lock = locked_folder(base or Path(tempfile.gettempdir()), "sam2-video-")

    def fresh(self) -> Path:
        """Remove the last prediction's files; the path of the next one's folder, which is not made.

        Those files are its outputs, and any other if it was cancelled at a bad moment.
        """
        for path in self.folder.iterdir():
            remove(path)
        return self.outputs

    @property
    def outputs(self) -> Path:
        """The folder of the prediction's outputs."""
        return self.folder / "prediction"

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def locked_folder(base: Path, prefix: str) -> tuple[Path, int]:
    """Make a temporary folder, which stays locked until the descriptor is closed.

    Those of processes that have ended, killed ones included, are removed first.

    Args:
        base: where.
        prefix: of its name.

    Returns:
        The folder, and the descriptor.
    """
    prefix = f"{prefix}{os.getuid()}-"
    _sweep(base, prefix)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)  # another process removed it before it was locked


def _sweep(base: Path, prefix: str) -> None:
    for folder in base.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # gone meanwhile, or no folder of this user
        try:
            if os.fstat(lock).st_uid != os.getuid():
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)


def place(
    names: Iterable[Path], source: Path, target: Path, put: Callable[[Path, Path], object]
) -> None:
    """Move or copy files from one folder to another.

    `shutil.copytree` would go on after a full disk, and keep the reasons as text only.

    Args:
        names: the files, relative to both folders.
        source: where they are.
        target: where they go; made if it is not there.
        put: moves or copies one file.

    Raises:
        OSError: a file could not be moved or copied.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        put(source / name, target / name)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there; of a symbolic link, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
