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

from sam2_video.accelerate.matmul import ACTIVATIONS, HAS_ONEDNN, Projection
from sam2_video.models.nano.neck import Block
from sam2_video.models.nano.trunk import InvertedResidual, SameConv2d


def faster(conv: nn.Conv2d, activation: str = "none") -> nn.Module:
    """A convolution in float32 and an activation after it.

    Args:
        conv: with zero padding, its weights loaded.
        activation: one of `ACTIVATIONS`.
    """
    single = conv.kernel_size == conv.stride == (1, 1) and conv.groups == 1
    return (Pointwise if single else Convolution)(conv, activation)


class Pointwise(nn.Module):
    """A convolution of single places; see `faster`."""

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__()
        weight = conv.weight[:, :, 0, 0]
        self.product = Projection(weight, conv.bias, torch.float32, activation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W), float32, channels last."""
        return self.product(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Convolution(nn.Module):
    """A convolution of neighbouring places; see `faster`."""

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        self.activation = activation
        weight = conv.weight.detach()
        if isinstance(conv, SameConv2d):
            weight = conv.shifted(weight)
        self._how = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self._bias = None if conv.bias is None else conv.bias.detach()
        # Not parameters: oneDNN's order is opaque to what moves and copies parameters.
        self._packed = HAS_ONEDNN
        if self._packed:
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight.contiguous(), *self._how)
        self._weight = weight

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W'), float32, channels last."""
        if self._packed:
            x = x.contiguous(memory_format=torch.channels_last)
            return torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, *self._how, *ACTIVATIONS[self.activation]
            )
        padding, stride, dilation, groups = self._how
        x = F.conv2d(x, self._weight, self._bias, stride, padding, dilation, groups)
        return x if self.activation == "none" else getattr(F, self.activation)(x)


class FastInvertedResidual(nn.Module):
    """Takes the place of the nano trunk's `InvertedResidual`, its norms folded before."""

    def __init__(self, original: InvertedResidual) -> None:
        super().__init__()
        self.skips = original.skips
        steps = [faster(original._depthwise_conv, "relu6")]
        if original.expands:
            steps.insert(0, faster(original._expand_conv, "relu6"))
        self.steps = nn.Sequential(*steps, faster(original._project_conv))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y = self.steps(x)
        return y.add_(x) if self.skips else y


class FastFilterBlock(nn.Module):
    """Takes the place of the nano neck's `Block`, its norm folded before."""

    def __init__(self, original: Block) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            faster(original.filter),
            faster(original.expand, "relu"),
            faster(original.project),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return self.steps(x).add_(x)


def replace_convolutions(module: nn.Module) -> None:
    """Have all convolutions below a module run through oneDNN, with norms folded in before."""
    for name, child in list(module.named_children()):
        if isinstance(child, InvertedResidual):
            setattr(module, name, FastInvertedResidual(child))
        elif isinstance(child, Block):
            setattr(module, name, FastFilterBlock(child))
        elif isinstance(child, nn.Conv2d):
            setattr(module, name, faster(child))
        else:
            replace_convolutions(child)
