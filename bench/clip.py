"""A drawn clip of any length: a disc that moves from side to side over a grey background."""

from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

PERIOD = 400
"""Frames until the disc is back where it began."""


def disc_centre(frame: int, size: tuple[int, int]) -> tuple[int, int]:
    """The pixel (x, y) in the middle of the disc on a frame of a clip of `size`."""
    width, height = size
    x = 60 + abs(frame % PERIOD - PERIOD // 2)  # of a width of 320
    return x * width // 320, height // 2


def write_clip(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """Encode a clip of `frames` frames as H.264.

    Args:
        path: the file to write.
        frames: how many, at 30 a second.
        size: width and height in pixels, multiples of 4.

    Returns:
        `path`.
    """
    width, height = size
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=30, quality=5, macro_block_size=4)
    writer.send(None)
    for frame in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        cv2.circle(picture, disc_centre(frame, size), height // 6, (230, 120, 40), -1)
        writer.send(picture.tobytes())
    writer.close()
    return path
