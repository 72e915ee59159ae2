"""Hole filling gives what Meta's CUDA kernel gives, here in plain Python."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.reference import connected_components
from sam2_video.engine.hole_filling import (
    FILLED_LOGIT,
    MAX_HOLE_AREA,
    fill_holes,
    small_components_on_device,
)


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


@given(st.integers(1, 24), st.integers(1, 24), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_tensor_operations_find_the_same_holes(
    height: int, width: int, share: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).random((2, 1, height, width))
    background = torch.from_numpy(noise < share)
    _, areas = connected_components(background)
    expected = background & (areas <= MAX_HOLE_AREA)
    assert torch.equal(small_components_on_device(background, MAX_HOLE_AREA), expected)


def test_tensor_operations_find_no_hole_in_a_thin_line() -> None:
    """In a long component, labels that do not spread far enough have as few pixels as a hole."""
    spiral = torch.zeros(1, 1, 33, 33, dtype=torch.bool)
    y, x, dy, dx = 0, 0, 0, 1
    for length in [32, 32, 32, *(n for n in range(30, 1, -2) for _ in range(2))]:
        for _ in range(length):
            spiral[0, 0, y, x] = True
            y, x = y + dy, x + dx
        dy, dx = dx, -dy
    assert spiral.sum() > 500
    assert not small_components_on_device(spiral, MAX_HOLE_AREA).any()
    assert not small_components_on_device(spiral.flip(-1, -2), MAX_HOLE_AREA).any()
