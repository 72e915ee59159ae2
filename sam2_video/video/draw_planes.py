"""Drawing in the planes of a video, where frame and result share a colour space.

What is not drawn on need not go to RGB and back: half the bytes move, and what no object touches
keeps its very samples. Halving, adding a colour and covering are the same in Y, Cb, Cr as in RGB,
so the functions of `draw_rgb.py` draw here too, on the part of the frame where objects are, with
its chroma doubled to the size of its luma.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2_video.video.colour_space import STRONGER_GREEN_VIDEO, video_colour
from sam2_video.video.draw_rgb import (
    GREEN,
    ColourOf,
    colour_of,
    highlighted,
    line_width,
    union,
)
from sam2_video.video.pictures import Masks, Planes, split_planes

Area = tuple[slice, slice]
"""Rows and columns of a picture, from even numbers to even numbers."""


def planes_renderer(
    mask_type: str, annotation_type: str, colour_of: ColourOf = colour_of
) -> Callable[[Planes, Masks], Planes]:
    """The function that draws the result of a frame's planes and masks, in place.

    Args:
        mask_type: `highlighted` or `greenscreen`.
        annotation_type: `mask`, `box` or `both`; of no effect unless highlighted.
        colour_of: gives each object its colour in RGB.
    """
    if mask_type == "greenscreen":
        return planes_greenscreen
    return lambda planes, masks: planes_highlighted(planes, masks, annotation_type, colour_of)


def planes_highlighted(
    planes: Planes, masks: Masks, annotation: str, colour_of: ColourOf = colour_of
) -> Planes:
    """As `draw_rgb.highlighted`, in place."""
    line = line_width(*masks.shape[1:])
    area = _area_of(masks, margin=0 if annotation == "mask" else line)
    if area is not None:
        part, seen = _taken(planes, area), masks[:, *area]
        drawn = highlighted(
            part, seen, annotation, lambda index: video_colour(colour_of(index)), line
        )
        _put(planes, area, drawn)
    return planes


def planes_greenscreen(planes: Planes, masks: Masks) -> Planes:
    """As `draw_rgb.greenscreen`, in place, in the stronger green of `colour_space.py`."""
    area = _area_of(masks)
    kept = None if area is None else _cut_out(_taken(planes, area), masks[:, *area])
    for plane, level in zip(split_planes(planes), _STRONGER_GREEN, strict=True):
        plane.fill(level)
    if area is not None and kept is not None:
        _put(planes, area, kept)
        rows, columns = half = _halved(area)
        size = columns.stop - columns.start, rows.stop - rows.start
        white = union(masks[:, *area]) * np.uint8(255)
        empty = cv2.resize(white, size, interpolation=cv2.INTER_AREA) == 0
        for plane, level in zip(split_planes(planes)[1:], _STRONGER_GREEN[1:], strict=True):
            np.copyto(plane[half], level, where=empty)
    return planes


_GREEN = video_colour(GREEN)
_STRONGER_GREEN = (_GREEN - STRONGER_GREEN_VIDEO[:3]).astype(np.uint8)


def _cut_out(picture: NDArray[np.uint8], masks: Masks) -> NDArray[np.uint8]:
    """The (h, w, 3) picture where any object is, green elsewhere."""
    row = np.full(picture.shape[1:], _GREEN, np.uint8)
    out = np.broadcast_to(row, picture.shape).copy()  # rows at a time: pixels at a time is slow
    cv2.copyTo(picture, union(masks), out)
    return out


def _area_of(masks: Masks, margin: int = 0) -> Area | None:
    """The smallest area that holds every object and a margin, None if there is none to be seen."""
    height, width = masks.shape[1:]
    left, top, right, bottom = width, height, 0, 0
    for mask in masks:
        x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
        if w:
            left, top = min(left, x), min(top, y)
            right, bottom = max(right, x + w), max(bottom, y + h)
    if right == 0:
        return None
    rows = slice(max(0, top - margin) & ~1, min(height, bottom + margin + 1 & ~1))
    return rows, slice(max(0, left - margin) & ~1, min(width, right + margin + 1 & ~1))


def _halved(area: Area) -> Area:
    """Where the area's chroma lies in a plane of it."""
    rows, columns = area
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)


def _taken(planes: Planes, area: Area) -> NDArray[np.uint8]:
    """An area as an (h, w, 3) picture of Y, Cb, Cr: each chroma sample for four pixels."""
    luma, *chroma = split_planes(planes)
    half = _halved(area)
    larger = [_doubled(plane[half]) for plane in chroma]
    return np.asarray(cv2.merge([luma[area], *larger]), np.uint8)


def _doubled(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) values, each for four pixels: (2 h, 2 w); a fifth of the time of OpenCV's resize."""
    wide = (plane.astype(np.uint16) * 257).view(np.uint8)  # a value above itself, as two bytes
    return wide.repeat(2, axis=0)


def _put(planes: Planes, area: Area, picture: NDArray[np.uint8]) -> None:
    """Write an area back, chroma as the mean of four pixels."""
    luma, *chroma = split_planes(planes)
    luma[area] = cv2.extractChannel(picture, 0)
    half = _halved(area)
    size = picture.shape[1] // 2, picture.shape[0] // 2
    for k, plane in enumerate(chroma, start=1):
        full = cv2.extractChannel(picture, k)
        plane[half] = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
