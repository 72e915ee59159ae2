"""Products of matrices on a CPU, by the library that makes the most of the processor.

PyTorch gives float32 products to MKL, which on AMD's processors computes half as wide as they
can; oneDNN asks what the processor has. It is reached through the operators that PyTorch's own
compiler calls, which also take weights in oneDNN's order, converted once. Where PyTorch was built
without oneDNN its usual products are called.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HAS_ONEDNN = (
    torch.backends.mkldnn.is_available()
    and torch.cpu._is_avx2_supported()  # elsewhere PyTorch does not build on oneDNN alone
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
)

ACTIVATIONS: dict[str, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "relu": ("relu", [], ""),
    "relu6": ("hardtanh", [0.0, 6.0], ""),
    "gelu": ("gelu", [], "none"),  # the exact one
}
"""Activations that oneDNN applies to what it has just computed, as its operators take them."""

MLP_TOKENS = 1024
"""Tokens that pass the perceptron together, so that its hidden layer stays in the cache."""


@dataclass(frozen=True)
class Rounding:
    """In which numbers a part of the network multiplies.

    Attributes:
        products: dtype of the factors of matrix products, float32 or bfloat16.
        int8_scores: whether queries and keys of memory attention have 8 bits.
    """

    products: torch.dtype = torch.float32
    int8_scores: bool = False


EXACT = Rounding()


def _by_onednn(dtype: torch.dtype) -> bool:
    """Whether oneDNN is there to multiply numbers of this dtype."""
    if dtype == torch.bfloat16:
        return HAS_ONEDNN and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return HAS_ONEDNN


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 numbers."""
    return HAS_ONEDNN and bool(torch.cpu._is_avx512_bf16_supported())


def multiplies_bytes() -> bool:
    """Whether the processor has instructions for products of 8-bit numbers (VNNI)."""
    return bool(torch.cpu._is_vnni_supported())


def times_transposed(rows: Tensor, columns: Tensor) -> Tensor:
    """(M, K) times (N, K) transposed: (M, N), of the same dtype."""
    if not _by_onednn(rows.dtype):
        return rows @ columns.t()
    return torch.ops.mkldnn._linear_pointwise(rows, columns, None, "none", [], "")


def batched_scores(queries: Tensor, keys: Tensor, rounding: Rounding) -> Tensor:
    """(B, M, C) times (B, N, C) transposed, in float32: (B, M, N) float32."""
    if rounding.products == torch.float32 or not HAS_ONEDNN:
        return queries @ keys.mT
    # The factors were bfloat16 before, so rounding them to it again, which this allows, is exact;
    # and where the processor cannot, it is oneDNN all the same.
    settings = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    try:
        return queries @ keys.mT
    finally:
        settings.fp32_precision = before


class Projection(nn.Module):
    """A linear layer, its weights in one dtype and order for good, and an activation after it.

    Args:
        weight: (N, K) float32.
        bias: (N,) float32, or None.
        dtype: of the product's factors; sums are float32 in any case.
        activation: one of `ACTIVATIONS`.
        result: dtype of the result, that of the factors if None.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        activation: str = "none",
        result: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.dtype, self.result = dtype, result or dtype
        self.activation = activation
        self.in_features, self.out_features = weight.shape[1], weight.shape[0]
        weight = weight.detach().to(dtype).contiguous()
        # Not parameters: oneDNN's order is opaque to what moves and copies parameters.
        self._packed = _by_onednn(dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self._packed else weight
        self._bias = None if bias is None else bias.detach().to(dtype)

    @classmethod
    def of(cls, linear: nn.Linear, dtype: torch.dtype, activation: str = "none") -> "Projection":
        """What a linear layer computes."""
        return cls(linear.weight, linear.bias, dtype, activation)

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) of any float dtype -> (..., N)."""
        x = x.to(self.dtype)
        if self._packed:
            x = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, *ACTIVATIONS[self.activation]
            )
        else:
            x = F.linear(x, self._weight, self._bias)
            x = x if self.activation == "none" else getattr(F, self.activation)(x)
        return x.to(self.result)


def add_perceptron(
    tokens: Tensor, norm: nn.Module, expand: Projection, contract: Projection
) -> Tensor:
    """A perceptron of normed tokens (..., C), and its residual: same shape, float32."""
    out = torch.empty(tokens.shape)
    rows, places = tokens.flatten(0, -2), out.flatten(0, -2)
    for part, place in zip(rows.split(MLP_TOKENS), places.split(MLP_TOKENS), strict=True):
        torch.add(part, contract(expand(norm(part))), out=place)
    return out
