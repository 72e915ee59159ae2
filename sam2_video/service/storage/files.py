"""Files as a whole: a record in the database, a content in the blob store, a bound on all."""

import errno
import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sam2_video.service.settings import ServiceLimits
from sam2_video.service.storage.blobs import BlobStore, TooLargeError
from sam2_video.service.storage.database import VISITOR, Store, StoredFile
from sam2_video.service.storage.secrets import new_id

logger = logging.getLogger(__name__)

_LONGEST_NAME = 200
_SECONDS_BETWEEN_EXTENSIONS = 60.0


class FileRefusedError(Exception):
    """A file cannot be kept; the message ends a sentence: `has more than ...`.

    Attributes:
        status: the HTTP status of the answer to whoever sent it.
    """

    status = 422


class FileTooLargeError(FileRefusedError):
    """The file is larger than one may be."""


class StorageFullError(FileRefusedError):
    """All files together would take more than they may, or the disk has."""

    status = 507


class Files:
    """Keeps, reads and removes files."""

    def __init__(self, store: Store, blobs: BlobStore, limits: ServiceLimits) -> None:
        self._store = store
        self._blobs = blobs
        self._limits = limits
        self._used = 0

    async def start(self) -> None:
        """Count what is here, and remove contents that a crash has left without a record."""
        self._used = await self._store.stored_bytes()
        for name in await self._blobs.names() - await self._store.all_file_ids():
            await self._blobs.remove(name)

    @property
    def room(self) -> int:
        """Bytes that all files may still take."""
        return self._limits.max_stored_bytes - self._used

    async def keep(
        self, chunks: AsyncIterable[bytes], file: StoredFile, max_bytes: int | None = None
    ) -> StoredFile:
        """Keep a file as it arrives.

        Args:
            chunks: its content.
            file: its record, without id, size, checksum and expiry.
            max_bytes: refuse it above this size, if that is less than the server's own limit.

        Raises:
            FileTooLargeError, StorageFullError, FileRefusedError: see there.
        """
        file.id, file.name = new_id(), shown_name(file.name)
        limit = min(self._limits.max_file_bytes, max_bytes or self._limits.max_file_bytes)
        taken = 0

        async def counted() -> AsyncIterator[bytes]:
            """Count bytes as they come: files that arrive at the same time share the room."""
            nonlocal taken
            async for chunk in chunks:
                if self._used + len(chunk) > self._limits.max_stored_bytes:
                    raise StorageFullError("does not fit into this server's storage")
                taken += len(chunk)
                self._used += len(chunk)
                yield chunk

        try:
            content = await self._blobs.put(file.id, counted(), limit)
            file.size, file.sha256 = content.size, content.sha256
            file.expires_at = self._expiry(file.owner)
            await self._store.add_file(file)
        except BaseException as error:
            self._used -= taken
            if isinstance(error, TooLargeError):
                raise FileTooLargeError(f"has more than the {limit} bytes allowed") from error
            if isinstance(error, OSError):
                logger.exception("a file could not be written")
                if is_full(error):
                    raise StorageFullError("does not fit onto this server's disk") from error
                raise FileRefusedError("could not be written to this server's storage") from error
            raise
        return file

    async def copy(self, file: StoredFile, owner: str, **values: Any) -> StoredFile:
        """Keep another file of the same content.

        Args:
            file: which one.
            owner: whose the new one is.
            **values: columns in which it differs.

        Raises:
            FileRefusedError: it cannot be kept.
        """
        same = {
            name: getattr(file, name)
            for name in ("kind", "name", "content_type", "details", "position")
        }
        return await self.keep(self.read(file), StoredFile(owner=owner, **{**same, **values}))

    def read(
        self, file: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a file from `start` up to, and without, `end`."""
        return self._blobs.read(file.id, start, end)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of the file of that id, for a thread."""
        return self._blobs.chunks(name)

    def local_path(self, name: str) -> AbstractAsyncContextManager[Path]:
        """The file of that id as a file on this machine, which stays while the block runs."""
        return self._blobs.local_path(name)

    async def extend(self, file: StoredFile) -> None:
        """Let all files of a file's owner expire later: the owner still uses them."""
        expiry = self._expiry(file.owner)
        if expiry - file.expires_at > timedelta(seconds=_SECONDS_BETWEEN_EXTENSIONS):
            await self._store.extend_files(file.owner, expiry)

    async def remove(self, names: Iterable[str]) -> None:
        """Delete files: the records first, so that no request finds a half-deleted file."""
        names = list(names)
        if not names:
            return
        num_bytes = await self._store.forget_files(names)
        try:
            for name in names:
                await self._blobs.remove(name)
        finally:
            self._used -= num_bytes

    async def sweep(self) -> None:
        """Remove what has expired; files of a visitor whose prediction is under way do not."""
        for visitor in await self._store.waiting_visitors():
            await self._store.extend_files(visitor, self._expiry(visitor))
        await self.remove(await self._store.expired_files())
        await self._store.remove_data(timedelta(seconds=self._limits.keep_seconds))
        await self._store.forget_predictions(
            timedelta(seconds=self._limits.keep_records_seconds), self._limits.max_records
        )

    def _expiry(self, owner: str) -> datetime:
        is_visitor = owner.startswith(VISITOR)
        limits = self._limits
        seconds = limits.visitor_keep_seconds if is_visitor else limits.keep_seconds
        return self._store.now() + timedelta(seconds=seconds)


def is_full(error: Exception) -> bool:
    """Whether a disk is full, by the error of the system or of SQLite."""
    code = error.errno if isinstance(error, OSError) else None
    return code in (errno.ENOSPC, errno.EDQUOT) or "database or disk is full" in str(error)


def shown_name(name: str) -> str:
    """A client's name of a file as it is shown: the last part of a path, printable, short."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(letter for letter in last if letter.isprintable())
    return printable[:_LONGEST_NAME].strip() or "file"
