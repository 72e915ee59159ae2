"""The trunk and the neck of `nano` for CPUs: what they compute, in fewer passes over the data.

The stem's activation is folded into it, and what nobody reads is not computed; the convolutions in
them are replaced with those of the whole encoder, by `replace_convolutions`. All is float32: in
bfloat16 a frame is a fourteenth faster, but what is rounded here is felt in all that follows, and
masks agree to an IoU of 0.98 only.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from sam2_video.accelerate.convolutions import faster
from sam2_video.models.nano.neck import FilteringNeck
from sam2_video.models.nano.trunk import EfficientNetLite0Trunk, run_blocks


class FastTrunk(nn.Module):
    """Takes the place of an `EfficientNetLite0Trunk`.

    Args:
        original: in evaluation mode, its norms folded; taken apart.
    """

    def __init__(self, original: EfficientNetLite0Trunk) -> None:
        super().__init__()
        self.stem = faster(original.stem, "relu6")
        self.blocks, self.feature_blocks = original.blocks, original.feature_blocks

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        """What `EfficientNetLite0Trunk.forward` computes, channels last."""
        return run_blocks(self.blocks, self.feature_blocks, self.stem(image_bchw))


class FastNeck(nn.Module):
    """Takes the place of a `FilteringNeck`.

    Args:
        original: in evaluation mode, its norms folded; taken apart.
        unread: how many of the coarsest maps are not given.
    """

    def __init__(self, original: FilteringNeck, unread: int) -> None:
        super().__init__()
        self.unread = unread
        self.position_encoding = original.position_encoding
        self.laterals, self.narrow = original.laterals, original.narrow
        self.filters, self.outputs = original.filters, original.outputs[unread:]

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
                maps.insert(0, self.outputs[level - self.unread](x))
        return maps, [self.position_encoding(m) for m in maps]
