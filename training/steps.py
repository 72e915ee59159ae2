"""One forward pass of training: clicks, corrections and tracking, with the loss of each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.affinity import Affinity, affinity_loss
from training.damage import damaged
from training.data import Batch
from training.losses import OTHERS, Score, click_loss, decoder_loss, others, target
from training.model import AllMasks, normalise
from training.prompts import click, largest_error
from training.textures import Rng

STRIDE = 4
"""The decoder's masks have a quarter of the frame's resolution."""
SHOWN = 0.2
"""On this share of the frames each click comes after the mask of those before it, which the decoder
is shown; on the rest all at once, as the product has them."""
LOGIT_LIMIT = 32.0
"""What the predictor clamps an earlier mask to before it gives it to the decoder again."""


def forward(
    model: SAM2Base,
    seen: AllMasks,
    batch: Batch,
    rng: Rng,
    corrections: int,
    affinity: Affinity,
    again: int | None = None,
    learned: int | None = None,
    pointers: float = 1.0,
) -> tuple[list[Score], Tensor]:
    """Prompt every object on frame 0, correct it, then track it through the clip.

    Args:
        model: nano.
        seen: what records the decoder's masks.
        batch: the clips.
        rng: where clicks go, what is damaged and what forgotten.
        corrections: further clicks on frame 0.
        affinity: the encoder's second task.
        again: another frame on which every object is clicked; as in the product it is encoded
            before tracking, so frames on both sides attend to it.
        learned: on how many tracked frames the model learns, all if None. They follow upon
            a random number of frames that are tracked without learning, which brings the model's
            own errors to them at a third of the cost; frames after them are left out.
        pointers: on this share of the frames, memory has object pointers. A pointer says what to
            look for, a remembered mask where it was; in clips of a few things that look different
            the pointer is enough, and a model that follows it no longer asks where.

    Returns:
        A score for the first click, for each correction, and for each other frame; the loss of the
        affinity.
    """
    images, frames, side = batch.frames.shape[:3]
    prompts = batch.masks.shape[1]
    small = side // STRIDE
    clicked = {0: first_points(batch.clicks)}
    if again is not None:
        clicked[again] = points_on(rng, batch.masks[:, :, again].flatten(0, 1))
    tracked = [t for t in range(frames) if t not in clicked]
    blind: list[int] = []
    if learned is not None and learned < len(tracked):
        first = int(rng.integers(0, len(tracked) - learned + 1))
        blind, tracked = tracked[:first], tracked[first : first + learned]
    told = sorted((*clicked, *tracked))
    encoded, finest = encode(model, batch.frames[:, told])
    views = dict(zip(told, encoded, strict=True))
    if blind:
        # A weight's bfloat16 copy made without gradients must not serve where they are wanted.
        with torch.no_grad(), torch.autocast("cpu", cache_enabled=False, **_autocast()):
            views |= dict(zip(blind, encode(model, batch.frames[:, blind])[0], strict=True))
    truth = target(batch.masks.flatten(0, 2), small).view(images * prompts, frames, small, small)
    other = torch.stack([others(truth[:, t], prompts) for t in range(frames)], 1)
    alone = ~batch.joined.flatten()
    if not alone.any():
        alone[:] = True  # the mean of nothing is not a number
    kinship = affinity_loss(
        affinity(finest, (batch.clicks / STRIDE).long())[alone],
        truth[alone][:, told],
        other[alone][:, told],
        OTHERS,
    )
    memory: dict[str, dict] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    scores: list[Score] = []

    def see(t: int) -> None:
        view = views[t].repeated(prompts)
        points = clicked.get(t)
        heeded = other[:, t]
        earlier = None
        shows_earlier = rng.random() < SHOWN
        known = memory if t in clicked else forgetful(rng, memory, t)
        model.use_obj_ptrs_in_encoder = rng.random() < pointers
        for _ in range(1 + (corrections if t == 0 else 0)):
            if earlier is not None:
                points = next_points(rng, points, earlier[:, 0] > 0, batch.masks[:, :, 0])
                # What a click is there to mend counts as what another object is.
                heeded = torch.maximum(heeded, ((earlier[:, 0] > 0) != (truth[:, t] > 0)).float())
            given = earlier if shows_earlier else None
            out, sam, _, _ = model._track_step(
                t,
                t in clicked,
                view.maps,
                view.places,
                view.sizes,
                points,
                None,
                known,
                # As in any longer video, by which pointers' places in time are divided.
                max(frames, model.max_obj_ptrs_in_encoder),
                False,
                given,
            )
            if t not in blind:
                asked = (seen.logits, seen.ious, seen.presence, truth[:, t], heeded)
                scores.append(decoder_loss(*asked))
                if points is not None:
                    places, labels = points["point_coords"] / STRIDE, points["point_labels"]
                    scores[-1] = replace(
                        scores[-1], loss=scores[-1].loss + click_loss(seen.logits, places, labels)
                    )
            earlier = sam[3].detach().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        if frames > 1:
            out["obj_ptr"] = sam[5]
            # What is remembered learns from later frames; the mask of this frame does not.
            shown = sam[4].detach()
            if t not in clicked:
                shown = damaged(rng, shown)
            model._encode_memory_in_output(view.maps, view.sizes, points, True, shown, sam[6], out)
            memory["cond_frame_outputs" if t in clicked else "non_cond_frame_outputs"][t] = out

    for t in clicked:
        see(t)
    with torch.no_grad(), torch.autocast("cpu", cache_enabled=False, **_autocast()):
        for t in blind:
            see(t)
    for t in tracked:
        see(t)
    return scores, kinship


@dataclass(frozen=True)
class View:
    """One frame of every clip as the encoder sees it, as `SAM2Base._track_step` takes it.

    Attributes:
        maps: features (H * W, B, C) at each stride, finest first.
        places: their positional encodings.
        sizes: (H, W) of each.
    """

    maps: list[Tensor]
    places: list[Tensor]
    sizes: list[tuple[int, int]]

    def repeated(self, prompts: int) -> "View":
        """The same for each of so many prompts of an image, which are neighbours then."""
        return View(
            [m.repeat_interleave(prompts, 1) for m in self.maps],
            [p.repeat_interleave(prompts, 1) for p in self.places],
            self.sizes,
        )


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
    _, maps, places, sizes = model._prepare_backbone_features(features)
    parts = [slice(t * images, (t + 1) * images) for t in range(count)]
    views = [View([m[:, s] for m in maps], [p[:, s] for p in places], sizes) for s in parts]
    return views, finest


def _autocast() -> dict[str, Any]:
    """The precision in force, to enter it anew."""
    return {
        "dtype": torch.get_autocast_dtype("cpu"),
        "enabled": torch.is_autocast_enabled("cpu"),
    }


FORGOTTEN = 0.25
"""Share of the tracked frames on which the latest memories are missing."""


def forgetful(rng: Rng, memory: dict[str, dict], frame: int) -> dict[str, dict]:
    """Memory without what came last, now and then.

    The frame before says nearly all in a short clip, so a model looks at nothing else; where it is
    missing, older memories and the click's own are all there is.
    """
    if rng.random() >= FORGOTTEN:
        return memory
    gap = int(rng.integers(1, max(frame, 2)))
    kept = {t: out for t, out in memory["non_cond_frame_outputs"].items() if t < frame - gap}
    return memory | {"non_cond_frame_outputs": kept}


def first_points(clicks: Tensor) -> dict[str, Tensor]:
    """Foreground clicks (B, K, 2), one on each object, as SAM 2 takes points."""
    coordinates = clicks.flatten(0, 1)[:, None]
    return {
        "point_coords": coordinates,
        "point_labels": torch.ones(coordinates.shape[:2], dtype=torch.int32),
    }


def points_on(rng: Rng, masks: Tensor) -> dict[str, Tensor]:
    """A click on each object; where it is out of sight, one that says so of some other place.

    Args:
        rng: where in the object.
        masks: (N, S, S) bool.
    """
    places = np.empty((len(masks), 1, 2), np.float32)
    labels = np.ones((len(masks), 1), np.int32)
    for i, mask in enumerate(masks.numpy()):
        if mask.any():
            places[i, 0] = click(rng, mask)
        else:
            places[i, 0], labels[i, 0] = rng.integers(0, mask.shape[-1], 2), 0
    return {"point_coords": torch.from_numpy(places), "point_labels": torch.from_numpy(labels)}


def next_points(
    rng: Rng, points: dict[str, Tensor], predicted: Tensor, masks: Tensor
) -> dict[str, Tensor]:
    """Add to each object's clicks one where its mask is most wrong.

    Args:
        rng: where in the wrong region.
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
