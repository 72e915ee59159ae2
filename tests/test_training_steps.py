"""Losses, clicks of correction and the schedule of training."""

import numpy as np
import pytest
import torch

from training.affinity import Affinity, affinity_loss
from training.data import Batch
from training.losses import deafness, decoder_loss, others, target
from training.model import AllMasks, build
from training.steps import forward, next_points, points_on
from training.train import rate


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


def test_others_are_the_objects_of_the_same_image_only():
    truth = torch.zeros(4, 1, 4)
    truth[0, 0, 0] = truth[1, 0, 1] = truth[2, 0, 2] = truth[3, 0, 2] = 1
    expected = [[[0, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]
    assert others(truth, 2).tolist() == expected


def test_deafness_compares_masks_of_different_objects():
    truth = torch.zeros(2, 1, 4)
    truth[0, 0, 0] = truth[1, 0, 1] = 1
    same = torch.ones(2, 1, 4, dtype=torch.bool)
    assert deafness(same, others(truth, 2)) == 1.0
    assert deafness(truth > 0, others(truth, 2)) == 0.0
    assert deafness(same, torch.zeros(2, 1, 4)) == 0.0


def test_an_absent_object_asks_only_for_presence():
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
    stage = {"minutes": 10, "rate": 1.0, "warmup": 10, "last_rate": 0.2}
    assert rate(stage, step, spent) == pytest.approx(expected)


def test_affinity_is_learned_where_features_tell_objects_apart():
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


def test_what_is_out_of_sight_is_clicked_as_not_being_there():
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, 2, 3] = True
    points = points_on(np.random.default_rng(0), masks)
    assert points["point_coords"][0].tolist() == [[3.0, 2.0]]
    assert points["point_labels"].tolist() == [[1], [0]]


@pytest.mark.parametrize("again", [None, 1, 2])
def test_another_clicked_frame_takes_the_place_of_a_tracked_one(again):
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
    frames = torch.randint(0, 255, (1, 3, 64, 64, 3), dtype=torch.uint8)
    masks = torch.zeros(1, 2, 3, 64, 64, dtype=torch.bool)
    masks[:, 0, :, 10:30], masks[:, 1, :, 40:60] = True, True
    batch = Batch(frames, masks, torch.tensor([[[20.0, 20.0], [20.0, 50.0]]]))
    affinity = Affinity(model.image_encoder.neck.d_model)
    seen = AllMasks(model.sam_mask_decoder)
    scores, _ = forward(model, seen, batch, np.random.default_rng(0), 0, affinity, again)
    assert len(scores) == 3
    expected = {
        None: [(0, True, []), (1, False, [0]), (2, False, [0, 1])],
        1: [(0, True, []), (1, True, [0]), (2, False, [0, 1])],
        2: [(0, True, []), (2, True, [0]), (1, False, [0, 2])],
    }
    assert calls == expected[again]


def test_a_step_scores_clicks_corrections_and_tracked_frames():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = build(64)
    frames = torch.randint(0, 255, (2, 2, 64, 64, 3), dtype=torch.uint8)
    masks = torch.zeros(2, 3, 2, 64, 64, dtype=torch.bool)
    for k in range(3):
        masks[:, k, :, 20 * k : 20 * k + 16, 10:40] = True
    clicks = torch.tensor([[[20.0, 20 * k + 8] for k in range(3)]] * 2)
    batch = Batch(frames, masks, clicks)
    affinity = Affinity(model.image_encoder.neck.d_model)
    seen = AllMasks(model.sam_mask_decoder)
    scores, kinship = forward(model, seen, batch, rng, 1, affinity)
    assert len(scores) == 3  # the click, its correction, the second frame
    (sum(score.loss for score in scores) + kinship).backward()
    for part in (model.image_encoder.neck, model.memory_attention, affinity):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
