"""SAM 2's memory attention for CPUs: the same function as Meta's module, with less arithmetic.

In float32 the output differs from Meta's by rounding errors only:

- Values. The value projection takes 64 memory channels to 256. The softmax weights of a query sum
  to 1, so the projection can follow the weighted sum: that matmul is then a quarter as large.
- Scores. Queries meet the keys block by block, see `attend`. The scale of the softmax is folded
  into the query projection.
- Objects. Before the first cross-attention all objects of a frame have the same queries, so the
  first self-attention runs once. After it, all objects share each call of a projection or MLP.
- Rotary embedding. The channels of queries and keys are permuted so that even ones come before odd
  ones. This leaves their dot products unchanged, and turns complex multiplication of pairs into
  real multiplication of contiguous halves.

With reduced precision, the factors of matmuls are bfloat16, and queries and keys are quantized to
8 bits after the rotary embedding, with a scale for each query and each block of keys, as in
SageAttention (https://arxiv.org/abs/2410.02367). Sums and the softmax stay in float32.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.sam.transformer import RoPEAttention
from torch import Tensor, nn

from sam2_video.accelerate.attention import Float32Scores, Int8Scores, Scores, attend, quantize
from sam2_video.accelerate.matmul import FLOAT32, PackedLinear, Precision, add_mlp

BLOCK_KEYS = 1792
"""Most keys in a block, rounded down to whole memories; a block holds at least one memory."""
MIN_INT8_QUERIES = 1024
"""With fewer queries, quantization takes more time than it saves."""


class RotaryEmbedding(NamedTuple):
    """The axial rotary embedding of a grid: (h * w, C / 2) cosines and sines."""

    cosines: Tensor
    sines: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """Rotate (..., h * w, C) float32 queries or keys whose even channels come first."""
        even, odd = x.chunk(2, dim=-1)
        out = torch.empty(x.shape)
        out_even, out_odd = out.chunk(2, dim=-1)
        torch.mul(even, self.cosines, out=out_even)
        out_even.addcmul_(odd, self.sines, value=-1)
        torch.mul(odd, self.cosines, out=out_odd)
        out_odd.addcmul_(even, self.sines)
        return out


class FastMemoryAttention(nn.Module):
    """Replaces a network's `memory_attention`; see the module's docstring.

    Args:
        original: Meta's module, configured as in SAM 2, with one head.
        precision: the number formats to compute in.

    Raises:
        ValueError: `original` is configured differently.
    """

    def __init__(self, original: MemoryAttention, precision: Precision = FLOAT32) -> None:
        super().__init__()
        if not original.batch_first or not original.pos_enc_at_input:
            raise ValueError("this configuration of memory attention is not supported")
        self.precision = precision
        self.layers = nn.ModuleList(_Layer(layer, precision) for layer in original.layers)
        self.norm = original.norm

    def forward(
        self,
        curr: list[Tensor],
        memory: Tensor,
        curr_pos: list[Tensor],
        memory_pos: Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> Tensor:
        """Compute what `MemoryAttention.forward` computes.

        Args:
            curr: one (h * w, B, C) tensor: the frame's coarsest features, equal for all B objects.
            memory: (N, B, C_mem): h * w tokens of each memory, then the object pointers' tokens.
            curr_pos: one (h * w, B, C) tensor: the positional encoding of `curr`.
            memory_pos: (N, B, C_mem): the positional encoding of `memory`.
            num_obj_ptr_tokens: how many of the N tokens belong to object pointers; they get no
                rotary embedding.

        Returns:
            (h * w, B, C) float32.
        """
        values = memory.transpose(0, 1).contiguous()  # (B, N, C_mem)
        keys = (values + memory_pos.transpose(0, 1)).to(self.precision.matmul)
        values = values.to(self.precision.matmul)
        tokens = (curr[0][:, 0] + 0.1 * curr_pos[0][:, 0]).contiguous()[None]  # (1, h * w, C)
        for layer in self.layers:
            tokens = layer(tokens, keys, values, num_obj_ptr_tokens)  # (B, h * w, C)
        return self.norm(tokens).transpose(0, 1)


class _Layer(nn.Module):
    """One `MemoryAttentionLayer`."""

    def __init__(self, original: MemoryAttentionLayer, precision: Precision) -> None:
        super().__init__()
        if (
            original.pos_enc_at_attn
            or original.pos_enc_at_cross_attn_queries
            or not original.pos_enc_at_cross_attn_keys
            or original.activation is not F.relu
        ):
            raise ValueError("this configuration of memory attention is not supported")
        self.norm1, self.norm2, self.norm3 = original.norm1, original.norm2, original.norm3
        self.dtype = precision.matmul
        self.self_attention = _RotaryAttention(original.self_attn, precision)
        self.cross_attention = _RotaryAttention(original.cross_attn_image, precision)
        self.linear1 = PackedLinear.from_linear(original.linear1, precision.matmul, "relu")
        self.linear2 = PackedLinear.from_linear(original.linear2, precision.matmul)

    def forward(self, tokens: Tensor, keys: Tensor, values: Tensor, num_pointers: int) -> Tensor:
        """(B, h * w, C) tokens, or (1, h * w, C) if equal for all objects -> (B, h * w, C)."""
        normed = self.norm1(tokens).to(self.dtype)
        tokens = tokens + self.self_attention(normed, normed, normed, 0)
        tokens = tokens + self.cross_attention(self.norm2(tokens), keys, values, num_pointers)
        return add_mlp(tokens, self.norm3, self.linear1, self.linear2)


class _RotaryAttention(nn.Module):
    """`RoPEAttention` with one head.

    The value projection is folded into the output projection where that makes the matmul smaller.
    """

    def __init__(self, original: RoPEAttention, precision: Precision) -> None:
        super().__init__()
        if original.num_heads != 1:
            raise ValueError(f"memory attention has {original.num_heads} heads, but 1 is supported")
        self.precision = precision
        self.compute_cis = original.compute_cis
        scale = original.internal_dim**-0.5 / math.log(2)  # `attend` takes powers of 2
        self.query = _even_channels_first(original.q_proj, precision.matmul, scale)
        self.key = _even_channels_first(original.k_proj, precision.matmul)
        value, output = original.v_proj, original.out_proj
        self.value: PackedLinear | None = None
        if value.in_features < value.out_features:
            weight, bias = output.weight @ value.weight, output.weight @ value.bias + output.bias
            self.output = PackedLinear(weight, bias, precision.matmul)
        else:
            self.value = PackedLinear.from_linear(value, precision.matmul)
            self.output = PackedLinear.from_linear(output, precision.matmul)
        self._rotary_embeddings: dict[int, RotaryEmbedding] = {}

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_pointers: int) -> Tensor:
        """Attention of every object, without its residual.

        Args:
            queries: (B, h * w, C), or (1, h * w, C) if equal for all objects.
            keys: (B, N, C_mem): h * w tokens of each memory, then pointers.
            values: (B, N, C_mem).
            num_pointers: how many tokens at the end of the keys get no rotary embedding.

        Returns:
            (B, h * w, C).
        """
        count, num_positions = len(keys), queries.shape[1]
        rotary = self._rotary_embedding(num_positions)
        q = rotary.apply(self.query(queries)).expand(count, -1, -1)
        v = values if self.value is None else self.value(values)
        out = torch.empty(count, num_positions, v.shape[-1])
        for b in range(count):
            blocks = self._blocks(q[b], keys[b], num_pointers, rotary)
            attend(blocks, v[b].to(self.precision.matmul), out[b])
        return self.output(out)

    def _blocks(
        self, queries: Tensor, keys: Tensor, num_pointers: int, rotary: RotaryEmbedding
    ) -> list[Scores]:
        """The scores of one object's queries with its memories, in blocks, and its pointers."""
        num_positions = len(queries)
        memories, pointers = keys.split([len(keys) - num_pointers, num_pointers])
        block_length = max(1, BLOCK_KEYS // num_positions) * num_positions
        block_keys = (
            rotary.apply(self.key(k).unflatten(0, (-1, num_positions))).flatten(0, 1)
            for k in memories.split(block_length)
        )
        blocks: list[Scores]
        if self.precision.int8_scores and num_positions >= MIN_INT8_QUERIES:
            quantized, scales = quantize(queries.clone(), 1)
            blocks = [Int8Scores(quantized, scales, k) for k in block_keys]
        else:
            blocks = [Float32Scores(queries, k) for k in block_keys]
        if num_pointers:
            blocks.append(Float32Scores(queries, self.key(pointers)))
        return blocks

    def _rotary_embedding(self, num_positions: int) -> RotaryEmbedding:
        """The rotary embedding of a square grid, cached for each size."""
        if num_positions not in self._rotary_embeddings:
            side = round(num_positions**0.5)
            cis = self.compute_cis(end_x=side, end_y=side)
            self._rotary_embeddings[num_positions] = RotaryEmbedding(
                cis.real.contiguous(), cis.imag.contiguous()
            )
        return self._rotary_embeddings[num_positions]


def _even_channels_first(linear: nn.Linear, dtype: torch.dtype, scale: float = 1.0) -> PackedLinear:
    """A projection with float32 output, scaled, whose even channels come before its odd ones."""
    weight = torch.cat([linear.weight[0::2], linear.weight[1::2]]) * scale
    bias = torch.cat([linear.bias[0::2], linear.bias[1::2]]) * scale
    return PackedLinear(weight, bias, dtype, output_dtype=torch.float32)
