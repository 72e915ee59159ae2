"""The presence head is made to mean what it says."""

import pytest
import torch

from training.data import Batch
from training.model import AllMasks, build, load
from training.presence import fit, make_honest

SIDE = 64


def test_an_opinion_that_is_scaled_and_shifted_is_mended():
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(20_000, generator=generator)
    present = torch.bernoulli(honest.sigmoid(), generator=generator)
    scale, offset = fit(honest / 3 + 2, present)
    assert scale == pytest.approx(3, rel=0.1)
    assert offset == pytest.approx(-6, rel=0.1)


def test_a_head_that_is_sure_of_all_is_as_sure_as_it_may_be():
    """Where three quarters of the objects are there, three quarters is what it expects."""
    torch.manual_seed(0)
    model = build(SIDE)
    load(model, "checkpoints/sam2_nano.pt")
    model.eval()
    seen = AllMasks(model.sam_mask_decoder)
    frames = torch.randint(0, 256, (16, 2, SIDE, SIDE, 3), dtype=torch.uint8)
    masks = torch.zeros(16, 2, 2, SIDE, SIDE, dtype=torch.bool)
    masks[:, 0, :, 8:24, 8:24] = True
    masks[:, 1, :, 36:60, 30:60] = True
    masks[::2, 1, 1] = False
    clicks = torch.tensor([[[16.0, 16.0], [45.0, 48.0]]]).repeat(16, 1, 1)
    batch = Batch(frames, masks, clicks, torch.zeros(16, 2, dtype=torch.bool))
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(6.0)
    make_honest(model, seen, [batch])
    make_honest(model, seen, [batch])  # honest by now: it only looks
    assert float(seen.presence.float().sigmoid().mean()) == pytest.approx(0.75, abs=0.05)
