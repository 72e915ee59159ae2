"""Test pictures: textures, discs, flat colours."""

import cv2
import numpy as np

from sam2_video.video.draw_rgb import GREEN

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (119, 119, 119),
    "skin": (224, 172, 105),
    "sky blue": (86, 180, 233),
}


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture as rough as a photo: smooth noise over a slope."""
    noise = np.random.default_rng(seed).normal(0, 60, (height, width, 3)).astype(np.float32)
    slope = np.linspace(40, 215, width, dtype=np.float32)[None, :, None]
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.2) * 2 + slope, 0, 255).astype(np.uint8)


def disc(height: int, width: int, x: int, y: int, radius: int) -> np.ndarray:
    """One object's mask: (1, H, W) bool."""
    rows, columns = np.ogrid[:height, :width]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)[None]


def off_green(picture: np.ndarray, masks: np.ndarray, distance: int) -> int:
    """The largest difference from pure green `distance` pixels or more from every object."""
    around = cv2.dilate(masks.any(axis=0).view(np.uint8), np.ones([2 * distance - 1] * 2, np.uint8))
    return int(np.abs(picture[around == 0].astype(int) - GREEN).max())
