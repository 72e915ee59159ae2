"""What makes an object part of a scene: the light of its place, its shadow, its blur in motion."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.textures import Rng

LEAST_WAY = 1.5
"""Pixels; over less nothing is blurred."""


@dataclass(frozen=True)
class Staging:
    """How an object is drawn.

    Attributes:
        soft: blur of its edge, in pixels.
        shape: width over height of the picture that the square frame stands for.
        shutter: share of the way to the next frame over which it is blurred.
        shadow: how dark its shadow is; 0: it casts none.
        fall: where the shadow falls, x and y in sizes of the object.
    """

    soft: float
    shape: float = 1.0
    shutter: float = 0.0
    shadow: float = 0.0
    fall: tuple[float, float] = (0.0, 0.0)


def make_staging(rng: Rng, soft: float, shape: float, shutter: float) -> Staging:
    """The staging of one object in a clip whose `soft`, `shape` and `shutter` are given."""
    dark = rng.uniform(0.15, 0.6) if rng.random() < 0.35 else 0.0
    return Staging(soft, shape, shutter, dark, (rng.normal(0, 0.12), rng.uniform(0, 0.2)))


def matched(rng: Rng, sprite: NDArray[np.uint8], ground: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The sprite (H, W, 4) with its colours nearer to those of the place where it stands.

    Brightness and contrast of each channel are moved a random part of the way. What is pasted has
    colours of another place, which tell it from all that surrounds it; in a real scene they do not.
    """
    inside = sprite[..., 3] > 127
    if not inside.any() or not ground.size:
        return sprite
    colours = sprite[..., :3].astype(np.float32)
    own_mean, own_spread = colours[inside].mean(0), colours[inside].std(0) + 1
    mean, spread = ground.mean((0, 1)), ground.std((0, 1)) + 1
    share = np.float32(rng.uniform(0.1, 0.7))
    gain = 1 + share * (np.clip(spread / own_spread, 0.5, 2) - 1)
    out = (colours - own_mean) * gain + own_mean + share * (mean - own_mean)
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), sprite[..., 3]])


def blurred(image: NDArray, way: NDArray[np.float64]) -> NDArray:
    """An image (H, W, C) as a shutter sees it that stays open while it moves `way`, x and y."""
    length = float(np.linalg.norm(way))
    if length < LEAST_WAY:
        return image
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    x, y = way / 2
    cv2.line(kernel, (round(reach - x), round(reach - y)), (round(reach + x), round(reach + y)), 1)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def smeared(drawn: NDArray[np.uint8], way: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`blurred` for what has an alpha, whose hidden pixels have no colour to give: (H, W, 4)."""
    if np.linalg.norm(way) < LEAST_WAY:
        return drawn
    alpha = drawn[..., 3:].astype(np.float32)
    whole = blurred(np.dstack([drawn[..., :3] * alpha, alpha]), way)
    return np.dstack([whole[..., :3] / np.maximum(whole[..., 3:], 1), whole[..., 3]]).astype(
        np.uint8
    )


def cast(frame: NDArray[np.float32], alpha: NDArray[np.uint8], staging: Staging) -> None:
    """Darken what lies in the shadow of an object whose alpha (H, W) fills its part of the frame.

    The frame's part (H, W, 3) is changed in place.
    """
    size = float(np.sqrt(max(np.count_nonzero(alpha), 1)))
    x, y = size * np.array(staging.fall)
    moved = cv2.warpAffine(alpha, np.float32([[1, 0, x], [0, 1, y]]), alpha.shape[::-1])
    shade = cv2.GaussianBlur(moved, (0, 0), max(1.0, 0.04 * size))
    frame *= 1 - shade[..., None] * np.float32(staging.shadow / 255)
