"""Frames to MP4: H.264, yuv420p, BT.709, the same bytes on every run."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from examples.scene import FPS

Pixels = NDArray[np.uint8]  # height x width x 3, RGB


def _command(size: tuple[int, int], crf: int, sound: Path | None, target: Path) -> list[str]:
    """FFmpeg's arguments: RGB frames on stdin and, if given, a sound file become one MP4."""
    width, height = size
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    colours = (
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    )
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y",
        *picture, "-framerate", str(FPS), "-i", "pipe:0", *(["-i", str(sound)] if sound else []),
        "-vf", colours,
        "-c:v", "libx264", "-preset", "medium", "-crf", str(crf), "-threads", "2",
        *(["-c:a", "aac", "-b:a", "128k"] if sound else []),
        "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
        "-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", str(target),
    ]  # fmt: skip


def encode(
    frames: Iterable[Pixels],
    size: tuple[int, int],
    target: Path,
    crf: int = 17,
    sound: Path | None = None,
) -> None:
    """Write the frames, each of that (width, height), at 24 a second.

    Raises RuntimeError if FFmpeg fails.
    """
    command = _command(size, crf, sound, target)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        if encoder.stdin is None:
            raise RuntimeError("The encoder has no input.")
        for frame in frames:
            encoder.stdin.write(np.ascontiguousarray(frame).tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise RuntimeError(f"FFmpeg could not write {target}.")
