"""A stage of the recipe trains what it says, from where it says."""

from dataclasses import replace
from itertools import count, repeat
from types import SimpleNamespace

import pytest
import torch

from training import train
from training.data import Batch
from training.recipe import RecipeError, parse_recipe, read_recipe

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
    "second_frame": 0.0,
    "clicks": [1.0],
    "mosaics": 0.0,
    "learning_rate": 1e-3,
    "warmup": 1,
    "final_rate": 1.0,
}
RECIPE = {
    "start": NANO,
    "seed": 0,
    "weight_decay": 0.0,
    "average_decay": 0.9,
    "frozen_blocks": 16,
    "uses": 1,
}


@pytest.fixture
def batches(monkeypatch):
    """Two clips with two objects each in place of synthetic ones, repeated."""
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
    train.Run(folder, parse_recipe(RECIPE | {"stage": [STAGE | options]})).train(folder)
    return torch.load(folder / "state.pt", weights_only=True)["model"]


def changed(folder, **options):
    """Names of the weights that one step of a stage changes."""
    before, after = (
        trained(folder / "still", learning_rate=0.0),
        trained(folder / "moved", **options),
    )
    return {name for name, value in before.items() if not torch.equal(after[name], value)}


def test_a_stage_trains_all_but_the_trunk(tmp_path, batches):
    names = changed(tmp_path)
    parts = {name.split(".")[1] for name in names if name.startswith("0.")}
    assert {"image_encoder", "sam_mask_decoder", "sam_prompt_encoder"} <= parts
    assert not any(name.startswith("0.image_encoder.trunk.") for name in names)
    assert any(name.startswith("1.") for name in names)


def test_a_stage_trains_its_parts_alone(tmp_path, batches):
    names = changed(tmp_path, trained_parts=["sam_"])
    assert any(name.startswith("0.sam_mask_decoder.") for name in names)
    assert all(name.startswith("0.sam_") for name in names)


def test_a_stage_whitens_features_first(tmp_path, batches):
    names = changed(tmp_path, trained_parts=["sam_"], whiten_features=True)
    assert "0.image_encoder.neck.outputs.1.weight" in names
    assert "0.memory_encoder.pix_feat_proj.weight" in names
    assert "0.image_encoder.neck.outputs.0.weight" not in names


def test_a_stage_initialises_memory_first(tmp_path, batches):
    names = changed(tmp_path, trained_parts=["sam_"], init_memory=True, frames=3)
    assert "0.memory_encoder.pix_feat_proj.weight" in names
    assert "0.memory_attention.layers.0.cross_attn_image.q_proj.weight" in names
    assert "0.image_encoder.neck.outputs.0.weight" not in names


def test_a_stage_calibrates_presence_first(tmp_path, batches):
    names = changed(tmp_path, trained_parts=["memory_"], calibrate_presence=True, frames=3)
    assert "0.sam_mask_decoder.pred_obj_score_head.layers.2.weight" in names
    assert "0.sam_mask_decoder.pred_obj_score_head.layers.1.weight" not in names


def test_single_frames_come_between_the_clips_of_a_stage(tmp_path, batches, monkeypatch):
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
    trained(
        tmp_path,
        frames=3,
        minutes=1.1,
        single_frames={"steps": 2, "images": 5, "prompts": 7, "pairs": 0.0, "clicks": [1.0]},
    )
    assert taken == [(2, 2, 3), (5, 7, 1), (5, 7, 1), (2, 2, 3)]


def test_a_run_that_is_done_does_nothing_more(tmp_path, batches):
    trained(tmp_path)
    before = (tmp_path / "plain.pt").stat().st_mtime_ns
    trained(tmp_path)
    assert (tmp_path / "plain.pt").stat().st_mtime_ns == before


def test_ten_more_minutes_start_with_the_shipped_weights():
    recipe = read_recipe(train.HERE / "ten_minutes.toml")
    assert [stage.minutes for stage in recipe.stages] == [10]
    assert recipe.start == "checkpoints/sam2_nano.pt"


def test_the_recipe_of_the_repository_can_be_read():
    recipe = read_recipe(train.HERE / "recipe.toml")
    assert [stage.frames for stage in recipe.stages] == [1, 12, 12]
    assert recipe.stages[2].calibrate_presence
    assert recipe.stages[1].single_frames.steps == 2


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        (STAGE | {"momentum": 0.9}, "stage 1 has the key 'momentum', but it should be one of"),
        ({k: v for k, v in STAGE.items() if k != "side"}, "stage 1 has no 'side'"),
        (STAGE | {"single_frames": {"steps": 1}}, "single_frames of stage 1 has no 'clicks'"),
    ],
)
def test_a_key_that_is_unknown_or_missing_is_refused(stage, error):
    with pytest.raises(RecipeError, match=error):
        parse_recipe(RECIPE | {"stage": [stage]})


def test_missing_images_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train", "--library", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as stop:
        train.main()
    assert str(stop.value) == (
        f"{tmp_path / 'none'} has no training images: run `python -m training.materials` to gather "
        "them"
    )
