"""Filling the pinholes that a mask decoder leaves."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MAX_HOLE_AREA = 8
FILLED_LOGIT = 0.1


def fill_holes(logits: Tensor, max_area: int = MAX_HOLE_AREA) -> Tensor:
    """Raise every small 8-connected background component to a weakly positive logit.

    What `sam2.utils.misc.fill_holes_in_mask_scores` does with its CUDA extension and skips
    without it; here it runs on every device: on the CPU through OpenCV, elsewhere on the device,
    which is not waited for.

    Args:
        logits: (B, 1, H, W) float mask logits at the decoder's resolution (stride 4).
        max_area: largest area of a hole, in pixels of that resolution.

    Returns:
        (B, 1, H, W) logits of the same dtype and device, holes at `FILLED_LOGIT`; on the CPU the
        input itself where there is nothing to fill.
    """
    background = logits <= 0
    if logits.device.type == "cpu":
        planes = background.squeeze(1).to(torch.uint8).numpy()
        found = np.stack([_small_components(plane, max_area) for plane in planes])
        if not found.any():
            return logits
        holes = torch.from_numpy(found).unsqueeze(1)
    else:
        holes = small_components_on_device(background, max_area)
    return torch.where(holes, FILLED_LOGIT, logits)


def small_components_on_device(background: Tensor, max_area: int) -> Tensor:
    """What `_small_components` finds, by tensor operations alone.

    Every pixel takes the highest label around it, `max_area` times: that is enough for a small
    component to have one label throughout. A label of a larger component may have few pixels too,
    but then some neighbour of them has another label.

    Args:
        background: (B, 1, H, W) bool.
        max_area: largest area of a component that is found, in pixels.

    Returns:
        (B, 1, H, W) bool.
    """
    height, width = background.shape[-2:]
    # float32 holds whole numbers up to 2 ** 24: more than the decoder's masks have pixels.
    numbers = torch.arange(1, height * width + 1, device=background.device, dtype=torch.float32)
    labels = torch.where(background, numbers.view(height, width), 0.0)
    for _ in range(max_area):
        labels = torch.where(background, _highest_around(labels), 0.0)
    highest = _highest_around(labels)
    lowest = -_highest_around(torch.where(background, -labels, -torch.inf))
    meets_another = background & ((highest != labels) | (lowest != labels))
    # Each pixel counts for its label, and a pixel that meets another label counts for too many.
    places = labels.flatten(1).long()
    weights = torch.where(meets_another, max_area + 1, 1).flatten(1)
    areas = torch.zeros(len(labels), height * width + 1, dtype=weights.dtype, device=labels.device)
    areas.scatter_add_(1, places, weights)
    return background & (areas.gather(1, places).view_as(labels) <= max_area)


def _highest_around(labels: Tensor) -> Tensor:
    """The maximum over each pixel and its eight neighbours."""
    return F.max_pool2d(labels, kernel_size=3, stride=1, padding=1)


def _small_components(background: np.ndarray, max_area: int) -> np.ndarray:
    """(H, W) bool: the pixels of components of `background` no larger than `max_area`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=8)
    is_small = stats[:, cv2.CC_STAT_AREA] <= max_area
    is_small[0] = False  # label 0 is the foreground here, not a component of the background
    return is_small[labels]
