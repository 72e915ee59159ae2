"""Masks that are corrupted as tracking errors do."""

import numpy as np
import pytest
import torch

from training import mask_corruption
from training.mask_corruption import corrupt


@pytest.fixture
def masks():
    logits = torch.full((20, 1, 16, 16), -5.0)
    logits[:, :, 4:12, 4:12] = 5.0
    return logits


def test_some_masks_lose_a_part_and_a_few_all(monkeypatch, masks):
    masks = masks.repeat(10, 1, 1, 1)
    monkeypatch.setattr(mask_corruption, "ERASED", 0.5)
    monkeypatch.setattr(mask_corruption, "ADDED", 0.0)
    before = masks.clone()
    out = corrupt(np.random.default_rng(0), masks)
    assert torch.equal(masks, before)
    areas = (out > 0).flatten(1).sum(1)
    assert 70 < (areas < 64).sum() < 130
    assert 5 < (areas == 0).sum() < 40
    assert not ((out > 0) & ~(masks > 0)).any()


def test_some_masks_get_an_extra_rectangle(masks, monkeypatch):
    monkeypatch.setattr(mask_corruption, "ERASED", 0.0)
    monkeypatch.setattr(mask_corruption, "ADDED", 1.0)
    out = corrupt(np.random.default_rng(0), masks)
    assert ((out > 0) & ~(masks > 0)).any()
    assert (out > 0)[masks > 0].all()


def test_empty_masks_stay_empty(masks, monkeypatch):
    monkeypatch.setattr(mask_corruption, "ADDED", 0.0)
    out = corrupt(np.random.default_rng(0), torch.full_like(masks, -5.0))
    assert not (out > 0).any()
