"""Drawing in a video's planes gives what drawing in RGB gives, and leaves the rest alone."""

import cv2
import numpy as np
import pytest

from sam2_video.video.colour_space import to_planes, video_colour
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import GREEN, colour_of, rgb_renderer
from sam2_video.video.pictures import Picture

HEIGHT, WIDTH = 96, 128
FORMS = [("highlighted", "mask"), ("highlighted", "box"), ("highlighted", "both")]
FORMS += [("greenscreen", "mask")]


def smooth(seed: int = 0) -> np.ndarray:
    """An (H, W, 3) picture whose chroma survives being halved."""
    noise = np.random.default_rng(seed).uniform(40, 215, (4, 5, 3)).astype(np.float32)
    picture = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 20, 235).astype(np.uint8)


def planes_of(pixels: np.ndarray) -> np.ndarray:
    return to_planes(Picture(pixels))


def masks_at(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """(K, H, W) masks from left, top, right, bottom."""
    masks = np.zeros((len(boxes), HEIGHT, WIDTH), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


SCENES = {
    "nothing": (),
    "one": ((30, 20, 70, 60),),
    "odd edges": ((31, 21, 70, 61),),
    "a pixel": ((55, 33, 56, 34),),
    "overlap": ((10, 10, 60, 60), (40, 31, 90, 80)),
    "out of sight": ((0, 0, 0, 0), (33, 20, 51, 41)),
    "edge of the picture": ((0, 0, 23, 31), (101, 70, WIDTH, HEIGHT)),
    "all of it": ((0, 0, WIDTH, HEIGHT),),
}


@pytest.mark.parametrize("form", FORMS, ids="-".join)
@pytest.mark.parametrize("scene", SCENES)
def test_planes_and_rgb_agree(form: tuple[str, str], scene: str) -> None:
    picture, masks = smooth(), masks_at(*SCENES[scene])
    through_rgb = to_planes(rgb_renderer(*form)(picture, masks)).astype(int)
    in_place = planes_renderer(*form)(planes_of(picture), masks).astype(int)
    assert np.abs(in_place[:HEIGHT] - through_rgb[:HEIGHT]).max() <= 2
    chroma = np.abs(in_place[HEIGHT:] - through_rgb[HEIGHT:])
    # A sample that an edge crosses stands for four pixels; elsewhere only rounding differs.
    assert np.count_nonzero(chroma > 3) <= 0.01 * chroma.size
    assert chroma.max() <= 60


@pytest.mark.parametrize("annotation", ["mask", "box", "both"])
def test_what_no_object_touches_keeps_its_samples(annotation: str) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
    before = planes.copy()
    drawn = planes_renderer("highlighted", annotation)(planes, masks_at((31, 21, 70, 61)))
    assert drawn is planes
    luma, chroma = (drawn != before)[:HEIGHT], (drawn != before)[HEIGHT:].reshape(2, 48, 64)
    around = masks_at((29, 19, 72, 63))[0]
    assert not luma[~around].any()
    assert luma[around].any()
    assert not chroma[:, ~around[::2, ::2] & ~around[1::2, 1::2]].any()


def test_no_object_changes_nothing() -> None:
    planes = planes_of(smooth())
    before = planes.copy()
    for masks in (masks_at(), masks_at((0, 0, 0, 0))):
        for annotation in ("mask", "box", "both"):
            assert (planes_renderer("highlighted", annotation)(planes, masks) == before).all()


def test_colours_are_those_of_the_objects() -> None:
    """Half the colour on grey: no channel is swapped on the way."""
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for index in range(7):
        masks = masks_at(*[(0, 0, 0, 0)] * index, (0, 0, WIDTH, HEIGHT))
        planes = planes_renderer("highlighted", "mask")(planes_of(grey), masks)
        half = tuple((128 + value) // 2 for value in colour_of(index))
        expected = np.array(video_colour(half))
        found = [planes[5, 5], planes[HEIGHT, 5], planes[HEIGHT + HEIGHT // 4, 5]]
        assert np.abs(np.array(found, int) - expected).max() <= 1


def test_green_is_beyond_green_and_the_object_is_itself() -> None:
    planes = planes_of(smooth())
    before = planes.copy()
    masks = masks_at((30, 20, 70, 60))
    planes_renderer("greenscreen", "mask")(planes, masks)
    chroma = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    inside = masks[0, ::2, ::2]
    assert (planes[:HEIGHT][masks[0]] == before[:HEIGHT][masks[0]]).all()
    assert (chroma[:, inside] == before[HEIGHT:].reshape(chroma.shape)[:, inside]).all()
    assert (planes[:HEIGHT][~masks[0]] == video_colour(GREEN)[0]).all()
    assert (chroma[:, ~inside] == 1).all()
