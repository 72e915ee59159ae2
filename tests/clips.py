"""Clips made on the fly whose every frame carries its number, and the way to read it back.

The number is drawn as eight black or white cells between four guard cells, in a grid of four by
three that fills the frame: it survives lossy codecs, and the guards tell when a frame came back
rotated, mirrored, shifted or mixed from two.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SIZE = (96, 72)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
_GUARDS = (1, 0, 1, 1)  # top left, top right, bottom left, bottom right


def draw(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Draw a frame (height, width, 3) uint8 that carries `number`, 0 to 255."""
    bits = [number >> shift & 1 for shift in range(8)]
    cells = [_GUARDS[0], *bits[:2], _GUARDS[1], *bits[2:6], _GUARDS[2], *bits[6:], _GUARDS[3]]
    grid = np.array(cells, np.uint8).reshape(3, 4) * 255
    width, height = size
    rows, columns = np.arange(height) * 3 // height, np.arange(width) * 4 // width
    return np.repeat(grid[rows][:, columns][..., None], 3, axis=2)


def number_of(frame: np.ndarray) -> int:
    """Read the number that `frame` carries; an AssertionError if it is not a whole frame."""
    height, width = frame.shape[:2]
    cells = []
    for row in range(3):
        for column in range(4):
            y, x = int((row + 0.5) * height / 3), int((column + 0.5) * width / 4)
            mean = float(frame[y - 3 : y + 4, x - 3 : x + 4].mean())
            assert mean < 64 or mean > 191, f"cell {row},{column} is grey ({mean:.0f})"
            cells.append(int(mean > 127))
    guards = (cells[0], cells[3], cells[8], cells[11])
    assert guards == _GUARDS, f"guards {guards}: not upright"
    bits = [*cells[1:3], *cells[4:8], *cells[9:11]]
    return sum(bit << shift for shift, bit in enumerate(bits))


def numbered(count: int, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Frames 0 to `count - 1`."""
    return [draw(number, size) for number in range(count)]


def ffmpeg(*arguments: str | Path, stdin: bytes | None = None) -> None:
    """Run ffmpeg quietly; a failure shows what it said."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
    done = subprocess.run(
        [*command, *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def encode(
    path: Path,
    frames: Iterable[np.ndarray],
    *options: str,
    rate: int = 30,
    before: Sequence[str] = (),
    pixels: str = "rgb24",
) -> Path:
    """Encode frames to `path`; `options` are ffmpeg's, `before` those of the raw input."""
    frames = list(frames)
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", str(rate)]
    data = b"".join(frame.tobytes() for frame in frames)
    ffmpeg(*raw, *before, "-i", "-", "-fps_mode", "passthrough", *options, path, stdin=data)
    return path


def remux(source: Path, path: Path, *options: str, before: Sequence[str] = ()) -> Path:
    """Copy a clip's packets into `path`."""
    ffmpeg(*before, "-i", source, "-c", "copy", *options, path)
    return path
