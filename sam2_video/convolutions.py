"""Convolutions on a CPU through oneDNN, with weights in its order and what follows folded in.

`torch.nn.Conv2d` has its weights brought into oneDNN's order anew at every call, which in a small
network takes as long as the convolution; and each activation is another pass over its result.

A convolution of single places is a product of matrices, and computed as one: the order in which
oneDNN wants a convolution's weights depends on the picture's size, so weights that were ordered
before it was known may be ordered again at every call, while those of a product never are.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2_video.nano.neck import Block
from sam2_video.nano.trunk import InvertedResidual, SameConv2d
from sam2_video.products import ACTIVATIONS, Projection, by_onednn


def faster(
    conv: nn.Conv2d, activation: str = "none", dtype: torch.dtype = torch.float32
) -> nn.Module:
    """A convolution and an activation after it.

    Args:
        conv: with zero padding, its weights loaded.
        activation: one of `ACTIVATIONS`.
        dtype: of the factors and of the result; sums are float32 in any case.
    """
    single = conv.kernel_size == conv.stride == (1, 1) and conv.groups == 1
    return (Pointwise if single else Convolution)(conv, activation, dtype)


class Pointwise(nn.Module):
    """A convolution of single places; see `faster`."""

    def __init__(self, conv: nn.Conv2d, activation: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.product = Projection(conv.weight[:, :, 0, 0], conv.bias, dtype, activation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) of any float dtype -> (B, C', H, W), channels last."""
        return self.product(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Convolution(nn.Module):
    """A convolution of neighbouring places; see `faster`."""

    def __init__(self, conv: nn.Conv2d, activation: str, dtype: torch.dtype) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        self.activation, self.dtype = activation, dtype
        weight = conv.weight.detach()
        if isinstance(conv, SameConv2d):
            weight = conv.shifted(weight)
        weight = weight.to(dtype).contiguous()
        self._how = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)
        # Not parameters: oneDNN's order is opaque to what moves and copies parameters.
        self._packed = by_onednn(dtype)
        if self._packed:
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self._how)
        self._weight = weight

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) of any float dtype -> (B, C', H', W'), channels last."""
        x = x.to(self.dtype, memory_format=torch.channels_last)
        if self._packed:
            return torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, *self._how, *ACTIVATIONS[self.activation]
            )
        padding, stride, dilation, groups = self._how
        x = F.conv2d(x, self._weight, self._bias, stride, padding, dilation, groups)
        return x if self.activation == "none" else getattr(F, self.activation)(x)


class FastInvertedResidual(nn.Module):
    """Takes the place of the nano trunk's `InvertedResidual`, its norms folded before."""

    def __init__(self, original: InvertedResidual, dtype: torch.dtype) -> None:
        super().__init__()
        self.skips = original.skips
        steps = [faster(original._depthwise_conv, "relu6", dtype)]
        if original.expands:
            steps.insert(0, faster(original._expand_conv, "relu6", dtype))
        self.steps = nn.Sequential(*steps, faster(original._project_conv, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y = self.steps(x)
        return y.add_(x) if self.skips else y


class FastFilterBlock(nn.Module):
    """Takes the place of the nano neck's `Block`, its norm folded before."""

    def __init__(self, original: Block, dtype: torch.dtype) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            faster(original.filter, dtype=dtype),
            faster(original.expand, "relu", dtype),
            faster(original.project, dtype=dtype),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return self.steps(x).add_(x)


def replace_convolutions(module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Have all convolutions below a module run through oneDNN, with norms folded in before."""
    for name, child in list(module.named_children()):
        if isinstance(child, InvertedResidual):
            setattr(module, name, FastInvertedResidual(child, dtype))
        elif isinstance(child, Block):
            setattr(module, name, FastFilterBlock(child, dtype))
        elif isinstance(child, nn.Conv2d):
            setattr(module, name, faster(child, dtype=dtype))
        else:
            replace_convolutions(child, dtype)
