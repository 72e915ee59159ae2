"""One decoding from the first frame on: as RGB, or as planes with RGB beside them.

A stream starts decoding when it is made, at most a few frames ahead of its reader, and needs to
know of the video only how its pictures are stored, not how many there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

import numpy as np

from sam2_video.core.errors import InputError
from sam2_video.video.colour_space import filters_to_rgb, is_plain
from sam2_video.video.decoder import Decoder, Output, Source
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.pictures import PlanesFrame, Rgb, RgbFrame
from sam2_video.video.probe import Video

F = TypeVar("F")

RAW_RGB = ("-f", "rawvideo", "-pix_fmt", "rgb24")
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


@dataclass(frozen=True)
class Selection:
    """The frames that a stream gives; by default all.

    Attributes:
        first: index of the first one. The frames before it are decoded: only that makes its
            number certain.
        stop: decoding ends before this one; None to decode to the end of the file.
        trim: a filter that keeps the frames before the first from being converted; without it
            the stream reads and drops them.
    """

    first: int = 0
    stop: int | None = None
    trim: str = ""

    @property
    def dropped(self) -> int:
        """How many frames the stream reads before the first."""
        return 0 if self.trim else self.first

    def output(self, options: Sequence[str], filters: str) -> Output:
        """The selected frames, by way of `filters`."""
        if self.stop is not None:
            options = ("-frames:v", str(self.stop - self.first + self.dropped), *options)
        return Output(",".join(filter(None, (self.trim, filters))), options)


def select(video: Video, start: int, stop: int) -> Selection:
    """Frames `start` to `stop - 1` of a probed video."""
    trim = f"trim=start_pts={video.pts[start]}" if start > 0 and video.pts else ""
    to_end = stop == video.num_frames and video.is_whole
    return Selection(start, None if to_end else stop, trim)


ALL = Selection()


class FrameStream(ABC, Generic[F]):
    """The selected frames of one video in order, once.

    A context manager: leaving it ends ffmpeg.
    """

    def __init__(self, decoder: Decoder, selection: Selection) -> None:
        self._decoder = decoder
        self._selection = selection
        self._first: Decoded[F] | None = None

    @abstractmethod
    def _read(self, index: int) -> Decoded[F]:
        """Read the next frame, which is frame `index`."""

    def first(self) -> Decoded[F]:
        """The first frame; `frames` gives it again.

        Raises:
            InputError: it cannot be converted, or the time for decoding is over.
        """
        if self._first is None:
            first = self._selection.first
            for index in range(first - self._selection.dropped, first):
                self._read(index)
            self._first = self._read(first)
        return self._first

    def frames(self, count: int) -> Generator[Decoded[F], None, None]:
        """Every selected frame, once.

        Args:
            count: how many there are.

        Raises:
            InputError: there are fewer or more, or the time for decoding is over.
        """
        self.first()
        stop = self._selection.first + count
        for index in range(self._selection.first, stop):
            decoded, self._first = self._first or self._read(index), None
            yield decoded
        if self._decoder.read(memoryview(bytearray(1))):
            raise InputError(f"input_video gives more than {stop} frames on a second reading")

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
        selection: which frames.
    """

    def __init__(self, source: Source, stored: PictureFormat, selection: Selection = ALL) -> None:
        self._shape = rgb_shape(stored)
        rgb = selection.output(RAW_RGB, filters_to_rgb(stored))
        super().__init__(Decoder(source, rgb), selection)

    def _read(self, index: int) -> Decoded[RgbFrame]:
        rgb = next_frame(self._decoder, self._shape, index)
        return Decoded(RgbFrame(rgb), rgb)


class PlanesStream(FrameStream[PlanesFrame]):
    """Frames as planes, with RGB from the same decoding; the stream must be `is_plain`."""

    def __init__(self, source: Source, stored: PictureFormat, selection: Selection = ALL) -> None:
        self._planes = stored.height * 3 // 2, stored.width
        self._rgb = rgb_shape(stored)
        planes = selection.output(_RAW_PLANES, "null")
        rgb = selection.output(RAW_RGB, filters_to_rgb(stored))
        super().__init__(Decoder(source, planes, side=rgb), selection)

    def _read(self, index: int) -> Decoded[PlanesFrame]:
        planes = next_frame(self._decoder, self._planes, index)
        return Decoded(PlanesFrame(planes), next_frame(self._decoder, self._rgb, index, output=1))


def planes_if_plain(
    source: Source, stored: PictureFormat, selection: Selection = ALL
) -> RgbStream | PlanesStream:
    """A stream of planes where they can be drawn on and encoded as they are, else of RGB."""
    return (PlanesStream if is_plain(stored) else RgbStream)(source, stored, selection)


def first_frame_only(source: Source, stored: PictureFormat, selection: Selection) -> RgbStream:
    """A stream of the first selected frame, in RGB."""
    return RgbStream(source, stored, replace(selection, stop=selection.first + 1))


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
