"""An auxiliary task for the image encoder: do two positions show the same object?

The decoder compares the features at a click with every position of the image, so the encoder's maps
must be similar within an object and different across its edge, on every frame. Through the decoder
this is learned slowly. As a loss of its own it costs one projection and a matmul, as in instance
embedding (https://arxiv.org/abs/1708.02551). The head is dropped after training.

SAM's decoder mixes no neighbours, and an ImageNet trunk knows categories, not boundaries. With the
trunk frozen and SAM 2's projecting neck, 30 minutes ended at an IoU of 0.20 on synthetic and 0.32
on real frames. A neck that filters at every stride (`sam2_video/models/nano/neck.py`), the trunk
trained from step one, and this task reached 0.30 in three minutes and 0.50 in thirty.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Affinity(nn.Module):
    """Logits of "belongs to the clicked object", from the finest map alone."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.query = nn.Linear(channels, width)
        self.key = nn.Conv2d(channels, width, 1)
        self.bias = nn.Parameter(torch.tensor(-2.0))

    def forward(self, finest: Tensor, cells: Tensor) -> Tensor:
        """Compare the clicked cells of frame 0 with all cells of all frames.

        Args:
            finest: (T * B, C, h, w), frames outermost.
            cells: (B, K, 2) integers, x and y on the grid of the map.

        Returns:
            (B * K, T, h, w).
        """
        images, prompts = cells.shape[:2]
        maps = finest.view(-1, images, *finest.shape[1:])
        which = torch.arange(images)[:, None].expand(-1, prompts)
        clicked = maps[0][which, :, cells[..., 1], cells[..., 0]]
        keys = self.key(finest).view(*maps.shape[:2], -1, *maps.shape[3:])
        query = self.query(clicked)
        logits = torch.einsum("bkc,tbchw->bkthw", query, keys) / query.shape[-1] ** 0.5
        return logits.flatten(0, 1) + self.bias


def affinity_loss(logits: Tensor, truth: Tensor, other: Tensor, weight: float) -> Tensor:
    """Cross entropy, `weight` times heavier on other objects, and Dice loss; (N, T, h, w) each."""
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    cross = (cross * (1 + truth + (weight - 1) * other)).mean()
    probabilities = logits.sigmoid()
    overlap = (probabilities * truth).flatten(1).sum(-1)
    total = (probabilities + truth).flatten(1).sum(-1)
    return 3 * cross + 2 * (1 - (2 * overlap + 1) / (total + 1)).mean()
