"""Copies of remote files on this machine, for programs that take a path."""

import asyncio
import shutil
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio


class LocalCopies:
    """Keeps copies up to a size; the least recently used goes first.

    Args:
        folder: for the copies alone; it is emptied when the first copy is made.
        max_bytes: what copies that are not in use may take.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._holders: Counter[str] = Counter()
        self._copying = asyncio.Lock()

    @asynccontextmanager
    async def held(self, name: str, copy: Callable[[Path], None]) -> AsyncIterator[Path]:
        """The copy of that name, made by `copy` in a thread if it is not here."""
        path = self._folder / name
        self._holders[name] += 1
        try:
            async with self._copying:
                if not self._sizes:
                    shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier server
                    self._folder.mkdir(mode=0o700, parents=True)
                if name not in self._sizes:
                    await anyio.to_thread.run_sync(copy, path)
                    self._sizes[name] = path.stat().st_size
            self._sizes.move_to_end(name)
            yield path
        finally:
            self._holders[name] -= 1
            self._trim()

    def _trim(self) -> None:
        for name in list(self._sizes):
            if sum(self._sizes.values()) <= self._max_bytes:
                return
            if not self._holders[name]:
                (self._folder / name).unlink(missing_ok=True)
                del self._sizes[name], self._holders[name]
