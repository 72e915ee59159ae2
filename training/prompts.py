"""Simulated clicks on masks of any size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.textures import Rng


def depth(mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Distance of each pixel of the mask from its edge, or from the frame's: (H, W) float32."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel (x, y) farthest from the mask's edge."""
    y, x = np.unravel_index(depth(mask).argmax(), mask.shape)
    return int(x), int(y)


def click(rng: Rng, mask: NDArray[np.bool_]) -> tuple[int, int]:
    """A random pixel (x, y) of a mask that is not empty, more likely inside than at its edge."""
    inside = depth(mask)
    weight = (inside ** rng.choice([0.3, 1.0, 3.0])).ravel()
    weight[inside.ravel() == 0] = 0
    cumulative = np.cumsum(weight, dtype=np.float64)
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    y, x = divmod(min(index, weight.size - 1), mask.shape[1])
    return x, y


def largest_error(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], int] | None:
    """The region for the next click: the larger of false negatives and false positives.

    Returns:
        Its largest component and the click's label (1: object, 0: background), or None if the mask
        is right.
    """
    missed, excess = truth & ~predicted, predicted & ~truth
    region, label = (missed, 1) if missed.sum() >= excess.sum() else (excess, 0)
    if not region.any():
        return None
    _, parts, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    return parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()), label
