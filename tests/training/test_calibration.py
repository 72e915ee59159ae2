"""The presence head is calibrated."""

import pytest
import torch

from training.calibration import calibrate_presence, fit
from training.data import Batch
from training.model import DecoderOutputs, build, load

SIDE = 64


def test_scaled_and_shifted_logits_are_calibrated():
    generator = torch.Generator().manual_seed(0)
    calibrated = 2 * torch.randn(20_000, generator=generator)
    present = torch.bernoulli(calibrated.sigmoid(), generator=generator)
    scale, offset = fit(calibrated / 3 + 2, present)
    assert scale == pytest.approx(3, rel=0.1)
    assert offset == pytest.approx(-6, rel=0.1)


def test_the_mean_probability_is_the_share_of_visible_objects():
    """Three quarters of the objects are visible, so the mean probability is three quarters."""
    torch.manual_seed(0)
    model = build(SIDE)
    load(model, "checkpoints/sam2_nano.pt")
    model.eval()
    outputs = DecoderOutputs(model.sam_mask_decoder)
    frames = torch.randint(0, 256, (16, 2, SIDE, SIDE, 3), dtype=torch.uint8)
    masks = torch.zeros(16, 2, 2, SIDE, SIDE, dtype=torch.bool)
    masks[:, 0, :, 8:24, 8:24] = True
    masks[:, 1, :, 36:60, 30:60] = True
    masks[::2, 1, 1] = False
    clicks = torch.tensor([[[16.0, 16.0], [45.0, 48.0]]]).repeat(16, 1, 1)
    batch = Batch(frames, masks, clicks, torch.zeros(16, 2, dtype=torch.bool))
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(6.0)
    calibrate_presence(model, outputs, [batch])
    calibrate_presence(model, outputs, [batch])  # already calibrated: it only measures
    assert float(outputs.presence.float().sigmoid().mean()) == pytest.approx(0.75, abs=0.05)
