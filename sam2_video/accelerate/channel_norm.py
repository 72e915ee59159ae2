"""The layer norm over channels of SAM 2's `LayerNorm2d`, by one kernel."""

import torch.nn.functional as F
from torch import Tensor


def channel_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise each position over its channels: (B, C, H, W) -> same shape, channels last.

    What `sam2.modeling.sam2_utils.LayerNorm2d` computes in ten steps.
    """
    channels_last = x.permute(0, 2, 3, 1)
    normed = F.layer_norm(channels_last, weight.shape, weight, bias, eps)
    return normed.permute(0, 3, 1, 2)
