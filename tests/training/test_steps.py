"""Losses, clicks of correction and the schedule of training."""

import numpy as np
import pytest
import torch

from training import steps
from training.affinity import Affinity, affinity_loss
from training.data import Batch
from training.losses import (
    click_loss,
    decoder_loss,
    other_objects,
    prompt_insensitivity,
    target,
)
from training.model import DecoderOutputs, build
from training.optimisers import make_optimisers
from training.recipe import Stage
from training.steps import StepOptions, forward, next_points, points_on, with_dropout
from training.train import learning_rate


def one_object(count):
    """A clip of so many frames of noise, with one object that covers the same strip of each."""
    frames = torch.randint(0, 255, (1, count, 64, 64, 3), dtype=torch.uint8)
    masks = torch.zeros(1, 1, count, 64, 64, dtype=torch.bool)
    masks[..., 10:30] = True
    return Batch(frames, masks, torch.tensor([[[20.0, 20.0]]]), torch.zeros(1, 1, dtype=torch.bool))


def test_target_keeps_the_cells_that_are_mostly_covered():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :4, :4] = True
    mask[0, 4, 4] = True
    assert target(mask, 2).tolist() == [[[1.0, 0.0], [0.0, 0.0]]]


def test_a_right_mask_costs_less_than_a_wrong_one():
    truth = torch.zeros(1, 4, 4)
    truth[0, :2] = 1
    right = (truth * 20 - 10)[:, None].expand(1, 4, 4, 4)
    sure, presence = torch.ones(1, 4), torch.full((1, 1), 10.0)
    good = decoder_loss(right, sure, presence, truth, torch.zeros_like(truth))
    bad = decoder_loss(-right, sure, presence, truth, torch.zeros_like(truth))
    assert float(good.loss) < 0.01
    assert float(bad.loss) > 10
    assert (good.iou, bad.iou) == (1.0, 0.0)


def test_one_right_mask_of_three_is_enough_but_the_single_one_counts_too():
    truth = torch.zeros(1, 4, 4)
    truth[0, :2] = 1
    logits = (truth * 20 - 10)[:, None].repeat(1, 4, 1, 1)
    logits[:, 2:] *= -1
    ious = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    assert (
        float(
            decoder_loss(
                logits, ious, torch.full((1, 1), 10.0), truth, torch.zeros_like(truth)
            ).loss
        )
        < 0.01
    )


def test_other_objects_are_the_objects_of_the_same_image_only():
    truth = torch.zeros(4, 1, 4)
    truth[0, 0, 0] = truth[1, 0, 1] = truth[2, 0, 2] = truth[3, 0, 2] = 1
    expected = [[[0, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]
    assert other_objects(truth, 2).tolist() == expected


def test_prompt_insensitivity_compares_masks_of_different_objects():
    truth = torch.zeros(2, 1, 4)
    truth[0, 0, 0] = truth[1, 0, 1] = 1
    same = torch.ones(2, 1, 4, dtype=torch.bool)
    assert prompt_insensitivity(same, other_objects(truth, 2)) == 1.0
    assert prompt_insensitivity(truth > 0, other_objects(truth, 2)) == 0.0
    assert prompt_insensitivity(same, torch.zeros(2, 1, 4)) == 0.0


def test_an_absent_object_only_has_a_presence_loss():
    truth = torch.zeros(1, 4, 4)
    logits = torch.full((1, 4, 4, 4), 5.0)
    score = decoder_loss(
        logits, torch.ones(1, 4), torch.full((1, 1), -10.0), truth, torch.zeros_like(truth)
    )
    assert float(score.loss) < 0.01


def test_next_points_click_the_error_and_pad_where_there_is_none():
    masks = torch.zeros(1, 2, 16, 16, dtype=torch.bool)
    masks[0, :, :8, :8] = True
    predicted = torch.zeros(2, 4, 4, dtype=torch.bool)
    predicted[1, :2, :2] = True
    points = {
        "point_coords": torch.zeros(2, 1, 2),
        "point_labels": torch.ones(2, 1, dtype=torch.int32),
    }
    out = next_points(np.random.default_rng(0), points, predicted, masks)
    assert out["point_labels"].tolist() == [[1, 1], [1, -1]]
    x, y = out["point_coords"][0, 1].int().tolist()
    assert masks[0, 0, y, x]


@pytest.mark.parametrize(
    ("step", "spent", "expected"),
    [(0, 0.0, 0.1), (9, 0.0, 1.0), (500, 5.0, 0.6), (900, 10.0, 0.2), (900, 12.0, 0.2)],
)
def test_rate_warms_up_and_falls(step, spent, expected):
    stage = Stage(
        name="clicks",
        minutes=10,
        side=64,
        images=1,
        prompts=1,
        pairs=0.0,
        frames=1,
        second_frame=0.0,
        clicks=(1.0,),
        mosaics=0.0,
        learning_rate=1.0,
        warmup=10,
        final_rate=0.2,
    )
    assert learning_rate(stage, step, spent) == pytest.approx(expected)


def test_affinity_is_learned_where_features_separate_objects():
    torch.manual_seed(0)
    finest = torch.zeros(2, 8, 4, 4)  # 1 image, 2 frames
    finest[:, 0, :, :2], finest[:, 1, :, 2:] = 1, 1
    truth = torch.zeros(2, 2, 4, 4)
    truth[0, :, :, :2], truth[1, :, :, 2:] = 1, 1
    cells = torch.tensor([[[0, 1], [3, 2]]])
    affinity = Affinity(8, 16)
    optimiser = torch.optim.Adam(affinity.parameters(), 0.05)
    other = 1 - truth
    losses = []
    for _ in range(60):
        loss = affinity_loss(affinity(finest, cells), truth, other, 4.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert torch.equal(affinity(finest, cells) > 0, truth > 0)


def test_an_invisible_object_gets_a_background_click():
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, 2, 3] = True
    points = points_on(np.random.default_rng(0), masks)
    assert points["point_coords"][0].tolist() == [[3.0, 2.0]]
    assert points["point_labels"].tolist() == [[1], [0]]


@pytest.mark.parametrize("second_frame", [None, 1, 2])
def test_another_clicked_frame_takes_the_place_of_a_tracked_one(monkeypatch, second_frame):
    torch.manual_seed(0)
    model = build(64)
    calls = []
    track_step = model._track_step

    def recorded(frame, is_clicked, *arguments):
        memory = arguments[5]
        read = {**memory["cond_frame_outputs"], **memory["non_cond_frame_outputs"]}
        calls.append((frame, is_clicked, sorted(read)))
        return track_step(frame, is_clicked, *arguments)

    model._track_step = recorded
    monkeypatch.setattr(steps, "MEMORY_DROPOUT", 0.0)
    frames = torch.randint(0, 255, (1, 3, 64, 64, 3), dtype=torch.uint8)
    masks = torch.zeros(1, 2, 3, 64, 64, dtype=torch.bool)
    masks[:, 0, :, 10:30], masks[:, 1, :, 40:60] = True, True
    clicks = torch.tensor([[[20.0, 20.0], [20.0, 50.0]]])
    batch = Batch(frames, masks, clicks, torch.zeros(1, 2, dtype=torch.bool))
    affinity = Affinity(model.image_encoder.neck.d_model)
    outputs = DecoderOutputs(model.sam_mask_decoder)
    scores, _ = forward(
        model,
        outputs,
        affinity,
        batch,
        np.random.default_rng(0),
        StepOptions(second_frame=second_frame),
    )
    assert len(scores) == 3
    expected = {
        None: [(0, True, []), (1, False, [0]), (2, False, [0, 1])],
        1: [(0, True, []), (1, True, [0]), (2, False, [0, 1])],
        2: [(0, True, []), (2, True, [0]), (1, False, [0, 2])],
    }
    assert calls == expected[second_frame]


def test_a_step_scores_clicks_corrections_and_tracked_frames():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = build(64)
    frames = torch.randint(0, 255, (2, 2, 64, 64, 3), dtype=torch.uint8)
    masks = torch.zeros(2, 3, 2, 64, 64, dtype=torch.bool)
    for k in range(3):
        masks[:, k, :, 20 * k : 20 * k + 16, 10:40] = True
    clicks = torch.tensor([[[20.0, 20 * k + 8] for k in range(3)]] * 2)
    batch = Batch(frames, masks, clicks, torch.tensor([[False, True, False]] * 2))
    affinity = Affinity(model.image_encoder.neck.d_model)
    outputs = DecoderOutputs(model.sam_mask_decoder)
    scores, affinity_term = forward(
        model, outputs, affinity, batch, rng, StepOptions(corrections=1)
    )
    assert len(scores) == 3  # the click, its correction, the second frame
    (sum(score.loss for score in scores) + affinity_term).backward()
    for part in (model.image_encoder.neck, model.memory_attention, affinity):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_frames_without_gradients_come_first_and_are_stored(monkeypatch):
    torch.manual_seed(0)
    model = build(64)
    calls = []
    track_step = model._track_step

    def recorded(frame, is_clicked, *arguments):
        calls.append((frame, torch.is_grad_enabled(), len(arguments[5]["non_cond_frame_outputs"])))
        return track_step(frame, is_clicked, *arguments)

    model._track_step = recorded
    monkeypatch.setattr(steps, "MEMORY_DROPOUT", 0.0)
    batch = one_object(6)
    affinity = Affinity(model.image_encoder.neck.d_model)
    outputs = DecoderOutputs(model.sam_mask_decoder)
    starts = set()
    for seed in range(8):
        calls.clear()
        model.zero_grad()
        rng = np.random.default_rng(seed)
        with torch.autocast("cpu", torch.bfloat16):
            scores, affinity_term = forward(
                model, outputs, affinity, batch, rng, StepOptions(trained_frames=2)
            )
        assert len(scores) == 3  # the click and two tracked frames
        tracked = calls[1:]
        assert [frame for frame, _, _ in tracked] == list(range(1, len(tracked) + 1))
        assert [graded for _, graded, _ in tracked] == [False] * (len(tracked) - 2) + [True, True]
        assert [kept for _, _, kept in tracked] == list(range(len(tracked)))
        starts.add(len(tracked) - 2)
        (sum(score.loss for score in scores) + affinity_term).backward()
        attention = model.memory_attention.parameters()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in attention if p.ndim > 1)
        convolutions = [p for p in model.image_encoder.neck.filters.parameters() if p.ndim > 1]
        assert all(p.grad is not None for p in convolutions)
    assert len(starts) > 2


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_object_pointers_are_used_on_a_share_of_the_frames(share):
    torch.manual_seed(0)
    model = build(64)
    pointers = []
    model.memory_attention.register_forward_hook(
        lambda _, args, kwargs, out: pointers.append(kwargs["num_obj_ptr_tokens"]), with_kwargs=True
    )
    batch = one_object(3)
    affinity = Affinity(model.image_encoder.neck.d_model)
    outputs = DecoderOutputs(model.sam_mask_decoder)
    forward(
        model,
        outputs,
        affinity,
        batch,
        np.random.default_rng(0),
        StepOptions(object_pointers=share),
    )
    assert len(pointers) == 2
    assert [count > 0 for count in pointers] == [share > 0] * 2


def test_the_click_loss_is_low_where_masks_obey_clicks():
    logits = torch.full((2, 4, 8, 8), -3.0)
    logits[:, :, 2, 5] = 3.0
    positions = torch.tensor([[[5.5, 2.5], [1.0, 1.0]]] * 2)
    obeyed = click_loss(logits, positions, torch.tensor([[1, 0]] * 2))
    ignored = click_loss(logits, positions, torch.tensor([[0, 1]] * 2))
    assert obeyed < 0.1
    assert ignored == pytest.approx(3 + obeyed)
    half = click_loss(logits, positions, torch.tensor([[1, 1], [1, -1]]))
    assert half == pytest.approx((2 * obeyed + ignored) / 3)


def test_the_latest_memories_are_forgotten_now_and_then_and_the_click_never():
    memory = {"cond_frame_outputs": {0: "click"}, "non_cond_frame_outputs": {1: 1, 2: 2, 3: 3}}
    rng = np.random.default_rng(0)
    seen = [with_dropout(rng, memory, 4) for _ in range(200)]
    assert all(known["cond_frame_outputs"] == {0: "click"} for known in seen)
    kept = [tuple(known["non_cond_frame_outputs"]) for known in seen]
    assert set(kept) == {(1, 2, 3), (1, 2), (1,), ()}
    assert 120 < kept.count((1, 2, 3)) < 180
    assert len(memory["non_cond_frame_outputs"]) == 3


def test_every_weight_has_one_optimiser_and_its_share_of_the_rate():
    model = torch.nn.ModuleList([build(64), Affinity(128)])
    optimisers = make_optimisers(model, 0.02)
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    owned = [id(p) for group in groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    share = {id(p): group["share"] for group in groups for p in group["params"]}
    network = model[0]
    assert share[id(network.image_encoder.trunk.blocks[7]._project_conv.weight)] == 0.25
    assert share[id(network.memory_attention.layers[0].linear1.weight)] == 0.25
    assert share[id(network.sam_mask_decoder.iou_token.weight)] == 1.0
    muon = {id(p) for group in optimisers[1].param_groups for p in group["params"]}
    assert id(network.memory_attention.layers[0].linear1.weight) in muon
    assert id(network.sam_mask_decoder.iou_token.weight) not in muon
