"""Mask logits become masks in the video's size."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2_video.video.pictures import Masks


@dataclass(frozen=True)
class PendingMasks:
    """(K, H, W) bool masks that a GPU may still be computing or copying.

    Attributes:
        masks: complete only when the copy is.
        copied: the event at the end of the copy to `masks`, which is in pinned memory; None if
            `masks` is complete.
    """

    masks: Masks
    copied: torch.cuda.Event | None = None

    def result(self) -> Masks:
        """The masks; waits until they are complete."""
        if self.copied is None:
            return self.masks
        self.copied.synchronize()
        # PyTorch reuses pinned memory but never returns it to the system: free it early.
        return self.masks.copy()


def masks_of(logits: Tensor, size: tuple[int, int]) -> PendingMasks:
    """Turn (K, 1, h, w) mask logits into (K, H, W) bool masks of a (width, height) video.

    Bilinear, as `SAM2VideoPredictor._get_orig_video_res_output`; object by object, since
    full-size logits are 32 times as large as the masks. On the CPU by OpenCV, whose resize takes
    a tenth of PyTorch's time; elsewhere on the device, so that only masks are copied from it.
    """
    if logits.device.type == "cpu":
        return PendingMasks(_resize_on_cpu(logits, size))
    masks = resize_on_device(logits, size)
    if not masks.is_cuda:
        return PendingMasks(masks.cpu().numpy())
    copy = masks.to("cpu", non_blocking=True)  # into pinned memory
    copied = torch.cuda.Event()
    copied.record(torch.cuda.current_stream(masks.device))
    return PendingMasks(copy.numpy(), copied)


def _resize_on_cpu(logits: Tensor, size: tuple[int, int]) -> Masks:
    width, height = size
    masks = np.empty((len(logits), height, width), bool)
    for k, logit in enumerate(logits):
        full = cv2.resize(logit[0].numpy(), size, interpolation=cv2.INTER_LINEAR)
        np.greater(full, 0, out=masks[k])
    return masks


def resize_on_device(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """`masks_of` by tensor operations; (K, H, W) bool on the device of the logits."""
    width, height = size
    masks = torch.empty((len(logits), height, width), dtype=torch.bool, device=logits.device)
    for k, logit in enumerate(logits):
        full = F.interpolate(logit[None], (height, width), mode="bilinear")
        torch.gt(full[0, 0], 0, out=masks[k])
    return masks
