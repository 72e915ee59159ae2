"""The network in the form in which it is trained: batch norms folded, and faster gradients.

The norms of the trunk and of the neck keep their statistics, so each is a scale and an offset and
is folded into the convolution before it. That alone saves a third of a training step on a CPU.
`unfolded` returns the weights in the form that is shipped.

The first strides and the trunk's depthwise filters get no gradients, matmuls are in bfloat16 but
depthwise gradients in float32, and `patch_for_autograd` does the rest. The encoder's share of a
step fell from 45 to 14 ms a picture, the decoder's from 4.5 to 2.5 ms a prompt, memory attention's
from 14 to 4 ms.
"""

from collections.abc import Callable
from functools import wraps

import torch
import torch.nn.functional as F
from sam2.modeling.sam import transformer
from sam2.modeling.sam2_base import SAM2Base
from sam2.modeling.sam2_utils import LayerNorm2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

MASK_LAYERS = 6
"""Convolution, norm and activation at strides 2 and 4 of the mask downsampler."""


def fold(model: SAM2Base, frozen_blocks: int) -> None:
    """Fold norms, and set what is trained and in which precision; in place.

    Args:
        model: nano with its weights.
        frozen_blocks: this many first blocks of the trunk are not trained, nor is its stem: the
            most expensive layers, and the most general.
    """
    model.eval()  # norms are only folded in evaluation mode
    fuse_norms(model.image_encoder)
    for module in model.image_encoder.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.requires_grad_(True)  # folding made it without gradients
    trunk = model.image_encoder.trunk
    for module in (trunk.stem, *trunk.blocks[:frozen_blocks]):
        module.requires_grad_(False)
    for block in trunk.blocks:
        # The gradient of a depthwise filter costs more than the rest of its block together.
        block._depthwise_conv.requires_grad_(False)
    # The gradients of these few weights would cost a tenth of a step.
    model.memory_encoder.mask_downsampler.encoder[:MASK_LAYERS].requires_grad_(False)
    for module in model.image_encoder.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            trained = module.weight.requires_grad
            if trained or module.stride != (1, 1):
                setattr(module, "forward", _in_float32(module.forward))  # noqa: B010 - a method
    model.train().to(memory_format=torch.channels_last)


def fuse_norms(module: nn.Module) -> None:
    """Fold every batch norm inside a module, in place, into the convolution before it.

    Args:
        module: in evaluation mode; its children are defined in the order in which they are called.
    """
    previous: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and previous is not None:
            fused = fuse_conv_bn_eval(previous[1], child)
            setattr(module, previous[0], fused)
            setattr(module, name, nn.Identity())
        fuse_norms(child)
        previous = (name, child) if isinstance(child, nn.Conv2d) else None


def patch_for_autograd() -> None:
    """Replace three functions of `sam2` by ones whose gradients are faster on a CPU.

    On grids this small plain matmuls are faster than fused attention, real arithmetic is faster
    than complex, and one kernel for a norm is faster than its ten steps.
    """
    transformer.apply_rotary_enc = apply_rotary
    transformer.F = _Functions
    LayerNorm2d.forward = _layer_norm


class _Functions:
    """The functions that `sam2.modeling.sam.transformer` uses of `torch.nn.functional`."""

    relu = staticmethod(F.relu)

    @staticmethod
    def scaled_dot_product_attention(
        q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0
    ) -> Tensor:
        """(B, heads, N, C), (B, heads, M, C), (B, heads, M, C') -> (B, heads, N, C')."""
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        with torch.autocast("cpu", enabled=False):
            return torch.softmax(scores, -1) @ v.to(scores.dtype)


def _layer_norm(self: LayerNorm2d, x: Tensor) -> Tensor:
    channels_last = x.permute(0, 2, 3, 1)
    normed = F.layer_norm(channels_last, self.weight.shape, self.weight, self.bias, self.eps)
    return normed.permute(0, 3, 1, 2)


def unfolded(folded: dict[str, Tensor], model: SAM2Base) -> dict[str, Tensor]:
    """Weights of a folded network in the form of `model`, which has norms."""
    state = {}
    for name, value in model.state_dict().items():
        state[name] = folded.get(name, value).to(value.dtype)
    for convolution, norm, layer in _normed(model.image_encoder, "image_encoder."):
        state[f"{norm}.running_mean"] = torch.zeros_like(layer.weight)
        state[f"{norm}.running_var"] = torch.ones_like(layer.weight)
        state[f"{norm}.weight"] = torch.full_like(layer.weight, (1 + layer.eps) ** 0.5)
        state[f"{norm}.bias"] = folded[f"{convolution}.bias"]
    return state


def _normed(module: nn.Module, prefix: str) -> list[tuple[str, str, nn.BatchNorm2d]]:
    """The name of every convolution, the name of the norm after it, and the norm."""
    found = []
    previous = ""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d) and previous:
            found.append((prefix + previous, prefix + name, child))
        found += _normed(child, f"{prefix}{name}.")
        previous = name if isinstance(child, nn.Conv2d) else ""
    return found


def _in_float32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Compute in float32: bfloat16 gradients of a depthwise convolution are many times slower."""

    @wraps(forward)
    def in_float32(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return forward(x.float())

    return in_float32


def apply_rotary(
    xq: Tensor, xk: Tensor, freqs_cis: Tensor, repeat_freqs_k: bool = False
) -> tuple[Tensor, Tensor]:
    """`sam2.modeling.position_encoding.apply_rotary_enc` without complex numbers.

    Args:
        xq: (B, heads, N, C).
        xk: (B, heads, M, C), M a multiple of N if `repeat_freqs_k`.
        freqs_cis: (N, C / 2) complex.
        repeat_freqs_k: whether the keys are of several pictures.
    """
    cosines = freqs_cis.real.repeat_interleave(2, -1).to(xq.dtype)
    sines = freqs_cis.imag.repeat_interleave(2, -1).to(xq.dtype)
    rotated = _rotate(xq, cosines, sines)
    if repeat_freqs_k:
        pictures = xk.shape[-2] // xq.shape[-2]
        cosines, sines = cosines.repeat(pictures, 1), sines.repeat(pictures, 1)
    return rotated, _rotate(xk, cosines, sines)


def _rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    crossed = torch.stack((-odd, even), -1).flatten(-2)
    return x * cosines + crossed * sines
