"""Drawing in RGB: from a frame and the masks of its objects to the picture a user gets.

Pure functions. A frame is (H, W, 3) uint8 RGB; masks are (K, H, W) bool in the order of the
objects, K = 0 included. No function changes its arguments.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2_video.video.pictures import Box, Colour, Masks, Picture, Rgb

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


def colour_of(index: int) -> Colour:
    """The RGB colour of object `index`, always the same; `PALETTE` starts again at its end."""
    red, green, blue = PALETTE[index % len(PALETTE)].tolist()
    return red, green, blue


def binary(masks: Masks) -> NDArray[np.uint8]:
    """White (255) where any object is, black (0) elsewhere: (H, W) uint8."""
    return np.negative(union(masks))  # modulo 256, minus one is white


def highlighted(
    frame: Rgb,
    masks: Masks,
    annotation: str,
    colour_of: Callable[[int], Colour] = colour_of,
    line: int | None = None,
) -> Rgb:
    """The frame with every object in its colour, in a box of its colour, or both: (H, W, 3) uint8.

    Where objects overlap the later one is on top: half its colour, half the source, nothing of
    the object below. Boxes lie on top of all masks. An object without a true pixel draws nothing.

    Args:
        frame: (H, W, 3) uint8 RGB.
        masks: (K, H, W) bool.
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
        for index, box in enumerate(boxes):
            if box:
                _outline(out, box, colour_of(index), line)
    return out


def greenscreen(frame: Rgb, masks: Masks) -> Rgb:
    """The source pixels where any object is, pure green elsewhere: (H, W, 3) uint8."""
    out = np.zeros_like(frame)
    out[..., 1] = 255
    cv2.copyTo(frame, union(masks), out)
    return out


def rgb_renderer(mask_type: str, annotation_type: str) -> Callable[[Rgb, Masks], Picture]:
    """The function that draws the result of a frame and its masks.

    Args:
        mask_type: `binary`, `highlighted` or `greenscreen`.
        annotation_type: `mask`, `box` or `both`; of no effect unless highlighted.
    """
    if mask_type == "binary":
        return lambda _frame, masks: Picture(binary(masks))
    if mask_type == "greenscreen":
        return lambda frame, masks: Picture(greenscreen(frame, masks), 1 - union(masks))
    if mask_type != "highlighted" or annotation_type not in ("mask", "box", "both"):
        raise ValueError(f"no renderer for {mask_type!r} with {annotation_type!r}")
    return lambda frame, masks: Picture(highlighted(frame, masks, annotation_type))


def line_width(height: int, width: int) -> int:
    """Pixels that the line of a box is wide in a picture of this size."""
    return max(2, round(min(height, width) / 240))


def union(masks: Masks) -> NDArray[np.uint8]:
    """1 where any object is, 0 elsewhere: (H, W) uint8."""
    if len(masks) == 1:
        return masks[0].view(np.uint8)
    return np.logical_or.reduce(masks, axis=0).view(np.uint8)


def _box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The tight box of a mask's true pixels, None if it has none."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (x, y, x + width, y + height) if width else None


def _tint(out: Rgb, frame: Rgb, mask: NDArray[np.bool_], box: Box, colour: Colour) -> None:
    """Mix the frame with a colour, half and half, where the mask is true."""
    left, top, right, bottom = box
    area = slice(top, bottom), slice(left, right)
    # OpenCV's fastest way to halve and add a constant (a quarter of a look-up table's time).
    mix = np.column_stack([np.eye(3) / 2, np.array(colour) / 2 + 0.25])  # a half rounds up
    cv2.copyTo(cv2.transform(frame[area], mix), mask[area].view(np.uint8), out[area])


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
