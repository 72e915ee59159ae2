"""Turning a decoded frame into the input tensor of the image encoder."""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_DEVIATION = (0.229, 0.224, 0.225)


def shrink(picture: np.ndarray, image_size: int) -> np.ndarray:
    """Resize an (H, W, 3) uint8 picture to the model's square input as Meta's frame loader does.

    Bicubic and antialiased, without keeping the aspect ratio, as in
    `sam2.utils.misc._load_img_as_tensor`, which uses Pillow's default. PyTorch takes a seventh of
    Pillow's time; one value in 300 differs, by 1 or 2 of 255.

    Returns:
        (S, S, 3) uint8, S the `image_size`. It is a view of three planes in memory, because
        interleaving the channels would take as long as the resize.
    """
    pixels = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    small = F.interpolate(pixels, (image_size, image_size), mode="bicubic", antialias=True)
    return small[0].permute(1, 2, 0).numpy()


def normalize_image(image: np.ndarray, device: torch.device) -> Tensor:
    """Turn an (S, S, 3) uint8 RGB picture into the model's (1, 3, S, S) float32 input.

    It is copied to a GPU as bytes, asynchronously from pinned memory
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#use-pinned-memory-buffers); PyTorch keeps
    the pinned memory until the copy is done.
    """
    pixels = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)
    if device.type == "cuda":
        pixels = pixels.pin_memory()
    values = pixels.to(device, non_blocking=device.type == "cuda").float()
    mean, deviation = _mean_and_deviation(device)
    return values.div_(255.0).sub_(mean).div_(deviation)


@cache
def _mean_and_deviation(device: torch.device) -> tuple[Tensor, Tensor]:
    """Two (3, 1, 1) tensors, cached because copying them to a GPU would synchronise with it."""
    with torch.inference_mode(False):
        mean = torch.tensor(IMAGE_MEAN, device=device)[:, None, None]
        deviation = torch.tensor(IMAGE_DEVIATION, device=device)[:, None, None]
    return mean, deviation
