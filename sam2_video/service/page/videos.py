"""The videos of visitors: files of the store that were checked to be videos."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any
from weakref import WeakValueDictionary

import anyio
from cachetools import LRUCache

from sam2_video.core.errors import InputError, shown
from sam2_video.service.errors import RequestError
from sam2_video.service.net.inputs import INPUT, SourceError, Sources
from sam2_video.service.net.places import Places, decode
from sam2_video.service.page.words import cannot_open, in_words
from sam2_video.service.settings import Settings
from sam2_video.service.storage.database import Store, StoredFile
from sam2_video.service.storage.files import (
    Files,
    FileTooLargeError,
    StorageFullError,
    shown_name,
)
from sam2_video.video.open_video import probe_video
from sam2_video.video.probe import Video

_MAX_OPENED = 16

# By a file's first bytes: its media type in a request, and to a browser that plays it.
_MEDIA_TYPES = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG", "image/png"),
    (8, b"WEBP", "image/webp"),
    (0, b"GIF8", "image/gif"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"AVI ", "video/x-msvideo"),
)


@dataclass(frozen=True)
class VideoInfo:
    """What the check of a video found; kept in the record of its file.

    Attributes:
        width, height: pixels.
        num_frames: how many pictures it has.
        frame_rate: frames a second on average; None if the file does not say.
        url: where it was fetched from; None if it was uploaded.
        has_sound: whether there is sound to play.
        damage: see `Video.damage`.
    """

    width: int
    height: int
    num_frames: int
    frame_rate: float | None
    url: str | None
    has_sound: bool = False
    damage: str = ""

    @classmethod
    def of(cls, file: StoredFile) -> "VideoInfo":
        """What is known of a file of the kind `video`."""
        return cls(**file.details)


@dataclass(frozen=True)
class OpenedVideo:
    """A video whose frames can be read, and the id of its file."""

    id: str
    video: Video


class Videos:
    """Takes, finds and removes videos of visitors.

    Args:
        store: the records.
        files: the contents.
        sources: fetches videos from URLs.
        settings: what a video may cost.
    """

    def __init__(self, store: Store, files: Files, sources: Sources, settings: Settings) -> None:
        self._store = store
        self._files = files
        self._sources = sources
        self._limits = settings.video_limits
        self._most = settings.limits.max_visitor_videos
        self._bounds = settings.bounds
        self._checking = Places(settings.bounds.max_checks)
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._opened: LRUCache[str, Video] = LRUCache(_MAX_OPENED)

    async def of(self, owner: str) -> list[StoredFile]:
        """The videos of a visitor, oldest first."""
        return (await self._store.files(owner, "video"))[::-1]

    async def use(self, owner: str) -> None:
        """Keep everything of a visitor, who still works with it, for longer."""
        if videos := await self.of(owner):
            await self._files.extend(videos[-1])

    async def get(self, owner: str, name: str) -> StoredFile:
        """The video of that id, if the visitor owns it.

        Raises:
            RequestError: 404; whether somebody else has it is not told.
        """
        file = await self._store.file(name)
        if file is None or file.owner != owner or file.kind != "video":
            raise RequestError(404, "That file is no longer here. Upload the video again.")
        await self._files.extend(file)
        return file

    async def upload(
        self, owner: str, name: str, chunks: AsyncIterable[bytes], size: int = 0
    ) -> StoredFile:
        """Keep an uploaded file, to be checked with `checked`.

        Args:
            owner: the visitor.
            name: as the visitor's machine names the file.
            chunks: its content.
            size: in bytes, as far as it is known.

        Raises:
            RequestError: it is too large; nothing is left of it.
        """
        most = self._limits.max_video_bytes
        too_large = RequestError(
            413,
            f"{shown_name(name)} is larger than the {most / 1e6:,.0f} MB allowed. Try a shorter or "
            "smaller video.",
        )
        if size > most:
            raise too_large
        await self._make_room(owner)
        file = StoredFile(
            owner=owner,
            kind="unchecked",
            name=name or "video",
            content_type="application/octet-stream",
        )
        try:
            await self._files.keep(chunks, file, most)
        except FileTooLargeError as error:
            raise too_large from error
        except StorageFullError as error:
            raise RequestError(
                507, "The server has no disk space left. Try again later."
            ) from error
        return file

    async def fetch(self, owner: str, url: str, client: str) -> StoredFile:
        """Fetch a file from a URL, and keep it if it is a video; one at a time for a visitor.

        Args:
            owner: the visitor.
            url: where the file is.
            client: whose places fetching and checking take.

        Raises:
            RequestError: it cannot be fetched, is too large, or not a video; nothing is left of
                it.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise RequestError(422, f"{shown(url)} is no link: it should begin with https://")
        async with self._fetching.setdefault(owner, asyncio.Lock()):
            await self._make_room(owner)
            most = self._limits.max_video_bytes
            try:
                file = await self._sources.download(
                    INPUT, url, owner, "unchecked", client, max_bytes=most
                )
            except SourceError as error:
                raise RequestError(422, in_words(str(error), "The link")) from error
            return await self.checked(file, url, client)

    @asynccontextmanager
    async def opened(self, file: StoredFile, client: str) -> AsyncIterator[OpenedVideo]:
        """A video whose frames can be read while the block runs.

        Args:
            file: the video's.
            client: whose place the check takes.

        Raises:
            InputError: the file cannot be read, or not in time.
        """
        async with self._files.local_path(file.id) as path:
            video = self._opened.get(file.id)
            if video is None:
                seconds = self._bounds.max_check_seconds
                try:
                    async with self._checking.held(client):
                        video = await decode(seconds, probe_video, path, self._limits)
                except TimeoutError as error:
                    raise InputError(
                        f"{INPUT} takes longer to check than the {seconds:g} seconds allowed "
                        "(SAM2_MAX_CHECK_SECONDS)"
                    ) from error
                self._opened[file.id] = video
            yield OpenedVideo(file.id, video)

    async def checked(self, file: StoredFile, url: str | None, client: str) -> StoredFile:
        """Check that a file is a video, and say so in its record; else remove it.

        Args:
            file: one that was uploaded or fetched.
            url: where it was fetched from.
            client: whose place the check takes.

        Raises:
            RequestError: it is not a video, or takes too long to check; nothing is left of it.
        """
        try:
            async with self.opened(file, client) as opened:
                video = opened.video
            info = VideoInfo(
                video.width,
                video.height,
                video.num_frames,
                video.frame_rate,
                url,
                video.sound is not None,
                video.damage,
            )
            head = b"".join([chunk async for chunk in self._files.read(file, 0, 32)])
            await self._store.change_file(
                file.id, kind="video", content_type=_media_type(head), details=asdict(info)
            )
            return await self.get(file.owner, file.id)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self._files.remove([file.id])
            if isinstance(error, InputError):
                raise RequestError(422, cannot_open(str(error), file.name)) from error
            raise

    async def _make_room(self, owner: str) -> None:
        """Delete a visitor's oldest videos without a project, so that one more is not too many."""
        in_use = {project.video_id for project in await self._store.projects(owner)}
        old = [file for file in await self.of(owner) if file.id not in in_use]
        await self._files.remove([file.id for file in old[: max(0, len(old) + 1 - self._most)]])


def about(file: StoredFile) -> dict[str, Any]:
    """A video as the page gets it."""
    info = VideoInfo.of(file)
    return {
        "id": file.id,
        "name": file.name,
        "url": info.url,
        "bytes": file.size,
        "media_type": file.content_type,
        "width": info.width,
        "height": info.height,
        "num_frames": info.num_frames,
        "frame_rate": info.frame_rate,
        "has_sound": info.has_sound,
        "damage": in_words(info.damage, file.name) if info.damage else None,
    }


def number_of(text: str) -> int | str:
    """The whole number that a text is; else the text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def frame_of(file: StoredFile, index: object) -> int:
    """The number of a frame of a video.

    Raises:
        RequestError: it is none.
    """
    count = VideoInfo.of(file).num_frames
    if type(index) is not int or not 0 <= index < count:
        raise RequestError(422, f"Frame {str(index)[:20]} is not in the video, which has {count}.")
    return index


def _media_type(head: bytes) -> str:
    """What kind of file begins so; never a kind that a browser would run."""
    for start, mark, media_type in _MEDIA_TYPES:
        if head[start:].startswith(mark):
            return media_type
    return "application/octet-stream"
