"""Attention over blocks of keys for CPUs, which never holds all scores at once.

A tile of queries is multiplied with one block of keys after another, each into a buffer that stays
in the cache, with the running maximum and sum of FlashAttention (https://arxiv.org/abs/2205.14135).
The softmax uses powers of 2, which are faster than powers of e, so callers scale their queries by
1 / ln 2.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from sam2_video.accelerate.matmul import matmul_transposed

TILE_SCORES = 256 * 4096
"""Scores of one tile. With fewer, the overhead of calls dominates; more do not fit the cache."""


class Scores(Protocol):
    """The scores of (M, C) queries with one block of (N, C) keys, computed on demand."""

    keys: Tensor

    def compute(self, rows: slice, scratch: "Scratch") -> Tensor:
        """(rows, N) float32 scores of some queries; the caller may overwrite them."""


class Float32Scores:
    """Scores of (M, C) float32 queries and (N, C) float32 keys."""

    def __init__(self, queries: Tensor, keys: Tensor) -> None:
        self.queries, self.keys = queries, keys

    def compute(self, rows: slice, scratch: "Scratch") -> Tensor:
        """See `Scores`."""
        return matmul_transposed(self.queries[rows], self.keys)


class Int8Scores:
    """Scores of 8-bit queries and keys, with one scale for each query and one for all keys.

    As in SageAttention (https://arxiv.org/abs/2410.02367).

    Args:
        queries: (M, C) int8, see `quantize`.
        scales: (M, 1) float32, the scales of the queries.
        keys: (N, C) float32, overwritten.
    """

    def __init__(self, queries: Tensor, scales: Tensor, keys: Tensor) -> None:
        self.queries = queries
        self.keys, key_scale = quantize(keys, None)
        self.scales = scales * key_scale

    def compute(self, rows: slice, scratch: "Scratch") -> Tensor:
        """See `Scores`."""
        queries, scales = self.queries[rows], self.scales[rows]
        integers = scratch.matrix(torch.int32, len(queries), len(self.keys))
        scores = scratch.matrix(torch.float32, len(queries), len(self.keys))
        torch._int_mm(queries, self.keys.t(), out=integers)
        return torch.mul(integers, scales, out=scores)


def quantize(x: Tensor, dim: int | None) -> tuple[Tensor, Tensor]:
    """Quantize symmetrically to 8 bits; `x` is overwritten.

    Args:
        x: float32.
        dim: the dimension that shares one scale; None for one scale of all values.

    Returns:
        int8 values from -127 to 127, and the float32 scale to multiply them by.
    """
    low, high = (x.amin(dim, True), x.amax(dim, True)) if dim is not None else x.aminmax()
    scale = torch.maximum(high, -low).clamp_(min=1e-20) / 127
    return x.mul_(1 / scale).round_().to(torch.int8), scale


class Scratch:
    """One reusable buffer for each dtype, so that tiles do not allocate memory."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity  # elements of each buffer
        self._buffers: dict[torch.dtype, Tensor] = {}

    def matrix(self, dtype: torch.dtype, rows: int, columns: int) -> Tensor:
        """An uninitialised (rows, columns) matrix, valid until the next one of its dtype."""
        if dtype not in self._buffers:
            self._buffers[dtype] = torch.empty(self.capacity, dtype=dtype)
        return self._buffers[dtype][: rows * columns].view(rows, columns)

    def cast(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        """A matrix converted to another dtype; the matrix itself if it has that dtype."""
        if dtype == matrix.dtype:
            return matrix
        return self.matrix(dtype, *matrix.shape).copy_(matrix)


def attend(blocks: Sequence[Scores], values: Tensor, out: Tensor) -> None:
    """Compute the values' sum weighted by the softmax over the scores of all blocks.

    Args:
        blocks: scores of M queries with N keys in all, divided by ln 2.
        values: (N, C), float32 or bfloat16; weights are cast to their dtype for the matmul.
        out: (M, C) float32, the output, overwritten.
    """
    lengths = [len(block.keys) for block in blocks]
    tile = min(len(out), max(1, TILE_SCORES // max(lengths)))
    scratch = Scratch(tile * max(lengths))
    block_values = values.split(lengths)
    for start in range(0, len(out), tile):
        rows = slice(start, min(start + tile, len(out)))
        maximum = total = torch.empty(0)
        sums = out[rows]
        for i, (block, v) in enumerate(zip(blocks, block_values, strict=True)):
            weights = block.compute(rows, scratch)
            previous, maximum = maximum, weights.amax(1, keepdim=True)
            if i > 0:
                maximum = torch.maximum(previous, maximum)
            weights.sub_(maximum).exp2_()
            if i == 0:
                total = weights.sum(1, keepdim=True)
                sums.copy_(scratch.cast(weights, v.dtype) @ v)
            else:
                rescale = (previous - maximum).exp2_()
                total.mul_(rescale).add_(weights.sum(1, keepdim=True))
                sums.mul_(rescale).add_(scratch.cast(weights, v.dtype) @ v)
        sums.div_(total)
