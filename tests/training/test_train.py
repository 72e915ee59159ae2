"""A stage of the recipe trains what it says, from where it says."""

from dataclasses import replace
from itertools import count, repeat
from types import SimpleNamespace

import pytest
import torch

from training import train
from training.data import Batch

NANO = "checkpoints/sam2_nano.pt"
SIDE = 64
STAGE = {
    "name": "clicks",
    "minutes": 1e-9,  # one step
    "side": SIDE,
    "images": 2,
    "prompts": 2,
    "pairs": 0.0,
    "frames": 1,
    "again": 0.0,
    "clicks": [1.0],
    "mosaics": 0.0,
    "rate": 1e-3,
    "warmup": 1,
    "last_rate": 1.0,
}
RECIPE = {"start": NANO, "seed": 0, "decay": 0.0, "average": 0.9, "frozen_blocks": 16, "uses": 1}


@pytest.fixture
def batches(monkeypatch):
    """Two clips with two objects each in place of made-up ones, again and again."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (2, 3, SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)
    masks = torch.zeros(2, 2, 3, SIDE, SIDE, dtype=torch.bool)
    masks[:, 0, :, 8:24, 8:24] = True
    masks[:, 1, :, 36:60, 30:60] = True
    masks[0, 1, 2] = False
    clicks = torch.tensor([[[16.0, 16.0], [45.0, 48.0]]]).repeat(2, 1, 1)
    batch = Batch(frames, masks, clicks, torch.zeros(2, 2, dtype=torch.bool))
    monkeypatch.setattr(train, "stream", lambda made: repeat(batch))
    return batch


def trained(folder, **options):
    """The weights after one step of a stage: `0.` the model's, folded, `1.` the affinity's."""
    torch.manual_seed(0)
    train.Run(folder, RECIPE | {"stage": [STAGE | options]}).train(folder)
    return torch.load(folder / "state.pt", weights_only=True)["model"]


def changed(folder, **options):
    """Names of the weights that one step of a stage changes."""
    before, after = trained(folder / "still", rate=0.0), trained(folder / "moved", **options)
    return {name for name, value in before.items() if not torch.equal(after[name], value)}


def test_a_stage_trains_all_but_the_trunk(tmp_path, batches):
    names = changed(tmp_path)
    parts = {name.split(".")[1] for name in names if name.startswith("0.")}
    assert {"image_encoder", "sam_mask_decoder", "sam_prompt_encoder"} <= parts
    assert not any(name.startswith("0.image_encoder.trunk.") for name in names)
    assert any(name.startswith("1.") for name in names)


def test_a_stage_trains_its_parts_alone(tmp_path, batches):
    names = changed(tmp_path, parts=["sam_"])
    assert any(name.startswith("0.sam_mask_decoder.") for name in names)
    assert all(name.startswith("0.sam_") for name in names)


def test_a_stage_spreads_the_map_first(tmp_path, batches):
    names = changed(tmp_path, parts=["sam_"], spread=True)
    assert "0.image_encoder.neck.outputs.1.weight" in names
    assert "0.memory_encoder.pix_feat_proj.weight" in names
    assert "0.image_encoder.neck.outputs.0.weight" not in names


def test_a_stage_binds_memory_first(tmp_path, batches):
    names = changed(tmp_path, parts=["sam_"], bound=True, frames=3)
    assert "0.memory_encoder.pix_feat_proj.weight" in names
    assert "0.memory_attention.layers.0.cross_attn_image.q_proj.weight" in names
    assert "0.image_encoder.neck.outputs.0.weight" not in names


def test_a_stage_makes_presence_honest_first(tmp_path, batches):
    names = changed(tmp_path, parts=["memory_"], honest=True, frames=3)
    assert "0.sam_mask_decoder.pred_obj_score_head.layers.2.weight" in names
    assert "0.sam_mask_decoder.pred_obj_score_head.layers.1.weight" not in names


def test_stills_come_between_the_clips_of_a_stage(tmp_path, batches, monkeypatch):
    taken = []

    def served(made):
        images, prompts, frames, _ = made.shape
        batch = replace(
            batches, frames=batches.frames[:, :frames], masks=batches.masks[:, :, :frames]
        )
        while True:
            taken.append((images, prompts, frames))
            yield batch

    clock = count(step=train.LONGEST_STEP)
    monkeypatch.setattr(train, "stream", served)
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    trained(tmp_path, frames=3, minutes=1.1, stills={"each": 2, "images": 5, "prompts": 7})
    assert taken == [(2, 2, 3), (5, 7, 1), (5, 7, 1), (2, 2, 3)]


def test_a_run_that_is_done_does_nothing_more(tmp_path, batches):
    trained(tmp_path)
    before = (tmp_path / "plain.pt").stat().st_mtime_ns
    trained(tmp_path)
    assert (tmp_path / "plain.pt").stat().st_mtime_ns == before
