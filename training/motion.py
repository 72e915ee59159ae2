"""How objects and the camera move through a clip."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.textures import Image, Rng

BEND_GRID = 4
"""Points a side of the grid that deforms an object."""
THINNEST = 0.3
"""Width of an object seen from its edge, over its full width: objects are not flat."""


@dataclass(frozen=True)
class Motion:
    """Where an object, or the camera, is on each frame."""

    position: NDArray[np.float64]
    """(T, 2), x and y in pixels."""
    angle: NDArray[np.float64]
    """(T,), degrees, in the plane of the picture."""
    scale: NDArray[np.float64]
    """(T,)"""
    shear: NDArray[np.float64]
    """(T,)"""
    turn: NDArray[np.float64]
    """(T,), width over full width as it turns about its vertical axis; negative: its back."""
    bend: NDArray[np.float32]
    """(T, 2, g, g), displacement of each part of the object, in sizes of the object."""

    def step(self, t: int) -> NDArray[np.float64]:
        """Its motion since the frame before, on frame 0 until the next: (2,)."""
        if len(self.position) < 2:
            return np.zeros(2)
        return self.position[max(t, 1)] - self.position[max(t, 1) - 1]


def object_motion(rng: Rng, frames: int, side: int) -> Motion:
    """The motion of an object through a frame of `side` pixels."""
    speed = side * (0.16 if rng.random() < 0.15 else 0.06)
    tilt = rng.normal(0, 15) if rng.random() < 0.8 else rng.uniform(-180, 180)
    # A few frames show as much change as a long video.
    pace = float(rng.choice([1.0, 2.0, 3.0]))
    roll = pace * np.cumsum(rng.normal(0, 1, frames) + rng.normal(0, 2.5))
    growth = pace * (rng.normal(0, 0.015, frames) + rng.normal(0, 0.025))
    growth = np.clip(growth, -0.15, 0.15)
    phase = rng.uniform(0, 2 * np.pi)
    sway = rng.uniform(0, 0.15) * np.sin(np.arange(frames) * rng.uniform(0.2, 1) + phase)
    position = _path(rng, frames, speed, rng.uniform(0.12, 0.88, 2) * side)
    scale: NDArray[np.float64] = np.cumprod(1 + growth, dtype=np.float64)
    return Motion(position, tilt + roll, scale, sway, _turn(rng, frames), _bend(rng, frames))


def camera_motion(rng: Rng, frames: int, side: int, big: int) -> Motion:
    """The motion of a frame of `side` pixels over a background of `big`."""
    speed = side * (0.1 if rng.random() < 0.2 else 0.03)
    position = _path(rng, frames, speed, np.full(2, (big - side) / 2))
    angle = np.cumsum(rng.normal(0, 0.4, frames))
    scale: NDArray[np.float64] = np.cumprod(1 + rng.normal(0, 0.006, frames), dtype=np.float64)
    still = np.zeros((frames, 2, 1, 1), np.float32)
    return Motion(position, angle, scale, np.zeros(frames), np.ones(frames), still)


def deformed(sprite: Image, motion: Motion, t: int) -> Image:
    """The sprite (H, W, 4) as deformed on a frame, like moving limbs and folds."""
    if not motion.bend[t].any():
        return sprite
    height, width = sprite.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    size = (width, height)
    x += width * cv2.resize(motion.bend[t, 0], size, interpolation=cv2.INTER_CUBIC)
    y += height * cv2.resize(motion.bend[t, 1], size, interpolation=cv2.INTER_CUBIC)
    return cv2.remap(sprite, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _path(rng: Rng, frames: int, speed: float, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth path from `start`: (T, 2)."""
    velocity = rng.normal(0, 1, 2)
    velocity *= speed * rng.random() / (np.linalg.norm(velocity) + 1e-6)
    steps = velocity + np.cumsum(rng.normal(0, speed * 0.12, (frames, 2)), axis=0)
    steps[0] = 0
    return start + np.cumsum(steps, axis=0)


def _turn(rng: Rng, frames: int) -> NDArray[np.float64]:
    """Every third object turns about its vertical axis: a flat cut-out gets thinner and flips."""
    if rng.random() < 0.67:
        return np.ones(frames)
    steps = rng.normal(0, 6) + np.cumsum(rng.normal(0, 1, frames))
    width = np.cos(np.radians(rng.uniform(-40, 40) + np.cumsum(steps)))
    return np.where(width < 0, -1, 1) * np.maximum(np.abs(width), THINNEST)


def _bend(rng: Rng, frames: int) -> NDArray[np.float32]:
    """Every second object is deformed by a grid of oscillating points."""
    grid = (2, BEND_GRID, BEND_GRID)
    if rng.random() < 0.5:
        return np.zeros((frames, *grid), np.float32)
    reach = rng.uniform(0.01, 0.1) * rng.random(grid)
    phase = rng.uniform(0, 2 * np.pi, grid)
    pace = rng.uniform(0.1, 0.9)
    moments = np.arange(frames)[:, None, None, None] * pace
    return (reach * np.sin(phase + moments)).astype(np.float32)
