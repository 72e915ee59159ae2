"""One forward pass of training: clicks, corrections and tracking, with the loss of each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.affinity import Affinity, affinity_loss
from training.data import Batch
from training.losses import (
    OTHER_OBJECT_WEIGHT,
    Score,
    click_loss,
    decoder_loss,
    other_objects,
    target,
)
from training.mask_corruption import corrupt
from training.model import DecoderOutputs
from training.prompts import click, largest_error
from training.textures import Rng
from training.tracking import Memory, Points, empty_memory, encode, first_points, store, track

STRIDE = 4
"""The decoder's masks have a quarter of the frame's resolution."""
MASK_FEEDBACK = 0.2
"""Share of the frames on which the decoder sees the mask of the clicks so far with each next click.
On the others it gets the clicks alone, as in a prediction, which gives all at once. It was half of
the frames until version 7."""
LOGIT_LIMIT = 32.0
"""The predictor clamps an earlier mask to this before it gives it to the decoder again."""
MEMORY_DROPOUT = 0.25
"""Share of the tracked frames on which the latest memories are missing."""


@dataclass(frozen=True)
class StepOptions:
    """How the clips of a step are prompted and tracked.

    Attributes:
        corrections: further clicks on frame 0.
        second_frame: another frame on which every object is clicked. As in a prediction, it is
            encoded before tracking, so frames on both sides attend to it.
        trained_frames: number of tracked frames with gradients, all if None. They follow a random
            number of frames tracked without gradients, which expose the model to its own errors at
            a third of the cost; frames after them are left out.
        object_pointers: share of the frames on which memory has object pointers. A pointer says
            what to look for, a stored mask where it was. In clips of a few objects that look
            different the pointer is enough, and a model that relies on it ignores positions.
    """

    corrections: int = 0
    second_frame: int | None = None
    trained_frames: int | None = None
    object_pointers: float = 1.0


def forward(
    model: SAM2Base,
    outputs: DecoderOutputs,
    affinity: Affinity,
    batch: Batch,
    rng: Rng,
    options: StepOptions,
) -> tuple[list[Score], Tensor]:
    """Prompt every object on frame 0, correct it, then track it through the clip.

    Args:
        model: nano.
        outputs: records the decoder's masks.
        affinity: the encoder's auxiliary task.
        batch: the clips.
        rng: chooses clicks, corrupted masks and missing memories.
        options: how to prompt and track.

    Returns:
        A score for the first click, for each correction, and for each other frame; the loss of the
        affinity.
    """
    images, frames, side = batch.frames.shape[:3]
    prompts = batch.masks.shape[1]
    small = side // STRIDE
    clicked = {0: first_points(batch.clicks)}
    if options.second_frame is not None:
        clicked[options.second_frame] = points_on(
            rng, batch.masks[:, :, options.second_frame].flatten(0, 1)
        )
    tracked = [t for t in range(frames) if t not in clicked]
    untrained: list[int] = []
    trained = options.trained_frames
    if trained is not None and trained < len(tracked):
        first = int(rng.integers(0, len(tracked) - trained + 1))
        untrained, tracked = tracked[:first], tracked[first : first + trained]
    with_gradients = sorted((*clicked, *tracked))
    encoded, finest = encode(model, batch.frames[:, with_gradients])
    views = dict(zip(with_gradients, encoded, strict=True))
    if untrained:
        # A bfloat16 copy of a weight made without gradients must not be reused with gradients.
        with torch.no_grad(), torch.autocast("cpu", cache_enabled=False, **_autocast()):
            encoded, _ = encode(model, batch.frames[:, untrained])
            views |= dict(zip(untrained, encoded, strict=True))
    truth = target(batch.masks.flatten(0, 2), small).view(images * prompts, frames, small, small)
    other = torch.stack([other_objects(truth[:, t], prompts) for t in range(frames)], 1)
    single = ~batch.joined.flatten()
    if not single.any():
        single[:] = True  # the mean of nothing is not a number
    affinity_term = affinity_loss(
        affinity(finest, (batch.clicks / STRIDE).long())[single],
        truth[single][:, with_gradients],
        other[single][:, with_gradients],
        OTHER_OBJECT_WEIGHT,
    )
    memory = empty_memory()
    scores: list[Score] = []

    def run_frame(t: int) -> None:
        """Find the objects on a frame, score them, store them in memory."""
        view = views[t].repeated(prompts)
        points = clicked.get(t)
        weighted = other[:, t]
        earlier = None
        feeds_back = rng.random() < MASK_FEEDBACK
        known = memory if t in clicked else with_dropout(rng, memory, t)
        model.use_obj_ptrs_in_encoder = rng.random() < options.object_pointers
        for _ in range(1 + (options.corrections if t == 0 else 0)):
            if points is not None and earlier is not None:
                points = next_points(rng, points, earlier[:, 0] > 0, batch.masks[:, :, 0])
                # The pixels that a click corrects weigh as much as those of another object.
                wrong = (earlier[:, 0] > 0) != (truth[:, t] > 0)
                weighted = torch.maximum(weighted, wrong.float())
            # At least as long as a video whose pointers fill the memory bank: SAM 2 divides the
            # temporal positions of pointers by this.
            length = max(frames, model.max_obj_ptrs_in_encoder)
            result = track(model, t, view, points, known, length, earlier if feeds_back else None)
            if t not in untrained:
                score = decoder_loss(
                    outputs.logits, outputs.ious, outputs.presence, truth[:, t], weighted
                )
                if points is not None:
                    positions, labels = points["point_coords"] / STRIDE, points["point_labels"]
                    at_clicks = click_loss(outputs.logits, positions, labels)
                    score = replace(score, loss=score.loss + at_clicks)
                scores.append(score)
            earlier = result.masks.detach().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        if frames > 1:
            # The memory encoder learns from later frames; the mask of this frame does not.
            stored = result.full_masks.detach()
            if t not in clicked:
                stored = corrupt(rng, stored)
            store(model, t, view, points, memory, result, stored, result.presence)

    for t in clicked:
        run_frame(t)
    with torch.no_grad(), torch.autocast("cpu", cache_enabled=False, **_autocast()):
        for t in untrained:
            run_frame(t)
    for t in tracked:
        run_frame(t)
    return scores, affinity_term


def _autocast() -> dict[str, Any]:
    """The current precision, to enter it again."""
    return {
        "dtype": torch.get_autocast_dtype("cpu"),
        "enabled": torch.is_autocast_enabled("cpu"),
    }


def with_dropout(rng: Rng, memory: Memory, frame: int) -> Memory:
    """Memory, on a share of the calls without its latest entries.

    In a short clip the previous frame is nearly sufficient, so a model learns to use nothing else.
    Without it only older memories and the clicked frame are left.
    """
    if rng.random() >= MEMORY_DROPOUT:
        return memory
    gap = int(rng.integers(1, max(frame, 2)))
    kept = {t: out for t, out in memory["non_cond_frame_outputs"].items() if t < frame - gap}
    return memory | {"non_cond_frame_outputs": kept}


def points_on(rng: Rng, masks: Tensor) -> Points:
    """A foreground click on each object, or a background click anywhere if it is not visible.

    Args:
        rng: chooses the pixel.
        masks: (N, S, S) bool.
    """
    positions = np.empty((len(masks), 1, 2), np.float32)
    labels = np.ones((len(masks), 1), np.int32)
    for i, mask in enumerate(masks.numpy()):
        if mask.any():
            positions[i, 0] = click(rng, mask)
        else:
            positions[i, 0], labels[i, 0] = rng.integers(0, mask.shape[-1], 2), 0
    return {"point_coords": torch.from_numpy(positions), "point_labels": torch.from_numpy(labels)}


def next_points(rng: Rng, points: Points, predicted: Tensor, masks: Tensor) -> Points:
    """Add to each object's clicks one in the largest error of its mask.

    Args:
        rng: chooses the pixel in that region.
        points: the clicks so far.
        predicted: (B * K, S / 4, S / 4) bool.
        masks: (B, K, S, S) bool.
    """
    shrunk = F.interpolate(masks.float(), scale_factor=1 / STRIDE, mode="area").flatten(0, 1)
    wanted = (shrunk > 0.5).numpy()
    added = np.zeros((len(wanted), 1, 2), np.float32)
    labels = np.full((len(wanted), 1), -1, np.int32)
    for i, (mask, truth) in enumerate(zip(predicted.numpy(), wanted, strict=True)):
        error = largest_error(mask, truth)
        if error is not None:
            x, y = click(rng, error[0])
            added[i, 0] = STRIDE * x + STRIDE / 2, STRIDE * y + STRIDE / 2
            labels[i, 0] = error[1]
    return {
        "point_coords": torch.cat([points["point_coords"], torch.from_numpy(added)], 1),
        "point_labels": torch.cat([points["point_labels"], torch.from_numpy(labels)], 1),
    }
