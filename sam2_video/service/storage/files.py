"""Files as a whole: a record in the store, a content on the shelf, a bound on all of them."""

import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sam2_video.service.settings import HostedLimits
from sam2_video.service.storage.blobs import Shelf, TooLargeError
from sam2_video.service.storage.database import Store, StoredFile, now
from sam2_video.service.storage.secrets import new_id

logger = logging.getLogger(__name__)

_LONGEST_NAME = 200


class FileRefusedError(Exception):
    """A file cannot be kept; the message is a sentence's end: `has more than ...`."""


@dataclass(frozen=True)
class Label:
    """What is said of a file besides its content; see `StoredFile`."""

    owner: str
    kind: str
    name: str
    content_type: str
    details: dict[str, Any] | None = None
    frame: int = 0
    prediction_id: str | None = None


class Files:
    """Keeps, reads and removes files."""

    def __init__(self, store: Store, shelf: Shelf, limits: HostedLimits) -> None:
        self._store = store
        self._shelf = shelf
        self._limits = limits
        self._used = 0

    async def start(self) -> None:
        """Count what is here, and remove contents that a crash has left without a record."""
        self._used = await self._store.stored_bytes()
        for name in await self._shelf.names() - await self._store.all_file_ids():
            await self._shelf.remove(name)

    async def keep(self, chunks: AsyncIterable[bytes], label: Label) -> StoredFile:
        """Keep a file as it arrives.

        Raises:
            FileRefusedError: it is too large, or there is no room.
        """
        name = new_id()
        free = max(self._limits.max_stored_bytes - self._used, 0)
        limit = min(self._limits.max_file_bytes, free)
        taken = 0

        async def counted() -> AsyncIterator[bytes]:
            """Count bytes as they come: files that arrive side by side share the room."""
            nonlocal taken
            async for chunk in chunks:
                taken += len(chunk)
                self._used += len(chunk)
                yield chunk

        try:
            content = await self._shelf.put(name, counted(), limit)
        except BaseException as error:
            self._used -= taken
            if isinstance(error, TooLargeError):
                if free < self._limits.max_file_bytes:
                    raise FileRefusedError("does not fit into this server's storage") from error
                raise FileRefusedError(f"has more than the {limit} bytes allowed") from error
            if isinstance(error, OSError):
                logger.exception("a file could not be written")
                raise FileRefusedError("could not be written to this server's storage") from error
            raise
        file = StoredFile(
            id=name,
            owner=label.owner,
            kind=label.kind,
            name=shown_name(label.name),
            content_type=label.content_type,
            size=content.size,
            sha256=content.sha256,
            details=label.details or {},
            frame=label.frame,
            prediction_id=label.prediction_id,
            expires_at=now() + timedelta(seconds=self._limits.keep_seconds),
        )
        await self._store.add(file)
        return file

    def read(
        self, file: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a file from `start` up to, and without, `end`."""
        return self._shelf.read(file.id, start, end)

    async def remove(self, names: Iterable[str]) -> None:
        """Delete files: first from the records, so that nobody finds one half deleted."""
        names = list(names)
        if not names:
            return
        self._used -= await self._store.forget_files(names)
        for name in names:
            await self._shelf.remove(name)

    async def sweep(self) -> None:
        """Remove what has expired."""
        await self._store.remove_data(timedelta(seconds=self._limits.keep_seconds))
        await self._store.forget_predictions(
            timedelta(seconds=self._limits.keep_records_seconds), self._limits.max_records
        )
        await self.remove(await self._store.expired_files())


def shown_name(name: str) -> str:
    """A client's name of a file as it is shown: the last part of a path, printable, short."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(letter for letter in last if letter.isprintable())
    return printable[:_LONGEST_NAME] or "file"
