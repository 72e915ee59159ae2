"""Convolutions on a CPU through oneDNN, with packed weights and fused activations.

`torch.nn.Conv2d` converts its weights to oneDNN's layout at every call, which in a small network
takes as long as the convolution itself. A separate activation is another pass over the output.

A 1x1 convolution is computed as a matmul. oneDNN's layout for the weights of a convolution depends
on the image size, so weights packed before the size is known may be converted again at every call;
the layout for a matmul does not.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2_video.accelerate.matmul import ACTIVATIONS, HAS_ONEDNN, PackedLinear
from sam2_video.models.nano.trunk import SameConv2d


def pack_convolution(conv: nn.Conv2d, activation: str = "none") -> nn.Module:
    """Build the fast form of a convolution, in float32, with an activation after it.

    Args:
        conv: with zero padding, its weights loaded.
        activation: one of `ACTIVATIONS`.
    """
    is_pointwise = conv.kernel_size == conv.stride == (1, 1) and conv.groups == 1
    return (PointwiseConvolution if is_pointwise else PackedConvolution)(conv, activation)


class PointwiseConvolution(nn.Module):
    """A 1x1 convolution, computed as a matmul; see `pack_convolution`."""

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__()
        weight = conv.weight[:, :, 0, 0]
        self.linear = PackedLinear(weight, conv.bias, torch.float32, activation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W), float32, channels last."""
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PackedConvolution(nn.Module):
    """A convolution with a larger kernel, a stride or groups; see `pack_convolution`.

    Its weights are not parameters, for the reason given at `PackedLinear`.
    """

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        self.activation = activation
        weight = conv.weight.detach()
        if isinstance(conv, SameConv2d):
            weight = conv.shifted(weight)
        self._geometry = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self._bias = None if conv.bias is None else conv.bias.detach()
        if HAS_ONEDNN:
            weight = torch.ops.mkldnn._reorder_convolution_weight(
                weight.contiguous(), *self._geometry
            )
        self._packed = HAS_ONEDNN
        self._weight = weight

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W'), float32, channels last."""
        if self._packed:
            x = x.contiguous(memory_format=torch.channels_last)
            return torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, *self._geometry, *ACTIVATIONS[self.activation]
            )
        padding, stride, dilation, groups = self._geometry
        x = F.conv2d(x, self._weight, self._bias, stride, padding, dilation, groups)
        return x if self.activation == "none" else getattr(F, self.activation)(x)


def pack_convolutions(module: nn.Module) -> None:
    """Replace every `nn.Conv2d` inside a module, in place, by its fast form."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            setattr(module, name, pack_convolution(child))
        else:
            pack_convolutions(child)
