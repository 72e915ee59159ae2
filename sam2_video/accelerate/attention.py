"""SAM 2's memory attention for CPUs: the same function as Meta's module, in less arithmetic.

What is saved, each of it exact but for rounding:

- Values. A value is a projection of 64 memory channels to 256, and the weights of one query's
  softmax sum to 1, so the projection may come after the weighted sum instead of before it: the
  second matrix product of an attention is a quarter as large.
- Scores. A tile of queries meets one memory's keys after the other, each in a buffer that stays in
  the cache, with the running maximum and sum of https://arxiv.org/abs/2205.14135. Powers are of 2,
  which are faster than those of e; the logarithm is folded into the queries.
- Objects. Until the first memory is looked at, all objects of a frame have the same queries: the
  first self-attention runs once. After that all objects pass projections and perceptron together.
- Rotary encoding. With even channels before odd ones, which no product can tell, it is four real
  products of contiguous halves instead of complex ones of pairs.

With rounding, which is a choice, weights, values and what is multiplied with them are bfloat16,
and queries and keys have 8 bits after the rotary encoding, with a scale for each query and for
each memory, much as SageAttention does (https://arxiv.org/abs/2410.02367): their product is many
times as fast where the processor has instructions for it. Sums and the softmax stay in float32.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.sam.transformer import RoPEAttention
from torch import Tensor, nn

from sam2_video.accelerate.matmul import (
    EXACT,
    Projection,
    Rounding,
    add_perceptron,
    times_transposed,
)

BLOCK_KEYS = 1792
"""Keys that a tile of queries meets at once: as many whole memories as fit, and at least one."""
TILE_SCORES = 256 * 4096
"""Scores that are computed together: fewer, and calls cost more than sums; more leave the cache."""
INT8_QUERIES = 1024
"""With fewer queries, rounding costs more time than it saves."""


class Rotation(NamedTuple):
    """The rotary encoding of a grid: (h * w, C / 2) cosines and sines."""

    cosines: Tensor
    sines: Tensor

    def turn(self, halves: Tensor) -> Tensor:
        """Rotate (..., h * w, C) float32 queries or keys whose even channels come first."""
        even, odd = halves.chunk(2, dim=-1)
        out = torch.empty(halves.shape)
        first, second = out.chunk(2, dim=-1)
        torch.mul(even, self.cosines, out=first)
        first.addcmul_(odd, self.sines, value=-1)
        torch.mul(odd, self.cosines, out=second)
        second.addcmul_(even, self.sines)
        return out


class FastMemoryAttention(nn.Module):
    """Takes the place of a network's `memory_attention`; see the module's text.

    Args:
        original: Meta's module; its layers must be those of SAM 2's configurations, with one head.
        rounding: what may be rounded.
    """

    def __init__(self, original: MemoryAttention, rounding: Rounding = EXACT) -> None:
        super().__init__()
        if not original.batch_first or not original.pos_enc_at_input:
            raise ValueError("memory attention of an unknown form")
        self.rounding = rounding
        self.layers = nn.ModuleList(_Layer(layer, rounding) for layer in original.layers)
        self.norm = original.norm

    def forward(
        self,
        curr: list[Tensor],
        memory: Tensor,
        curr_pos: list[Tensor],
        memory_pos: Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> Tensor:
        """What `MemoryAttention.forward` computes.

        Args:
            curr: one (h * w, B, C) tensor, the frame's coarsest features.
            memory: (N, B, 64): h * w tokens for each memory, then the object pointers' tokens.
            curr_pos: one tensor, like `curr`.
            memory_pos: (N, B, 64).
            num_obj_ptr_tokens: how many of the N tokens are of pointers, which have no place.

        Returns:
            (h * w, B, C).
        """
        count = memory.shape[1]
        values = memory.transpose(0, 1).contiguous()  # (B, N, 64)
        keyed = (values + memory_pos.transpose(0, 1)).to(self.rounding.products)
        values = values.to(self.rounding.products)
        layers = [layer for layer in self.layers if isinstance(layer, _Layer)]
        # The objects' features are one frame's, expanded: what they share is done once.
        tokens = (curr[0][:, 0] + 0.1 * curr_pos[0][:, 0]).contiguous()[None]  # (1, h * w, C)
        tokens = tokens + layers[0].attend_self(tokens)
        for number, layer in enumerate(layers):
            if number > 0:
                tokens = tokens + layer.attend_self(tokens)
            crossed = layer.attend_memory(tokens, keyed, values, num_obj_ptr_tokens)
            tokens = layer.perceive(tokens + crossed)  # (B, h * w, C) from the first layer on
        assert len(tokens) == count
        return self.norm(tokens).transpose(0, 1)


class _Layer(nn.Module):
    """One layer, for tokens of B objects: (B, h * w, C), or (1, h * w, C) while they are equal."""

    def __init__(self, original: MemoryAttentionLayer, rounding: Rounding) -> None:
        super().__init__()
        if original.pos_enc_at_attn or original.pos_enc_at_cross_attn_queries:
            raise ValueError("memory attention of an unknown form")
        if not original.pos_enc_at_cross_attn_keys or original.activation is not F.relu:
            raise ValueError("memory attention of an unknown form")
        self.norm1, self.norm2, self.norm3 = original.norm1, original.norm2, original.norm3
        self.rounding = rounding
        self.self_attention = _RotaryAttention(original.self_attn, rounding)
        self.cross_attention = _RotaryAttention(original.cross_attn_image, rounding)
        self.linear1 = Projection.of(original.linear1, rounding.products, "relu")
        self.linear2 = Projection.of(original.linear2, rounding.products)

    def attend_self(self, tokens: Tensor) -> Tensor:
        x = self.norm1(tokens).to(self.rounding.products)  # once for its three projections
        return self.self_attention(x, x, x, 0)

    def attend_memory(
        self, tokens: Tensor, keyed: Tensor, memory: Tensor, num_pointers: int
    ) -> Tensor:
        return self.cross_attention(self.norm2(tokens), keyed, memory, num_pointers)

    def perceive(self, tokens: Tensor) -> Tensor:
        """The perceptron and its residual."""
        return add_perceptron(tokens, self.norm3, self.linear1, self.linear2)


class _RotaryAttention(nn.Module):
    """`RoPEAttention` of one head, for B objects.

    The value projection is folded into the output projection.
    """

    def __init__(self, original: RoPEAttention, rounding: Rounding) -> None:
        super().__init__()
        if original.num_heads != 1:
            raise ValueError("memory attention with several heads")
        self.rounding = rounding
        self.compute_cis = original.compute_cis
        # Powers of 2 want scores in units of the logarithm of 2.
        scale = original.internal_dim**-0.5 / math.log(2)
        self.query = _halved(original.q_proj, rounding.products, scale)
        self.key = _halved(original.k_proj, rounding.products)
        value, output = original.v_proj, original.out_proj
        self.value: Projection | None = None
        if value.in_features < value.out_features:
            weight, bias = output.weight @ value.weight, output.weight @ value.bias + output.bias
            self.output = Projection(weight, bias, rounding.products)
        else:
            self.value = Projection.of(value, rounding.products)
            self.output = Projection.of(output, rounding.products)
        self._rotations: dict[int, Rotation] = {}

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_pointers: int) -> Tensor:
        """Attention before its residual.

        Args:
            queries: (B, h * w, C), or (1, h * w, C) where they are the same for all objects.
            keys: (B, N, C_mem), h * w tokens for each of several memories, then pointers.
            values: (B, N, C_mem).
            num_pointers: tokens at the end of the keys that are not rotated.

        Returns:
            (B, h * w, C).
        """
        count, places = len(keys), queries.shape[1]
        rotation = self._rotation(places)
        q = rotation.turn(self.query(queries)).expand(count, -1, -1)
        v = values if self.value is None else self.value(values)
        out = torch.empty(count, places, v.shape[-1])
        for b in range(count):
            blocks = self._blocks(q[b], keys[b], num_pointers, rotation)
            attend(blocks, v[b].to(self.rounding.products), out[b])
        return self.output(out)

    def _blocks(
        self, queries: Tensor, keys: Tensor, num_pointers: int, rotation: Rotation
    ) -> list["Scores"]:
        """One object's queries with its keys: memory after memory, then the pointers."""
        placed = len(keys) - num_pointers
        places = len(queries)
        together = max(1, BLOCK_KEYS // places) * places
        memories = (
            rotation.turn(self.key(k).unflatten(0, (-1, places))).flatten(0, 1)
            for k in keys[:placed].split(together)
        )
        blocks: list[Scores]
        if self.rounding.int8_scores and places >= INT8_QUERIES:
            whole, scales = _rounded(queries.clone(), 1)
            blocks = [EightBitScores(whole, scales, k) for k in memories]
        else:
            blocks = [ExactScores(queries, k) for k in memories]
        if num_pointers:
            blocks.append(ExactScores(queries, self.key(keys[placed:])))
        return blocks

    def _rotation(self, tokens: int) -> Rotation:
        if tokens not in self._rotations:
            side = round(tokens**0.5)
            turns = self.compute_cis(end_x=side, end_y=side)
            self._rotations[tokens] = Rotation(turns.real.contiguous(), turns.imag.contiguous())
        return self._rotations[tokens]


def _halved(linear: nn.Linear, dtype: torch.dtype, scale: float = 1.0) -> Projection:
    """A projection, to float32, whose even outputs come before its odd ones, all of them scaled."""
    weight = torch.cat([linear.weight[0::2], linear.weight[1::2]]) * scale
    bias = torch.cat([linear.bias[0::2], linear.bias[1::2]]) * scale
    return Projection(weight, bias, dtype, result=torch.float32)


class Scores(Protocol):
    """Products of (M, C) queries with (N, C) keys, computed where they are asked for."""

    keys: Tensor

    def of(self, rows: slice, scratch: "Scratch") -> Tensor:
        """(rows, N) float32 scores of some queries, a tensor to write over."""


class ExactScores:
    """Products of float32 numbers."""

    def __init__(self, queries: Tensor, keys: Tensor) -> None:
        self.queries, self.keys = queries, keys

    def of(self, rows: slice, scratch: "Scratch") -> Tensor:
        """See `Scores`."""
        return times_transposed(self.queries[rows], self.keys)


class EightBitScores:
    """Products of 8-bit numbers, with a scale for each query and one for all keys.

    Args:
        queries, scales: (M, C) int8 and (M, 1) float32.
        keys: (N, C) float32, overwritten.
    """

    def __init__(self, queries: Tensor, scales: Tensor, keys: Tensor) -> None:
        self.queries = queries
        self.keys, scale = _rounded(keys, None)
        self.scales = scales * scale

    def of(self, rows: slice, scratch: "Scratch") -> Tensor:
        """See `Scores`."""
        queries, scales = self.queries[rows], self.scales[rows]
        products = scratch.matrix(torch.int32, len(queries), len(self.keys))
        scores = scratch.matrix(torch.float32, len(queries), len(self.keys))
        torch._int_mm(queries, self.keys.t(), out=products)
        return torch.mul(products, scales, out=scores)


class Scratch:
    """One buffer a dtype that tile after tile is computed in, so that none is asked for anew."""

    def __init__(self, numbers: int) -> None:
        self.numbers = numbers
        self._buffers: dict[torch.dtype, Tensor] = {}

    def matrix(self, dtype: torch.dtype, rows: int, columns: int) -> Tensor:
        """A (rows, columns) matrix with anything in it, good until the next one of its dtype."""
        if dtype not in self._buffers:
            self._buffers[dtype] = torch.empty(self.numbers, dtype=dtype)
        return self._buffers[dtype][: rows * columns].view(rows, columns)

    def rounded(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        """A float32 matrix in another dtype."""
        if dtype == matrix.dtype:
            return matrix
        return self.matrix(dtype, *matrix.shape).copy_(matrix)


def attend(blocks: Sequence[Scores], values: Tensor, out: Tensor) -> None:
    """Sum values, weighted by the softmax over the scores of all blocks.

    Args:
        blocks: the scores of M queries with N keys together, in units of the logarithm of 2.
        values: (N, C); their dtype is that of the weights in the product.
        out: (M, C) float32, where to write.
    """
    lengths = [len(block.keys) for block in blocks]
    tile = min(len(out), max(1, TILE_SCORES // max(lengths)))
    scratch = Scratch(tile * max(lengths))
    parts = values.split(lengths)
    for rows in slices(len(out), tile):
        highest = total = torch.empty(0)
        sums = out[rows]
        for number, (block, v) in enumerate(zip(blocks, parts, strict=True)):
            weights = block.of(rows, scratch)
            before, highest = highest, weights.amax(1, keepdim=True)
            if number > 0:
                highest = torch.maximum(before, highest)
            weights.sub_(highest).exp2_()
            if number == 0:
                total = weights.sum(1, keepdim=True)
                sums.copy_(scratch.rounded(weights, v.dtype) @ v)
            else:
                fade = (before - highest).exp2_()
                total.mul_(fade).add_(weights.sum(1, keepdim=True))
                sums.mul_(fade).add_(scratch.rounded(weights, v.dtype) @ v)
        sums.div_(total)


def slices(length: int, step: int) -> list[slice]:
    """The slices of a length, step by step."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _rounded(x: Tensor, dim: int | None) -> tuple[Tensor, Tensor]:
    """Whole numbers from -127 to 127, and what to multiply them by: one factor, or one a row.

    Overwrites x.
    """
    least, most = (x.amin(dim, True), x.amax(dim, True)) if dim is not None else x.aminmax()
    scale = torch.maximum(most, -least).clamp_(min=1e-20) / 127
    return x.mul_(1 / scale).round_().to(torch.int8), scale
