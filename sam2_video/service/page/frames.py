"""Frames of a video by their number, as pictures that a browser shows or a model reads.

They come from the decoder that the model's frames come from, so that the frame one clicks is the
frame the model gets.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from weakref import WeakValueDictionary

import anyio.to_thread
import cv2
import numpy as np
from cachetools import LRUCache

from sam2_video.service.page.videos import OpenedVideo
from sam2_video.video.decode import read_frames_backward
from sam2_video.video.probe import Video

_MAX_PICTURE_BYTES = 75_000_000  # as base64, within the 100 MiB of a request to a container
_CHUNK_BYTES = 64 * 1024**2  # of decoded frames in memory at once, for one reader
_CHUNK_FRAMES = 24
_CACHE_BYTES = 256 * 1024**2
_READERS = 2
_JPEG_QUALITY = 92


class Pictures:
    """Encoded frames, kept for a while: neighbours of a frame are decoded together with it."""

    def __init__(self) -> None:
        self._cache: LRUCache[tuple[str, int, str], bytes] = LRUCache(_CACHE_BYTES, len)
        self._readers = asyncio.Semaphore(_READERS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def shown(self, stored: OpenedVideo, index: int) -> bytes:
        """Frame `index` as JPEG, at the video's size.

        Raises:
            InputError: the file cannot be read.
        """
        key = (stored.id, index, "jpg")
        if (found := self._cache.get(key)) is not None:
            return found
        async with self._locks.setdefault(stored.id, asyncio.Lock()):
            if (found := self._cache.get(key)) is None:  # else it came with its neighbour
                async with self._readers:
                    pictures = await anyio.to_thread.run_sync(_chunk, stored.video, index)
                for number, picture in pictures:
                    self._cache[stored.id, number, "jpg"] = picture
                found = dict(pictures)[index]
        return found

    async def exact(self, stored: OpenedVideo, index: int) -> tuple[bytes, str]:
        """Frame `index` without loss, and its media type; JPEG where PNG would be too large.

        Raises:
            InputError: the file cannot be read.
        """
        key = (stored.id, index, "png")
        if (picture := self._cache.get(key)) is None:
            async with self._readers:
                picture = await anyio.to_thread.run_sync(_exact, stored.video, index)
            self._cache[key] = picture
        is_png = picture.startswith(b"\x89PNG")
        return picture, "image/png" if is_png else "image/jpeg"


def _chunk(video: Video, index: int) -> list[tuple[int, bytes]]:
    """Frame `index` and its neighbours as JPEG."""
    frame_bytes = video.width * video.height * 3
    count = max(1, min(_CHUNK_FRAMES, _CHUNK_BYTES // frame_bytes))
    first = index // count * count
    stop = min(first + count, video.num_frames)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return [(i, _encode(".jpg", frame, quality)) for i, frame in _frames(video, first, stop)]


def _exact(video: Video, index: int) -> bytes:
    ((_, frame),) = _frames(video, index, index + 1)
    picture = _encode(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if len(picture) > _MAX_PICTURE_BYTES:
        picture = _encode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return picture


def _frames(video: Video, first: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
    """Frames `stop - 1` down to `first`, found by a seek where the file allows an exact one."""
    budget = (stop - first) * video.width * video.height * 3
    with closing(read_frames_backward(video, stop - 1, lambda frame: frame, budget)) as frames:
        yield from islice(frames, stop - first)


def _encode(kind: str, frame: np.ndarray, options: list[int]) -> bytes:
    done, picture = cv2.imencode(kind, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise OSError(f"a frame of {frame.shape[1]}x{frame.shape[0]} cannot be written as {kind}")
    return picture.tobytes()
