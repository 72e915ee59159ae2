"""Videos on their way in: received or fetched, bounded, and looked at before they are kept."""

from collections.abc import AsyncIterable
from dataclasses import replace

import anyio.to_thread

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.prediction.fetch import fetch_url
from sam2_video.service.page.errors import PageError, field_of
from sam2_video.service.page.library import Disk, Library, StoredVideo
from sam2_video.video.open_video import probe_video

FIELD = "input_video"
_NAME_LENGTH = 120

# By the file's first bytes: what it is called in a request, and to a browser that plays it.
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


async def receive(
    library: Library[StoredVideo],
    owner: str,
    name: str,
    chunks: AsyncIterable[bytes],
    limits: Limits,
) -> StoredVideo:
    """Store an uploaded file, and look whether it is a video.

    Raises:
        PageError: it is too large or no video; nothing is left of it.
    """
    item = library.add(StoredVideo(owner, library.new_folder(), name=_shown_name(name)))
    try:
        with item.path.open("wb") as file:
            async for chunk in chunks:
                check_size(item.size + len(chunk), limits)
                library.take(item, len(chunk))
                file.write(chunk)
        return await _looked_at(item, limits)
    except BaseException:
        library.remove(item)
        raise


async def fetch(
    library: Library[StoredVideo], owner: str, address: str, disk: Disk, limits: Limits
) -> StoredVideo:
    """Fetch a file from the web, and look whether it is a video.

    Raises:
        PageError: it cannot be fetched, is too large or no video; nothing is left of it.
    """
    if not address.lower().startswith(("http://", "https://")):
        raise PageError(
            f"{FIELD} is {address[:60]!r}, but it should be an address that begins with https://",
            field=FIELD,
        )
    name = address.partition("?")[0].rstrip("/").rpartition("/")[2] or "video"
    item = library.add(
        StoredVideo(owner, library.new_folder(), name=_shown_name(name), address=address)
    )
    bounded = replace(limits, max_video_bytes=max(1, min(limits.max_video_bytes, disk.left)))
    try:
        try:
            await anyio.to_thread.run_sync(fetch_url, FIELD, address, item.folder, bounded)
        except InputError as error:
            raise PageError(str(error), field=FIELD) from error
        library.take(item, item.path.stat().st_size)
        return await _looked_at(item, limits)
    except BaseException:
        library.remove(item)
        raise


def check_size(size: int, limits: Limits) -> None:
    """Refuse a file by its size.

    Raises:
        PageError: it is too large.
    """
    if size > limits.max_video_bytes:
        most = limits.max_video_bytes / 1e6
        raise PageError(
            f"The file is larger than the {most:,.0f} MB allowed. Send a shorter or smaller video.",
            field=FIELD,
            status=413,
        )


def media_type_of(item: StoredVideo) -> str:
    """What kind of file it is, by its first bytes; never a kind that a browser would run."""
    with item.path.open("rb") as file:
        head = file.read(32)
    for start, mark, media_type in _MEDIA_TYPES:
        if head[start:].startswith(mark):
            return media_type
    return "application/octet-stream"


async def _looked_at(item: StoredVideo, limits: Limits) -> StoredVideo:
    try:
        item.video = await anyio.to_thread.run_sync(probe_video, item.path, limits)
    except InputError as error:
        raise PageError(str(error), field=field_of(str(error)) or FIELD) from error
    return item


def _shown_name(name: str) -> str:
    """A file's name as people see it: no folders, no control characters, not too long."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:_NAME_LENGTH].strip() or "video"
