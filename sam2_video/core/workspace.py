"""The one place on disk where a process keeps its temporary files."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path


class Workspace:
    """A folder of this process's own, holding at most one prediction's files.

    The folder is locked while its process lives. Opening a workspace first removes the folders
    of processes that are gone, however they ended.
    """

    def __init__(self, base: Path | None = None) -> None:
        self._base = base or Path(tempfile.gettempdir())
        self._prefix = f"sam2-video-{os.getuid()}-"
        self._sweep()
        self.folder, self._lock = self._create()

    def fresh(self) -> Path:
        """Remove what the last prediction left; the place for the next one's files, not made yet.

        What it left is its outputs, and, where it was stopped at a bad moment, any other file.
        """
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return self.folder / "prediction"

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _create(self) -> tuple[Path, int]:
        """Make a folder and lock it."""
        while True:
            folder = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._base))
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)  # another process's sweep came between making and locking

    def _sweep(self) -> None:
        for folder in self._base.glob(f"{self._prefix}*"):
            try:
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except OSError:
                continue  # gone meanwhile, or not a folder of ours
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass  # its process lives
            finally:
                os.close(lock)
