"""SAM 2's memory attention in operations that OpenVINO converts, with less arithmetic.

The output differs from that of Meta's module by rounding errors only:

- Values. The value projection takes 64 memory channels to 256. The softmax weights of a query sum
  to 1, so the projection can follow the weighted sum: that matmul is then a quarter as large.
- Objects. Before the first cross-attention all objects of a frame have the same queries, so the
  first self-attention runs once.
- Rotary embedding. The channels of queries and keys are permuted so that even ones come before odd
  ones. This leaves their dot products unchanged, and turns complex multiplication of pairs into
  real multiplication of halves.
"""

import torch
import torch.nn.functional as F
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.sam.transformer import RoPEAttention
from torch import Tensor, nn


class RealMemoryAttention(nn.Module):
    """Memory attention without complex numbers, for one size of the picture.

    Args:
        original: Meta's module, configured as in SAM 2, with one head.
        side: height and width of the coarsest feature map.

    Raises:
        ValueError: `original` is configured differently.
    """

    def __init__(self, original: MemoryAttention, side: int) -> None:
        super().__init__()
        if not original.batch_first or not original.pos_enc_at_input:
            raise ValueError("this configuration of memory attention is not supported")
        self.layers = nn.ModuleList(_Layer(layer, side) for layer in original.layers)
        self.norm = original.norm

    def forward(self, tokens: Tensor, maps: Tensor, pointers: Tensor, values: Tensor) -> Tensor:
        """Condition a frame's features on the memory bank, for B objects.

        Args:
            tokens: (1, h * w, C), the frame's features with their positional encoding.
            maps: (B, N * h * w, C_mem), N memories with their positional encoding.
            pointers: (B, P, C_mem), tokens of object pointers with theirs.
            values: (B, N * h * w + P, C_mem), the same memories and pointers without it.

        Returns:
            (h * w, B, C).
        """
        for layer in self.layers:
            tokens = layer(tokens, maps, pointers, values)
        return self.norm(tokens).transpose(0, 1)


class _Layer(nn.Module):
    """One `MemoryAttentionLayer`."""

    def __init__(self, original: MemoryAttentionLayer, side: int) -> None:
        super().__init__()
        if (
            original.pos_enc_at_attn
            or original.pos_enc_at_cross_attn_queries
            or not original.pos_enc_at_cross_attn_keys
            or original.activation is not F.relu
        ):
            raise ValueError("this configuration of memory attention is not supported")
        self.norm1, self.norm2, self.norm3 = original.norm1, original.norm2, original.norm3
        self.self_attention = _RotaryAttention(original.self_attn, side)
        self.cross_attention = _RotaryAttention(original.cross_attn_image, side)
        self.linear1, self.linear2 = original.linear1, original.linear2

    def forward(self, tokens: Tensor, maps: Tensor, pointers: Tensor, values: Tensor) -> Tensor:
        """(B, h * w, C) tokens, or (1, h * w, C) if equal for all objects -> (B, h * w, C)."""
        normed = self.norm1(tokens)
        tokens = tokens + self.self_attention(normed, normed, normed[:, :0], normed)
        tokens = tokens + self.cross_attention(self.norm2(tokens), maps, pointers, values)
        return tokens + self.linear2(F.relu(self.linear1(self.norm3(tokens))))


class _RotaryAttention(nn.Module):
    """`RoPEAttention` with one head.

    The value projection is folded into the output projection where that makes the matmul smaller.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, original: RoPEAttention, side: int) -> None:
        super().__init__()
        if original.num_heads != 1:
            raise ValueError(f"memory attention has {original.num_heads} heads, but 1 is supported")
        scale = original.internal_dim**-0.5
        self.query, self.key = (
            _linear(*(scale * torch.cat([x[0::2], x[1::2]]) for x in (layer.weight, layer.bias)))
            for layer, scale in ((original.q_proj, scale), (original.k_proj, 1.0))
        )
        self.value, self.output = original.v_proj, original.out_proj
        if self.value.in_features < self.value.out_features:
            weight, bias = self.output.weight, self.output.bias
            self.output = _linear(weight @ self.value.weight, weight @ self.value.bias + bias)
            self.value = nn.Identity()
        cis = original.compute_cis(end_x=side, end_y=side)
        self.register_buffer("cosines", cis.real.contiguous())  # (h * w, C / 2)
        self.register_buffer("sines", cis.imag.contiguous())

    def forward(self, queries: Tensor, maps: Tensor, pointers: Tensor, values: Tensor) -> Tensor:
        """Attention without its residual: the keys are maps, which are rotated, and pointers.

        (1 or B, h * w, C), (B, N * h * w, C'), (B, P, C'), (B, N * h * w + P, C')
        -> (B, h * w, C).
        """
        keys = self._rotate(self.key(maps).unflatten(1, (-1, len(self.cosines)))).flatten(1, 2)
        keys = torch.cat([keys, self.key(pointers)], 1)
        # OpenVINO fuses this as well, and computes it faster than `scaled_dot_product_attention`.
        weights = (self._rotate(self.query(queries)) @ keys.transpose(1, 2)).softmax(-1)
        return self.output(weights @ self.value(values))

    def _rotate(self, x: Tensor) -> Tensor:
        """Rotate (..., h * w, C) queries or keys whose even channels come first."""
        even, odd = x.chunk(2, dim=-1)
        rotated = (even * self.cosines - odd * self.sines, odd * self.cosines + even * self.sines)
        return torch.cat(rotated, dim=-1)


@torch.no_grad()
def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear
