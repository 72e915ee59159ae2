"""How an object is composited into a scene: local light, shadow and motion blur."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.textures import Image, Rng

LEAST_DISTANCE = 1.5
"""Pixels; motion over less is not blurred."""


@dataclass(frozen=True)
class Compositing:
    """How an object is drawn.

    Attributes:
        soft: blur of its edge, in pixels.
        aspect: width over height of the picture that is squeezed into the square frame.
        shutter: share of the motion to the next frame over which it is blurred.
        shadow: darkness of its shadow, 0 for none.
        shadow_offset: x and y, in sizes of the object.
    """

    soft: float
    aspect: float = 1.0
    shutter: float = 0.0
    shadow: float = 0.0
    shadow_offset: tuple[float, float] = (0.0, 0.0)


def make_compositing(rng: Rng, soft: float, aspect: float, shutter: float) -> Compositing:
    """Random options for one object of a clip whose `soft`, `aspect` and `shutter` are given."""
    dark = rng.uniform(0.15, 0.6) if rng.random() < 0.35 else 0.0
    return Compositing(soft, aspect, shutter, dark, (rng.normal(0, 0.12), rng.uniform(0, 0.2)))


def match_colours(rng: Rng, sprite: Image, ground: Image) -> Image:
    """The sprite (H, W, 4) with colours closer to those of the background around it.

    Mean and contrast of each channel are moved by a random share. A pasted object has the colours
    of another scene, which set it apart from its surroundings; in a real scene they do not.
    """
    inside = sprite[..., 3] > 127
    if not inside.any() or not ground.size:
        return sprite
    colours = sprite[..., :3].astype(np.float32)
    own_mean, own_deviation = colours[inside].mean(0), colours[inside].std(0) + 1
    mean, deviation = ground.mean((0, 1)), ground.std((0, 1)) + 1
    share = np.float32(rng.uniform(0.1, 0.7))
    gain = 1 + share * (np.clip(deviation / own_deviation, 0.5, 2) - 1)
    out = (colours - own_mean) * gain + own_mean + share * (mean - own_mean)
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), sprite[..., 3]])


def motion_blur(image: NDArray, motion: NDArray[np.float64]) -> NDArray:
    """Blur an image (H, W, C) along `motion`, x and y in pixels, while the shutter is open."""
    length = float(np.linalg.norm(motion))
    if length < LEAST_DISTANCE:
        return image
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    x, y = motion / 2
    cv2.line(kernel, (round(reach - x), round(reach - y)), (round(reach + x), round(reach + y)), 1)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def motion_blur_alpha(drawn: Image, motion: NDArray[np.float64]) -> Image:
    """`motion_blur` with alpha, which weights the colours: (H, W, 4)."""
    if np.linalg.norm(motion) < LEAST_DISTANCE:
        return drawn
    alpha = drawn[..., 3:].astype(np.float32)
    whole = motion_blur(np.dstack([drawn[..., :3] * alpha, alpha]), motion)
    return np.dstack([whole[..., :3] / np.maximum(whole[..., 3:], 1), whole[..., 3]]).astype(
        np.uint8
    )


def cast_shadow(frame: NDArray[np.float32], alpha: Image, compositing: Compositing) -> None:
    """Darken a part of the frame (H, W, 3), in place, by the shadow of an alpha (H, W)."""
    size = math.sqrt(max(int(np.count_nonzero(alpha)), 1))
    x, y = size * np.array(compositing.shadow_offset)
    moved = cv2.warpAffine(alpha, np.array([[1, 0, x], [0, 1, y]], np.float32), alpha.shape[::-1])
    shade = cv2.GaussianBlur(moved, (0, 0), max(1.0, 0.04 * size))
    frame *= 1 - shade[..., None] * np.float32(compositing.shadow / 255)
