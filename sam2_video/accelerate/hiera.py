"""The blocks of Hiera, SAM 2's image trunk, for CPUs: what Meta's blocks compute, faster.

A block of window attention runs strip by strip, since no window reaches into another strip, so
that what it computes stays in the cache. Global attention never has all of its scores at once.
Weights are converted once to the numbers they are multiplied in; the residual stream, norms, scores
and softmax stay in float32, as under autocast.
"""

import math

import torch
from sam2.modeling.backbones.hieradet import MultiScaleBlock, do_pool
from sam2.modeling.backbones.utils import window_partition, window_unpartition
from torch import Tensor, nn

from sam2_video.accelerate.attention import ExactScores, attend
from sam2_video.accelerate.matmul import Projection, Rounding, add_perceptron, batched_scores

KEYS = 4096
"""Keys of global attention that a tile of queries meets at once."""
STRIP_TOKENS = 4096
"""Tokens of a window attention that are computed together, so that they stay in the cache."""


class FastBlock(nn.Module):
    """Takes the place of a `MultiScaleBlock`.

    Args:
        original: Meta's block, in evaluation mode.
        rounding: what may be rounded.
    """

    def __init__(self, original: MultiScaleBlock, rounding: Rounding) -> None:
        super().__init__()
        self.rounding = rounding
        self.window = original.window_size
        self.pool, self.stride = original.pool, original.q_stride[0] if original.q_stride else 1
        self.heads = original.attn.num_heads
        self.norm1, self.norm2 = original.norm1, original.norm2
        self.qkv = _scaled_queries(original, rounding)
        self.attended = Projection.of(original.attn.proj, rounding.products)
        self.widen: Projection | None = None
        if original.dim != original.dim_out:
            self.widen = Projection.of(original.proj, rounding.products)
        expand, contract = original.mlp.layers
        self.expand = Projection.of(expand, rounding.products, "gelu")
        self.contract = Projection.of(contract, rounding.products)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) float32 -> (B, H', W', C')."""
        height, width = x.shape[1:3]
        rows = height
        if self.window:
            rows = max(self.window, STRIP_TOKENS // width // self.window * self.window)
        if rows >= height:
            return self._perceive(self._attend(x))
        strips = (self._perceive(self._attend(strip)) for strip in x.split(rows, dim=1))
        return torch.cat(list(strips), dim=1)

    def _attend(self, x: Tensor) -> Tensor:
        """Attention, the residual added, pooled where this block pools."""
        normed = self.norm1(x).to(self.rounding.products)
        shortcut = x if self.widen is None else do_pool(self.widen(normed), self.pool)
        if not self.window:
            return shortcut + self._attend_everywhere(normed)
        windows, (height, width) = window_partition(normed, self.window)
        attended = self._attend_within(windows)
        padded = (height // self.stride, width // self.stride)
        window = self.window // self.stride
        return shortcut + window_unpartition(attended, window, padded, shortcut.shape[1:3])

    def _attend_within(self, windows: Tensor) -> Tensor:
        """Attention within each of N windows: (N, w, w, C) -> (N, w', w', C')."""
        q, k, v = self._heads_of(windows)
        side = windows.shape[1] // self.stride
        weights = batched_scores(q, k, self.rounding).softmax(-1).to(v.dtype)
        out = (weights @ v).unflatten(0, (len(windows), self.heads)).transpose(1, 2)
        return self.attended(out.reshape(len(windows), side, side, -1))

    def _attend_everywhere(self, x: Tensor) -> Tensor:
        """Attention of every place to every other: (B, H, W, C) -> (B, H', W', C')."""
        q, k, v = self._heads_of(x)
        batch, height, width = len(x), x.shape[1] // self.stride, x.shape[2] // self.stride
        out = torch.empty(*q.shape[:2], v.shape[-1])
        for one, (queries, keys) in enumerate(zip(q, k, strict=True)):
            attend([ExactScores(queries, k) for k in keys.split(KEYS)], v[one], out[one])
        out = out.unflatten(0, (batch, self.heads)).transpose(1, 2)
        return self.attended(out.reshape(batch, height, width, -1))

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys in float32, values as they are multiplied: (B * heads, N, c) each."""
        batch, height, width = x.shape[:3]
        q, k, v = self.qkv(x).flatten(1, 2).unflatten(2, (3, self.heads, -1)).unbind(2)
        if self.pool is not None:
            q = do_pool(q.reshape(batch, height, width, -1), self.pool)
            q = q.flatten(1, 2).unflatten(2, (self.heads, -1))
        q, k, v = (y.transpose(1, 2).flatten(0, 1) for y in (q, k, v))
        return q.float().contiguous(), k.float().contiguous(), v.contiguous()

    def _perceive(self, x: Tensor) -> Tensor:
        """The perceptron and its residual."""
        return add_perceptron(x, self.norm2, self.expand, self.contract)


def _scaled_queries(block: MultiScaleBlock, rounding: Rounding) -> Projection:
    """The projection to queries, keys and values, with queries scaled as their softmax wants it."""
    qkv = block.attn.qkv
    width = qkv.out_features // 3
    scale = (width // block.attn.num_heads) ** -0.5
    if not block.window_size:
        scale /= math.log(2)  # `attend` takes powers of 2
    factors = torch.ones(3 * width)
    factors[:width] = scale
    return Projection(qkv.weight * factors[:, None], qkv.bias * factors, rounding.products)
