"""From a frame and the masks of its objects to the picture a user gets.

Pure functions on numpy arrays. Shapes: a frame is (H, W, 3) uint8 RGB, masks are (K, H, W) bool,
one per object in the order of the objects, K = 0 allowed. No function changes its arguments.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W) grey or (H, W, 3) RGB, uint8."""
Masks = NDArray[np.bool_]
"""(K, H, W), true where the object is."""

Extent = tuple[int, int, int, int]
"""A box in pixels: x, y, width, height."""

GREEN = (0, 255, 0)

# Okabe and Ito, "Color Universal Design" (https://jfly.uni-koeln.de/color/), without its black,
# in an order that puts the colours that differ most first.
PALETTE: Picture = np.array(
    [
        (230, 159, 0),  # orange
        (86, 180, 233),  # sky blue
        (0, 158, 115),  # bluish green
        (240, 228, 66),  # yellow
        (0, 114, 178),  # blue
        (213, 94, 0),  # vermilion
        (204, 121, 167),  # reddish purple
    ],
    dtype=np.uint8,
)


def colour_of(index: int) -> tuple[int, int, int]:
    """The RGB colour of object `index`: the palette in its order, again from the start after it."""
    red, green, blue = PALETTE[index % len(PALETTE)].tolist()
    return red, green, blue


def binary(masks: Masks) -> Picture:
    """White (255) where any object is, black (0) elsewhere: (H, W) uint8."""
    return np.negative(_union(masks))  # 1 becomes 255 in 8 bits


def highlighted(frame: Picture, masks: Masks, annotation: str) -> Picture:
    """The frame with each object in its colour at half opacity, in a box, or both: (H, W, 3).

    Where objects overlap, the later one is on top: its colour is mixed with the source, not with
    the colour of the one below. Boxes lie over all masks.
    """
    out = frame.copy()
    extents = [_extent(mask) for mask in masks]
    if annotation != "box":
        for index, (mask, (x, y, w, h)) in enumerate(zip(masks, extents, strict=True)):
            if w:
                area = slice(y, y + h), slice(x, x + w)
                tinted = cv2.LUT(frame[area], _half_towards(colour_of(index)))
                cv2.copyTo(tinted, mask.view(np.uint8)[area], out[area])
    if annotation != "mask":
        for index, extent in enumerate(extents):
            if extent[2]:
                _draw_box(out, extent, colour_of(index))
    return out


def greenscreen(frame: Picture, masks: Masks) -> Picture:
    """The source pixels where any object is, pure green elsewhere: (H, W, 3) uint8."""
    out = np.empty_like(frame)
    out[:] = GREEN
    cv2.copyTo(frame, _union(masks), out)
    return out


def renderer(mask_type: str, annotation_type: str) -> Callable[[Picture, Masks], Picture]:
    """The function (frame, masks) -> picture for a mask type, chosen once for a video."""
    if mask_type == "binary":
        return lambda _frame, masks: binary(masks)
    if mask_type == "greenscreen":
        return greenscreen
    if mask_type != "highlighted" or annotation_type not in ("mask", "box", "both"):
        raise ValueError(f"no renderer for {mask_type!r}, {annotation_type!r}")
    return lambda frame, masks: highlighted(frame, masks, annotation_type)


def _union(masks: Masks) -> Picture:
    """1 where any object is, 0 elsewhere: (H, W) uint8."""
    if len(masks) == 1:
        return masks[0].view(np.uint8)
    return np.logical_or.reduce(masks, axis=0).view(np.uint8)


def _extent(mask: NDArray[np.bool_]) -> Extent:
    """The tight box of a mask's true pixels; w = h = 0 where it has none."""
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    return x, y, w, h


def _half_towards(colour: tuple[int, int, int]) -> Picture:
    """A table for cv2.LUT that mixes a pixel half and half with the colour: (1, 256, 3)."""
    values = np.arange(256)[None, :, None]
    return ((values + np.array(colour) + 1) // 2).astype(np.uint8)


def _draw_box(out: Picture, extent: Extent, colour: tuple[int, int, int]) -> None:
    """Draw a box whose line starts on the outermost pixels of the extent and grows outwards."""
    height, width = out.shape[:2]
    x, y, w, h = extent
    line = max(2, round(min(height, width) / 240))
    left, top = max(0, x + 1 - line), max(0, y + 1 - line)
    right, bottom = min(width, x + w - 1 + line), min(height, y + h - 1 + line)
    out[top : top + line, left:right] = colour
    out[max(0, bottom - line) : bottom, left:right] = colour
    out[top:bottom, left : left + line] = colour
    out[top:bottom, max(0, right - line) : right] = colour
