"""Pictures with alpha, moved and laid over each other."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

ASSETS = Path(__file__).parent / "assets"


def load(name: str) -> Array:
    """An asset from 0 to 1, RGB or RGBA with the colours premultiplied.

    Raises FileNotFoundError if it is missing.
    """
    path = ASSETS / name
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing: it is part of the repository.")
    if picture.ndim == 2:
        return picture.astype(np.float32) / 255.0
    order = [2, 1, 0, 3][: picture.shape[2]]
    layer = picture[..., order].astype(np.float32) / 255.0
    if layer.shape[2] == 4:
        layer[..., :3] *= layer[..., 3:]
    return layer


def move(layer: Array, placement: NDArray[np.float64], size: tuple[int, int], border: int) -> Array:
    """The layer after an affine map (2 x 3, layer to picture), in a picture of (width, height)."""
    return np.asarray(
        cv2.warpAffine(layer, placement, size, flags=cv2.INTER_LINEAR, borderMode=border),
        np.float32,
    )


def over(layer: Array, below: Array) -> Array:
    """A premultiplied RGBA layer over an RGB picture."""
    return layer[..., :3] + below * (1.0 - layer[..., 3:])


def about(pivot: tuple[float, float], scale: float, degrees: float) -> NDArray[np.float64]:
    """Affine map (2 x 3) that scales and turns, and takes the pivot to the origin."""
    angle = np.radians(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    x, y = pivot
    return np.array([[cos, -sin, sin * y - cos * x], [sin, cos, -sin * x - cos * y]])


def to_pixels(picture: Array) -> NDArray[np.uint8]:
    """From 0..1 to 0..255."""
    return np.clip(picture * 255.0 + 0.5, 0, 255).astype(np.uint8)
