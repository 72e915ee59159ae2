"""SAM 2's memory encoder for CPUs: the same function as Meta's module, with less passing of data.

What all objects of a frame share, the projection of the frame's features, is computed once. Norms
over channels run where channels lie together, and in place where there are too few of them. The
scale of a fuser block is folded into its last projection.
"""

from sam2.modeling.memory_encoder import CXBlock, MemoryEncoder
from sam2.modeling.sam2_utils import LayerNorm2d
from torch import Tensor, nn

from sam2_video.accelerate.channel_norm import channel_norm
from sam2_video.accelerate.convolutions import faster
from sam2_video.accelerate.matmul import Projection, Rounding

FEW_CHANNELS = 16
"""With fewer channels, a norm that goes place by place spends its time on going."""


class FastMemoryEncoder(nn.Module):
    """Takes the place of a network's `memory_encoder`; see the module's text.

    Args:
        original: Meta's module, in evaluation mode.
        rounding: what may be rounded.
    """

    def __init__(self, original: MemoryEncoder, rounding: Rounding) -> None:
        super().__init__()
        self.downsample = nn.Sequential(*(_faster(m) for m in original.mask_downsampler.encoder))
        self.project = faster(original.pix_feat_proj)
        self.fuse = nn.Sequential(
            _faster(original.fuser.proj),
            *(FastCXBlock(layer, rounding) for layer in original.fuser.layers),
        )
        self.output = _faster(original.out_proj)
        self.position_encoding = original.position_encoding

    def forward(self, pix_feat: Tensor, masks: Tensor, skip_mask_sigmoid: bool = False) -> dict:
        """What `MemoryEncoder.forward` computes.

        Args:
            pix_feat: (B, C, h, w) features of one frame, the same for all B objects.
            masks: (B, 1, S, S) logits.
            skip_mask_sigmoid: the masks are what was made of logits.

        Returns:
            `vision_features`, (B, C_mem, h, w), and one of its positional encodings for all.
        """
        masks = masks if skip_mask_sigmoid else masks.sigmoid()
        x = self.output(self.fuse(self.downsample(masks) + self.project(pix_feat[:1])))
        position = self.position_encoding(x[:1]).to(x.dtype)
        return {"vision_features": x, "vision_pos_enc": [position.expand(len(x), -1, -1, -1)]}


class FastCXBlock(nn.Module):
    """Takes the place of a `CXBlock`."""

    def __init__(self, original: CXBlock, rounding: Rounding) -> None:
        super().__init__()
        self.filter, self.norm = faster(original.dwconv), original.norm
        self.expand = Projection.of(original.pwconv1, rounding.products, "gelu")
        weight, bias = original.pwconv2.weight, original.pwconv2.bias
        if original.gamma is not None:
            weight, bias = weight * original.gamma[:, None], bias * original.gamma
        self.contract = Projection(weight, bias, rounding.products)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w), channels last -> same."""
        y = channel_norm(self.filter(x), self.norm.weight, self.norm.bias, self.norm.eps)
        return x + self.contract(self.expand(y.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class ChannelNorm(nn.Module):
    """Takes the place of a `LayerNorm2d`."""

    def __init__(self, original: LayerNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = original.weight, original.bias, original.eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        if len(self.weight) >= FEW_CHANNELS:
            return channel_norm(x, self.weight, self.bias, self.eps)
        x = x.contiguous()
        x = x - x.mean(1, keepdim=True)
        x *= (x.square().mean(1, keepdim=True) + self.eps).rsqrt()
        return x.mul_(self.weight[:, None, None]).add_(self.bias[:, None, None])


def _faster(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.Conv2d):
        return faster(module)
    return ChannelNorm(module) if isinstance(module, LayerNorm2d) else module
