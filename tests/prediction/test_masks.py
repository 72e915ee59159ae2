"""Masks in the video's size, on the CPU and as a GPU computes them."""

import numpy as np
import torch

from sam2_video.prediction.masks import PendingMasks, masks_of, resize_on_device

SIZE = (75, 52)


def logits() -> torch.Tensor:
    """(2, 1, 16, 16): smooth, positive in the middle and negative at the border."""
    line = torch.linspace(-1, 1, 16)
    distance = (line[:, None] ** 2 + line**2).sqrt()
    return torch.stack([0.8 - distance, 0.5 - distance])[:, None]


def test_masks_have_the_size_of_the_video_and_the_shape_of_the_logits() -> None:
    masks = masks_of(logits(), SIZE).result()
    assert (masks.shape, masks.dtype) == ((2, 52, 75), np.bool_)
    assert masks[:, 26, 37].all()
    assert not masks[:, 0, 0].any()
    assert masks[0].sum() > masks[1].sum() > 0


@torch.inference_mode()
def test_a_device_computes_the_same_masks() -> None:
    on_device = resize_on_device(logits(), SIZE).numpy()
    assert (on_device != masks_of(logits(), SIZE).result()).mean() < 1e-3


class Copied:
    """An event that ends with the last bytes of a copy."""

    def __init__(self, masks: np.ndarray) -> None:
        self.masks = masks

    def synchronize(self) -> None:
        self.masks[:] = True


def test_a_result_is_complete_and_outlives_the_memory_it_was_copied_to() -> None:
    pinned = np.zeros((1, 2, 3), bool)
    result = PendingMasks(pinned, Copied(pinned)).result()  # type: ignore[arg-type]
    assert result.all()
    pinned[:] = False
    assert result.all()
