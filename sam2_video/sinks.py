"""Where pictures go: an image sequence or a video file, each complete or absent, never half."""

import errno
import os
import subprocess
import threading
from collections import deque
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import imageio_ffmpeg
import numpy as np
from PIL import Image

from sam2_video.errors import InputError, OutputError
from sam2_video.render import Picture

FULL_DISK = "no space is left on the disk for the output"
SIDE_LIMITS = {"webp": 16383, "jpg": 65500}
H264_SIDE_LIMIT = 16384


def check_output_size(width: int, height: int, output_video: bool, image_format: str) -> None:
    """Refuse a picture that the chosen output cannot hold, before any work is done for it."""
    name = "H.264 video" if output_video else image_format
    limit = H264_SIDE_LIMIT if output_video else SIDE_LIMITS.get(image_format)
    if limit is not None and max(width, height) > limit:
        raise InputError(
            f"input_video is {width}x{height} pixels, and {name} ends at {limit} pixels a side."
        )


class ImageSequence:
    """Numbered pictures in a directory. `write` may be called from several threads at once."""

    def __init__(self, directory: Path, image_format: str, quality: int, two_valued: bool) -> None:
        self.directory = directory
        self.image_format = image_format
        self.options = _encoder_options(image_format, quality, two_valued)

    def write(self, index: int, picture: Picture) -> Path:
        """Write the picture of source frame `index` and return its path."""
        path = self.directory / f"frame_{index:05d}.{self.image_format}"
        part = path.with_name(f".{path.name}.part")
        data = BytesIO()
        Image.fromarray(picture).save(data, **self.options)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data.getbuffer())
            part.replace(path)
        except OSError as error:
            raise _output_error(error) from error
        finally:
            part.unlink(missing_ok=True)
        return path


def _encoder_options(image_format: str, quality: int, two_valued: bool) -> dict[str, Any]:
    if image_format == "png":
        return {"format": "PNG", "compress_level": 1}
    if image_format == "jpg":
        return {"format": "JPEG", "quality": max(1, quality), "subsampling": "4:4:4"}
    if two_valued:
        return {"format": "WEBP", "lossless": True, "quality": 0, "method": 0}
    return {"format": "WEBP", "quality": quality, "method": 2}


class VideoFile:
    """An H.264 file, used as a context manager: complete and playable after it, or absent."""

    def __init__(self, path: Path, width: int, height: int, fps: int) -> None:
        self.path = path
        self.width, self.height, self.fps = width, height, fps
        self._part = path.with_name(f".{path.name}.part")
        self._ffmpeg: subprocess.Popen[bytes] | None = None
        self._channels = 0
        self._complaints: deque[bytes] = deque(maxlen=20)

    def __enter__(self) -> Self:
        """Nothing starts before the first picture."""
        return self

    def write(self, picture: Picture) -> None:
        """Append a picture, (H, W) or (H, W, 3) uint8; all of one video have the same form."""
        channels = 1 if picture.ndim == 2 else 3
        if self._ffmpeg is None:
            self._channels = channels
            self._ffmpeg = self._start()
        if picture.shape[:2] != (self.height, self.width) or channels != self._channels:
            raise ValueError(f"{picture.shape} in a {self.width}x{self.height} video")
        pipe = self._ffmpeg.stdin
        assert pipe is not None
        try:
            pipe.write(np.ascontiguousarray(picture).data)
        except BrokenPipeError as error:
            self._ffmpeg.wait()
            raise self._failure() from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or, after an exception, stop the encoder and leave nothing."""
        try:
            if kind is None:
                self._finish()
        finally:
            self._stop()
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._ffmpeg is None or self._ffmpeg.stdin is None:
            raise OutputError("the video has no picture")
        with suppress(BrokenPipeError):
            self._ffmpeg.stdin.close()
        if self._ffmpeg.wait() != 0:
            raise self._failure()
        try:
            self._part.replace(self.path)
        except OSError as error:
            raise _output_error(error) from error

    def _stop(self) -> None:
        if self._ffmpeg is None:
            return
        self._ffmpeg.kill()
        self._ffmpeg.wait()
        self._reader.join()
        with suppress(BrokenPipeError):
            if self._ffmpeg.stdin:
                self._ffmpeg.stdin.close()
        self._ffmpeg = None

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _output_error(error) from error
        pixels = "gray" if self._channels == 1 else "rgb24"
        spare_column, spare_row = self.width % 2, self.height % 2
        filters = ",".join(
            [
                f"pad=iw+{spare_column}:ih+{spare_row}",
                f"fillborders=right={spare_column}:bottom={spare_row}:mode=smear",
                "scale=in_range=full:out_range=limited:out_color_matrix=bt709"
                ":flags=accurate_rnd+full_chroma_int+full_chroma_inp",
                "format=yuv420p",
                "setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
                "setsar=1",
            ]
        )
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-hide_banner", "-loglevel", "error", "-nostats", "-nostdin", "-y"),
            *("-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{self.width}x{self.height}"),
            *("-framerate", str(self.fps), "-i", "pipe:0", "-vf", filters),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "4"),
            *("-fps_mode", "passthrough", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
            *("-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", str(self._part)),
        ]
        ffmpeg = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._listen, args=(ffmpeg.stderr,), daemon=True)
        self._reader.start()
        return ffmpeg

    def _listen(self, stderr: IO[bytes]) -> None:
        with stderr:
            self._complaints.extend(stderr)

    def _failure(self) -> OutputError:
        self._reader.join()
        text = b"".join(self._complaints).decode(errors="replace")
        if os.strerror(errno.ENOSPC) in text:
            return OutputError(FULL_DISK)
        last = text.strip().splitlines()[-1:] or ["it gave no reason"]
        return OutputError(f"the video could not be encoded: {last[0]}")


def _output_error(error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(FULL_DISK)
    return OutputError(f"the output could not be written: {error.strerror}")
