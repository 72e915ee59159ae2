"""Folding consecutive linear operations of a network into one."""

from sam2.modeling.backbones.image_encoder import FpnNeck
from sam2.modeling.sam2_base import SAM2Base
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sam2_video.models.nano.neck import FilteringNeck


def fuse_norms(module: nn.Module) -> None:
    """Fold every batch norm inside a module, in place, into the convolution before it.

    Args:
        module: in evaluation mode; its children are defined in the order in which they are called.
    """
    previous: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and previous is not None:
            fused = fuse_conv_bn_eval(previous[1], child)
            setattr(module, previous[0], fused)
            setattr(module, name, nn.Identity())
        fuse_norms(child)
        previous = (name, child) if isinstance(child, nn.Conv2d) else None


def fold_decoder_projections(network: SAM2Base) -> None:
    """Fold the mask decoder's projections of the two finest maps into the neck's, in place.

    `SAM2Base.forward_image` applies `conv_s0` and `conv_s1` directly to the neck's output, which
    nothing else reads.
    """
    if not network.use_high_res_features_in_sam:
        return
    decoder = network.sam_mask_decoder
    for level, name in ((0, "conv_s0"), (1, "conv_s1")):
        found = _last_projection(network.image_encoder.neck, level)
        if found is None:
            continue
        owner, attribute = found
        first, second = getattr(owner, attribute), getattr(decoder, name)
        folded = nn.Conv2d(first.in_channels, second.out_channels, 1)
        weight = second.weight[:, :, 0, 0]
        folded.weight = nn.Parameter((weight @ first.weight[:, :, 0, 0])[:, :, None, None])
        folded.bias = nn.Parameter(weight @ first.bias + second.bias)
        setattr(owner, attribute, folded)
        setattr(decoder, name, nn.Identity())


def _last_projection(neck: nn.Module, level: int) -> tuple[nn.Module, str] | None:
    """The owner and the attribute of the 1x1 convolution that ends a neck's level.

    Level 0 is the finest. None if the level does not end with a 1x1 convolution.
    """
    if isinstance(neck, FilteringNeck):
        return neck.outputs, str(len(neck.outputs) - 1 - level)
    if isinstance(neck, FpnNeck) and level not in neck.fpn_top_down_levels:
        return neck.convs[len(neck.convs) - 1 - level], "conv"
    return None
