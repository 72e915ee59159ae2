"""Make the presence head mean what it says: below 0 where the object is more likely gone.

The head learns slowly, since objects are nearly always there: after hours it told absent objects
from present ones (an AUC of 0.86 on tracked frames), and called none absent: where it was least
sure, at 0 to 1, four of five were gone. A scale and an offset, fitted by logistic regression, mend
that at once, as is done with classifiers (Platt scaling). Only then does training meet frames on
which the model itself says that there is nothing to remember.
"""

import torch
import torch.nn.functional as F
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from training.data import Batch
from training.model import AllMasks
from training.steps import encode, first_points

STEPS = 50
LEAST_SPREAD = 1e-3


@torch.no_grad()
def make_honest(model: SAM2Base, seen: AllMasks, batches: list[Batch]) -> None:
    """Scale and shift what the presence head gives, in place.

    Args:
        model: nano, folded or not.
        seen: what records the decoder's opinion.
        batches: clips in which objects are gone on some frames.
    """
    found = [_opinions(model, seen, batch) for batch in batches]
    scale, offset = fit(*(torch.cat(part) for part in zip(*found, strict=True)))
    last = model.sam_mask_decoder.pred_obj_score_head.layers[-1]
    last.weight.mul_(scale)
    last.bias.mul_(scale).add_(offset)


def fit(logits: Tensor, present: Tensor) -> tuple[float, float]:
    """The scale and the offset with which logits (N,) are honest about what is present (N,)."""
    centre, spread = logits.mean(), logits.std().clamp(min=LEAST_SPREAD)
    even = (logits - centre) / spread
    with torch.enable_grad():
        line = torch.zeros(2, requires_grad=True)
        optimiser = torch.optim.LBFGS([line], max_iter=STEPS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            found = F.binary_cross_entropy_with_logits(line[0] * even + line[1], present)
            found.backward()
            return found

        optimiser.step(loss)
    scale, offset = line.detach()
    return float(scale / spread), float(offset - scale * centre / spread)


def _opinions(model: SAM2Base, seen: AllMasks, batch: Batch) -> tuple[Tensor, Tensor]:
    """Click every object on frame 0 and follow it.

    Returns:
        The logits of presence on all further frames, and whether it is there, 0 or 1; (N,) each.
    """
    prompts, frames = batch.masks.shape[1:3]
    memory: dict[str, dict] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    logits = []
    with torch.autocast("cpu", torch.bfloat16):
        for t, single in enumerate(encode(model, batch.frames)[0]):
            view = single.repeated(prompts)
            points = first_points(batch.clicks) if t == 0 else None
            given = (view.maps, view.places, view.sizes, points, None, memory, frames, False, None)
            out, sam, _, _ = model._track_step(t, t == 0, *given)
            logits.append(seen.presence[:, 0].float())
            out["obj_ptr"] = sam[5]
            model._encode_memory_in_output(view.maps, view.sizes, points, True, sam[4], sam[6], out)
            memory["non_cond_frame_outputs" if t else "cond_frame_outputs"][t] = out
    there = batch.masks.flatten(0, 1).flatten(2).any(-1)[:, 1:].float()
    return torch.stack(logits[1:], 1).flatten(), there.flatten()
