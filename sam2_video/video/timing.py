"""When the pictures of an encoded video are shown: at a constant rate, or as in the source."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sam2_video.core.errors import InputError
from sam2_video.video.ffmpeg_log import NO_PTS
from sam2_video.video.probe import Video
from sam2_video.video.raw_matroska import picture_header, stream_header

_FOURCC = {
    "yuv420p": b"I420",
    "yuva420p": b"Y4\x0b\x08",
    "rgb24": b"RGB\x18",
    "rgba": b"RGBA",
}

_GUESSED_RATE = 25  # frames a second, where a file has no time stamps
_LEAST_CLOCK = 1000  # ticks a second
_MOST_CLOCK = 1_200_000  # an MP4 file counts a frame's ticks in 32 bits
_BACKWARD_SECONDS = 1  # a longer step back in time is a clock that starts again
_LATEST = 2**62  # ticks
_FORWARD_SECONDS = 1800  # as is a longer step forward


@dataclass(frozen=True)
class ConstantRate:
    """Each picture is shown for one tick.

    Attributes:
        fps: ticks a second.
    """

    fps: int

    @property
    def key_interval(self) -> int:
        """Pictures from one key frame to the next: two seconds."""
        return 2 * self.fps

    def input_arguments(self, width: int, height: int, pixel_format: str) -> list[str]:
        """Options of ffmpeg for pictures on its standard input."""
        size = ["-s", f"{width}x{height}", "-framerate", str(self.fps)]
        return ["-f", "rawvideo", "-pix_fmt", pixel_format, *size, "-i", "pipe:0"]

    def output_arguments(self) -> list[str]:
        """Options of ffmpeg for the encoder."""
        return []

    def header(self, width: int, height: int, pixel_format: str) -> bytes:
        """What is written before all pictures."""
        return b""

    def before_picture(self, index: int, size: int) -> bytes:
        """What is written before picture `index` of so many bytes."""
        return b""


@dataclass(frozen=True)
class FrameTimes:
    """Each picture is shown until the time of the next one.

    Attributes:
        times: when each picture is shown, and when the last one ends: one more than there are
            pictures, strictly rising.
        time_base: seconds of one unit of `times`.
    """

    times: Sequence[int]
    time_base: Fraction

    @property
    def start(self) -> Fraction:
        """Seconds by the source's clock at which the first picture is shown."""
        return self.times[0] * self.time_base

    @property
    def length(self) -> Fraction:
        """Seconds from the start of the first picture to the end of the last one."""
        return (self.times[-1] - self.times[0]) * self.time_base

    @property
    def key_interval(self) -> int:
        """Pictures from one key frame to the next: two seconds, on average."""
        return max(1, round(2 * (len(self.times) - 1) / self.length))

    def input_arguments(self, width: int, height: int, pixel_format: str) -> list[str]:
        """Options of ffmpeg for pictures on its standard input."""
        return ["-f", "matroska", "-i", "pipe:0"]

    def output_arguments(self) -> list[str]:
        """Options of ffmpeg for the encoder.

        Without B frames: with them an MP4 file of a variable rate ends at the wrong time, since
        its length is counted in the order of decoding.
        """
        return ["-enc_time_base:v", str(self.time_base), "-bf", "0", "-map_metadata", "-1"]

    def header(self, width: int, height: int, pixel_format: str) -> bytes:
        """What is written before all pictures."""
        duration = round(10**9 * self.length / (len(self.times) - 1))
        return stream_header(width, height, _FOURCC[pixel_format], duration)

    def before_picture(self, index: int, size: int) -> bytes:
        """What is written before picture `index` of so many bytes."""
        time, end = (self._nanoseconds(k) for k in (index, index + 1))
        return picture_header(time, end - time, size)

    def _nanoseconds(self, index: int) -> int:
        return round((self.times[index] - self.times[0]) * self.time_base * 10**9)


def frame_times(video: Video, interval: int) -> FrameTimes:
    """When every `interval`-th frame of a video's range is shown, from its first on.

    Each is shown until the next such frame, the last one to the end of the range.
    """
    shown = video.frames[::interval]
    time_base = _clock(video.time_base)
    times = _rising(video, time_base)
    return FrameTimes(array("q", (times[k] for k in (*shown, video.frames.stop))), time_base)


def _clock(time_base: Fraction) -> Fraction:
    """The unit of a result's times: the source's, where it is neither too coarse nor too fine."""
    clock = time_base.denominator
    if not time_base or clock > _MOST_CLOCK:
        return Fraction(1, 90_000)
    return Fraction(1, clock * -(-_LEAST_CLOCK // clock))


def _rising(video: Video, time_base: Fraction) -> array[int]:
    """When each frame is shown and when the last one ends, strictly rising.

    Stamps that do not rise are moved: a frame is shown at least a tick after the one before it,
    and where the clock starts again the times go on from the frame before.
    """
    ticks = video.time_base / time_base
    second = time_base.denominator
    gap = max(1, second // _GUESSED_RATE)
    times: array[int] = array("q")
    moved = 0
    for stamp in video.stamps if len(video.stamps) >= video.num_frames else ():
        time = round(stamp * ticks) + moved
        if stamp != NO_PTS and abs(time) >= _LATEST:
            raise InputError("input_video has time stamps that are too large for keep_audio")
        if times:
            step = time - times[-1]
            if stamp == NO_PTS:
                time = times[-1] + gap
            elif not -_BACKWARD_SECONDS * second <= step <= _FORWARD_SECONDS * second:
                moved += gap - step
                time = times[-1] + gap
            elif step > 0:
                gap = step
            time = max(time, times[-1] + 1)
        elif stamp == NO_PTS:
            time = 0
        times.append(time)
    if not times:
        times.extend(range(0, video.num_frames * gap, gap))
    if len(times) == video.num_frames:  # no frame after the last one tells when it ends
        times.append(times[-1] + (round(video.last_duration * ticks) or gap))
    return times
