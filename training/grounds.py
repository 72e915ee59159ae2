"""What objects move over, and what stands before them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.library import Library
from training.sprites import make_sprite
from training.surfaces import make_surface, photo_crop
from training.textures import Rng, noise, outline, texture

PATCHED = 0.4
"""Share of the backgrounds put together from two: with few photographs a model knows each by heart,
and takes all else for an object."""
BARRED = 0.2
"""Share of the clips with something before the objects that stays where it is."""


def make_ground(rng: Rng, library: Library, side: int, shape: float) -> NDArray[np.uint8]:
    """A background, often cluttered with things that nobody asks for: (side, side, 3)."""
    photo = rng.random() < 0.9
    surface = photo_crop(rng, library, side, shape) if photo else texture(rng, side)
    if rng.random() < PATCHED:
        weight = _region(rng, side)
        other = photo_crop(rng, library, side, shape)
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


def _region(rng: Rng, side: int) -> NDArray[np.float32]:
    """One side of a horizon that is not quite straight, or a blot: (side, side, 1), 0 to 1."""
    if rng.random() < 0.3:
        mask = outline(rng, side) / np.float32(255)
    else:
        y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
        angle = rng.normal(0, 0.25) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        height = y * np.cos(angle) + x * np.sin(angle) - rng.uniform(-0.3, 0.3)
        bumps = rng.uniform(0, 0.15) * noise(rng, side, 1)[..., 0]
        mask = (height + bumps > 0).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 0.02 * side))[..., None]


def make_front(rng: Rng, library: Library, side: int) -> NDArray[np.uint8] | None:
    """Bars and shapes for objects to pass behind, or nothing: (side, side, 4)."""
    if rng.random() >= BARRED:
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
