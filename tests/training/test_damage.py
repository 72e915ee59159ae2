"""Masks that are damaged on purpose."""

import numpy as np
import pytest
import torch

from training import damage
from training.damage import damaged


@pytest.fixture
def masks():
    logits = torch.full((20, 1, 16, 16), -5.0)
    logits[:, :, 4:12, 4:12] = 5.0
    return logits


def test_some_masks_lose_a_part_and_a_few_all(monkeypatch, masks):
    masks = masks.repeat(10, 1, 1, 1)
    monkeypatch.setattr(damage, "LOST", 0.5)
    monkeypatch.setattr(damage, "SPILT", 0.0)
    before = masks.clone()
    out = damaged(np.random.default_rng(0), masks)
    assert torch.equal(masks, before)
    areas = (out > 0).flatten(1).sum(1)
    assert 70 < (areas < 64).sum() < 130
    assert 5 < (areas == 0).sum() < 40
    assert not ((out > 0) & ~(masks > 0)).any()


def test_some_masks_spill(masks, monkeypatch):
    monkeypatch.setattr(damage, "LOST", 0.0)
    monkeypatch.setattr(damage, "SPILT", 1.0)
    out = damaged(np.random.default_rng(0), masks)
    assert ((out > 0) & ~(masks > 0)).any()
    assert (out > 0)[masks > 0].all()


def test_what_is_out_of_sight_stays_so(masks, monkeypatch):
    monkeypatch.setattr(damage, "SPILT", 0.0)
    out = damaged(np.random.default_rng(0), torch.full_like(masks, -5.0))
    assert not (out > 0).any()
