"""Filling small holes in the masks of the decoder."""

import cv2
import numpy as np
import torch
from torch import Tensor

MAX_HOLE_AREA = 8
"""Meta's `fill_hole_area`, in pixels of the decoder's resolution."""
FILLED_LOGIT = 0.1


def fill_holes(logits: Tensor, max_area: int = MAX_HOLE_AREA) -> Tensor:
    """Set every small 8-connected background component (logit <= 0) to `FILLED_LOGIT`.

    `sam2.utils.misc.fill_holes_in_mask_scores` does this with a CUDA extension, and nothing
    without it. Here the components are found by OpenCV on the CPU, whatever the device.

    Args:
        logits: (B, 1, H, W) float mask logits at the decoder's resolution (stride 4).
        max_area: largest area to fill, in pixels of that resolution.

    Returns:
        (B, 1, H, W) logits of the same dtype and device; `logits` itself if there is no hole.
    """
    background = (logits <= 0).squeeze(1).to(torch.uint8).cpu().numpy()
    holes = np.stack([_small_components(mask, max_area) for mask in background])
    if not holes.any():
        return logits
    return torch.where(torch.from_numpy(holes).unsqueeze(1).to(logits.device), FILLED_LOGIT, logits)


def _small_components(background: np.ndarray, max_area: int) -> np.ndarray:
    """(H, W) bool: the pixels of components of `background` no larger than `max_area`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=8)
    is_small = stats[:, cv2.CC_STAT_AREA] <= max_area
    is_small[0] = False  # label 0 is the foreground
    return is_small[labels]
