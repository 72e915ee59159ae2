"""Clips kept with what the frozen trunk sees in them, so that the decoder's steps cost no more.

Encoding an image costs more than decoding a click in it, and so does making it. While the trunk is
frozen, what it sees of a clip does not change: a clip is made and encoded once and then serves many
steps, each with other clicks.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.clips import make_clip, make_mosaic
from training.data import Batch, visible
from training.library import Library
from training.model import normalise
from training.prompts import click
from training.textures import Rng

GROWS_BY = 1


class Pool:
    """A growing store of clips; when it is full, new clips replace the oldest."""

    def __init__(
        self, model: SAM2Base, rng: Rng, folder: Path, side: int, frames: int, size: int
    ) -> None:
        self._model = model
        self._rng = rng
        self._library = Library(folder)
        self._shape = (frames, side)
        self._size = size
        self._features: list[list[Tensor]] = []
        self._ids: list[NDArray[np.uint8]] = []
        self._added = 0

    def add(self, mosaics: float) -> None:
        """Make one more clip, with chance `mosaics` an easy one, and encode it."""
        frames, side = self._shape
        make = make_mosaic if self._rng.random() < mosaics else make_clip
        clip = make(self._rng, self._library, frames, side)
        if not visible(clip):
            return
        with torch.no_grad():
            maps = self._model.image_encoder.trunk(normalise(torch.from_numpy(clip.frames)))
        place = self._added % self._size
        self._features[place : place + 1] = [[m.half() for m in maps]]
        self._ids[place : place + 1] = [clip.ids]
        self._added += 1

    def batch(self, images: int, prompts: int, frames: int) -> tuple[Batch, list[Tensor]]:
        """A batch without frames, and the trunk's features of them: each (T * B, C, H, W)."""
        chosen, masks, clicks = [], [], []
        while len(chosen) < images:
            entry = int(self._rng.integers(len(self._ids)))
            order = self._order(frames)
            ids = self._ids[entry][order]
            seen = [int(n) for n in np.unique(ids[0]) if n and (ids[0] == n).mean() > 0.01]
            if not seen:
                continue
            picked = self._rng.permutation(seen)
            numbers = [int(picked[i % len(picked)]) for i in range(prompts)]
            masks.append(np.stack([ids == n for n in numbers]))
            clicks.append(np.array([click(self._rng, m[0]) for m in masks[-1]], np.float32))
            chosen.append([level[order] for level in self._features[entry]])
        features = [
            torch.stack(level, 1).flatten(0, 1).float() for level in zip(*chosen, strict=True)
        ]
        side = self._shape[1]
        blank = torch.empty(images, frames, side, side, 0, dtype=torch.uint8)
        made = (torch.from_numpy(np.stack(part)) for part in (masks, clicks))
        return Batch(blank, *made), features

    def _order(self, frames: int) -> NDArray[np.int64]:
        """Which frames of a clip, forwards or backwards."""
        length = self._shape[0]
        first = int(self._rng.integers(length - frames + 1))
        order = np.arange(first, first + frames)
        return order[::-1].copy() if self._rng.random() < 0.5 else order
