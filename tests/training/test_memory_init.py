"""Initialised memory recovers stored masks where their object is now, before any training."""

from pathlib import Path

import pytest
import torch

from training.data import Batch
from training.memory_init import init_memory, quarters
from training.model import build, load
from training.tracking import empty_memory, encode, first_points, store, track

NANO = Path(__file__).parents[2] / "checkpoints/sam2_nano.pt"
SIDE = 128
MOVED = 16
"""Pixels to the right from one frame to the next: one cell."""


def clips(seed):
    """Pictures that move to the right, each with a rectangle of its own that moves with it."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(4, 3, 16, 24, generator=generator)
    wide = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE + 2 * MOVED), mode="bicubic")
    wide = (255 * wide.clamp(0, 1)).byte().movedim(1, -1)
    masks = torch.zeros(4, 1, SIDE, SIDE + 2 * MOVED, dtype=torch.bool)
    for mask in masks:
        left, top = (int(n) for n in torch.randint(20, 70, (2,), generator=generator))
        mask[0, top : top + 40, left + 2 * MOVED : left + 2 * MOVED + 30] = True
    starts = [2 * MOVED - t * MOVED for t in range(3)]
    frames = torch.stack([wide[:, :, s : s + SIDE] for s in starts], 1).contiguous()
    moved = torch.stack([masks[..., s : s + SIDE] for s in starts], 2)
    clicks = torch.stack([m[0, 0].nonzero().float().mean(0).flip(0)[None] for m in moved])
    return Batch(frames, moved, clicks, torch.zeros(4, 1, dtype=torch.bool))


@pytest.fixture(scope="module")
def initialised():
    """Nano with initialised memory, not trained since."""
    torch.manual_seed(0)
    model = build(SIDE).eval()
    load(model, NANO)
    init_memory(model, [clips(seed) for seed in range(12)])
    return model


@torch.no_grad()
def tracked(model, batch, stored):
    """The mask on the second frame, (B, S / 4, S / 4) bool, with these stored for the first."""
    view, later = encode(model, batch.frames[:, :2])[0]
    memory = empty_memory()
    points = first_points(batch.clicks)
    result = track(model, 0, view, points, memory, 2)
    logits = stored[:, None].float() * 20 - 10
    store(model, 0, view, points, memory, result, logits, torch.ones_like(result.presence))
    return track(model, 1, later, None, memory, 2).masks[:, 0] > 0


def iou(masks, truth):
    wanted = torch.nn.functional.avg_pool2d(truth.float(), 4) > 0.5
    return float(((masks & wanted).sum() / (masks | wanted).sum()).item())


def test_a_mask_moves_with_its_features(initialised):
    batch = clips(100)
    first, second = batch.masks[:, 0, 0], batch.masks[:, 0, 1]
    masks = tracked(initialised, batch, first)
    assert iou(masks, second) > 0.35
    assert iou(masks, second) > iou(masks, first) + 0.15


def test_the_stored_mask_is_tracked_and_not_the_click(initialised):
    """Another part of the picture is stored, and that part is tracked."""
    batch = clips(100)
    other = batch.masks[:, 0].roll(-40, -1)
    masks = tracked(initialised, batch, other[:, 0])
    assert iou(masks, other[:, 1]) > iou(masks, batch.masks[:, 0, 1]) + 0.15


def test_an_empty_stored_mask_gives_an_empty_mask(initialised):
    batch = clips(100)
    nothing = torch.zeros_like(batch.masks[:, 0, 0])
    assert tracked(initialised, batch, nothing).float().mean() < 0.02


def test_a_map_with_memory_has_the_size_of_one_without(initialised):
    batch = clips(100)
    sizes = {}
    initialised.memory_attention.register_forward_hook(
        lambda _, args, kwargs, out: sizes.update(
            before=float(kwargs["curr"][-1].std(-1).mean()), after=float(out.std(-1).mean())
        ),
        with_kwargs=True,
    )
    tracked(initialised, batch, batch.masks[:, 0, 0])
    assert sizes["after"] == pytest.approx(sizes["before"], rel=0.6)


def test_quarters_are_in_row_order():
    mask = torch.zeros(1, 32, 32, dtype=torch.bool)
    mask[0, :8, 8:16] = True
    mask[0, 16:, 16:] = True
    found = quarters(mask)
    assert found.shape == (1, 4, 2, 2)
    assert found[0, :, 0, 0].tolist() == [-1, 1, -1, -1]
    assert found[0, :, 1, 1].tolist() == [1, 1, 1, 1]
    assert found[0, :, 0, 1].tolist() == [-1, -1, -1, -1]
