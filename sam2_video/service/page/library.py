"""The files of visitors: who owns them, what they take, and when they go."""

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from sam2_video.service.page.errors import PageError
from sam2_video.video.probe import Video


@dataclass
class Item:
    """Something of one visitor's that lies in a folder of its own.

    Attributes:
        owner: the visitor.
        folder: where its files lie; removed with it.
        id: its name in addresses.
        size: bytes that were taken for it so far.
        touched: when it was last used, by `time.monotonic`.
    """

    owner: str
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    size: int = 0
    touched: float = field(default_factory=time.monotonic)

    @property
    def is_busy(self) -> bool:
        """Whether it must stay, however old it is."""
        return False


@dataclass
class StoredVideo(Item):
    """A video that was checked, and what people call it.

    Attributes:
        name: as its owner named it; shown, never used as a path.
        path: the file.
        video: the opened video; None until it has been read.
        address: where it was fetched from; None if it was uploaded.
        token: lets the container fetch the file; nobody else is told.
    """

    name: str = "video"
    video: Video | None = None
    address: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "input_video"

    @property
    def is_busy(self) -> bool:
        """Whether it is still arriving."""
        return self.video is None


T = TypeVar("T", bound=Item)


class Library(Generic[T]):
    """Items by owner and id, within a bound on disk that libraries may share."""

    def __init__(self, folder: Path, disk: "Disk") -> None:
        self._folder = folder
        self._disk = disk
        self._items: dict[str, T] = {}

    def new_folder(self) -> Path:
        """Make a folder for an item to come."""
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(parents=True)
        return folder

    def add(self, item: T) -> T:
        """Keep an item from now on."""
        self._items[item.id] = item
        return item

    def get(self, owner: str, name: str) -> T:
        """The item, if it is its owner who asks.

        Raises:
            PageError: 404; whether somebody else has it is not told.
        """
        item = self._items.get(name)
        if item is None or item.owner != owner:
            raise PageError("That file is no longer here. Upload the video again.", status=404)
        item.touched = time.monotonic()
        return item

    def of(self, owner: str) -> list[T]:
        """What a visitor has, oldest first."""
        return [item for item in self._items.values() if item.owner == owner]

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items.values()))

    def take(self, item: T, count: int) -> None:
        """Count bytes that are about to be written for an item.

        Raises:
            PageError: the disk space of this server is used up.
        """
        self._disk.take(count)
        item.size += count

    def remove(self, item: T) -> None:
        """Delete an item and its files."""
        self._items.pop(item.id, None)
        shutil.rmtree(item.folder, ignore_errors=True)
        self._disk.free(item.size)
        item.size = 0

    def sweep(self, keep_seconds: float) -> None:
        """Delete what nobody has used for a time."""
        oldest = time.monotonic() - keep_seconds
        for item in self:
            if item.touched < oldest and not item.is_busy:
                self.remove(item)


class Disk:
    """A count of bytes with an upper bound."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    @property
    def left(self) -> int:
        """Bytes that may still be taken."""
        return self._left

    def take(self, count: int) -> None:
        """Take bytes.

        Raises:
            PageError: there are not so many left.
        """
        if count > self._left:
            raise PageError(
                "The page has no disk space left. Try again later, when old files are deleted.",
                status=507,
            )
        self._left -= count

    def free(self, count: int) -> None:
        """Give bytes back."""
        self._left += count
