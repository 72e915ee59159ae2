"""Procedural surfaces and outlines, beyond what the photographs show."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Image = NDArray[Any]
"""A uint8 picture, (H, W) or (H, W, channels); OpenCV's stubs leave the number type open."""


def noise(rng: Rng, side: int, channels: int) -> NDArray[np.float32]:
    """Smooth noise of a few octaves about zero: (side, side, channels)."""
    out = np.zeros((side, side, channels), np.float32)
    amplitude = 1.0
    cells = rng.choice([2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64], size=rng.integers(1, 5))
    for cell in np.sort(cells):
        grid = rng.random((int(cell), int(cell), channels), np.float32) - 0.5
        method = cv2.INTER_LINEAR if rng.random() < 0.4 else cv2.INTER_CUBIC
        scaled = cv2.resize(grid, (side, side), interpolation=method)
        out += amplitude * scaled.reshape(side, side, channels)
        amplitude *= rng.uniform(0.4, 0.9)
    return out


def stripes(rng: Rng, side: int) -> NDArray[np.float32]:
    """Waves, bars or a chequer, slightly bent: (side, side), 0 to 1."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    rate = rng.uniform(4, 60) / side * np.pi
    bend = noise(rng, side, 1)[..., 0] * rng.uniform(0, 3)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rate + bend)
    if rng.random() < 0.3:
        wave = wave * np.sin((y * np.cos(angle) - x * np.sin(angle)) * rate + bend)
    return (wave > 0).astype(np.float32) if rng.random() < 0.5 else wave * 0.5 + 0.5


def texture(rng: Rng, side: int) -> Image:
    """A random surface: (side, side, 3)."""
    image = np.ones((side, side, 3), np.float32) * rng.uniform(10, 245, 3).astype(np.float32)
    kind = rng.random()
    if kind < 0.5:
        tint = rng.uniform(0.6, 1, 3).astype(np.float32)
        image += noise(rng, side, 1) * rng.uniform(10, 160) * tint
    elif kind < 0.7:
        image += noise(rng, side, 3) * rng.uniform(20, 180)
    else:
        weight = stripes(rng, side)[..., None]
        image = image * (1 - weight) + weight * rng.uniform(10, 245, 3).astype(np.float32)
        image += noise(rng, side, 1) * rng.uniform(0, 50)
    if rng.random() < 0.5:
        image += rng.standard_normal((side, side, 1), np.float32) * rng.uniform(1, 14)
    return np.clip(image, 0, 255).astype(np.uint8)


def light(rng: Rng, side: int) -> NDArray[np.float32]:
    """Light that falls from one side, or a soft shadow: (side, side, 1), about 1."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    shade = 1 + rng.uniform(0.1, 0.9) * (x * np.cos(angle) + y * np.sin(angle))
    return shade[..., None]


def outline(rng: Rng, side: int) -> Image:
    """A random solid shape, sometimes with limbs: (side, side), 0 or 255, soft at its edge."""
    mask = np.zeros((side, side), np.uint8)
    centre = side // 2
    kind = rng.random()
    if kind < 0.15:
        axes = (int(side * rng.uniform(0.15, 0.47)), int(side * rng.uniform(0.15, 0.47)))
        cv2.ellipse(mask, (centre, centre), axes, rng.uniform(0, 180), 0, 360, 255, -1)
    elif kind < 0.35:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 10))))
        _fill(mask, angles, side * rng.uniform(0.2, 0.48, angles.size), 1.0)
    else:
        angles = np.linspace(0, 2 * np.pi, 160, endpoint=False)
        radius = np.ones_like(angles)
        for wave in range(1, int(rng.integers(2, 9))):
            radius += rng.normal(0, 0.35 / wave) * np.cos(wave * angles + rng.uniform(0, 6.3))
        radius = np.clip(radius, 0.15, None)
        _fill(mask, angles, radius / radius.max() * side * 0.47, rng.uniform(0.4, 1))
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 6))):
            angle = rng.uniform(0, 2 * np.pi)
            reach = side * rng.uniform(0.3, 0.47)
            end = (int(centre + reach * np.cos(angle)), int(centre + reach * np.sin(angle)))
            width = int(rng.integers(max(2, side // 24), max(4, side // 7)))
            cv2.line(mask, (centre, centre), end, 255, width)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 360), 1)
    return cv2.warpAffine(mask, turn, (side, side))


def _fill(
    mask: Image,
    angles: NDArray[np.float64],
    radius: NDArray[np.float64],
    squeeze: float,
) -> None:
    centre = mask.shape[0] / 2
    points = np.stack(
        [centre + radius * np.cos(angles), centre + squeeze * radius * np.sin(angles)], axis=1
    )
    cv2.fillPoly(mask, [points.astype(np.int32)], 255)
