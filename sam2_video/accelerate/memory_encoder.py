"""SAM 2's memory encoder for CPUs: the same function as Meta's module in fewer memory passes.

The projection of the frame's features, which all objects share, is computed once. Channel norms run
on contiguous channels, or in place where there are too few channels for that. The layer scale of a
fuser block is folded into its last linear layer.
"""

from sam2.modeling.memory_encoder import CXBlock, MemoryEncoder
from sam2.modeling.sam2_utils import LayerNorm2d
from torch import Tensor, nn

from sam2_video.accelerate.channel_norm import channel_norm
from sam2_video.accelerate.convolutions import pack_convolution
from sam2_video.accelerate.matmul import PackedLinear, Precision

MIN_CONTIGUOUS_CHANNELS = 16
"""With fewer, `F.layer_norm` over contiguous channels is slower than reductions in NCHW."""


class FastMemoryEncoder(nn.Module):
    """Replaces a network's `memory_encoder`; see the module's docstring.

    Args:
        original: Meta's module, in evaluation mode.
        precision: the number formats to compute in.
    """

    def __init__(self, original: MemoryEncoder, precision: Precision) -> None:
        super().__init__()
        self.downsample = nn.Sequential(*(_packed(m) for m in original.mask_downsampler.encoder))
        self.project = pack_convolution(original.pix_feat_proj)
        self.fuse = nn.Sequential(
            _packed(original.fuser.proj),
            *(FastCXBlock(layer, precision) for layer in original.fuser.layers),
        )
        self.output = _packed(original.out_proj)
        self.position_encoding = original.position_encoding

    def forward(self, pix_feat: Tensor, masks: Tensor, skip_mask_sigmoid: bool = False) -> dict:
        """Compute what `MemoryEncoder.forward` computes.

        Args:
            pix_feat: (B, C, h, w) features of one frame, equal for all B objects.
            masks: (B, 1, S, S) mask logits, or scaled probabilities with `skip_mask_sigmoid`.
            skip_mask_sigmoid: whether the sigmoid has been applied already.

        Returns:
            `vision_features`: (B, C_mem, h, w) float32; `vision_pos_enc`: a list of one
            (B, C_mem, h, w) tensor, expanded from one positional encoding.
        """
        masks = masks if skip_mask_sigmoid else masks.sigmoid()
        x = self.output(self.fuse(self.downsample(masks) + self.project(pix_feat[:1])))
        position = self.position_encoding(x[:1]).to(x.dtype)
        return {"vision_features": x, "vision_pos_enc": [position.expand(len(x), -1, -1, -1)]}


class FastCXBlock(nn.Module):
    """Replaces a `CXBlock`."""

    def __init__(self, original: CXBlock, precision: Precision) -> None:
        super().__init__()
        self.filter, self.norm = pack_convolution(original.dwconv), original.norm
        self.expand = PackedLinear.from_linear(original.pwconv1, precision.matmul, "gelu")
        weight, bias = original.pwconv2.weight, original.pwconv2.bias
        if original.gamma is not None:
            weight, bias = weight * original.gamma[:, None], bias * original.gamma
        self.contract = PackedLinear(weight, bias, precision.matmul)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w), channels last -> same shape."""
        y = channel_norm(self.filter(x), self.norm.weight, self.norm.bias, self.norm.eps)
        return x + self.contract(self.expand(y.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class FastLayerNorm2d(nn.Module):
    """Replaces a `LayerNorm2d`."""

    def __init__(self, original: LayerNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = original.weight, original.bias, original.eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        if len(self.weight) >= MIN_CONTIGUOUS_CHANNELS:
            return channel_norm(x, self.weight, self.bias, self.eps)
        x = x.contiguous()
        x = x - x.mean(1, keepdim=True)
        x *= (x.square().mean(1, keepdim=True) + self.eps).rsqrt()
        return x.mul_(self.weight[:, None, None]).add_(self.bias[:, None, None])


def _packed(module: nn.Module) -> nn.Module:
    """The fast form of a convolution or channel norm; any other module unchanged."""
    if isinstance(module, nn.Conv2d):
        return pack_convolution(module)
    return FastLayerNorm2d(module) if isinstance(module, LayerNorm2d) else module
