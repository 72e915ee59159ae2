"""What is in a video: found by decoding it once, to its end or to the last frame that is wanted.

Nothing less tells the number of frames. A damaged file is no error: its frames are those that
ffmpeg decodes, as a player shows them, and a warning tells of the damage.
"""

from __future__ import annotations

import logging
import re
from array import array
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Self

from sam2_video.core.errors import InputError, reading
from sam2_video.core.limits import Limits
from sam2_video.video.colour_space import check_colours
from sam2_video.video.decoder import Decoder, Output, Source, still_codec
from sam2_video.video.ffmpeg_log import NO_PTS, DecoderLog, PictureFormat, SoundStream
from sam2_video.video.frame_range import FrameRange

# One line a picture: the count then depends on no log message, and ffmpeg ends when its pipe is
# closed. Frame numbers replace the time stamps, some of which the muxer would refuse.
# `-debug_ts` tells how far the demuxer and the decoder are, and so where a complaint belongs.
_CHECKSUMS = ("-debug_ts", "-bsf:v", "setts=ts=N", "-f", "framecrc")
_PLACES = 3  # of damage, that a warning names

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Video:
    """A video that was decoded to its end, or to the end of the wanted range.

    Attributes:
        source: the file.
        format: how its first picture is stored.
        num_frames: exact: the number of pictures that the decoder gives, to the end of the range.
        frames: the frames of the range.
        is_whole: it was decoded to its end.
        time_base: seconds of one unit of `pts`.
        pts: the frames' time stamps, strictly rising, that of the frame after the range included;
            empty if the file's are not rising.
        checksums: CRC of each frame's planes as decoded, likewise.
        stamps: the time stamps as they are, `NO_PTS` where a frame has none; `pts` if they rise.
        last_duration: how long the last decoded frame is shown, in the same unit; 0 if the file
            does not tell.
        sound: the stream of sound to play; None if there is none.
        damage: of a damaged file, a sentence about where and what, and how much is left; else
            empty.
    """

    source: Source
    format: PictureFormat
    num_frames: int
    frames: range
    is_whole: bool
    time_base: Fraction
    pts: array[int]
    checksums: array[int]
    stamps: array[int]
    last_duration: int
    sound: SoundStream | None
    damage: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    @property
    def width(self) -> int:
        """Pixels, after rotation; the sample aspect ratio is ignored."""
        return self.format.width

    @property
    def height(self) -> int:
        """Pixels, after rotation."""
        return self.format.height

    @property
    def frame_rate(self) -> float | None:
        """Frames a second, on average; None where the file does not tell, as for a picture."""
        if len(self.pts) < 2:
            return None
        seconds = (self.pts[-1] - self.pts[0]) * self.time_base
        return float((len(self.pts) - 1) / seconds)


@reading("input_video")
def check_file(path: Path, limits: Limits) -> Source:
    """Check what can be checked without ffmpeg.

    Raises:
        InputError: it is no file, empty, too large, or may not be read.
    """
    if not path.is_file():
        raise InputError("input_video is not a file; send a video or a picture")
    size = path.stat().st_size
    if size == 0:
        raise InputError("input_video is empty (0 bytes); send a video or a picture")
    if size > limits.max_video_bytes:
        raise InputError(
            f"input_video has {size} bytes, more than the {limits.max_video_bytes} allowed "
            "(SAM2_MAX_VIDEO_BYTES)"
        )
    return Source(path, still_codec(path), limits)


class Probe:
    """One decoding of a file, in two steps: `first_picture`, then `finish`.

    It ends with the file, or one frame after the range, which tells how long the range's last
    frame is shown. A context manager; leaving it ends ffmpeg.
    """

    def __init__(self, source: Source, wanted: FrameRange) -> None:
        self._wanted = wanted
        self._most = None if wanted.stop is None else wanted.stop + 1
        self._start(source)

    def _start(self, source: Source) -> None:
        self.source = source
        self._checksums = array("I")
        options = _CHECKSUMS if self._most is None else ("-frames:v", str(self._most), *_CHECKSUMS)
        self._decoder = Decoder(source, Output("showinfo=checksum=0", options))
        self._lines = self._decoder.lines()
        self._ended_well = False

    def first_picture(self) -> PictureFormat:
        """Choose a stream, and decode until it is known how its first picture is stored.

        Raises:
            InputError: there is none, or it cannot be converted.
        """
        log = self._decode_first()
        first = next((stream.index for stream in log.streams), None)
        best = log.best_stream
        if best != first:  # now that the streams are known
            self._decoder.close()
            self._start(replace(self.source, stream=f"0:{best}"))
            log = self._decode_first()
        if log.tiled:
            raise InputError("input_video is a HEIF picture in tiles; send it as jpg, png or webp")
        if log.format is None or not self._checksums:
            raise InputError(_complaint(log, self.source.limits))
        check_colours(log.format)
        return log.format

    def _decode_first(self) -> DecoderLog:
        while self._next_picture():
            if self._decoder.log.has_colours:
                break
        return self._decoder.log

    def finish(self) -> Video:
        """Decode to the end; log a warning where the file is damaged.

        Raises:
            InputError: the file is beyond a limit, or the range beyond the file.
        """
        while self._next_picture():
            pass
        log, count = self._decoder.log, len(self._checksums)
        if log.format is None:
            raise InputError("input_video has no picture that can be read")
        is_whole = count != self._most
        pts = log.pts if is_whole else log.pts[:count]  # the filter runs ahead of the output
        known = len(pts) == count and NO_PTS not in pts
        rising = known and all(a < b for a, b in pairwise(pts))
        frames = self._wanted.within(count)
        damage = self._damage()
        if damage:
            logger.warning("%s", damage)
        return Video(
            source=self.source,
            format=log.format,
            num_frames=count if is_whole else frames.stop,
            frames=frames,
            is_whole=is_whole,
            time_base=log.time_base,
            pts=pts if rising else array("q"),
            checksums=self._checksums,
            stamps=pts,
            last_duration=log.duration,
            sound=log.best_sound,
            damage=damage,
        )

    def _next_picture(self) -> bool:
        """Take in one more picture; False at the end."""
        log, limits = self._decoder.log, self.source.limits
        for line in self._lines:
            if line.startswith(b"#"):
                continue
            self._checksums.append(int(line.split(b",")[5], 16))
            if len(self._checksums) > limits.max_frames:
                raise InputError(
                    f"input_video has more than the {limits.max_frames} frames allowed "
                    "(SAM2_MAX_FRAMES)"
                )
            _check_size(log, limits)
            return True
        self._ended_well = self._decoder.finish() == 0
        _check_size(log, limits)
        if log.is_out_of_memory:
            raise InputError(
                "input_video takes more memory to decode than the "
                f"{limits.max_decoder_bytes} bytes allowed (SAM2_MAX_DECODER_BYTES)"
            )
        return False

    def _damage(self) -> str:
        """See `Video.damage`."""
        log, count = self._decoder.log, len(self._checksums)
        places = sorted({min(place, count) for place in log.damaged_at})
        if not places and self._ended_well:
            return ""
        named = [str(place) for place in places[:_PLACES] or [count]]
        if more := len(places) - len(named):
            named.append(f"{more} more places" if more > 1 else "1 more place")
        listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
        quote = f"the decoder reports '{log.quote}'" if log.quote else "a picture is damaged"
        return (
            f"input_video is damaged near frame{'s'[: len(named) > 1]} {listed}: "
            f"{log.reason or quote}; what can be decoded is used, {count} frame{'s'[: count != 1]}"
        )

    def __enter__(self) -> Self:
        """The probe itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End ffmpeg."""
        self._decoder.close()


def _check_size(log: DecoderLog, limits: Limits) -> None:
    size = log.format
    if size is not None and size.width * size.height > limits.max_frame_pixels:
        raise InputError(_too_large(f"{size.width}x{size.height}", limits))


def _too_large(size: str, limits: Limits) -> str:
    return (
        f"input_video has {size} pixels a frame, more than the {limits.max_frame_pixels} allowed "
        "(SAM2_MAX_FRAME_PIXELS)"
    )


def _complaint(log: DecoderLog, limits: Limits) -> str:
    """The sentence for a file of which nothing can be decoded."""
    for _, text in log.complaints:
        if size := re.search(r"Picture size (\d+)x(\d+)", text):
            if int(size[1]) * int(size[2]) > limits.max_frame_pixels:
                return _too_large(f"{size[1]}x{size[2]}", limits)
        elif "matches no streams" in text:
            return "input_video has no video stream"
    reason = log.reason or "its data is damaged"
    return f"input_video is not a video or picture that can be read: {reason}"
