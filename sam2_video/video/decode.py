"""Any frames of a probed video, forward or backward, as RGB.

Frame k is the k-th picture that the decoder gives, in presentation order, none dropped and none
doubled, whatever the frame rate does. Rotation and mirroring flags are applied (EXIF's for still
pictures too). Alpha is dropped: the colour channels as they are stored, nothing blended. Pixels
that are not square are not stretched. A stream whose size changes has all its frames scaled to the
first one's size. `colour_space.py` says how colours are converted.
"""

from collections.abc import Callable, Generator
from contextlib import closing

import numpy as np

from sam2_video.video.colour_space import filters_to_rgb
from sam2_video.video.decoder import Decoder, Output
from sam2_video.video.probe import Video
from sam2_video.video.streams import RAW_RGB, RgbStream, rgb_shape, select

_SEEK_MARGIN = 8  # frames before the wanted one that the first seek aims at


def read_frames(
    video: Video, start: int | None = None, stop: int | None = None
) -> Generator[np.ndarray, None, None]:
    """Frames `start` to `stop - 1`, in order; those of the video's range by default.

    Frames before `start` are decoded (only that makes the number certain), not converted. One
    frame is in memory at a time, besides what ffmpeg holds. Closing the generator ends ffmpeg.

    Yields:
        (height, width, 3) uint8 RGB, an array of its own each time.

    Raises:
        ValueError: not 0 <= start <= stop <= num_frames.
        InputError: the file is not what it was when it was probed, or the time for decoding is
            over.
    """
    start = video.frames.start if start is None else start
    stop = video.num_frames if stop is None else stop
    if not 0 <= start <= stop <= video.num_frames:
        raise ValueError(f"frames {start} to {stop} of {video.num_frames}")
    return _read(video, start, stop)


def _read(video: Video, start: int, stop: int) -> Generator[np.ndarray, None, None]:
    """Frames by decoding from the start of the file."""
    if start == stop:
        return
    with RgbStream(video.source, video.format, select(video, start, stop)) as stream:
        for decoded in stream.frames(stop - start):
            yield decoded.rgb


def read_frames_backward(
    video: Video,
    start: int,
    shrink: Callable[[np.ndarray], np.ndarray],
    budget_bytes: int = 256 * 1024**2,
) -> Generator[tuple[int, np.ndarray], None, None]:
    """Frame `start`, then the one before it, and so on to the first of the range.

    Memory is bounded. Video decodes only forward, so it is read in chunks, the last one first,
    each as many shrunk frames as the budget holds. A chunk starts with a seek. Its frames must
    then have the time stamps and checksums that a decoding from the start gave; where they do not,
    the seek aims further ahead of the chunk, and in the end the file is decoded from its start.

    Args:
        video: a probed video.
        start: index of the first frame to yield.
        shrink: makes what is kept of a frame, (height, width, 3) uint8 RGB; an array that owns
            its memory, of the same size for every frame.
        budget_bytes: memory for shrunk frames; at least one frame is always held.

    Yields:
        The index and `shrink(frame)`.

    Raises:
        ValueError: `start` is not in the range.
        InputError: as for `read_frames`.
    """
    if start not in video.frames:
        raise ValueError(f"frame {start} of {video.frames}")
    return _read_backward(video, start, shrink, budget_bytes)


def _read_backward(
    video: Video, start: int, shrink: Callable[[np.ndarray], np.ndarray], budget_bytes: int
) -> Generator[tuple[int, np.ndarray], None, None]:
    size = shrink(np.zeros(rgb_shape(video.format), np.uint8)).nbytes
    count = max(1, budget_bytes // max(1, size))
    margin = _SEEK_MARGIN if video.pts else video.num_frames
    stop = start + 1
    while stop > video.frames.start:
        first = max(video.frames.start, stop - count)
        chunk = None
        while chunk is None and margin < first:
            chunk = _seek_chunk(video, first, stop, shrink, margin)
            if chunk is None:  # this file's seeks are inexact: try from further away
                margin *= 16
        if chunk is None:
            with closing(_read(video, first, stop)) as frames:
                chunk = [shrink(frame) for frame in frames]
        while chunk:
            stop -= 1
            yield stop, chunk.pop()


def _seek_chunk(
    video: Video, start: int, stop: int, shrink: Callable[[np.ndarray], np.ndarray], margin: int
) -> list[np.ndarray] | None:
    """Shrunk frames `start` to `stop - 1` by way of a seek; None if they are not the right ones."""
    seek = float(video.pts[start - margin] * video.time_base)
    end = f":end_pts={video.pts[stop]}" if stop < len(video.pts) else ""
    trim = f"trim=start_pts={video.pts[start]}{end}"
    output = Output(f"{trim},showinfo,{filters_to_rgb(video.format)}", RAW_RGB)
    chunk: list[np.ndarray] = []
    with Decoder(video.source, output, seek=seek) as decoder:
        frame = np.empty(rgb_shape(video.format), np.uint8)
        while len(chunk) <= stop - start and decoder.fill(frame.data.cast("B")):
            chunk.append(shrink(frame))
            frame = np.empty_like(frame)
    log = decoder.log  # complete once ffmpeg has ended
    same = log.pts == video.pts[start:stop]
    same = same and log.checksums == video.checksums[start:stop]
    return chunk if same and len(chunk) == stop - start else None
