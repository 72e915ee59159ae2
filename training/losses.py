"""Losses of the mask decoder: masks, predicted IoU, presence, and the pixels that were clicked."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

OTHER_OBJECT_WEIGHT = 4.0
"""Weight of a pixel of another object that could have been clicked. Selecting all objects at once
is the error that a decoder makes first."""
CLICK_WEIGHT = 1.0
"""Weight of the loss at the clicked pixels, on average over the clicks."""


@dataclass(frozen=True)
class Score:
    """A loss to minimise and two figures for the log.

    Attributes:
        loss: scalar.
        iou: mean IoU of the mask that the decoder would choose of its three.
        prompt_insensitivity: mean IoU between the single masks of different objects of one image.
            Near 1 the decoder ignores the click, however low the loss is. Near 0 it follows the
            click, or its masks are empty.
    """

    loss: Tensor
    iou: float
    prompt_insensitivity: float


def target(masks: Tensor, side: int) -> Tensor:
    """Masks (B, S, S) bool at the decoder's resolution: (B, side, side) float, 0 or 1."""
    small = F.interpolate(masks[:, None].float(), size=(side, side), mode="area")[:, 0]
    return (small >= 0.5).float()


def other_objects(truth: Tensor, prompts: int) -> Tensor:
    """Pixels of the objects that other prompts of the same image ask for.

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
        truth: (B, H, W), 0 or 1; all 0 where the object is not visible.
        other: (B, H, W), 1 where another object is, as `other_objects` returns.
    """
    present = (truth.flatten(1).sum(1) > 0).float()
    wanted = truth[:, None].expand_as(logits)
    cross = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    weight = 1 + wanted + (OTHER_OBJECT_WEIGHT - 1) * other[:, None]
    cross = (cross * weight).flatten(2).mean(-1)
    probabilities = logits.sigmoid()
    overlap = (probabilities * wanted).flatten(2).sum(-1)
    dice = 1 - (2 * overlap + 1) / ((probabilities + wanted).flatten(2).sum(-1) + 1)
    with torch.no_grad():
        shown = logits > 0
        both = (shown & (wanted > 0)).flatten(2).sum(-1).float()
        true_ious = both / (shown | (wanted > 0)).flatten(2).sum(-1).clamp(min=1)
    mask = 3 * cross + 2 * dice
    best = mask[:, 1:].min(1).values
    iou_error = (ious - true_ious).abs().mean(1)
    presence_loss = F.binary_cross_entropy_with_logits(presence[:, 0], present)
    count = present.sum().clamp(min=1)
    loss = ((mask[:, 0] + best + iou_error) * present).sum() / count + presence_loss
    chosen = true_ious[:, 1:].gather(1, ious[:, 1:].argmax(1, keepdim=True))[:, 0]
    mean_iou = float((chosen * present).sum() / count)
    return Score(loss, mean_iou, prompt_insensitivity(shown[:, 0], other))


def click_loss(logits: Tensor, positions: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the masks at the clicked pixels.

    A click is one pixel of thousands in the loss of a mask, and the region that it corrects is
    often hard to tell from the rest; the clicked pixel itself is not. Without this loss 25 % of the
    foreground and 24 % of the background clicks in the largest error were right at their pixel;
    with it 46 and 34 % ten minutes later, 54 and 33 % in version 6, and 88 and 93 % in version 7
    after an hour and a half with many clicks per picture. Tripling its weight did not improve J.

    Args:
        logits: (B, M, H, W).
        positions: (B, K, 2), x and y in their pixels.
        labels: (B, K), 1 or 0, below 0 for none.
    """
    height, width = logits.shape[-2:]
    x = positions[..., 0].long().clamp(0, width - 1)
    y = positions[..., 1].long().clamp(0, height - 1)
    index = (y * width + x)[:, None].expand(-1, logits.shape[1], -1)
    clicked = logits.flatten(2).gather(2, index)
    wanted = labels[:, None].expand_as(clicked).float()
    known = (wanted >= 0).float()
    cross = F.binary_cross_entropy_with_logits(clicked, wanted.clamp(min=0), reduction="none")
    return CLICK_WEIGHT * (cross * known).sum() / known.sum().clamp(min=1)


def prompt_insensitivity(masks: Tensor, other: Tensor) -> float:
    """Mean IoU between neighbours in the batch whose prompts ask for different objects.

    Args:
        masks: (B, H, W) bool.
        other: (B, H, W), 1 where another object of the same image is.
    """
    first, second = masks[:-1].flatten(1), masks[1:].flatten(1)
    overlap = (first & second).sum(1) / (first | second).sum(1).clamp(min=1)
    different = (other[:-1] != other[1:]).flatten(1).any(1) & (other[:-1].sum((1, 2)) > 0)
    return float(overlap[different].mean()) if different.any() else 0.0
