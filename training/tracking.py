"""SAM 2's work on one frame, as training needs it: encode, track, store in memory.

Training calls the inner methods of `SAM2Base` because `track_step` always stores the mask that it
found, whereas training sometimes stores the true mask or a corrupted one.
"""

from dataclasses import dataclass
from typing import Any

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.model import normalise

Memory = dict[str, dict[int, dict[str, Any]]]
"""SAM 2's memory bank: entries by frame, of conditioning frames and of others."""
Points = dict[str, Tensor]
"""Clicks as SAM 2 takes them: `point_coords` (N, P, 2), x and y, and `point_labels` (N, P)."""


@dataclass(frozen=True)
class View:
    """The encoder's output for one frame of every clip, as `SAM2Base._track_step` takes it.

    Attributes:
        maps: features (H * W, B, C) at each stride, finest first.
        positions: their positional encodings.
        sizes: (H, W) of each.
    """

    maps: list[Tensor]
    positions: list[Tensor]
    sizes: list[tuple[int, int]]

    def repeated(self, prompts: int) -> "View":
        """The same for each of `prompts` prompts of an image, which are neighbours then."""
        return View(
            [m.repeat_interleave(prompts, 1) for m in self.maps],
            [p.repeat_interleave(prompts, 1) for p in self.positions],
            self.sizes,
        )


@dataclass(frozen=True)
class FrameResult:
    """The mask decoder's results for N objects on one frame.

    Attributes:
        masks: (N, 1, S / 4, S / 4) logits.
        full_masks: (N, 1, S, S) logits.
        pointers: (N, C) object pointers.
        presence: (N, 1) logits of the object being visible.
        entry: the frame's entry for the memory bank, which `store` completes.
    """

    masks: Tensor
    full_masks: Tensor
    pointers: Tensor
    presence: Tensor
    entry: dict[str, Any]


def empty_memory() -> Memory:
    """A memory bank without entries."""
    return {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}


def encode(model: SAM2Base, frames: Tensor) -> tuple[list[View], Tensor]:
    """Encode frames (B, T, S, S, 3) uint8.

    Returns:
        T views of B images each; the finest map (T * B, C, S / 4, S / 4) before the decoder's own
        projection.
    """
    images, count = frames.shape[:2]
    pixels = normalise(frames).transpose(0, 1).flatten(0, 1)
    features = model.image_encoder(pixels.contiguous(memory_format=torch.channels_last))
    finest = features["backbone_fpn"][0]
    decoder = model.sam_mask_decoder
    for level, project in enumerate((decoder.conv_s0, decoder.conv_s1)):
        features["backbone_fpn"][level] = project(features["backbone_fpn"][level])
    _, maps, positions, sizes = model._prepare_backbone_features(features)
    parts = [slice(t * images, (t + 1) * images) for t in range(count)]
    views = [View([m[:, s] for m in maps], [p[:, s] for p in positions], sizes) for s in parts]
    return views, finest


def track(
    model: SAM2Base,
    frame: int,
    view: View,
    points: Points | None,
    memory: Memory,
    num_frames: int,
    earlier: Tensor | None = None,
) -> FrameResult:
    """Find N objects on one frame; `SAM2Base._track_step` with named results.

    Args:
        model: nano.
        frame: its index in the clip.
        view: the encoded frame, repeated for each object.
        points: clicks; None on a frame that is only tracked.
        memory: read, not changed.
        num_frames: length of the video.
        earlier: (N, 1, S / 4, S / 4) logits of the mask that the clicks correct, if any.
    """
    entry, heads, _, _ = model._track_step(
        frame,
        points is not None,
        view.maps,
        view.positions,
        view.sizes,
        points,
        None,
        memory,
        num_frames,
        False,
        earlier,
    )
    _, _, _, masks, full_masks, pointers, presence = heads
    return FrameResult(masks, full_masks, pointers, presence, entry)


def store(
    model: SAM2Base,
    frame: int,
    view: View,
    points: Points | None,
    memory: Memory,
    result: FrameResult,
    masks: Tensor,
    presence: Tensor,
) -> None:
    """Encode masks into memory, in place.

    Args:
        model: nano.
        frame: its index; it becomes a conditioning frame if it has points.
        view: the encoded frame, as given to `track`.
        points: the clicks given to `track`.
        memory: gets the frame's entry.
        result: what `track` returned.
        masks: (N, 1, S, S) logits of the masks to store.
        presence: (N, 1) logits of presence to store.
    """
    entry = result.entry
    entry["obj_ptr"] = result.pointers
    model._encode_memory_in_output(view.maps, view.sizes, points, True, masks, presence, entry)
    kind = "non_cond_frame_outputs" if points is None else "cond_frame_outputs"
    memory[kind][frame] = entry


def first_points(clicks: Tensor) -> Points:
    """Foreground clicks (B, K, 2), one on each object, as SAM 2 takes points."""
    coordinates = clicks.flatten(0, 1)[:, None]
    return {
        "point_coords": coordinates,
        "point_labels": torch.ones(coordinates.shape[:2], dtype=torch.int32),
    }
