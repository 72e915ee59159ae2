"""Backgrounds that objects move over, and occluders in front of them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.library import Library
from training.sprites import make_sprite
from training.surfaces import make_surface, photo_crop
from training.textures import Image, Rng, noise, outline, texture

COMBINED = 0.4
"""Share of the backgrounds put together from two. With few photographs a model memorises each, and
takes everything else for an object."""
OCCLUDED = 0.2
"""Share of the clips with a static occluder in front of the objects."""


def make_background(rng: Rng, library: Library, side: int, aspect: float) -> Image:
    """A background, often with clutter that is never prompted for: (side, side, 3)."""
    photo = rng.random() < 0.9
    surface = photo_crop(rng, library, side, aspect) if photo else texture(rng, side)
    if rng.random() < COMBINED:
        weight = _region(rng, side)
        other = photo_crop(rng, library, side, aspect)
        surface = (surface + weight * (other - surface.astype(np.float32))).astype(np.uint8)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 7))):
            sprite = make_sprite(rng, library, int(side * rng.uniform(0.08, 0.4)))
            height, width = sprite.shape[:2]
            y, x = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
            alpha = sprite[..., 3:] / np.float32(255)
            patch = surface[y : y + height, x : x + width]
            patch[:] = patch + alpha * (sprite[..., :3] - patch.astype(np.float32))
    return surface


def _region(rng: Rng, side: int) -> NDArray[Any]:
    """One side of an uneven horizon, or a blob: (side, side, 1), 0 to 1."""
    if rng.random() < 0.3:
        mask: NDArray[Any] = outline(rng, side) / np.float32(255)
    else:
        y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
        angle = rng.normal(0, 0.25) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        height = y * np.cos(angle) + x * np.sin(angle) - rng.uniform(-0.3, 0.3)
        bumps = rng.uniform(0, 0.15) * noise(rng, side, 1)[..., 0]
        mask = (height + bumps > 0).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 0.02 * side))[..., None]


def make_occluder(rng: Rng, library: Library, side: int) -> Image | None:
    """Bars and shapes that objects pass behind, or None: (side, side, 4)."""
    if rng.random() >= OCCLUDED:
        return None
    mask = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.7:
            x, lean = rng.uniform(0, side), rng.normal(0, 0.15) * side
            width = int(side * rng.uniform(0.01, 0.07)) + 1
            cv2.line(mask, (int(x - lean), 0), (int(x + lean), side), 255, width, cv2.LINE_AA)
        else:
            shape = outline(rng, int(side * rng.uniform(0.1, 0.4)))
            y, x = rng.integers(0, side - len(shape), 2)
            patch = mask[y : y + len(shape), x : x + len(shape)]
            np.maximum(patch, shape, out=patch)
    return np.dstack([make_surface(rng, library, side), mask])
