"""The blocks of Hiera, SAM 2's image trunk, for CPUs: the same function as Meta's blocks, faster.

A block with window attention runs strip by strip, so that its activations stay in the cache; no
window crosses a strip's border. Global attention never holds all scores at once, see `attend`.
The residual stream, norms, scores and softmax are float32, as under autocast.
"""

import math

import torch
from sam2.modeling.backbones.hieradet import MultiScaleBlock, do_pool
from sam2.modeling.backbones.utils import window_partition, window_unpartition
from torch import Tensor, nn

from sam2_video.accelerate.attention import Float32Scores, attend
from sam2_video.accelerate.matmul import PackedLinear, Precision, add_mlp, batched_scores

BLOCK_KEYS = 4096
"""Keys in one block of global attention."""
STRIP_TOKENS = 4096
"""Most tokens in a strip of window attention; a strip is at least one window high."""


class FastBlock(nn.Module):
    """Replaces a `MultiScaleBlock`.

    Args:
        original: Meta's block, in evaluation mode.
        precision: the number formats to compute in.
    """

    def __init__(self, original: MultiScaleBlock, precision: Precision) -> None:
        super().__init__()
        dtype = precision.matmul
        self.precision = precision
        self.window = original.window_size
        self.pool, self.stride = original.pool, original.q_stride[0] if original.q_stride else 1
        self.heads = original.attn.num_heads
        self.norm1, self.norm2 = original.norm1, original.norm2
        self.qkv = _qkv_with_scaled_queries(original, dtype)
        self.attention_output = PackedLinear.from_linear(original.attn.proj, dtype)
        self.shortcut: PackedLinear | None = None
        if original.dim != original.dim_out:
            self.shortcut = PackedLinear.from_linear(original.proj, dtype)
        expand, contract = original.mlp.layers
        self.expand = PackedLinear.from_linear(expand, dtype, "gelu")
        self.contract = PackedLinear.from_linear(contract, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) float32 -> (B, H / stride, W / stride, C') float32."""
        height, width = x.shape[1:3]
        rows = height
        if self.window:
            rows = max(self.window, STRIP_TOKENS // width // self.window * self.window)
        strips = [self._forward_strip(strip) for strip in x.split(rows, dim=1)]
        return strips[0] if len(strips) == 1 else torch.cat(strips, dim=1)

    def _forward_strip(self, x: Tensor) -> Tensor:
        """(B, h, W, C) -> (B, h / stride, W / stride, C'), for whole windows."""
        normed = self.norm1(x).to(self.precision.matmul)
        shortcut = x if self.shortcut is None else do_pool(self.shortcut(normed), self.pool)
        if self.window:
            windows, (height, width) = window_partition(normed, self.window)
            padded_size = (height // self.stride, width // self.stride)
            attended = window_unpartition(
                self._window_attention(windows),
                self.window // self.stride,
                padded_size,
                shortcut.shape[1:3],
            )
        else:
            attended = self._global_attention(normed)
        return add_mlp(shortcut + attended, self.norm2, self.expand, self.contract)

    def _window_attention(self, windows: Tensor) -> Tensor:
        """Attention within each of N windows: (N, w, w, C) -> (N, w / stride, w / stride, C')."""
        q, k, v = self._queries_keys_values(windows)
        side = windows.shape[1] // self.stride
        weights = batched_scores(q, k, self.precision).softmax(-1).to(v.dtype)
        out = (weights @ v).unflatten(0, (len(windows), self.heads)).transpose(1, 2)
        return self.attention_output(out.reshape(len(windows), side, side, -1))

    def _global_attention(self, x: Tensor) -> Tensor:
        """Attention over the whole map: (B, H, W, C) -> (B, H / stride, W / stride, C')."""
        q, k, v = self._queries_keys_values(x)
        batch, height, width = len(x), x.shape[1] // self.stride, x.shape[2] // self.stride
        out = torch.empty(*q.shape[:2], v.shape[-1])
        for i, (queries, keys) in enumerate(zip(q, k, strict=True)):
            blocks = [Float32Scores(queries, block) for block in keys.split(BLOCK_KEYS)]
            attend(blocks, v[i], out[i])
        out = out.unflatten(0, (batch, self.heads)).transpose(1, 2)
        return self.attention_output(out.reshape(batch, height, width, -1))

    def _queries_keys_values(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys in float32, values in the matmul's dtype: (B * heads, N, c) each."""
        batch, height, width = x.shape[:3]
        q, k, v = self.qkv(x).flatten(1, 2).unflatten(2, (3, self.heads, -1)).unbind(2)
        if self.pool is not None:
            q = do_pool(q.reshape(batch, height, width, -1), self.pool)
            q = q.flatten(1, 2).unflatten(2, (self.heads, -1))
        q, k, v = (y.transpose(1, 2).flatten(0, 1) for y in (q, k, v))
        return q.float().contiguous(), k.float().contiguous(), v.contiguous()


def _qkv_with_scaled_queries(block: MultiScaleBlock, dtype: torch.dtype) -> PackedLinear:
    """The block's projection to queries, keys and values, with the softmax's scale in the queries.

    Global attention uses `attend`, which takes powers of 2.
    """
    qkv = block.attn.qkv
    width = qkv.out_features // 3
    scale = (width // block.attn.num_heads) ** -0.5
    if not block.window_size:
        scale /= math.log(2)
    factors = torch.ones(3 * width)
    factors[:width] = scale
    return PackedLinear(qkv.weight * factors[:, None], qkv.bias * factors, dtype)
