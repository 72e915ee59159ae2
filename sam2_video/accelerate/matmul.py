"""Matrix multiplication on a CPU through oneDNN, in float32 or bfloat16.

PyTorch sends float32 matmuls to MKL, which uses only half the vector width of AMD processors.
oneDNN uses the full width. It is called through the operators that PyTorch's compiler emits, which
also accept weights that were packed into oneDNN's own layout beforehand. Where PyTorch was built
without oneDNN, its default matmul is used.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HAS_ONEDNN = (
    torch.backends.mkldnn.is_available()
    and torch.cpu._is_avx2_supported()  # on ARM oneDNN delegates to another library
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
)

ACTIVATIONS: dict[str, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "relu": ("relu", [], ""),
    "relu6": ("hardtanh", [0.0, 6.0], ""),
    "gelu": ("gelu", [], "none"),  # without the tanh approximation
}
"""Activations that oneDNN can fuse into a layer, as the arguments of its operators."""

MLP_TOKENS = 1024
"""Tokens in one block of an MLP: its hidden layer then stays in the cache."""


@dataclass(frozen=True)
class Precision:
    """The number formats that a network computes in.

    Attributes:
        matmul: dtype of the factors of matmuls, float32 or bfloat16; sums are always float32.
        int8_scores: whether memory attention quantizes queries and keys to 8 bits.
    """

    matmul: torch.dtype = torch.float32
    int8_scores: bool = False


FLOAT32 = Precision()


def _onednn_supports(dtype: torch.dtype) -> bool:
    """Whether oneDNN is available for matmuls in a dtype."""
    if dtype == torch.bfloat16:
        return HAS_ONEDNN and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return HAS_ONEDNN


def has_bfloat16_matmul() -> bool:
    """Whether the processor has instructions for bfloat16 matmuls (AVX512-BF16)."""
    return HAS_ONEDNN and bool(torch.cpu._is_avx512_bf16_supported())


def has_int8_matmul() -> bool:
    """Whether the processor has instructions for 8-bit matmuls (VNNI)."""
    return bool(torch.cpu._is_vnni_supported())


def matmul_transposed(a: Tensor, b: Tensor) -> Tensor:
    """Multiply (M, K) by the transpose of (N, K): (M, N), of the same dtype."""
    if not _onednn_supports(a.dtype):
        return a @ b.t()
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")


def batched_scores(queries: Tensor, keys: Tensor, precision: Precision) -> Tensor:
    """Multiply (B, M, C) float32 queries by (B, N, C) float32 keys: (B, M, N) float32 scores."""
    if precision.matmul == torch.float32 or not HAS_ONEDNN:
        return queries @ keys.mT
    # Queries and keys were computed in bfloat16, so converting them back to it loses nothing.
    # On a processor without bfloat16 instructions this setting still selects oneDNN.
    settings = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    try:
        return queries @ keys.mT
    finally:
        settings.fp32_precision = before


class PackedLinear(nn.Module):
    """A linear layer with weights packed for oneDNN and its activation fused.

    The weights are not parameters, because oneDNN's packed tensors cannot be moved or copied as
    parameters are: the module stays on the CPU and has no state dict.

    Args:
        weight: (N, K) float32.
        bias: (N,) float32, or None.
        dtype: of the matmul's factors; sums are float32.
        activation: one of `ACTIVATIONS`.
        output_dtype: dtype of the output; `dtype` if None.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        activation: str = "none",
        output_dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.dtype, self.output_dtype = dtype, output_dtype or dtype
        self.activation = activation
        self.in_features, self.out_features = weight.shape[1], weight.shape[0]
        weight = weight.detach().to(dtype).contiguous()
        self._packed = _onednn_supports(dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self._packed else weight
        self._bias = None if bias is None else bias.detach().to(dtype)

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, dtype: torch.dtype, activation: str = "none"
    ) -> "PackedLinear":
        """Pack the weights of a linear layer."""
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
        return x.to(self.output_dtype)


def add_mlp(
    tokens: Tensor, norm: nn.Module, expand: PackedLinear, contract: PackedLinear
) -> Tensor:
    """Apply a norm and an MLP to tokens and add the residual, block by block.

    Args:
        tokens: (..., C) float32.
        norm: applied to the tokens first.
        expand: the first layer, with its activation.
        contract: the second layer.

    Returns:
        (..., C) float32.
    """
    out = torch.empty(tokens.shape)
    blocks = tokens.flatten(0, -2).split(MLP_TOKENS)
    out_blocks = out.flatten(0, -2).split(MLP_TOKENS)
    for block, out_block in zip(blocks, out_blocks, strict=True):
        torch.add(block, contract(expand(norm(block))), out=out_block)
    return out
