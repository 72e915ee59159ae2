"""The neck of `nano`: from the trunk's features to maps that group what belongs to one object.

SAM 2's `FpnNeck` only projects and adds, since its trunk, a transformer, has already grouped what
belongs together. A small convolutional trunk has not, and the mask decoder mixes no neighbours. So
this neck filters at every stride on the way up, as the decoder of a U-Net does
(https://arxiv.org/abs/1505.04597), with depthwise blocks as in ConvNeXt
(https://arxiv.org/abs/2201.03545).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 7
EXPAND = 2


class Block(nn.Module):
    """A residual block: a depthwise filter and a pointwise MLP."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(
            channels, channels, KERNEL, padding=KERNEL // 2, groups=channels, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)
        self.expand = nn.Conv2d(channels, EXPAND * channels, 1)
        self.project = nn.Conv2d(EXPAND * channels, channels, 1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return x_bchw + self.project(F.relu(self.expand(self.norm(self.filter(x_bchw)))))


class FilteringNeck(nn.Module):
    """A top-down path with filters, for `sam2`'s `ImageEncoder` in place of its `FpnNeck`.

    Args:
        position_encoding: gives every output its positional encoding.
        d_model: channels of every output.
        backbone_channel_list: channels of the trunk's features, coarsest first.
        widths: channels inside, coarsest first.
        blocks: blocks at each stride, coarsest first.
    """

    def __init__(
        self,
        position_encoding: nn.Module,
        d_model: int,
        backbone_channel_list: Sequence[int],
        widths: Sequence[int],
        blocks: Sequence[int],
    ) -> None:
        super().__init__()
        self.position_encoding = position_encoding
        self.backbone_channel_list = list(backbone_channel_list)
        self.d_model = d_model
        self.laterals = nn.ModuleList(
            nn.Conv2d(channels, width, 1)
            for channels, width in zip(backbone_channel_list, widths, strict=True)
        )
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairwise(widths))
        self.filters = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(count)))
            for width, count in zip(widths, blocks, strict=True)
        )
        self.outputs = nn.ModuleList(nn.Conv2d(width, d_model, 1) for width in widths)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Features, finest first -> as many maps (B, d_model, H, W) and positional encodings."""
        maps: list[Tensor] = []
        x = None
        for level, feature in enumerate(reversed(features)):
            lateral = self.laterals[level](feature)
            if x is not None:
                coarse = self.narrow[level - 1](x)
                lateral = lateral + F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
            x = self.filters[level](lateral)
            maps.insert(0, self.outputs[level](x))
        return maps, [self.position_encoding(m).to(m.dtype) for m in maps]
