"""The trunk and the neck of `nano` for CPUs: what they compute, in fewer passes over the data.

Activations are folded into convolutions, and what nobody reads is not computed. With rounding, what
is multiplied and passed on is bfloat16, which is half as much to move; sums are float32. Not so in
the trunk's first blocks: what is rounded there is felt in all that follows, and would change masks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2_video.convolutions import faster, replace_convolutions
from sam2_video.nano.neck import FilteringNeck
from sam2_video.nano.trunk import EfficientNetLite0Trunk

EXACT_STAGES = 2
"""The trunk up to its features at strides 4 and 8 is float32 in any case."""


class FastTrunk(nn.Module):
    """Takes the place of an `EfficientNetLite0Trunk`.

    Args:
        original: in evaluation mode, its norms folded; taken apart.
        dtype: of what is multiplied and passed on after the first stages.
    """

    def __init__(self, original: EfficientNetLite0Trunk, dtype: torch.dtype) -> None:
        super().__init__()
        self.stem = faster(original.stem, "relu6")
        self.stages = nn.ModuleList()
        start = 0
        for number, last in enumerate(original.feature_blocks):
            stage = nn.Sequential(*original.blocks[start : last + 1])
            replace_convolutions(stage, torch.float32 if number < EXACT_STAGES else dtype)
            self.stages.append(stage)
            start = last + 1

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        """What `EfficientNetLite0Trunk.forward` computes, channels last."""
        x = self.stem(image_bchw)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class FastNeck(nn.Module):
    """Takes the place of a `FilteringNeck`.

    Args:
        original: in evaluation mode, its norms folded; taken apart.
        unread: how many of the coarsest maps are not given.
        dtype: of what is multiplied and passed on; the maps that are given are float32.
    """

    def __init__(self, original: FilteringNeck, unread: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.unread = unread
        self.position_encoding = original.position_encoding
        self.laterals, self.narrow = original.laterals, original.narrow
        self.filters, self.outputs = original.filters, original.outputs[unread:]
        replace_convolutions(self, dtype)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """What `FilteringNeck.forward` computes, but for what is unread."""
        maps: list[Tensor] = []
        x = features[-1]
        for level, feature in enumerate(reversed(features)):
            lateral = self.laterals[level](feature)
            if level > 0:
                coarse = self.narrow[level - 1](x)
                lateral += F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
            x = self.filters[level](lateral)
            if level >= self.unread:
                maps.insert(0, self.outputs[level - self.unread](x).float())
        return maps, [self.position_encoding(m) for m in maps]
