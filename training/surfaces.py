"""Surfaces that fill a shape or a background: parts of photographs, and procedural ones."""

import cv2
import numpy as np

from training.library import Library
from training.textures import Image, Rng, texture


def make_surface(rng: Rng, library: Library, side: int) -> Image:
    """A part of a photograph or a procedural texture: (side, side, 3)."""
    if rng.random() < 0.6:
        return photo_crop(rng, library, side)
    return texture(rng, side)


def photo_crop(rng: Rng, library: Library, side: int, aspect: float = 1.0) -> Image:
    """A random part of a random photograph, its colours shifted: (side, side, 3).

    The part is `aspect` times as wide as it is high.
    """
    photo = library.photo(int(rng.integers(library.photos)))
    height, width = photo.shape[:2]
    low = min(height, width / aspect) * rng.uniform(0.25, 1)
    part = (int(low), int(low * aspect))
    y, x = rng.integers(0, height - part[0] + 1), rng.integers(0, width - part[1] + 1)
    method = cv2.INTER_AREA if part[0] > side else cv2.INTER_LINEAR
    crop = photo[y : y + part[0], x : x + part[1]]
    crop = cv2.resize(crop, (side, side), interpolation=method)
    turn = int(rng.integers(8)) if rng.random() < 0.3 else int(rng.integers(2))
    if turn & 1:
        crop = crop[:, ::-1]
    return np.ascontiguousarray(recolour(rng, np.rot90(crop, turn >> 1)))


def recolour(rng: Rng, image: Image) -> Image:
    """Shift brightness, contrast, saturation and colour balance."""
    out = image.astype(np.float32)
    if rng.random() < 0.6:
        mean = out.mean(axis=(0, 1))
        out = (out - mean) * np.float32(rng.uniform(0.5, 1.3)) + mean * rng.uniform(0.6, 1.3)
    if rng.random() < 0.5:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * np.float32(rng.uniform(0, 1.2))
    if rng.random() < 0.3:
        out = out * rng.uniform(0.75, 1.25, 3).astype(np.float32)
    if rng.random() < 0.05:
        out = out[..., rng.permutation(3)]
    return np.clip(out, 0, 255).astype(np.uint8)
