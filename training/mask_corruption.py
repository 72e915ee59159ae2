"""Corrupt masks before they are stored in memory, as tracking errors do.

In a clip of a few frames the mask of the frame before is nearly right, so a model learns to copy it
and to ignore all else; in a video of a hundred frames every small error then stays. So the stored
masks of tracked frames are corrupted now and then: the model can only recover the object from the
clicked frame's memory and from older ones.
"""

import numpy as np
import torch
from torch import Tensor

from training.textures import Rng

ERASED = 0.3
"""Share of the masks that lose all on one side of a line; about a fifth of these lose all."""
ADDED = 0.1
"""Share of the masks that get an extra rectangle."""
LOGIT = 10.0
"""Absolute logit of what is added or erased."""


def corrupt(rng: Rng, logits: Tensor) -> Tensor:
    """Corrupt some of the masks.

    Args:
        rng: chooses which masks, and how.
        logits: (N, 1, H, W), of the masks.

    Returns:
        A new tensor of the same shape.
    """
    out = logits.clone()
    height, width = logits.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    for mask in out[:, 0]:
        inside = mask > 0
        if rng.random() < ERASED and inside.any():
            angle = rng.uniform(0, 2 * np.pi)
            along = x * float(np.cos(angle)) + y * float(np.sin(angle))
            kept = max(float(rng.uniform(-0.2, 0.9)), 0.0)
            cut = torch.quantile(along[inside][:4096], kept)
            mask[along > cut if kept else inside] = -LOGIT
        if rng.random() < ADDED:
            rows, columns = (np.sort(rng.integers(0, n + 1, 2)) for n in (height, width))
            bottom = rows[0] + (rows[1] - rows[0]) // 2
            mask[rows[0] : bottom, columns[0] : columns[1]] = LOGIT
    return out
