"""Masks that objects are given by."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sam2_video.core.errors import InputError, shown
from sam2_video.engine.clicks import check_frame


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """The mask of an object on a frame, given by the user.

    Attributes:
        frame: index of the frame, from 0.
        object_name: not empty.
        mask: (H, W) bool, at the video's size.
    """

    frame: int
    object_name: str
    mask: np.ndarray


def check_masks(
    masks: Iterable[MaskPrompt],
    width: int,
    height: int,
    num_frames: int,
    first: int = 0,
    last: int | None = None,
) -> None:
    """Check that masks fit their video.

    Args:
        masks: in any order.
        width: of the video, in pixels.
        height: of the video, in pixels.
        num_frames: length of the video.
        first: `start_frame`, the first frame that is processed.
        last: `end_frame`, the last frame that is processed; the video's last if None.

    Raises:
        InputError: a mask has another size than the video or no pixel, or its frame is outside
            the video or the range.
    """
    for given in masks:
        name = shown(given.object_name)
        check_frame(f"input_masks: the frame of {name}", given.frame, num_frames, first, last)
        what = f"input_masks has a mask of {name} on frame {given.frame}"
        if given.mask.shape != (height, width):
            size = "x".join(str(side) for side in reversed(given.mask.shape))
            raise InputError(
                f"{what} with {size} pixels, but the video has {width}x{height} pixels"
            )
        if not given.mask.any():
            raise InputError(f"{what} in which no pixel is set, but an object needs at least one")
