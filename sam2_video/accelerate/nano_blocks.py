"""The trunk and the neck of `nano` for CPUs: the same function in fewer passes over the data.

Activations are fused into convolutions, residuals are added in place, and feature maps that SAM 2
discards are not computed. Everything is float32: bfloat16 would save a fourteenth of a frame's
time, but its rounding errors early in the encoder lower the IoU with float32 masks to 0.98.
"""

from collections.abc import Iterable
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from sam2_video.accelerate.convolutions import pack_convolution, pack_convolutions
from sam2_video.models.nano.neck import Block, FilteringNeck
from sam2_video.models.nano.trunk import EfficientNetLite0Trunk, InvertedResidual, run_blocks


class FastTrunk(nn.Module):
    """Replaces an `EfficientNetLite0Trunk`.

    Args:
        original: in evaluation mode, its norms folded into its convolutions.
    """

    def __init__(self, original: EfficientNetLite0Trunk) -> None:
        super().__init__()
        self.stem = pack_convolution(original.stem, "relu6")
        blocks = cast(Iterable[InvertedResidual], original.blocks)
        self.blocks = nn.ModuleList(FastInvertedResidual(block) for block in blocks)
        self.feature_blocks = original.feature_blocks

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        """Compute what `EfficientNetLite0Trunk.forward` computes, channels last."""
        return run_blocks(self.blocks, self.feature_blocks, self.stem(image_bchw))


class FastInvertedResidual(nn.Module):
    """Replaces an `InvertedResidual` whose norms are folded into its convolutions."""

    def __init__(self, original: InvertedResidual) -> None:
        super().__init__()
        self.skips = original.skips
        steps = [pack_convolution(original._depthwise_conv, "relu6")]
        if original.expands:
            steps.insert(0, pack_convolution(original._expand_conv, "relu6"))
        self.steps = nn.Sequential(*steps, pack_convolution(original._project_conv))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y = self.steps(x)
        return y.add_(x) if self.skips else y


class FastNeck(nn.Module):
    """Replaces a `FilteringNeck`.

    Args:
        original: in evaluation mode, its norms folded into its convolutions; its layers are
            reused, so it cannot run any more.
        scalp: how many of the coarsest maps not to compute: those that `ImageEncoder.scalp`
            would discard.
    """

    def __init__(self, original: FilteringNeck, scalp: int) -> None:
        super().__init__()
        self.scalp = scalp
        self.position_encoding = original.position_encoding
        self.laterals, self.narrow = original.laterals, original.narrow
        self.outputs = original.outputs[scalp:]
        levels = cast(Iterable[Iterable[Block]], original.filters)
        self.filters = nn.ModuleList(
            nn.Sequential(*(FastFilterBlock(block) for block in blocks)) for blocks in levels
        )
        pack_convolutions(self)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Compute what `FilteringNeck.forward` computes, without the `scalp` coarsest maps."""
        maps: list[Tensor] = []
        x = features[-1]
        for level, feature in enumerate(reversed(features)):
            lateral = self.laterals[level](feature)
            if level > 0:
                coarse = self.narrow[level - 1](x)
                lateral += F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
            x = self.filters[level](lateral)
            if level >= self.scalp:
                maps.insert(0, self.outputs[level - self.scalp](x))
        return maps, [self.position_encoding(m) for m in maps]


class FastFilterBlock(nn.Module):
    """Replaces a `Block` of the neck whose norm is folded into its filter."""

    def __init__(self, original: Block) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            pack_convolution(original.filter),
            pack_convolution(original.expand, "relu"),
            pack_convolution(original.project),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return self.steps(x).add_(x)
