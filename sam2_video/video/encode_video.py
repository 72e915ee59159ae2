"""One video file, complete or absent."""

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import FULL_DISK, OutputError, output_error
from sam2_video.core.part_file import part_of, remove_part
from sam2_video.video.colour_space import to_planes, to_rgb
from sam2_video.video.ffmpeg import Ffmpeg
from sam2_video.video.ffmpeg_log import EncoderLog
from sam2_video.video.pictures import Picture
from sam2_video.video.timing import ConstantRate, FrameTimes

# swscale at its most accurate, in as many threads as encode.
_TO_YCBCR = "scale=out_color_matrix=bt709:out_range=limited:flags=accurate_rnd+full_chroma_int"


@dataclass(frozen=True)
class VideoFormat:
    """How ffmpeg encodes one kind of video.

    Attributes:
        name: `mp4`, `webm` or `mov`; the file's suffix too.
        side: pixels a side that the encoder takes, found by trying.
        pixels: what ffmpeg is given, by its name: `yuv420p`, `yuva420p`, `rgb24` or `rgba`.
        stored: what is encoded.
        options: for the encoder and the container.
    """

    name: str
    side: int
    pixels: str
    stored: str
    options: tuple[str, ...]

    def of(self, picture: Picture) -> NDArray[np.uint8]:
        """A picture as `VideoFile.write` takes it; odd sides repeat the last row or column."""
        if self.pixels.startswith("yuv"):
            return to_planes(picture)
        return to_rgb(picture)

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """Of what `VideoFile.write` takes in a video of this size."""
        return {
            "yuv420p": (height * 3 // 2, width),
            "yuva420p": (height * 5 // 2, width),
            "rgb24": (height, width, 3),
            "rgba": (height, width, 4),
        }[self.pixels]


# superfast at 20 against veryfast at 20: two thirds of the time, equal or better in quality
# (Y PSNR 44.3 against 43.0 dB on a 720p clip, 43.7 against 42.5 on water), 1.2 to 1.6 times
# the bytes. Four threads write the same bytes on any machine.
# No search for places of B frames and key frames: a tenth of the time, 2 to 4 % fewer bytes,
# 0.1 dB.
_H264 = (
    *("-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-threads", "4"),
    *("-x264-params", "b-adapt=0:scenecut=0"),
    *("-movflags", "+faststart", "-f", "mp4"),
)
# The figures are in bench/README.md. Tuned for screens, opacity has an eighth of the errors away
# from edges, in as many bytes. ffmpeg stores no opacity with alternate reference frames.
_VP9 = (
    *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-crf", "10", "-b:v", "0"),
    *("-tune-content", "screen", "-auto-alt-ref", "0", "-row-mt", "1", "-threads", "2"),
    *("-f", "webm"),
)
# A given quantiser is a quarter of the time of a given size, which ffmpeg's encoder has to search.
_PRORES = (
    *("-c:v", "prores_ks", "-profile:v", "4444", "-vendor", "apl0", "-qscale:v", "2"),
    *("-threads", "2", "-f", "mov"),
)

H264 = VideoFormat("mp4", 16_384, "yuv420p", "yuv420p", _H264)
_FORMATS = {
    ("mp4", False): H264,
    ("webm", False): VideoFormat("webm", 65_536, "yuv420p", "yuv420p", _VP9),
    ("webm", True): VideoFormat("webm", 65_536, "yuva420p", "yuva420p", _VP9),
    ("mov", False): VideoFormat("mov", 65_534, "rgb24", "yuv444p10le", _PRORES),
    ("mov", True): VideoFormat("mov", 65_534, "rgba", "yuva444p10le", _PRORES),
}


def video_format(name: str, has_alpha: bool = False) -> VideoFormat:
    """The format of a video.

    Args:
        name: `mp4`, `webm` or `mov`.
        has_alpha: whether its pictures are RGBA; not for `mp4`.
    """
    if (name, has_alpha) not in _FORMATS:
        raise ValueError(f"no encoder for {name!r}{' with alpha' * has_alpha}")
    return _FORMATS[name, has_alpha]


class VideoFile:
    """A video file as a context manager: finished and playable after the block, or absent.

    An exception in the block kills the encoder and removes what it wrote. Colours are BT.709 in
    limited range, opacity is straight.

    Args:
        path: the file; its folder is made if it is not there.
        width: of the pictures, even.
        height: of the pictures, even.
        rate: pictures a second, each of which is shown once; or the time of each.
        chroma_location: where the chroma samples of planes lie: `center` or `left`.
        video_format: how it is encoded, and of what.
        sound: a file with sound that the container holds, from `extract_sound`.
    """

    _TAGS = (
        "setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
        ":chroma_location={},setsar=1"
    )

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: int | FrameTimes,
        chroma_location: str,
        video_format: VideoFormat = H264,
        sound: Path | None = None,
    ) -> None:
        self.path = path
        self.width, self.height = width, height
        self.video_format = video_format
        self._timing = ConstantRate(rate) if isinstance(rate, int) else rate
        self._sound = sound
        self._chroma_location = chroma_location
        self._part = part_of(path)
        self._count = 0
        self._log = EncoderLog()

    def __enter__(self) -> Self:
        """Start the encoder."""
        form, timing = self.video_format, self._timing
        filters = self._TAGS.format(self._chroma_location)
        if form.pixels != form.stored:
            filters = f"{_TO_YCBCR},format={form.stored},{filters}"
        arguments = ["-loglevel", "error", "-y"]
        arguments += timing.input_arguments(self.width, self.height, form.pixels)
        if self._sound is not None:
            arguments[:0] = ["-copyts"]  # sound may start before or after the first picture
            arguments += ["-protocol_whitelist", "file", "-i", f"file:{self._sound}"]
            arguments += ["-map", "0:v", "-map", "1:a", "-c:a", "copy"]
        arguments += ["-filter_threads", "2", "-vf", filters, *timing.output_arguments()]
        arguments += ["-g", str(timing.key_interval), "-fps_mode", "passthrough"]
        arguments += ["-fflags", "+bitexact", "-flags:v", "+bitexact", *form.options, self._url]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._ffmpeg = Ffmpeg(arguments, stdin=subprocess.PIPE, log=self._log.add)
        except OSError as error:
            raise output_error(error) from error
        return self

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Append a picture, as `VideoFormat.of` gives it.

        Raises:
            OutputError: ffmpeg has ended; the sentence says why.
        """
        if pixels.shape != self.video_format.shape(self.width, self.height):
            raise ValueError(f"pixels {pixels.shape} in a video of {self.width}x{self.height}")
        try:
            header = self._timing.before_picture(self._count, pixels.nbytes)
            if self._count == 0:
                form = self.video_format
                header = self._timing.header(self.width, self.height, form.pixels) + header
            self._ffmpeg.write(memoryview(header))
            self._ffmpeg.write(pixels.data)
        except BrokenPipeError as error:
            raise self._failure(self._ffmpeg.finish()) from error
        self._count += 1

    def __exit__(self, kind: object, *_: object) -> None:
        """Finish the file, or, after an exception, leave nothing."""
        try:
            if kind is None:
                self._finish()
        finally:
            self._ffmpeg.close()
            remove_part(self._part)

    def _finish(self) -> None:
        if self._count == 0:
            raise OutputError("the video could not be encoded: it has no picture")
        status = self._ffmpeg.finish()
        if status != 0:
            raise self._failure(status)
        try:
            self._part.replace(self.path)
        except OSError as error:
            raise output_error(error) from error

    def _failure(self, status: int) -> OutputError:
        """Why ffmpeg ended with this exit status."""
        if self._log.disk_is_full:
            return OutputError(FULL_DISK)
        killed = signal.strsignal(-status) if status < 0 else None
        reason = self._log.reason(self._url) or killed or "ffmpeg gave no reason"
        return OutputError(f"the video could not be encoded: {reason}")

    @property
    def _url(self) -> str:
        """The unfinished file as ffmpeg names it."""
        return f"file:{self._part}"
