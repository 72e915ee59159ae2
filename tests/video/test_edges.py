"""Edges move by exact distances, the same on both sides, without a seam at the picture's border."""

import numpy as np
import pytest

from sam2_video.video.edges import (
    coverage_of_masks,
    expanded_coverage,
    expanded_masks,
    feathered,
)
from tests.video.drawings import disc


def drawn(mask: np.ndarray) -> list[str]:
    return ["".join("#" if pixel else "." for pixel in row) for row in mask]


def one_pixel(size: int = 21) -> np.ndarray:
    masks = np.zeros((1, size, size), bool)
    masks[0, size // 2, size // 2] = True
    return masks


def blobs(seed: int, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """(2, H, W): objects of discs, some of them cut by the border."""
    random = np.random.default_rng(seed)
    height, width = size
    parts = [
        disc(*size, random.integers(width), random.integers(height), random.integers(2, 15))
        for _ in range(6)
    ]
    return np.concatenate([np.logical_or.reduce(parts[:3]), np.logical_or.reduce(parts[3:])])


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (1, ".....,..#..,.###.,..#..,....."),
        (2, "..#..,.###.,#####,.###.,..#.."),
    ],
)
def test_a_pixel_grows_to_a_disc(pixels: int, expected: str) -> None:
    assert drawn(expanded_masks(one_pixel(5), pixels)[0]) == expected.split(",")


@pytest.mark.parametrize(("pixels", "count"), [(1, 5), (2, 13), (3, 29), (5, 81), (10, 317)])
def test_growth_is_euclidean(pixels: int, count: int) -> None:
    """As many pixels as points of a grid lie in a circle (OEIS A000328)."""
    assert expanded_masks(one_pixel(), pixels).sum() == count


@pytest.mark.parametrize("pixels", [1, 3, 10, 100])
@pytest.mark.parametrize("seed", range(4))
def test_masks_move_as_by_definition_and_the_same_inwards_and_outwards(
    seed: int, pixels: int
) -> None:
    masks = blobs(seed)
    rows, columns = np.mgrid[:60, :80]
    for mask, grown in zip(masks, expanded_masks(masks, pixels), strict=True):
        ys, xs = np.nonzero(mask)
        square = (rows[..., None] - ys) ** 2 + (columns[..., None] - xs) ** 2
        assert (grown == (square.min(axis=2) <= pixels**2)).all()
    assert (expanded_masks(masks, -pixels) == ~expanded_masks(~masks, pixels)).all()


def test_each_object_moves_alone_and_nothing_given_is_changed() -> None:
    masks = np.concatenate([blobs(1), np.zeros((1, 60, 80), bool), np.ones((1, 60, 80), bool)])
    before = masks.copy()
    soft = coverage_of_masks(masks)
    for pixels in (-7, 7):
        together = expanded_masks(masks, pixels)
        for k, grown in enumerate(together):
            assert (grown == expanded_masks(masks[k : k + 1], pixels)[0]).all()
        assert not together[2].any()
        assert together[3].all()
        moved = expanded_coverage(soft, pixels)
        assert not moved[2].any()
        assert (moved[3] == 255).all()
    blurred = feathered(soft, 9)
    assert not blurred[2].any()
    assert (blurred[3] == 255).all()
    assert (masks == before).all()
    assert (soft == coverage_of_masks(before)).all()
    assert expanded_masks(masks, 0) is masks
    assert expanded_coverage(soft, 0) is soft
    assert feathered(soft, 0) is soft
    assert len(expanded_masks(masks[:0], 3)) == len(feathered(soft[:0], 3)) == 0


@pytest.mark.parametrize("pixels", [-30, -4, -1, 1, 4, 30])
def test_coverage_moves_as_masks_do(pixels: int) -> None:
    for seed in range(4):
        masks = blobs(seed)
        moved = expanded_coverage(coverage_of_masks(masks), pixels)
        expected = expanded_masks(masks, pixels)
        assert (moved[expected] == 255).all() or pixels < 0
        assert (moved[~expected] == 0).all() or pixels > 0
        assert ((moved >= 128) != expected).mean() < 0.03
        complement = expanded_coverage(255 - coverage_of_masks(masks), -pixels)
        assert np.abs(moved.astype(int) - (255 - complement.astype(int))).max() <= 1


def tilted(slope: float, offset: float, size: int = 80) -> np.ndarray:
    """(1, size, size) coverage of everything below a line."""
    rows, columns = np.mgrid[:size, :size]
    distance = (rows - offset - slope * columns) / np.hypot(1, slope)
    return np.rint(255 * np.clip(0.5 + distance, 0, 1)).astype(np.uint8)[None]


@pytest.mark.parametrize("slope", [0, 0.1, 0.37, 1])
@pytest.mark.parametrize("pixels", [-12, -3, 3, 12])
def test_a_soft_edge_moves_by_so_many_pixels_and_stays_smooth(slope: float, pixels: int) -> None:
    moved = expanded_coverage(tilted(slope, 30.3 - 40 * slope + 10), pixels)
    expected = tilted(slope, 30.3 - 40 * slope + 10 - pixels * np.hypot(1, slope))
    inner = np.s_[0, 5:75, 25:55]  # the line leaves the picture, and its corner moves differently
    error = moved[inner].astype(int) - expected[inner]
    assert abs(error.sum() / 30 / 255) < 0.45  # pixels that the edge is off
    assert np.abs(error).max() < 110


@pytest.mark.parametrize("pixels", [-3, 3, 20])
def test_moved_coverage_is_whole_away_from_its_edge(pixels: int) -> None:
    """A pixel of some coverage in or beside an object makes no disc of that coverage."""
    coverage = coverage_of_masks(disc(60, 80, 40, 30, 12))
    expected = expanded_masks(coverage >= 128, pixels)
    coverage[0, 25:27, 40], coverage[0, 30, 58] = 140, 100
    moved = expanded_coverage(coverage, pixels)
    for inside, value in ((expected, 255), (~expected, 0)):
        assert (moved[expanded_masks(inside, -3)] == value).all()


@pytest.mark.parametrize("pixels", [1, 2, 3, 10, 57, 100])
def test_feather_is_a_step_over_so_many_pixels_and_symmetric(pixels: int) -> None:
    masks = np.zeros((1, 12, 400), bool)
    masks[..., 200:] = True
    soft = feathered(coverage_of_masks(masks), pixels)[0]
    assert (soft == soft[0]).all()  # no seam at the top and the bottom
    line = soft[0].astype(int)
    half = (pixels + 1) // 2
    assert (line[: 200 - half] == 0).all()
    assert (line[200 + half :] == 255).all()
    assert (np.diff(line) >= 0).all()
    assert (line[200 - half + half // 3 : 200 + half - half // 3] % 255 > 0).all()
    assert np.abs(line + line[::-1] - 255).max() <= 1
    assert line[199] < 128 <= line[200]


def test_feather_of_two_pixels_is_known() -> None:
    masks = np.zeros((1, 1, 8), bool)
    masks[..., 4:] = True
    assert feathered(coverage_of_masks(masks), 2)[0, 0].tolist() == [0, 0, 0, 85, 170] + [255] * 3


@pytest.mark.parametrize("pixels", [5, 40])
def test_inside_and_outside_soften_alike(pixels: int) -> None:
    soft = coverage_of_masks(blobs(3))
    inverse = feathered(255 - soft, pixels).astype(int)
    assert np.abs(feathered(soft, pixels).astype(int) + inverse - 255).max() <= 1


@pytest.mark.parametrize("change", [lambda c: expanded_coverage(c, -9), lambda c: feathered(c, 18)])
def test_the_border_is_no_edge(change) -> None:  # type: ignore[no-untyped-def]
    """A picture cut from a larger one has the larger one's edges."""
    large = np.zeros((1, 90, 120), np.uint8)
    large[:, 30:, 50:] = 255
    cut = np.ascontiguousarray(large[:, :60, :80])
    assert (change(cut) == change(large)[:, :60, :80]).all()
