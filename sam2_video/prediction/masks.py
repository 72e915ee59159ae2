"""Mask logits become masks in the video's size: of two values, or soft at their edges."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sam2_video.video.pictures import Coverage, Masks

_FLAT = 1e-6  # logits a pixel; keeps a division from being one by zero


Value = TypeVar("Value", np.bool_, np.uint8)


@dataclass(frozen=True)
class PendingMasks(Generic[Value]):
    """(K, H, W) bool masks or uint8 coverage that a GPU may still be computing or copying.

    Attributes:
        masks: complete only when the copy is.
        copied: the event at the end of the copy to `masks`, which is in pinned memory; None if
            `masks` is complete.
    """

    masks: NDArray[Value]
    copied: torch.cuda.Event | None = None

    def result(self) -> NDArray[Value]:
        """The masks; waits until they are complete."""
        if self.copied is None:
            return self.masks
        self.copied.synchronize()
        # PyTorch reuses pinned memory but never returns it to the system: free it early.
        return self.masks.copy()


def masks_of(logits: Tensor, size: tuple[int, int]) -> PendingMasks[np.bool_]:
    """Turn (K, 1, h, w) mask logits into (K, H, W) bool masks of a (width, height) video.

    Bilinear, as `SAM2VideoPredictor._get_orig_video_res_output`; object by object, since
    full-size logits are 32 times as large as the masks. On the CPU by OpenCV, whose resize takes
    a tenth of PyTorch's time; elsewhere on the device, so that only masks are copied from it.
    """
    if logits.device.type == "cpu":
        return PendingMasks(_resize_on_cpu(logits, size))
    return _copied_to_host(resize_on_device(logits, size))


def coverage_of(logits: Tensor, size: tuple[int, int]) -> PendingMasks[np.uint8]:
    """Turn (K, 1, h, w) mask logits into (K, H, W) uint8 coverage of a (width, height) video.

    255 inside of an object and 0 outside, with a step about a pixel wide between them. It is 128
    or more exactly where `masks_of` is true. At a pixel next to the edge the distance to it is the
    logit over the length of its gradient, a first-order estimate, and a pixel's coverage is 1/2
    plus that distance, clipped. All other pixels are 0 or 255, whatever their logits: those of
    filled holes are near 0 too.
    """
    if logits.device.type == "cpu":
        return PendingMasks(_soften_on_cpu(logits, size))
    return _copied_to_host(soften_on_device(logits, size))


def _copied_to_host(masks: Tensor) -> PendingMasks[Any]:
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


def _soften_on_cpu(logits: Tensor, size: tuple[int, int]) -> Coverage:
    width, height = size
    coverage = np.empty((len(logits), height, width), np.uint8)
    for logit, out in zip(logits, coverage, strict=True):
        full = cv2.resize(logit[0].numpy(), size, interpolation=cv2.INTER_LINEAR)
        inside = (full > 0).view(np.uint8)
        np.negative(inside, out=out)  # modulo 256, minus one is 255
        x, y, w, h = cv2.boundingRect(inside)
        left, top = max(0, x - 1), max(0, y - 1)
        area = slice(top, y + h + 1), slice(left, x + w + 1)
        edge = cv2.morphologyEx(inside[area], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        rows, columns = np.nonzero(edge)
        rows, columns = rows + top, columns + left
        across = full[rows, np.minimum(columns + 1, width - 1)]
        across -= full[rows, np.maximum(columns - 1, 0)]
        down = full[np.minimum(rows + 1, height - 1), columns]
        down -= full[np.maximum(rows - 1, 0), columns]
        value = full[rows, columns]
        distance = 2 * value / np.maximum(np.hypot(across, down), _FLAT)
        share = np.clip(127.5 + 255 * distance, 0, 255)
        out[rows, columns] = np.where(value > 0, np.ceil(share), np.floor(share))
    return coverage


def soften_on_device(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """`coverage_of` by tensor operations; (K, H, W) uint8 on the device of the logits."""
    width, height = size
    coverage = torch.empty((len(logits), height, width), dtype=torch.uint8, device=logits.device)
    for logit, out in zip(logits, coverage, strict=True):
        full = F.interpolate(logit[None], (height, width), mode="bilinear").float()
        around = F.pad(full, (1, 1, 1, 1), mode="replicate")
        across = around[..., 1:-1, 2:] - around[..., 1:-1, :-2]
        down = around[..., 2:, 1:-1] - around[..., :-2, 1:-1]
        distance = 2 * full / torch.hypot(across, down).clamp(min=_FLAT)
        share = (127.5 + 255 * distance).clamp(0, 255)
        inside = full > 0
        share = torch.where(inside, share.ceil(), share.floor())
        is_edge = (F.max_pool2d(around, 3, 1) > 0) & (F.max_pool2d(-around, 3, 1) >= 0)
        out.copy_(torch.where(is_edge, share, inside * 255.0)[0, 0])
    return coverage
