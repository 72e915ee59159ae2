"""Where the contents of files lie: a local folder, or any object storage that fsspec knows."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import fsspec.core
from fsspec.implementations.local import LocalFileSystem

from sam2_video.service.storage.local_copies import LocalCopies

_CHUNK = 1 << 20
_WRITERS = 8  # threads: others than those that answer with files


class TooLargeError(Exception):
    """A content has more bytes than allowed."""


@dataclass(frozen=True)
class Content:
    """What is known of a content once it is stored."""

    size: int
    sha256: str


class BlobStore:
    """Contents by id. Ids are made by this server, so no text of a client becomes a path.

    Args:
        url: where contents lie, as fsspec names it.
        copies: holds local copies of remote contents; not used for a local folder.
    """

    def __init__(self, url: str, copies: LocalCopies) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._copies = copies
        self._writers = anyio.CapacityLimiter(_WRITERS)

    async def put(self, name: str, chunks: AsyncIterable[bytes], limit: int) -> Content:
        """Write a content as it arrives; a partial one is removed again.

        Raises:
            TooLargeError: it has more than `limit` bytes.
            OSError: it cannot be written.
        """
        run = partial(anyio.to_thread.run_sync, limiter=self._writers)
        await run(self._files.makedirs, self._folder(name), True)
        file = await run(self._files.open, self._path(name), "wb")
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLargeError
                digest.update(chunk)
                await run(file.write, chunk)
            await run(file.close)
        except BaseException:
            with anyio.CancelScope(shield=True):
                try:
                    await run(file.close)
                finally:
                    await self.remove(name)
            raise
        return Content(size, digest.hexdigest())

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a content from `start` up to, and without, `end`.

        Raises:
            FileNotFoundError: it is not here.
        """
        run = anyio.to_thread.run_sync
        file = await run(self._files.open, self._path(name), "rb")
        try:
            if start:
                await run(file.seek, start)
            left = None if end is None else end - start
            while left is None or left > 0:
                chunk = await run(file.read, _CHUNK if left is None else min(_CHUNK, left))
                if not chunk:
                    return
                if left is not None:
                    left -= len(chunk)
                yield chunk
        finally:
            with anyio.CancelScope(shield=True):
                await run(file.close)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a content, for a thread.

        Raises:
            FileNotFoundError: it is not here.
        """
        with self._files.open(self._path(name), "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    @asynccontextmanager
    async def local_path(self, name: str) -> AsyncIterator[Path]:
        """A content as a file on this machine, which stays while the block runs.

        Raises:
            FileNotFoundError: it is not here.
        """
        if isinstance(self._files, LocalFileSystem):
            yield Path(self._path(name))
            return

        def copy(target: Path) -> None:
            self._files.get_file(self._path(name), str(target))

        async with self._copies.held(name, copy) as path:
            yield path

    async def remove(self, name: str) -> None:
        """Delete a content; nothing happens if it is not here."""

        def remove() -> None:
            if self._files.exists(self._path(name)):
                self._files.rm(self._path(name))

        await anyio.to_thread.run_sync(remove)

    async def names(self) -> set[str]:
        """The ids of all contents."""

        def find() -> list[str]:
            return list(self._files.find(self._root)) if self._files.exists(self._root) else []

        return {path.rpartition("/")[2] for path in await anyio.to_thread.run_sync(find)}

    def _folder(self, name: str) -> str:
        return f"{self._root}/{name[:2]}"

    def _path(self, name: str) -> str:
        assert name.isalnum()
        return f"{self._folder(name)}/{name}"
