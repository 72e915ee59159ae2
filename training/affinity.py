"""A second task for the image encoder alone: do two places show the same object?

The decoder compares what a click finds with every place of the image, so the encoder's maps must
be alike within an object and unlike across its edge, on every frame. Through the decoder this is
learned slowly; asked for directly it costs one projection and a product, as in instance embedding
(https://arxiv.org/abs/1708.02551). The head is thrown away after training.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Affinity(nn.Module):
    """Logits of "belongs to the object that was clicked" from the finest map alone."""

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
    """Cross entropy, `weight` times heavier on other objects, and dice; (N, T, h, w) each."""
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    cross = (cross * (1 + truth + (weight - 1) * other)).mean()
    probable = logits.sigmoid()
    overlap = (probable * truth).flatten(1).sum(-1)
    total = (probable + truth).flatten(1).sum(-1)
    return 3 * cross + 2 * (1 - (2 * overlap + 1) / (total + 1)).mean()
