"""The measurement that nano's figures come from."""

import numpy as np
import pytest

from sam2_video.engine.model import load_model
from training.evaluate import AnnotatedClip, iou, measure


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 1.0),
        ([1, 1, 0, 0], [0, 1, 1, 0], 1 / 3),
        ([0, 0, 0, 0], [0, 0, 0, 1], 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1.0),
    ],
)
def test_iou(predicted, truth, expected):
    assert iou(np.array(predicted, bool), np.array(truth, bool)) == pytest.approx(expected)


@pytest.mark.parametrize("clicks", [1, 3])
def test_a_still_clip_scores_alike_on_every_frame(clicks):
    masks = np.zeros((3, 72, 128), bool)
    masks[:, 20:50, 40:90] = True
    frames = np.where(masks[..., None], (220, 40, 30), (70, 90, 80)).astype(np.uint8)
    result = measure(load_model("nano"), AnnotatedClip("still", frames, masks), clicks)
    assert result.name == "still"
    assert result.first > 0.5
    assert result.mean == pytest.approx(result.first, abs=0.2)
    assert result.milliseconds > 0
