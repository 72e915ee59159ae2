"""One decoding from the first frame on: as RGB, or as planes with RGB beside them.

A stream starts decoding when it is made, at most a few frames ahead of its reader, and needs to
know of the video only how its pictures are stored, not how many there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import numpy as np

from sam2_video.core.errors import InputError
from sam2_video.video.colour_space import filters_to_rgb, is_plain
from sam2_video.video.decoder import Decoder, Output, Source
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.pictures import PlanesFrame, Rgb, RgbFrame

F = TypeVar("F")

_RAW_PLANES = ("-f", "rawvideo", "-pix_fmt", "yuv420p")


@dataclass(frozen=True)
class Decoded(Generic[F]):
    """One frame of a stream.

    Attributes:
        frame: what is drawn on.
        rgb: (H, W, 3) uint8, what the model sees; the same array as an `RgbFrame`'s.
    """

    frame: F
    rgb: Rgb


class FrameStream(ABC, Generic[F]):
    """All frames of one video in order, once. A context manager: leaving it ends ffmpeg."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._first: Decoded[F] | None = None

    @abstractmethod
    def _read(self, index: int) -> Decoded[F]:
        """Read the next frame, which is frame `index`."""

    def first(self) -> Decoded[F]:
        """Frame 0; `frames` gives it again.

        Raises:
            InputError: it cannot be converted, or the time for decoding is over.
        """
        if self._first is None:
            self._first = self._read(0)
        return self._first

    def frames(self, count: int) -> Generator[Decoded[F], None, None]:
        """Every frame, once.

        Args:
            count: how many there are.

        Raises:
            InputError: there are fewer or more, or the time for decoding is over.
        """
        for index in range(count):
            decoded, self._first = self._first or self._read(index), None
            yield decoded
        check_end(self._decoder, count)

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End ffmpeg."""
        self._decoder.close()


class RgbStream(FrameStream[RgbFrame]):
    """Frames in RGB.

    Args:
        source: the file.
        stored: how its pictures are stored.
        stop: frames from this one on are not decoded.
    """

    def __init__(self, source: Source, stored: PictureFormat, stop: int | None = None) -> None:
        self._shape = rgb_shape(stored)
        super().__init__(Decoder(source, rgb_output(stored, stop=stop)))

    def _read(self, index: int) -> Decoded[RgbFrame]:
        rgb = next_frame(self._decoder, self._shape, index)
        return Decoded(RgbFrame(rgb), rgb)


class PlanesStream(FrameStream[PlanesFrame]):
    """Frames as planes, with RGB from the same decoding; the stream must be `is_plain`."""

    def __init__(self, source: Source, stored: PictureFormat) -> None:
        self._planes = stored.height * 3 // 2, stored.width
        self._rgb = rgb_shape(stored)
        super().__init__(Decoder(source, Output("null", _RAW_PLANES), side=rgb_output(stored)))

    def _read(self, index: int) -> Decoded[PlanesFrame]:
        planes = next_frame(self._decoder, self._planes, index)
        return Decoded(PlanesFrame(planes), next_frame(self._decoder, self._rgb, index, output=1))


def planes_if_plain(source: Source, stored: PictureFormat) -> RgbStream | PlanesStream:
    """A stream of planes where they can be drawn on and encoded as they are, else of RGB."""
    return (PlanesStream if is_plain(stored) else RgbStream)(source, stored)


def first_frame_only(source: Source, stored: PictureFormat) -> RgbStream:
    """A stream of one RGB frame."""
    return RgbStream(source, stored, stop=1)


def rgb_output(stored: PictureFormat, *before: str, stop: int | None = None) -> Output:
    """Raw RGB frames up to frame `stop - 1`, by way of the filters `before`."""
    options = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    if stop is not None:
        options = ["-frames:v", str(stop), *options]
    return Output(",".join([*before, filters_to_rgb(stored)]), options)


def rgb_shape(stored: PictureFormat) -> tuple[int, int, int]:
    """The shape of an RGB frame's array."""
    return stored.height, stored.width, 3


def next_frame(decoder: Decoder, shape: tuple[int, ...], index: int, output: int = 0) -> np.ndarray:
    """Read one whole frame of an output, uint8.

    Raises:
        InputError: there is none.
    """
    frame = np.empty(shape, np.uint8)
    if not decoder.fill(frame.data.cast("B"), output):
        decoder.finish()
        reason = decoder.log.reason or "it is not what it was when it was opened"
        raise InputError(f"input_video cannot be read at frame {index}: {reason}")
    return frame


def check_end(decoder: Decoder, count: int) -> None:
    """Make sure that nothing comes after frame `count - 1`.

    Raises:
        InputError: something does.
    """
    if decoder.read(memoryview(bytearray(1))):
        raise InputError(f"input_video gives more than {count} frames on a second reading")
