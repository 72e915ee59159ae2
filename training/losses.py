"""What is asked of the decoder: masks, an honest opinion of them, and whether one is there."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Score:
    """A loss to minimise and, for the log, what the masks are worth.

    Attributes:
        iou: mean IoU of the mask that the decoder would choose of its three.
        deaf: mean IoU between the single masks of different objects of one image. Near 1: the
            decoder does not listen to the click, however well the loss falls; near 0: it does, or
            it shows nothing at all.
    """

    loss: Tensor
    iou: float
    deaf: float


def target(masks: Tensor, side: int) -> Tensor:
    """Masks (B, S, S) bool at the decoder's resolution: (B, side, side) float, 0 or 1."""
    small = F.interpolate(masks[:, None].float(), size=(side, side), mode="area")[:, 0]
    return (small >= 0.5).float()


OTHERS = 4.0
"""Weight of a pixel of another object that could have been clicked: taking the lot is the error
that a decoder settles into first."""


def others(truth: Tensor, prompts: int) -> Tensor:
    """Pixels of the objects that are asked for in the same image but not by this prompt.

    (B * prompts, H, W) -> same shape; prompts of one image are neighbours in the batch.
    """
    height, width = truth.shape[-2:]
    together = truth.view(-1, prompts, height, width).amax(1).repeat_interleave(prompts, 0)
    return together * (1 - truth)


def decoder_loss(
    logits: Tensor, ious: Tensor, presence: Tensor, truth: Tensor, other: Tensor
) -> Score:
    """Loss of one decoder call: the single mask, the best of the other three, and the heads.

    Args:
        logits: (B, 4, H, W), the single mask first.
        ious: (B, 4), predicted.
        presence: (B, 1), logit.
        truth: (B, H, W), 0 or 1; all 0 where the object is not to be seen.
        other: (B, H, W), 1 where another object is, as `others` tells.
    """
    present = (truth.flatten(1).sum(1) > 0).float()
    wanted = truth[:, None].expand_as(logits)
    cross = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    weight = 1 + wanted + (OTHERS - 1) * other[:, None]
    cross = (cross * weight).flatten(2).mean(-1)
    probable = logits.sigmoid()
    overlap = (probable * wanted).flatten(2).sum(-1)
    dice = 1 - (2 * overlap + 1) / ((probable + wanted).flatten(2).sum(-1) + 1)
    with torch.no_grad():
        shown = logits > 0
        both = (shown & (wanted > 0)).flatten(2).sum(-1).float()
        real = both / (shown | (wanted > 0)).flatten(2).sum(-1).clamp(min=1)
    mask = 3 * cross + 2 * dice
    best = mask[:, 1:].min(1).values
    opinion = (ious - real).abs().mean(1)
    there = F.binary_cross_entropy_with_logits(presence[:, 0], present)
    count = present.sum().clamp(min=1)
    loss = ((mask[:, 0] + best + opinion) * present).sum() / count + there
    chosen = real[:, 1:].gather(1, ious[:, 1:].argmax(1, keepdim=True))[:, 0]
    return Score(loss, float((chosen * present).sum() / count), deafness(shown[:, 0], other))


CLICKED = 1.0
"""Weight of what the masks say at the clicks themselves, on the average over these."""


def click_loss(logits: Tensor, places: Tensor, labels: Tensor) -> Tensor:
    """How far the masks are from what the clicks say of the very places that are clicked.

    A click is a pixel of thousands in the loss of a mask, and the region that it is there to mend
    is often hard to tell from the rest; the click itself is not.

    Args:
        logits: (B, M, H, W).
        places: (B, K, 2), x and y in their pixels.
        labels: (B, K), 1 or 0, below 0 for none.
    """
    height, width = logits.shape[-2:]
    x, y = places[..., 0].long().clamp(0, width - 1), places[..., 1].long().clamp(0, height - 1)
    said = logits.flatten(2).gather(2, (y * width + x)[:, None].expand(-1, logits.shape[1], -1))
    wanted = labels[:, None].expand_as(said).float()
    known = (wanted >= 0).float()
    cross = F.binary_cross_entropy_with_logits(said, wanted.clamp(min=0), reduction="none")
    return CLICKED * (cross * known).sum() / known.sum().clamp(min=1)


def deafness(masks: Tensor, other: Tensor) -> float:
    """Mean IoU between neighbours in the batch that were asked for different objects.

    Args:
        masks: (B, H, W) bool.
        other: (B, H, W), 1 where another object of the same image is.
    """
    first, second = masks[:-1].flatten(1), masks[1:].flatten(1)
    overlap = (first & second).sum(1) / (first | second).sum(1).clamp(min=1)
    different = (other[:-1] != other[1:]).flatten(1).any(1) & (other[:-1].sum((1, 2)) > 0)
    return float(overlap[different].mean()) if different.any() else 0.0
