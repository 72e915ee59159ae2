"""Hole filling gives what Meta's CUDA kernel gives, here in plain Python."""

import numpy as np
import pytest
import torch

from bench.reference import connected_components
from sam2_video.engine.hole_filling import FILLED_LOGIT, fill_holes


def filled_pixels(rows: list[str]) -> list[str]:
    """Fill a mask of `#` (object) and `.` (background); `o` marks filled pixels."""
    logits = torch.tensor([[1.0 if c == "#" else -1.0 for c in row] for row in rows])
    filled = fill_holes(logits[None, None])[0, 0]
    marks = {1.0: "#", -1.0: "."}
    return ["".join(marks.get(v, "o") for v in row) for row in filled.tolist()]


def test_a_hole_of_eight_is_filled_and_one_of_nine_is_not() -> None:
    assert filled_pixels(["######", "#....#", "#....#", "######"]) == [
        "######",
        "#oooo#",
        "#oooo#",
        "######",
    ]
    nine = ["#####", "#...#", "#...#", "#...#", "#####"]
    assert filled_pixels(nine) == nine


def test_diagonal_neighbours_are_one_component() -> None:
    nine = ["".join("." if x == y else "#" for x in range(9)) for y in range(9)]
    assert filled_pixels(nine) == nine
    eight = ["".join("." if x == y else "#" for x in range(8)) for y in range(8)]
    assert "." not in "".join(filled_pixels(eight))


def test_components_at_the_border_count() -> None:
    assert filled_pixels([".##.", "####", ".##."]) == ["o##o", "####", "o##o"]


def test_a_logit_of_zero_is_background() -> None:
    logits = torch.ones(1, 1, 5, 5)
    logits[0, 0, 2, 2] = 0
    assert fill_holes(logits)[0, 0, 2, 2] == pytest.approx(FILLED_LOGIT)


def test_nothing_to_fill_leaves_the_logits_alone() -> None:
    absent = torch.full((2, 1, 16, 16), -1024.0)
    assert torch.equal(fill_holes(absent), absent)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_kernel_on_noise(seed: int) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0.7, 1, (2, 1, 40, 56))).float()
    labels, areas = connected_components(logits <= 0)
    expected = torch.where((labels > 0) & (areas <= 8), FILLED_LOGIT, logits)
    assert (expected != logits).any()
    assert torch.equal(fill_holes(logits), expected)
