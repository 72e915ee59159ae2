"""Where pictures go: numbered images or one video file, each complete or absent, never half."""

import fcntl
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import cv2
import imageio_ffmpeg
import numpy as np
from PIL import Image

from sam2_video.core.errors import FULL_DISK, InputError, OutputError, output_error
from sam2_video.core.processes import start_child, start_thread
from sam2_video.video.colour_space import (
    STRONGER_GREEN_JPEG,
    STRONGER_GREEN_VIDEO,
    Y_OF_GREY_VIDEO,
    YCBCR_OF_RGB_JPEG,
    YCBCR_OF_RGB_VIDEO,
)
from sam2_video.video.draw_rgb import GREEN, Picture

# Pixels a side, as found by trying: the WebP format's, libjpeg's and libpng's own, x264's.
IMAGE_SIDES = {"webp": 16_383, "jpg": 65_500, "png": 1_000_000}
VIDEO_SIDE = 16_384

# Encoding a picture can take longer than the small model does.
IMAGE_THREADS = 2


def check_output_size(width: int, height: int, output_video: bool, image_format: str) -> None:
    """Refuse a video whose pictures the chosen output cannot hold, before any work is done.

    Raises:
        InputError: a side is too long; the sentence says what would hold it.
    """
    side = max(width, height)
    limit = VIDEO_SIDE if output_video else IMAGE_SIDES[image_format]
    if side <= limit:
        return
    output = "an H.264 video" if output_video else f"a {image_format} picture"
    roomy = " or ".join(name for name, longest in IMAGE_SIDES.items() if side <= longest)
    advice = f"choose an image sequence in {roomy}" if roomy else "make it smaller"
    raise InputError(
        f"input_video is {width}x{height} pixels, but {output} ends at {limit} a side: {advice}"
    )


class ImageSequence:
    """Numbered pictures in a folder. Keeps no state, so several threads may write at once.

    Args:
        directory: where the pictures go; made if it is not there.
        image_format: `webp`, `jpg` or `png`.
        quality: 0 to 100, for `jpg` and `webp`.
        two_valued: the pictures have two grey values, and WebP keeps exactly those.
    """

    def __init__(self, directory: Path, image_format: str, quality: int, two_valued: bool) -> None:
        self.directory = directory
        self.image_format = image_format
        self._encode = _image_encoder(image_format, quality, two_valued)

    def write(self, index: int, picture: Picture) -> Path:
        """Write the picture of source frame `index`: (H, W) or (H, W, 3) uint8.

        Raises:
            OutputError: the disk is full, or the folder cannot be written to.
        """
        path = self.directory / f"frame_{index:05d}.{self.image_format}"
        part = _part_of(path)
        data = self._encode(picture)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise output_error(error) from error
        finally:
            _remove(part)
        return path


def _image_encoder(
    image_format: str, quality: int, two_valued: bool
) -> Callable[[Picture], memoryview]:
    """The function that turns pictures into the bytes of image files."""
    if image_format == "png":
        return _png
    if image_format == "jpg":
        return lambda picture: _jpeg(picture, quality)
    if image_format == "webp":
        return _webp_lossless if two_valued else lambda picture: _webp(picture, quality)
    raise ValueError(f"no encoder for {image_format!r}")


def _png(picture: Picture) -> memoryview:
    """PNG by OpenCV: with run lengths for a strategy twice as fast as Pillow at its fastest.

    Median of 12 pictures of 1280x720, in ms and kB: binary 1.7 and 2 (Pillow 3.7 and 7),
    highlighted 42 and 1127 (70 and 1121), greenscreen 11 and 57 (16 and 76).
    """
    is_grey = picture.ndim == 2
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    options += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    options += [
        cv2.IMWRITE_PNG_FILTER,
        cv2.IMWRITE_PNG_FILTER_NONE if is_grey else cv2.IMWRITE_PNG_FILTER_PAETH,
    ]
    pixels = picture if is_grey else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", pixels, options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be a PNG")
    return data.data


def _jpeg(picture: Picture, quality: int) -> memoryview:
    """JPEG by Pillow (OpenCV has the same libjpeg-turbo and wants BGR), grey for a grey picture.

    Colour is not subsampled: thin boxes keep their colour, and what an edge disturbs ends with
    its block of 8 pixels instead of 16, for 16 % more bytes. Pure green is encoded stronger than
    pure (see `STRONGER_GREEN_JPEG`).
    """
    if picture.ndim == 2:
        return _pillow(Image.fromarray(picture), format="JPEG", quality=quality)
    green = cv2.inRange(picture, GREEN, GREEN)
    if not cv2.hasNonZero(green):
        return _pillow(Image.fromarray(picture), format="JPEG", quality=quality, subsampling=0)
    ycbcr = cv2.transform(picture, YCBCR_OF_RGB_JPEG)
    cv2.subtract(ycbcr, STRONGER_GREEN_JPEG, ycbcr, mask=green)
    image = Image.fromarray(ycbcr, mode="YCbCr")
    return _pillow(image, format="JPEG", quality=quality, subsampling=0)


def _webp(picture: Picture, quality: int) -> memoryview:
    """Lossy WebP at method 0: of the methods, 18 % more bytes than 4 in a quarter of its time.

    A picture with pure green in it gets a quality of 95 at least, twice the bytes of 80 and half
    of a JPEG's. Below it green is off by more than 4 levels far from every edge, at 80 by up to
    16 near one; libwebp's input is RGB, so that the way of JPEG and video is closed.
    """
    if picture.ndim == 3 and cv2.hasNonZero(cv2.inRange(picture, GREEN, GREEN)):
        quality = max(quality, 95)
    return _pillow(Image.fromarray(picture), format="WEBP", quality=quality, method=0)


def _webp_lossless(picture: Picture) -> memoryview:
    """Lossless WebP at least effort: a binary picture of 1280x720 is 0.8 kB, lossy at 80 6.5 kB."""
    return _pillow(Image.fromarray(picture), format="WEBP", lossless=True, quality=0, method=1)


def _pillow(image: Image.Image, **options: str | int) -> memoryview:
    data = BytesIO()
    image.save(data, **options)  # type: ignore[arg-type]
    return data.getbuffer()


class VideoFile:
    """An H.264 file as a context manager: finished and playable after the block, or absent.

    An exception in the block kills the encoder and removes what it wrote. The pictures reach
    ffmpeg as finished planes (4:2:0, BT.709, limited range), so that it only encodes.

    Args:
        path: the file; its folder is made if it is not there.
        width: of the pictures; an odd one is padded by repeating the last column.
        height: likewise.
        fps: pictures a second, each of which is shown once.
        chroma_location: where the samples of `write_planes` lie; those that `write` makes lie in
            the centre.
    """

    # superfast at 20 against veryfast at 20: two thirds of the time, equal or better in quality
    # (Y PSNR 44.3 against 43.0 dB on a 720p clip, 43.7 against 42.5 on water), 1.2 to 1.6 times
    # the bytes. Four threads write the same bytes on any machine.
    # Where to put B frames and key frames is not looked for: a tenth of the time, 2 to 4 % fewer
    # bytes, 0.1 dB.
    _ENCODER = (
        *("-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-threads", "4"),
        *("-x264-params", "b-adapt=0:scenecut=0"),
    )
    _TAGS = (
        "setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
        ":chroma_location={},setsar=1"
    )

    def __init__(
        self, path: Path, width: int, height: int, fps: int, chroma_location: str = "center"
    ) -> None:
        self.path = path
        self.chroma_location = chroma_location
        self.width, self.height, self.fps = width, height, fps
        self._part = _part_of(path)
        self._count = 0
        self._complaints = bytearray()

    def __enter__(self) -> Self:
        """Start the encoder."""
        size = f"{self.width + self.width % 2}x{self.height + self.height % 2}"
        command = [imageio_ffmpeg.get_ffmpeg_exe()]
        command += ["-hide_banner", "-nostats", "-nostdin", "-loglevel", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size]
        command += ["-framerate", str(self.fps), "-i", "pipe:0"]
        command += ["-vf", self._TAGS.format(self.chroma_location)]
        command += [*self._ENCODER, "-g", str(2 * self.fps), "-fps_mode", "passthrough"]
        command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"]
        command += ["-f", "mp4", f"file:{self._part}"]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._ffmpeg = start_child(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # an interrupt from the keyboard is for us to handle
            )
        except OSError as error:
            raise output_error(error) from error
        assert self._ffmpeg.stdin is not None
        assert self._ffmpeg.stderr is not None
        self._pipe = self._ffmpeg.stdin
        with suppress(OSError):  # a small pipe is slow, not wrong
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, 1024 * 1024)
        # The thread does not hold this object: should it be given up before anybody can close
        # it, the process goes with it.
        self._listener = start_thread(_listen, self._ffmpeg.stderr, self._complaints)
        return self

    def write(self, picture: Picture) -> None:
        """Append a picture: (H, W) or (H, W, 3) uint8.

        Raises:
            OutputError: ffmpeg has ended; the sentence says why.
        """
        if picture.shape[:2] != (self.height, self.width):
            raise ValueError(f"{picture.shape} in a video of {self.width}x{self.height}")
        self._write(_planes(picture))

    def write_planes(self, planes: Picture) -> None:
        """Append a picture of even sides as (height * 3 / 2, width) uint8: Y, then Cb and Cr.

        Raises:
            OutputError: ffmpeg has ended; the sentence says why.
        """
        if planes.shape != (self.height * 3 // 2, self.width) or self.height % 2 or self.width % 2:
            raise ValueError(f"planes {planes.shape} in a video of {self.width}x{self.height}")
        self._write([planes])

    def _write(self, planes: list[np.ndarray]) -> None:
        try:
            for plane in planes:
                left = plane.data.cast("B")
                while left:
                    left = left[self._pipe.write(left) :]
        except BrokenPipeError as error:
            raise self._failure() from error
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or, after an exception, leave nothing."""
        try:
            if kind is None:
                self._finish()
        finally:
            self._ffmpeg.kill()
            self._ffmpeg.wait()
            self._listener.join()
            self._pipe.close()
            _remove(self._part)

    def _finish(self) -> None:
        if self._count == 0:
            raise OutputError("the video could not be encoded: it has no picture")
        self._pipe.close()
        if self._ffmpeg.wait() != 0:
            raise self._failure()
        try:
            self._part.replace(self.path)
        except OSError as error:
            raise output_error(error) from error

    def _failure(self) -> OutputError:
        """Why ffmpeg ended, once it has."""
        status = self._ffmpeg.wait()
        self._listener.join()
        text = self._complaints.decode(errors="replace")
        if "No space left on device" in text or "Disk quota exceeded" in text:
            return OutputError(FULL_DISK)
        text = re.sub(r"\[[^]]*@ 0x[0-9a-f]+\] *", "", text.replace(f"file:{self._part}", "it"))
        lines = [re.sub(r"[^ -~]+", " ", line).strip(" .") for line in text.splitlines()]
        reason = next((line[:160] for line in lines if line), "ffmpeg gave no reason")
        if status < 0 and not any(lines):
            reason = signal.strsignal(-status) or reason
        return OutputError(f"the video could not be encoded: {reason}")


def _listen(stderr: IO[bytes], complaints: bytearray) -> None:
    """Read all that ffmpeg says, so that it never waits for us, and keep the beginning."""
    with stderr:
        while chunk := stderr.read(4096):
            if len(complaints) < 4096:
                complaints += chunk


def _part_of(path: Path) -> Path:
    """The name of a file while it is being written."""
    return path.with_name(f".{path.name}.part")


def _remove(part: Path) -> None:
    """Remove what was half written; what cannot be removed must not hide why it is there."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _planes(picture: np.ndarray) -> list[np.ndarray]:
    """The Y, Cb and Cr planes of a picture in 4:2:0, padded to even sides.

    It takes 1.6 ms at 1280x720, is within a level of the definition, and halves what goes through
    the pipe. Chroma is the mean of 2x2 pixels, and the file says so.
    """
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    if picture.ndim == 2:
        neutral = np.full(half[::-1], 128, np.uint8)
        return [cv2.LUT(picture, Y_OF_GREY_VIDEO), neutral, neutral]
    small = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
    chroma = cv2.transform(small, YCBCR_OF_RGB_VIDEO)
    cv2.subtract(chroma, STRONGER_GREEN_VIDEO, chroma, mask=cv2.inRange(small, GREEN, GREEN))
    luma = cv2.transform(picture, YCBCR_OF_RGB_VIDEO)
    return [cv2.extractChannel(ycc, k) for ycc, k in ((luma, 0), (chroma, 1), (chroma, 2))]
