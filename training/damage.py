"""Masks that tracking got wrong, made on purpose.

In a clip of a few frames the mask of the frame before is nearly right, so a model learns to copy it
and to look at nothing else; in a video of a hundred frames every small loss then stays. What is
remembered of a tracked frame is therefore damaged now and then: the object can only be found whole
again through the click's own memory and older ones.
"""

import numpy as np
import torch
from torch import Tensor

from training.textures import Rng

LOST = 0.3
"""Share of the masks that lose all on one side of a line, every fifth or so of them all of it."""
SPILT = 0.1
"""Share of those that spill into a rectangle."""
SURE = 10.0
"""Logit of what is put in or taken out."""


def damaged(rng: Rng, logits: Tensor) -> Tensor:
    """Damage some of the masks.

    Args:
        rng: which, and how.
        logits: (N, 1, H, W), of the masks.

    Returns:
        A tensor like it.
    """
    out = logits.clone()
    height, width = logits.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    for mask in out[:, 0]:
        inside = mask > 0
        if rng.random() < LOST and inside.any():
            angle = rng.uniform(0, 2 * np.pi)
            along = x * float(np.cos(angle)) + y * float(np.sin(angle))
            kept = max(float(rng.uniform(-0.2, 0.9)), 0.0)
            cut = torch.quantile(along[inside][:4096], kept)
            mask[along > cut if kept else inside] = -SURE
        if rng.random() < SPILT:
            rows, columns = (np.sort(rng.integers(0, n + 1, 2)) for n in (height, width))
            mask[rows[0] : rows[0] + (rows[1] - rows[0]) // 2, columns[0] : columns[1]] = SURE
    return out
