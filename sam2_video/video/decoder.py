"""ffmpeg decoding one untrusted file to raw bytes.

ffmpeg gets the file as an open descriptor on its standard input and may use no protocol but that
one: whatever a file says, no other file and no URL is opened, and no file name is parsed.
Containers are limited to a list of real ones (no playlists, no scripts, no SVG); still pictures
are recognised here, by their first bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.video.ffmpeg import SIDE_PIPE, Ffmpeg
from sam2_video.video.ffmpeg_log import DecoderLog
from sam2_video.video.motion_jpeg import is_motion_jpeg

_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,webp_anim,mpegts,mpeg,mpegvideo,m4v,"
    "h264,hevc,obu,ivf,flv,asf,ogg,nut,mxf,dv,yuv4mpegpipe,mjpeg,mpjpeg,jpegxl_anim,jpegxl_pipe"
)

_THREADS = min(4, len(os.sched_getaffinity(0)))  # every decoder thread holds pictures of its own
_MAX_ALLOC = 2 * 1024**3  # bytes of one block, for headers that ask for absurd ones
_EXIT_SECONDS = 10.0  # for a process whose output has ended


@dataclass(frozen=True)
class Source:
    """A file that may be decoded.

    Attributes:
        path: the file.
        still: the decoder of a still picture; None for a video.
        limits: what decoding it may cost.
        stream: which of its streams, as ffmpeg's `-map` writes it; by default the first one that
            is no cover picture.
    """

    path: Path
    still: str | None
    limits: Limits
    stream: str = "0:V:0"


class AnyOutput(Protocol):
    """One output of ffmpeg."""

    def arguments(self, stream: str, pipe: str) -> list[str]:
        """The part of ffmpeg's command line that writes this output of a stream.

        What is read from the running ffmpeg goes to `pipe`.
        """


@dataclass(frozen=True)
class Output:
    """Decoded pictures, on a pipe.

    Attributes:
        filters: the filter graph that every picture goes through.
        options: ffmpeg's options for what it writes.
    """

    filters: str
    options: Sequence[str]

    def arguments(self, stream: str, pipe: str) -> list[str]:
        """The part of ffmpeg's command line that writes this output of a stream to `pipe`."""
        chosen = ["-map", stream, "-fps_mode", "passthrough", "-vf", self.filters]
        # What ffmpeg itself converts with, where the size, format or range changes on the way.
        chosen += ["-sws_flags", "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"]
        return [*chosen, *self.options, "-flush_packets", "1", pipe]


class Decoder(Ffmpeg):
    """A running ffmpeg that decodes a file.

    Args:
        source: what to decode.
        output: what it writes.
        side: a second output, from the same decoding, with a pipe of its own. Both outputs come
            frame by frame: read them in turns, else ffmpeg blocks.
        seek: seconds by the file's own clock. Decoding starts at a key frame near it; the caller
            checks what it gets.

    Attributes:
        log: what ffmpeg said so far.
    """

    def __init__(
        self,
        source: Source,
        output: AnyOutput,
        *,
        side: AnyOutput | None = None,
        seek: float | None = None,
    ) -> None:
        self.log = DecoderLog()
        self._limits = source.limits
        with source.path.open("rb") as file:  # every process needs a file position of its own
            super().__init__(
                _arguments(source, output, side, seek),
                stdin=file,
                log=self.log.add,
                max_wait_seconds=source.limits.max_decode_seconds,
                max_bytes=source.limits.max_decoder_bytes,
            )

    def read(self, buffer: memoryview, output: int = 0) -> int:
        """As `Ffmpeg.read`.

        Raises:
            InputError: the time for decoding is over.
        """
        try:
            return super().read(buffer, output)
        except TimeoutError as error:
            seconds = self._limits.max_decode_seconds
            raise InputError(
                f"input_video takes longer to decode than the {seconds:g} seconds allowed "
                "(SAM2_MAX_DECODE_SECONDS)"
            ) from error

    def finish(self, timeout: float | None = _EXIT_SECONDS) -> int:
        """As `Ffmpeg.finish`."""
        return super().finish(timeout)


def _arguments(
    source: Source, output: AnyOutput, side: AnyOutput | None, seek: float | None
) -> list[str]:
    arguments = ["-loglevel", "repeat+level+info", "-max_alloc", str(_MAX_ALLOC), "-copyts"]
    if seek is not None:
        arguments += ["-seek_timestamp", "1", "-noaccurate_seek", "-ss", f"{seek:.6f}"]
    arguments += ["-protocol_whitelist", "fd", "-threads", str(_THREADS)]
    arguments += ["-filter_threads", str(_THREADS)]
    # ffmpeg counts the border that it decodes pictures with; `probe.py` checks the exact size.
    arguments += ["-max_pixels", str(2 * source.limits.max_frame_pixels + 65536)]
    if source.still is None:
        arguments += ["-format_whitelist", _CONTAINERS]
    else:  # the whole file is one picture, whatever follows it
        arguments += ["-f", "image2", "-pattern_type", "none", "-c:v", source.still]
    arguments += ["-i", "fd:", *output.arguments(source.stream, "pipe:1")]
    return arguments if side is None else [*arguments, *side.arguments(source.stream, SIDE_PIPE)]


def still_codec(path: Path) -> str | None:
    """The ffmpeg decoder for a still picture; None if the file does not start like one.

    An animated PNG or WebP, or Motion JPEG, is a video and gives None.
    """
    with path.open("rb") as file:
        head = file.read(32)
        if head.startswith(b"\xff\xd8\xff"):
            return None if is_motion_jpeg(file) else "mjpeg"
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
            return None if animated else "webp"
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            file.seek(8)
            for _ in range(64):  # chunks before the picture data
                chunk = file.read(8)
                if chunk[4:] == b"acTL":
                    return None
                if len(chunk) < 8 or chunk[4:] == b"IDAT":
                    break
                file.seek(int.from_bytes(chunk[:4], "big") + 4, os.SEEK_CUR)
            return "png"
        if head.startswith(b"BM"):
            return "bmp"
        if head.startswith((b"II*\0", b"MM\0*")):
            return "tiff"
    return None
