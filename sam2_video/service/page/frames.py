"""Frames of a video by their number, as pictures that a browser shows or a model reads.

They come from the decoder that the model's frames come from, so that the frame one clicks is the
frame the model gets.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TypeVar
from weakref import WeakValueDictionary

import cv2
import numpy as np
from cachetools import LRUCache

from sam2_video.core.errors import InputError
from sam2_video.service.net.places import Places, decode
from sam2_video.service.page.videos import OpenedVideo
from sam2_video.service.settings import Bounds
from sam2_video.video.decode import read_frames_backward
from sam2_video.video.probe import Video

_MAX_PICTURE_BYTES = 75_000_000  # as base64, within the 100 MiB of a request to a container
_CHUNK_BYTES = 64 * 1024**2  # of decoded frames in memory at once, for one reader
_CHUNK_FRAMES = 24
_CACHE_BYTES = 256 * 1024**2
_JPEG_QUALITY = 92

Result = TypeVar("Result")


class Pictures:
    """Encoded frames, kept for a while: neighbours of a frame are decoded together with it.

    Args:
        bounds: how many videos are read at a time, and how long one may take.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._cache: LRUCache[tuple[str, int, str], bytes] = LRUCache(_CACHE_BYTES, len)
        self._bounds = bounds
        self._places = Places(bounds.max_checks)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def shown(self, stored: OpenedVideo, index: int, client: str) -> bytes:
        """Frame `index` as JPEG, at the video's size.

        Args:
            stored: the video.
            index: from 0 on.
            client: whose place the reading takes.

        Raises:
            InputError: the file cannot be read, or not in time.
        """
        key = (stored.id, index, "jpg")
        if (found := self._cache.get(key)) is not None:
            return found
        async with self._locks.setdefault(stored.id, asyncio.Lock()):
            if (found := self._cache.get(key)) is None:  # else it came with its neighbour
                pictures = await self._read(_chunk, stored, index, client)
                for number, picture in pictures:
                    self._cache[stored.id, number, "jpg"] = picture
                found = dict(pictures)[index]
        return found

    async def thumbnail(self, stored: OpenedVideo, index: int, height: int, client: str) -> bytes:
        """As `shown`, so many pixels high at most."""
        key = (stored.id, index, f"{height}.jpg")
        if (found := self._cache.get(key)) is None:
            work = partial(thumbnail_of, height=height)
            found = self._cache[key] = await self._read(work, stored, index, client)
        return found

    async def exact(self, stored: OpenedVideo, index: int, client: str) -> tuple[bytes, str]:
        """As `shown`, without loss, and its media type; JPEG where PNG would be too large."""
        key = (stored.id, index, "png")
        if (picture := self._cache.get(key)) is None:
            picture = await self._read(_exact, stored, index, client)
            self._cache[key] = picture
        is_png = picture.startswith(b"\x89PNG")
        return picture, "image/png" if is_png else "image/jpeg"

    async def _read(
        self, work: Callable[[Video, int], Result], stored: OpenedVideo, index: int, client: str
    ) -> Result:
        seconds = self._bounds.max_check_seconds
        try:
            async with self._places.held(client):
                return await decode(seconds, work, stored.video, index)
        except TimeoutError as error:
            raise InputError(
                f"Frame {index} takes longer to find than the {seconds:g} seconds allowed."
            ) from error


def _chunk(video: Video, index: int) -> list[tuple[int, bytes]]:
    """Frame `index` and its neighbours as JPEG."""
    frame_bytes = video.width * video.height * 3
    count = max(1, min(_CHUNK_FRAMES, _CHUNK_BYTES // frame_bytes))
    first = index // count * count
    stop = min(first + count, video.num_frames)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return [(i, _encode(".jpg", frame, quality)) for i, frame in _frames(video, first, stop)]


def thumbnail_of(video: Video, index: int, height: int) -> bytes:
    """A frame as JPEG, so many pixels high at most; never larger than the frame is.

    A frame of a few rows, enlarged, could take gigabytes.
    """
    ((_, frame),) = _frames(video, index, index + 1)
    height = min(height, frame.shape[0])
    size = max(1, round(frame.shape[1] * height / frame.shape[0])), height
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return _encode(".jpg", np.asarray(small, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])


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
        size = f"{frame.shape[1]}x{frame.shape[0]}"
        raise InputError(f"A frame of {size} pixels is too large to be shown.")
    return picture.tobytes()
