"""Drawing in RGB: from a frame and the masks of its objects to the picture a user gets.

Pure functions. A frame is (H, W, 3) uint8 RGB; masks are (K, H, W) bool, or uint8 coverage where
edges are soft, in the order of the objects, K = 0 included. No function changes its arguments.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import InputError, shown
from sam2_video.video.edges import HALF
from sam2_video.video.pictures import Box, Colour, Coverage, Masks, Picture, Rgb, Rgba

GREEN: Colour = (0, 255, 0)

# The palette of Okabe and Ito, "Color Universal Design" (https://jfly.uni-koeln.de/color/),
# without its black, which photos hide. Of the well-known palettes it keeps the largest smallest
# CIEDE2000 difference when protanopia, deuteranopia and tritanopia are simulated (10.9; Tol's
# bright and vibrant 8.6, IBM's 6.6). The order puts the most different ones first, from a blue,
# which fur, skin, wood and grass do not have. The two rounds that follow are the same colours
# 55 % towards white and 60 % towards black: 21 objects look different.
_HUES = np.array(
    [
        (86, 180, 233),  # sky blue
        (213, 94, 0),  # vermilion
        (240, 228, 66),  # yellow
        (0, 114, 178),  # blue
        (204, 121, 167),  # reddish purple
        (0, 158, 115),  # bluish green
        (230, 159, 0),  # orange
    ]
)
PALETTE: NDArray[np.uint8] = np.rint(
    np.concatenate([_HUES, _HUES + (255 - _HUES) * 0.55, _HUES * 0.4])
).astype(np.uint8)

MOST_INDEXED = 255
"""Objects of an indexed picture."""
# Of an indexed picture: black for no object, then object by object what `colour_of` gives.
INDEXED_PALETTE: NDArray[np.uint8] = np.concatenate(
    [np.zeros((1, 3), np.uint8), np.resize(PALETTE, (MOST_INDEXED, 3))]
)

# Pixels a side of the squares in which a cut-out keeps colours; codecs work on the same ones.
_BLOCK = 16


ColourOf = Callable[[int], Colour]
"""Gives the colour of an object by its index."""


def colour_of(index: int) -> Colour:
    """The RGB colour of object `index`, always the same; `PALETTE` starts again at its end."""
    red, green, blue = PALETTE[index % len(PALETTE)].tolist()
    return red, green, blue


def parse_colour(text: str) -> Colour:
    """The colour that '#rrggbb' stands for.

    Raises:
        InputError: the text is something else.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise InputError(
            f"background_color is {shown(text)}, but it should be '#' and six hexadecimal digits, "
            "as '#00ff00' for green"
        )
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def binary(masks: Masks) -> NDArray[np.uint8]:
    """White (255) where any object is, black (0) elsewhere: (H, W) uint8."""
    return np.negative(union(masks))  # modulo 256, minus one is white


def highlighted(
    frame: Rgb,
    masks: Masks | Coverage,
    annotation: str,
    colour_of: ColourOf = colour_of,
    line: int | None = None,
) -> Rgb:
    """The frame with every object in its colour, in a box of its colour, or both: (H, W, 3) uint8.

    Where objects overlap the later one is on top: half its colour, half the source, nothing of
    the object below. Boxes lie on top of all masks, around what is covered by half or more. An
    object without a true pixel draws nothing.

    Args:
        frame: (H, W, 3) uint8 RGB.
        masks: (K, H, W) bool, or uint8 coverage.
        annotation: `mask`, `box` or `both`.
        colour_of: gives each object its colour, in the frame's own colour space.
        line: pixels that the line of a box is wide; those for a picture of this size if None.
    """
    line = line_width(*frame.shape[:2]) if line is None else line
    out = frame.copy()
    boxes = [_box_of(mask) for mask in masks]
    if annotation != "box":
        for index, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
            if box:
                _tint(out, frame, mask, box, colour_of(index))
    if annotation != "mask":
        if masks.dtype != np.bool_:
            boxes = [_box_of(mask >= HALF) for mask in masks]
        for index, box in enumerate(boxes):
            if box:
                _outline(out, box, colour_of(index), line)
    return out


def greenscreen(frame: Rgb, masks: Masks | Coverage, background: Colour = GREEN) -> Rgb:
    """The source pixels where any object is, one colour elsewhere: (H, W, 3) uint8."""
    row = np.full(frame.shape[1:], background, np.uint8)
    out = np.broadcast_to(row, frame.shape).copy()  # rows at a time: pixels at a time is slow
    if masks.dtype == np.bool_:
        cv2.copyTo(frame, union(masks.view(np.bool_)), out)
        return out
    covered = opacity(masks)
    if box := _box_of(covered):
        area = _area_of(box)
        _put(out[area], frame[area], covered[area])
    return out


def alpha(frame: Rgb, masks: Masks | Coverage) -> Rgba:
    """The source pixels, opaque where objects are: (H, W, 4) uint8, not premultiplied.

    Pixels with no opacity keep the source's colour for 16 pixels around an object at least, for
    scaling, chroma subsampling and edits of the edge. Beyond that they are black, in whole squares
    of 16 pixels a side, which codecs store in next to no bytes.
    """
    covered = opacity(masks)
    out = np.zeros((*covered.shape, 4), np.uint8)
    cv2.copyTo(cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA), _blocks_around(covered), out)
    cv2.insertChannel(covered, out, 3)
    return out


def indexed(masks: Masks, first: int = 0) -> NDArray[np.uint8]:
    """The number of the topmost object at each pixel, from 1 on, 0 for none: (H, W) uint8.

    Args:
        masks: (K, H, W) bool, the later on top of the earlier.
        first: objects that come before these; with them no more than 255.
    """
    out = np.zeros(masks.shape[1:], np.uint8)
    for number, mask in enumerate(masks, start=first + 1):
        np.maximum(out, mask.view(np.uint8) * np.uint8(number), out=out)
    return out


def rgb_renderer(
    mask_type: str,
    annotation_type: str,
    background: Colour = GREEN,
    first: int = 0,
    colour_of: ColourOf = colour_of,
) -> Callable[[Rgb, Any], Picture]:
    """The function that draws the result of a frame and its masks.

    It takes coverage in place of masks, except for `binary` and `indexed`.

    Args:
        mask_type: `binary`, `highlighted`, `greenscreen`, `alpha` or `indexed`.
        annotation_type: `mask`, `box` or `both`; of no effect unless highlighted.
        background: behind a green screen.
        first: objects that come before these, if only some of a video's are drawn: each keeps its
            colour and its number.
        colour_of: gives each object its colour.
    """
    if mask_type == "binary":
        return lambda _frame, masks: Picture(binary(masks))
    if mask_type == "alpha":
        return lambda frame, masks: Picture(alpha(frame, masks))
    if mask_type == "indexed":
        return lambda _frame, masks: Picture(indexed(masks, first), palette=INDEXED_PALETTE)
    if mask_type == "greenscreen":
        return partial(_screened, background=background)
    if mask_type != "highlighted" or annotation_type not in ("mask", "box", "both"):
        raise ValueError(f"no renderer for {mask_type!r} with {annotation_type!r}")

    def own_colour_of(index: int) -> Colour:
        return colour_of(first + index)

    return lambda frame, masks: Picture(highlighted(frame, masks, annotation_type, own_colour_of))


def _screened(frame: Rgb, masks: Masks | Coverage, background: Colour) -> Picture:
    """A green screen; only for pure green encoders know how to keep it."""
    pixels = greenscreen(frame, masks, background)
    if background != GREEN:
        return Picture(pixels)
    if masks.dtype == np.bool_:
        return Picture(pixels, 1 - union(masks.view(np.bool_)))
    return Picture(pixels, (opacity(masks) == 0).view(np.uint8))


def line_width(height: int, width: int) -> int:
    """Pixels that the line of a box is wide in a picture of this size."""
    return max(2, round(min(height, width) / 240))


def union(masks: Masks) -> NDArray[np.uint8]:
    """1 where any object is, 0 elsewhere: (H, W) uint8."""
    if len(masks) == 1:
        return masks[0].view(np.uint8)
    return np.logical_or.reduce(masks, axis=0).view(np.uint8)


def opacity(masks: Masks | Coverage) -> NDArray[np.uint8]:
    """Of all objects together, 0 to 255: (H, W) uint8.

    Coverage is summed: where two objects meet, each covers a part of a pixel and both all of it.
    """
    if masks.dtype == np.bool_:
        return binary(masks.view(np.bool_))
    out = np.zeros(masks.shape[1:], np.uint8)
    for coverage in masks:
        cv2.add(out, coverage, out)
    return out


def _blocks_around(covered: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 in every square that has opacity or is next to one that has: (H, W) uint8."""
    height, width = covered.shape
    right, below = -width % _BLOCK, -height % _BLOCK
    whole = cv2.copyMakeBorder(covered, 0, below, 0, right, cv2.BORDER_CONSTANT)
    large = whole.shape[1], whole.shape[0]
    # A pixel of 255 in a square gives 1.
    seen = np.negative((whole > 0).view(np.uint8))
    blocks = cv2.resize(
        seen, (large[0] // _BLOCK, large[1] // _BLOCK), interpolation=cv2.INTER_AREA
    )
    near = cv2.dilate((blocks > 0).view(np.uint8), np.ones((3, 3), np.uint8))
    squares = cv2.resize(near, large, interpolation=cv2.INTER_NEAREST)
    return np.asarray(squares[:height, :width], np.uint8)


def _box_of(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> Box | None:
    """The tight box of a mask's pixels that are not zero, None if it has none."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (x, y, x + width, y + height) if width else None


def _area_of(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return slice(top, bottom), slice(left, right)


def _tint(
    out: Rgb, frame: Rgb, mask: NDArray[np.bool_] | NDArray[np.uint8], box: Box, colour: Colour
) -> None:
    """Mix the frame with a colour, half and half, where the mask is."""
    area = _area_of(box)
    # OpenCV's fastest way to halve and add a constant (a quarter of a look-up table's time).
    mix = np.column_stack([np.eye(3) / 2, np.array(colour) / 2 + 0.25])  # a half rounds up
    _put(out[area], np.asarray(cv2.transform(frame[area], mix), np.uint8), mask[area])


def _put(out: Rgb, picture: Rgb, mask: NDArray[np.bool_] | NDArray[np.uint8]) -> None:
    """Lay a picture on another where a mask is, or by its coverage."""
    if mask.dtype == np.bool_:
        cv2.copyTo(picture, mask.view(np.uint8), out)
        return
    share = np.multiply(mask, 1 / 255, dtype=np.float32)
    cv2.blendLinear(picture, out, share, 1 - share, out)


def _outline(out: Rgb, box: Box, colour: Colour, line: int) -> None:
    """Draw a box: its line covers the outermost pixels of the object and grows outwards.

    So it hides nothing of a small object but that ring. At the edge of the picture it moves
    inwards, as wide as elsewhere.
    """
    height, width = out.shape[:2]
    grow = line - 1
    left, top = max(0, box[0] - grow), max(0, box[1] - grow)
    right, bottom = min(width, box[2] + grow), min(height, box[3] + grow)
    out[top : top + line, left:right] = colour
    out[max(0, bottom - line) : bottom, left:right] = colour
    out[top:bottom, left : left + line] = colour
    out[top:bottom, max(0, right - line) : right] = colour
