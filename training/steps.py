"""One forward pass of training: clicks, corrections and tracking, with the loss of each."""

import numpy as np
import torch
import torch.nn.functional as F
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.affinity import Affinity, affinity_loss
from training.data import Batch
from training.losses import OTHERS, Score, decoder_loss, others, target
from training.model import AllMasks, normalise
from training.prompts import click, largest_error
from training.textures import Rng

STRIDE = 4
"""The decoder's masks have a quarter of the frame's resolution."""
LOGIT_LIMIT = 32.0
"""What the predictor clamps an earlier mask to before it gives it to the decoder again."""


def forward(
    model: SAM2Base,
    seen: AllMasks,
    batch: Batch,
    rng: Rng,
    corrections: int,
    affinity: Affinity,
) -> tuple[list[Score], Tensor]:
    """Prompt every object on frame 0, correct it, then track it through the clip.

    Returns:
        A score for the first click, for each correction, and for each later frame; the loss of the
        affinity.
    """
    images, frames, side = batch.frames.shape[:3]
    prompts = batch.masks.shape[1]
    small = side // STRIDE
    truth = target(batch.masks.flatten(0, 2), small).view(images * prompts, frames, small, small)
    pixels = normalise(batch.frames).transpose(0, 1).flatten(0, 1)
    features = model.image_encoder(pixels.contiguous(memory_format=torch.channels_last))
    finest = features["backbone_fpn"][0]
    decoder = model.sam_mask_decoder
    for level, project in enumerate((decoder.conv_s0, decoder.conv_s1)):
        features["backbone_fpn"][level] = project(features["backbone_fpn"][level])
    _, maps, places, sizes = model._prepare_backbone_features(features)
    other = torch.stack([others(truth[:, t], prompts) for t in range(frames)], 1)
    cells = (batch.clicks / STRIDE).long()
    kinship = affinity_loss(affinity(finest, cells), truth, other, OTHERS)
    memory: dict[str, dict] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    scores = []
    for t in range(frames):
        here = [m[:, t * images : (t + 1) * images].repeat_interleave(prompts, 1) for m in maps]
        where = [p[:, t * images : (t + 1) * images].repeat_interleave(prompts, 1) for p in places]
        points = first_points(batch) if t == 0 else None
        earlier = None
        for _ in range(1 + (corrections if t == 0 else 0)):
            if earlier is not None:
                points = next_points(rng, points, earlier[:, 0] > 0, batch.masks[:, :, 0])
            out, sam, _, _ = model._track_step(
                t, t == 0, here, where, sizes, points, None, memory, frames, False, earlier
            )
            asked = (seen.logits, seen.ious, seen.presence, truth[:, t], other[:, t])
            scores.append(decoder_loss(*asked))
            earlier = sam[3].detach().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        if frames > 1:
            out["obj_ptr"] = sam[5]
            # What is remembered learns from later frames; the mask of this frame does not.
            shown = sam[4].detach()
            model._encode_memory_in_output(here, sizes, points, True, shown, sam[6], out)
            memory["cond_frame_outputs" if t == 0 else "non_cond_frame_outputs"][t] = out
    return scores, kinship


def first_points(batch: Batch) -> dict[str, Tensor]:
    """The first click of each object, as SAM 2 takes points."""
    coordinates = batch.clicks.flatten(0, 1)[:, None]
    return {
        "point_coords": coordinates,
        "point_labels": torch.ones(coordinates.shape[:2], dtype=torch.int32),
    }


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
