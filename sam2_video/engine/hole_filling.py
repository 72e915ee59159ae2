"""Filling small holes in the masks of the decoder."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MAX_HOLE_AREA = 8
"""Meta's `fill_hole_area`, in pixels of the decoder's resolution."""
FILLED_LOGIT = 0.1


def fill_holes(logits: Tensor, max_area: int = MAX_HOLE_AREA) -> Tensor:
    """Set every small 8-connected background component (logit <= 0) to `FILLED_LOGIT`.

    `sam2.utils.misc.fill_holes_in_mask_scores` does this with a CUDA extension, and nothing
    without it. Here the components are found by OpenCV on the CPU, and on other devices by tensor
    operations, so that Python need not wait for a GPU.

    Args:
        logits: (B, 1, H, W) float mask logits at the decoder's resolution (stride 4).
        max_area: largest area to fill, in pixels of that resolution.

    Returns:
        (B, 1, H, W) logits of the same dtype and device; on the CPU `logits` itself if there is no
        hole.
    """
    background = logits <= 0
    if logits.device.type != "cpu":
        holes = small_components_on_device(background, max_area)
        return torch.where(holes, FILLED_LOGIT, logits)
    masks = background.squeeze(1).to(torch.uint8).numpy()
    found = np.stack([_small_components(mask, max_area) for mask in masks])
    if not found.any():
        return logits
    return torch.where(torch.from_numpy(found).unsqueeze(1), FILLED_LOGIT, logits)


def small_components_on_device(background: Tensor, max_area: int) -> Tensor:
    """The pixels of 8-connected components of `background` no larger than `max_area`.

    Labels spread: each pixel takes the highest label around it, `max_area` times. Then a component
    of at most `max_area` pixels has one label. In a larger one, a label may also have few pixels,
    but one of them has a neighbour with another label.

    Args:
        background: (B, 1, H, W) bool, H * W at most 2 ** 24.
        max_area: in pixels.

    Returns:
        (B, 1, H, W) bool.
    """
    height, width = background.shape[-2:]
    # float32, because max_pool2d takes no integers on CUDA. Labels up to 2 ** 24 are exact.
    numbers = torch.arange(1, height * width + 1, device=background.device, dtype=torch.float32)
    labels = torch.where(background, numbers.view(height, width), 0.0)
    for _ in range(max_area):
        labels = torch.where(background, _highest_around(labels), 0.0)
    highest = _highest_around(labels)
    lowest = -_highest_around(torch.where(background, -labels, -torch.inf))
    borders_another = background & ((highest != labels) | (lowest != labels))
    # The pixels of each label are counted; one that borders on another label makes it too large.
    indices = labels.flatten(1).long()
    weights = (1 + max_area * borders_another.long()).flatten(1)
    areas = torch.zeros(len(labels), height * width + 1, dtype=weights.dtype, device=labels.device)
    areas.scatter_add_(1, indices, weights)
    return background & (areas.gather(1, indices).view_as(labels) <= max_area)


def _highest_around(labels: Tensor) -> Tensor:
    """The maximum of each pixel and its eight neighbours."""
    return F.max_pool2d(labels, kernel_size=3, stride=1, padding=1)


def _small_components(background: np.ndarray, max_area: int) -> np.ndarray:
    """(H, W) bool: the pixels of components of `background` no larger than `max_area`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=8)
    is_small = stats[:, cv2.CC_STAT_AREA] <= max_area
    is_small[0] = False  # label 0 is the foreground
    return is_small[labels]
