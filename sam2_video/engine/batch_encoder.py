"""Encoding frames ahead of tracking, several in one go where that is asked for.

One frame leaves a large GPU partly idle, and what it costs to launch is paid for each; a CPU is
busy with one. Batches are whole wherever there are frames enough, never what happens to be ready:
the same video always goes the same way, and a CUDA graph finds the shapes that it was captured for.
"""

import logging
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import TypeVar

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from sam2_video.engine.tracker import FrameFeatures, encode_image, encode_images

T = TypeVar("T")

logger = logging.getLogger(__name__)


def encode_ahead(
    model: SAM2Base,
    frames: Iterable[T],
    picture_of: Callable[[T], Tensor | None],
    at_once: int,
) -> Generator[tuple[T, FrameFeatures | None], None, None]:
    """Each frame with its features, in order, encoded `at_once` in one go.

    Memory holds `at_once` frames and the features of two batches. The last batch, and one with
    frames that need no features, are shorter. If the device has too little memory for several
    frames at once, they are encoded one at a time from then on.

    Args:
        model: the network.
        frames: any items; an error raised by them appears up to `at_once - 1` frames early.
        picture_of: a frame's (1, 3, S, S) picture; None for one that needs no features.
        at_once: the largest batch.
    """
    source = iter(frames)
    while chunk := list(islice(source, at_once)):
        pictures = [picture_of(frame) for frame in chunk]
        wanted = [picture for picture in pictures if picture is not None]
        encoded: list[FrameFeatures] = []
        if len(wanted) > 1:
            try:
                encoded = encode_images(model, torch.cat(wanted))
            except torch.OutOfMemoryError:
                logger.warning("too little memory to encode %d frames in one go", len(wanted))
                at_once = 1
        del wanted
        while chunk:  # popped, so that memory is freed frame by frame
            frame, picture = chunk.pop(0), pictures.pop(0)
            if picture is None:
                yield frame, None
            else:
                yield frame, encoded.pop(0) if encoded else encode_image(model, picture)
