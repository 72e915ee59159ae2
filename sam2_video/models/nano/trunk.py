"""The image trunk of `nano`: EfficientNet-Lite0 without its classifier, as a SAM 2 trunk.

The layers, their padding and the names of their parameters are those of the PyTorch port that the
ImageNet weights come from (https://github.com/lukemelas/EfficientNet-PyTorch, in its "lite"
edition), so that its weights, and every checkpoint trained from them, load without renaming. None
of that port is needed to run this module.
"""

from collections.abc import Container, Iterable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

_BN_EPS = 1e-3
_BN_MOMENTUM = 1e-2
_STEM_CHANNELS = 32


class Stage(NamedTuple):
    """A group of inverted residual blocks; only the first changes the stride and the width."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expand=1, channels=16),
    Stage(repeats=2, kernel=3, stride=2, expand=6, channels=24),
    Stage(repeats=2, kernel=5, stride=2, expand=6, channels=40),
    Stage(repeats=3, kernel=3, stride=2, expand=6, channels=80),
    Stage(repeats=3, kernel=5, stride=1, expand=6, channels=112),
    Stage(repeats=4, kernel=5, stride=2, expand=6, channels=192),
    Stage(repeats=1, kernel=3, stride=1, expand=6, channels=320),
)
FEATURE_STAGES = (1, 2, 4, 6)
"""The last stage at each of the strides 4, 8, 16 and 32, the inputs of SAM 2's neck."""


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME" pads an input that its stride divides.

    At stride 1 that is symmetric; at stride 2 the extra row and column of zeros go to the bottom
    and to the right, where the ImageNet weights expect them.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        total = kernel - stride
        self.uneven = total % 2 == 1
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding=total // 2 + self.uneven,
            groups=groups,
            bias=False,
        )

    def forward(self, x_bchw: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        return self._conv_forward(x_bchw, self.shifted(self.weight), self.bias)

    def shifted(self, weight: Tensor) -> Tensor:
        """The kernel that gives the uneven padding with an even one.

        A row and a column of zeros before the kernel shift it by one: the same as padding the
        picture unevenly, without a copy of the picture.
        """
        return F.pad(weight, (1, 0, 1, 0)) if self.uneven else weight


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; a residual connection where the shapes allow it."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expand: int
    ) -> None:
        super().__init__()
        width = in_channels * expand
        self.expands = expand != 1
        if self.expands:
            self._expand_conv = SameConv2d(in_channels, width, 1)
            self._bn0 = _batch_norm(width)
        self._depthwise_conv = SameConv2d(width, width, kernel, stride, groups=width)
        self._bn1 = _batch_norm(width)
        self._project_conv = SameConv2d(width, out_channels, 1)
        self._bn2 = _batch_norm(out_channels)
        self.skips = stride == 1 and in_channels == out_channels

    def forward(self, x_bchw: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y = x_bchw
        if self.expands:
            y = F.relu6(self._bn0(self._expand_conv(y)), inplace=not self.training)
        y = F.relu6(self._bn1(self._depthwise_conv(y)), inplace=not self.training)
        y = self._bn2(self._project_conv(y))
        return x_bchw + y if self.skips else y


class EfficientNetLite0Trunk(nn.Module):
    """EfficientNet-Lite0 up to its last block, for `sam2`'s `ImageEncoder`.

    3.0 M parameters. Its batch norms stay in evaluation mode, in training too: the batches are
    small and uniform, and the ImageNet statistics are better than theirs.

    Attributes:
        channel_list: channels of the features, from stride 32 down to stride 4, the order that
            `FpnNeck` takes.
        feature_blocks: indices of the blocks whose outputs are the features, finest first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, _STEM_CHANNELS, 3, stride=2)
        self.bn = _batch_norm(_STEM_CHANNELS)
        self.blocks = nn.ModuleList()
        channels = _STEM_CHANNELS
        last_blocks = []
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                self.blocks.append(
                    InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expand)
                )
                channels = stage.channels
            last_blocks.append(len(self.blocks) - 1)
        self.feature_blocks = [last_blocks[i] for i in FEATURE_STAGES]
        self.channel_list = [STAGES[i].channels for i in reversed(FEATURE_STAGES)]
        self.train(self.training)

    def train(self, mode: bool = True) -> "EfficientNetLite0Trunk":
        """Set the mode as usual, except that batch norms always stay in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        """Features of normalised RGB images, finest first, as `FpnNeck` takes them.

        (B, 3, H, W), H and W multiples of 32 -> (B, 24, H/4, W/4), (B, 40, H/8, W/8),
        (B, 112, H/16, W/16), (B, 320, H/32, W/32).
        """
        x = F.relu6(self.bn(self.stem(image_bchw)))
        return run_blocks(self.blocks, self.feature_blocks, x)


def run_blocks(blocks: Iterable[nn.Module], kept: Container[int], x: Tensor) -> list[Tensor]:
    """Run the blocks in order; the outputs of those whose indices are in `kept`."""
    features = []
    for index, block in enumerate(blocks):
        x = block(x)
        if index in kept:
            features.append(x)
    return features


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BN_EPS, momentum=_BN_MOMENTUM)
