"""Masks in the video's size, on the CPU and as a GPU computes them."""

import cv2
import numpy as np
import pytest
import torch

from sam2_video.prediction.masks import (
    PendingMasks,
    coverage_of,
    masks_of,
    resize_on_device,
    soften_on_device,
)

SIZE = (75, 52)


def logits() -> torch.Tensor:
    """(2, 1, 16, 16): smooth, positive in the middle and negative at the border."""
    line = torch.linspace(-1, 1, 16)
    distance = (line[:, None] ** 2 + line**2).sqrt()
    return torch.stack([0.8 - distance, 0.5 - distance])[:, None]


def test_masks_have_the_size_of_the_video_and_the_shape_of_the_logits() -> None:
    masks = masks_of(logits(), SIZE).result()
    assert (masks.shape, masks.dtype) == ((2, 52, 75), np.bool_)
    assert masks[:, 26, 37].all()
    assert not masks[:, 0, 0].any()
    assert masks[0].sum() > masks[1].sum() > 0


@torch.inference_mode()
def test_a_device_computes_the_same_masks() -> None:
    on_device = resize_on_device(logits(), SIZE).numpy()
    assert (on_device != masks_of(logits(), SIZE).result()).mean() < 1e-3


class Copied:
    """An event that ends with the last bytes of a copy."""

    def __init__(self, masks: np.ndarray) -> None:
        self.masks = masks

    def synchronize(self) -> None:
        self.masks[:] = True


def test_a_result_is_complete_and_outlives_the_memory_it_was_copied_to() -> None:
    pinned = np.zeros((1, 2, 3), bool)
    result = PendingMasks(pinned, Copied(pinned)).result()  # type: ignore[arg-type]
    assert result.all()
    pinned[:] = False
    assert result.all()


def of_disc(x: float, y: float, radius: float, side: int = 64) -> torch.Tensor:
    """(1, 1, side, side) logits: positive inside of a circle, in logits' pixels."""
    rows, columns = np.mgrid[:side, :side]
    return torch.tensor(3.0 * (radius - np.hypot(columns - x, rows - y)))[None, None].float()


def noise(seed: int, side: int = 32) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(0, 4, (3, 1, side, side))
    return torch.tensor(values, dtype=torch.float32)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(320, 180), (75, 52), (31, 17), (1, 1), (1, 9), (200, 1)])
@pytest.mark.parametrize("way", ["cpu", "device"])
def test_coverage_is_half_or_more_exactly_where_the_mask_is(
    size: tuple[int, int], way: str
) -> None:
    for given in (noise(0), noise(1, 5), of_disc(20.3, 40.9, 12.2), torch.zeros(2, 1, 8, 8)):
        if way == "cpu":
            soft, masks = coverage_of(given, size).result(), masks_of(given, size).result()
        else:
            soft = soften_on_device(given, size).numpy()
            masks = resize_on_device(given, size).numpy()
        assert (soft.shape, soft.dtype) == (masks.shape, np.uint8)
        assert ((soft >= 128) == masks).all()


@torch.inference_mode()
def test_coverage_is_the_share_of_a_pixel_that_the_object_takes() -> None:
    size, scale = (640, 640), 10
    soft = coverage_of(of_disc(31.3, 30.8, 20.4), size).result()[0]
    rows, columns = np.mgrid[:640, :640]
    # A pixel's centre in the video is at (p + 0.5) / scale - 0.5 in the logits.
    x, y, radius = (31.3 + 0.5) * scale - 0.5, (30.8 + 0.5) * scale - 0.5, 20.4 * scale
    inside = radius - np.hypot(columns - x, rows - y)  # pixels
    ideal = 255 * np.clip(0.5 + inside, 0, 1)
    # Between samples bilinear interpolation cuts the circle's corners by up to 0.6 pixels.
    assert np.abs(soft - ideal).mean() < 0.6
    assert (soft[inside > 2] == 255).all()
    assert (soft[inside < -2] == 0).all()
    steps = (soft > 0) & (soft < 255)
    assert 0.7 < steps.sum() / (2 * np.pi * radius) < 1.5


@torch.inference_mode()
def test_a_straight_edge_is_a_step_one_pixel_wide() -> None:
    line = torch.arange(16.0).repeat(16, 1)[None, None]
    for position in np.linspace(5, 9, 9):
        soft = coverage_of(2.5 * (line - position), (160, 160)).result()[0]
        edge = (position + 0.5) * 10 - 0.5
        ideal = 255 * np.clip(0.5 + np.arange(160) - edge, 0, 1)
        assert np.abs(soft.astype(float) - ideal).max() <= 1


@torch.inference_mode()
def test_away_from_edges_coverage_is_whole_whatever_the_logits() -> None:
    given = torch.full((1, 1, 32, 32), -0.001)
    given[..., 4:28, 4:28] = 0.001
    given[..., 12:16, 12:16] = 0.0001  # as a filled hole
    soft = coverage_of(given, (320, 320)).result()[0]
    near = cv2.morphologyEx((soft >= 128).view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    assert set(np.unique(soft[near == 0])) == {0, 255}
    assert (soft[60:260, 60:260] == 255).all()


@torch.inference_mode()
def test_an_object_out_of_sight_or_everywhere_has_no_edge() -> None:
    for way in (
        lambda given: coverage_of(given, SIZE).result(),
        lambda g: soften_on_device(g, SIZE),
    ):
        assert (way(torch.full((1, 1, 16, 16), -1024.0)) == 0).all()
        assert (way(torch.zeros(1, 1, 16, 16)) == 0).all()
        assert (way(torch.full((1, 1, 16, 16), 0.01)) == 255).all()
        assert len(way(torch.zeros(0, 1, 16, 16))) == 0


@torch.inference_mode()
@pytest.mark.parametrize("size", [(320, 180), SIZE, (31, 17)])
def test_a_device_computes_the_same_coverage(size: tuple[int, int]) -> None:
    for given in (logits(), of_disc(20.3, 40.9, 12.2)):
        on_device = soften_on_device(given, size).numpy().astype(int)
        assert np.abs(on_device - coverage_of(given, size).result()).max() <= 3
