"""The network in the form it is trained in: batch norms folded away, and quick to differentiate.

The norms of the trunk and of the neck keep the statistics that they have, so each of them is a
factor and a sum, which the convolution before it takes in. A third of a training step on a CPU is
saved by that alone. `unfolded` gives the weights back in the product's form.
"""

from collections.abc import Callable
from functools import wraps

import torch
import torch.nn.functional as F
from sam2.modeling.sam import transformer
from sam2.modeling.sam2_base import SAM2Base
from sam2.modeling.sam2_utils import LayerNorm2d
from torch import Tensor, nn

from sam2_video.accelerate.folding import fuse_norms

MASK_LAYERS = 6
"""Convolution, norm and activation at strides 2 and 4 of what memory makes of a mask."""


def fold(model: SAM2Base, frozen_blocks: int) -> None:
    """Fold norms, and settle what is trained and in which precision; in place.

    Args:
        model: nano with its weights.
        frozen_blocks: so many first blocks of the trunk stay as they are, together with its stem:
            the dearest layers, and the most general.
    """
    model.eval()  # else there are no statistics to fold
    fuse_norms(model.image_encoder)
    for module in model.image_encoder.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.requires_grad_(True)  # what a norm was folded into would not learn
    trunk = model.image_encoder.trunk
    for module in (trunk.stem, *trunk.blocks[:frozen_blocks]):
        module.requires_grad_(False)
    for block in trunk.blocks:
        # The gradient of a depthwise filter costs more than all else of its block together.
        block._depthwise_conv.requires_grad_(False)
    # Masks are first shrunk as they are: these few weights would cost a tenth of a step.
    model.memory_encoder.mask_downsampler.encoder[:MASK_LAYERS].requires_grad_(False)
    for module in model.image_encoder.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            trained = module.weight.requires_grad
            if trained or module.stride != (1, 1):
                module.forward = _in_float32(module.forward)
    model.train().to(memory_format=torch.channels_last)


def differentiate_quickly() -> None:
    """Put in place of three functions of `sam2` what autograd on a CPU is faster with.

    On grids this small plain products are faster than the fused attention, real arithmetic than
    complex, and one kernel for a norm than its ten steps.
    """
    transformer.apply_rotary_enc = rotate
    transformer.F = _Functions
    LayerNorm2d.forward = _layer_norm


class _Functions:
    """What `sam2.modeling.sam.transformer` takes from `torch.nn.functional`."""

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
    return F.layer_norm(channels_last, self.weight.shape, self.weight, self.bias, self.eps).permute(
        0, 3, 1, 2
    )


def unfolded(folded: dict[str, Tensor], model: SAM2Base) -> dict[str, Tensor]:
    """Weights of a folded network, in the form of `model`, which has its norms."""
    state = {}
    for name, value in model.state_dict().items():
        state[name] = folded.get(name, value).to(value.dtype)
    for convolution, norm, layer in _normed(model.image_encoder, "image_encoder."):
        state[f"{norm}.running_mean"] = torch.zeros_like(layer.running_mean)
        state[f"{norm}.running_var"] = torch.ones_like(layer.running_var)
        state[f"{norm}.weight"] = torch.full_like(layer.weight, (1 + layer.eps) ** 0.5)
        state[f"{norm}.bias"] = folded[f"{convolution}.bias"]
    return state


def _normed(module: nn.Module, prefix: str) -> list[tuple[str, str, nn.BatchNorm2d]]:
    """Names of every convolution and of the norm after it, by their order, and the norm."""
    found = []
    previous = ""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d) and previous:
            found.append((prefix + previous, prefix + name, child))
        found += _normed(child, f"{prefix}{name}.")
        previous = name if isinstance(child, nn.Conv2d) else ""
    return found


def _in_float32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """In bfloat16 the gradients of a depthwise convolution are many times slower."""

    @wraps(forward)
    def exact(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return forward(x.float())

    return exact


def rotate(
    xq: Tensor, xk: Tensor, freqs_cis: Tensor, repeat_freqs_k: bool = False
) -> tuple[Tensor, Tensor]:
    """`sam2.modeling.position_encoding.apply_rotary_enc` without complex numbers.

    Args:
        xq: (B, heads, N, C).
        xk: (B, heads, M, C), M a multiple of N if `repeat_freqs_k`.
        freqs_cis: (N, C / 2) complex.
        repeat_freqs_k: the keys are of several pictures.
    """
    cosines = freqs_cis.real.repeat_interleave(2, -1).to(xq.dtype)
    sines = freqs_cis.imag.repeat_interleave(2, -1).to(xq.dtype)
    turned = _turn(xq, cosines, sines)
    if repeat_freqs_k:
        pictures = xk.shape[-2] // xq.shape[-2]
        cosines, sines = cosines.repeat(pictures, 1), sines.repeat(pictures, 1)
    return turned, _turn(xk, cosines, sines)


def _turn(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    crossed = torch.stack((-odd, even), -1).flatten(-2)
    return x * cosines + crossed * sines
