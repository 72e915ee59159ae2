"""Pictures small enough to check by eye: a letter a pixel, a row a word."""

from itertools import combinations

import numpy as np
import pytest

from sam2_video.core.errors import InputError
from sam2_video.video.draw_rgb import (
    GREEN,
    INDEXED_PALETTE,
    PALETTE,
    alpha,
    binary,
    colour_of,
    greenscreen,
    highlighted,
    indexed,
    opacity,
    parse_colour,
    rgb_renderer,
)
from sam2_video.video.edges import coverage_of_masks, feathered
from tests.video.drawings import disc, textured


def masks_of(*drawings: str, size: tuple[int, int] = (4, 4)) -> np.ndarray:
    """Masks from drawings like "..#. .##. .... ....": (K, H, W) bool."""
    rows = [[[pixel == "#" for pixel in row] for row in text.split()] for text in drawings]
    return np.array(rows, bool).reshape(len(drawings), *size)


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (4, 4)) -> np.ndarray:
    return np.full((*size, 3), colour, np.uint8)


def half(source: int, colour: int) -> int:
    return (source + colour + 1) // 2


def drawn_by(before: np.ndarray, after: np.ndarray) -> list[str]:
    """What changed, as a drawing."""
    changed = (before != after).any(axis=2)
    return ["".join("#" if pixel else "." for pixel in row) for row in changed]


@pytest.mark.parametrize(
    ("drawings", "expected"),
    [
        ([], ".... .... .... ...."),
        (["..#. .##. .... ...."], "..#. .##. .... ...."),
        (["##.. ##.. .... ....", ".... .##. .##. ...."], "##.. ###. .##. ...."),
        ([".... .... .... ....", "#### #### #### ####"], "#### #### #### ####"),
    ],
    ids=["none", "one", "overlap", "out of sight"],
)
def test_binary_is_white_where_any_object_is(drawings: list[str], expected: str) -> None:
    picture = binary(masks_of(*drawings))
    assert picture.dtype == np.uint8
    assert (picture == np.where(masks_of(expected)[0], 255, 0)).all()


def test_greenscreen_keeps_the_source_of_every_object() -> None:
    frame = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    masks = masks_of("##.. .... .... ....", ".#.. .#.. .... ....")
    picture = greenscreen(frame, masks)
    seen = masks.any(axis=0)
    assert (picture[seen] == frame[seen]).all()
    assert (picture[~seen] == GREEN).all()
    assert (greenscreen(frame, masks[:0]) == GREEN).all()


def test_mask_is_half_colour_half_source_for_every_value_and_colour() -> None:
    ramp = np.arange(256, dtype=np.uint8)
    frame = np.stack([ramp, ramp[::-1], np.roll(ramp, 99)], axis=1)[None]
    for index in range(len(PALETTE) + 2):
        masks = np.zeros((index + 1, 1, 256), bool)
        masks[index] = True
        expected = (frame.astype(int) + colour_of(index) + 1) // 2
        assert (highlighted(frame, masks, "mask") == expected).all()


def test_the_later_object_is_on_top_without_the_colour_below() -> None:
    frame = flat((10, 20, 30))
    picture = highlighted(frame, masks_of("##.. .... .... ....", ".##. .... .... ...."), "mask")
    first, second = colour_of(0), colour_of(1)
    assert picture[0, 0].tolist() == [half(s, c) for s, c in zip((10, 20, 30), first, strict=True)]
    for x in (1, 2):
        mixed = [half(s, c) for s, c in zip((10, 20, 30), second, strict=True)]
        assert picture[0, x].tolist() == mixed
    assert drawn_by(frame, picture) == ["###.", "....", "....", "...."]


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (
            "........ ........ ........ ...#.... ...##... ........ ........ ........",
            "........ ........ ..####.. ..####.. ..####.. ..####.. ........ ........",
        ),
        (
            "........ .####... .##..... .#...... .#...... ........ ........ ........",
            "######.. ######.. ##..##.. ##..##.. ######.. ######.. ........ ........",
        ),
        (
            "######## ######## ######## ######## ######## ######## ######## ########",
            "######## ######## ##....## ##....## ##....## ##....## ######## ########",
        ),
        ("#" + "........ " * 7 + ".......", "##...... ##...... " + "........ " * 6),
        (" ".join(["........"] * 8), " ".join(["........"] * 8)),
    ],
    ids=["small", "ring", "whole picture", "corner pixel", "out of sight"],
)
def test_box_covers_the_outermost_pixels_and_grows_outwards(drawing: str, expected: str) -> None:
    frame = flat((1, 2, 3), (8, 8))
    drawing = "".join(drawing.split())
    masks = masks_of(" ".join(drawing[k : k + 8] for k in range(0, 64, 8)), size=(8, 8))
    picture = highlighted(frame, masks, "box")
    assert drawn_by(frame, picture) == expected.split()
    assert (picture[(picture != frame).any(axis=2)] == colour_of(0)).all()


@pytest.mark.parametrize(
    ("height", "width", "line"), [(180, 320, 2), (720, 1280, 3), (1280, 720, 3), (2160, 3840, 9)]
)
def test_box_lines_scale_with_the_picture(height: int, width: int, line: int) -> None:
    masks = np.zeros((1, height, width), bool)
    masks[0, height // 4 : height // 2, width // 4 : width // 2] = True
    frame = flat((0, 0, 0), (height, width))
    changed = (highlighted(frame, masks, "box") != frame).any(axis=2)
    assert changed[height // 3, : width // 3].sum() == line
    assert changed[: height // 3, width // 3].sum() == line
    whole = highlighted(frame, np.ones_like(masks), "box")
    changed = (whole != frame).any(axis=2)
    assert changed[height // 3, : width // 3].sum() == line  # pushed inwards, not cut
    assert changed[height // 3, width // 2 :].sum() == line


def test_both_draws_boxes_over_all_masks() -> None:
    frame = flat((9, 9, 9), (8, 8))
    masks = np.zeros((2, 8, 8), bool)
    masks[0, 3:5, 3:5] = True
    masks[1] = True
    picture = highlighted(frame, masks, "both")
    assert picture[3, 3].tolist() == list(colour_of(0))
    assert picture[0, 0].tolist() == list(colour_of(1))
    assert picture[2, 6].tolist() == list(colour_of(1))


def test_an_object_keeps_its_colour_while_others_come_and_go() -> None:
    frame = flat((0, 0, 0))
    masks = masks_of("#... .... .... ....", ".... .... .... ...#")
    alone = masks.copy()
    alone[0] = False
    assert (
        highlighted(frame, masks, "mask")[3, 3] == highlighted(frame, alone, "mask")[3, 3]
    ).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 5)])
@pytest.mark.parametrize("annotation", ["mask", "box", "both"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_size_and_number_of_objects(size: tuple[int, int], annotation: str, count: int) -> None:
    frame = flat((7, 8, 9), size)
    masks = np.ones((count, *size), bool)
    picture = highlighted(frame, masks, annotation)
    assert picture.shape == frame.shape
    assert (picture == frame).all() == (count == 0)
    assert binary(masks).shape == size
    assert greenscreen(frame, masks).shape == frame.shape


@pytest.mark.parametrize("mask_type", ["binary", "highlighted", "greenscreen", "alpha", "indexed"])
def test_nothing_given_is_changed_or_handed_back(mask_type: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    frame = np.frombuffer(pixels.tobytes(), np.uint8).reshape(9, 11, 3)  # read-only, as decoded
    masks = np.random.default_rng(1).random((2, 9, 11)) > 0.5
    masks.flags.writeable = False
    for view in (masks, masks[:1], masks[:0]):
        picture = rgb_renderer(mask_type, "both")(frame, view).pixels
        assert picture.flags.c_contiguous
        assert picture.flags.writeable
        assert not np.shares_memory(picture, frame)
        assert not np.shares_memory(picture, masks)
    assert (frame == pixels).all()


def test_renderer_chooses_by_name() -> None:
    frame, masks = flat((5, 6, 7)), masks_of("#### .... .... ....")
    screen = rgb_renderer("greenscreen", "mask")(frame, masks)
    assert (screen.pixels == greenscreen(frame, masks)).all()
    assert (screen.background == ~masks[0]).all()
    assert (rgb_renderer("binary", "box")(frame, masks).pixels == binary(masks)).all()
    for annotation in ("mask", "box", "both"):
        picture = rgb_renderer("highlighted", annotation)(frame, masks)
        assert (picture.pixels == highlighted(frame, masks, annotation)).all()
        assert picture.background is None
    for wrong in (("mask", "mask"), ("highlighted", "none")):
        with pytest.raises(ValueError, match="no renderer"):
            rgb_renderer(*wrong)


def test_red_stays_red() -> None:
    frame = flat((200, 0, 0))
    picture = greenscreen(frame, masks_of("#... .... .... ...."))
    assert picture[0, 0].tolist() == [200, 0, 0]


def test_colours_repeat_only_after_the_palette() -> None:
    assert PALETTE.dtype == np.uint8
    assert len({colour_of(k) for k in range(len(PALETTE))}) == len(PALETTE) >= 16
    assert colour_of(len(PALETTE)) == colour_of(0)


# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
EYES = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab_of(colour: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """CIELAB of an sRGB colour as an eye sees it."""
    share = colour / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(eye @ linear, 0, 1) @ np.transpose(to_xyz) / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", EYES)
def test_colours_differ_for_every_eye(eye: str) -> None:
    seen = [lab_of(colour, np.array(EYES[eye])) for colour in PALETTE]
    hues = min(np.linalg.norm(a - b) for a, b in combinations(seen[:7], 2))
    everything = min(np.linalg.norm(a - b) for a, b in combinations(seen, 2))
    assert hues > 16  # a difference of 2.3 is just noticeable
    assert everything > 6


@pytest.mark.parametrize("annotation", ["mask", "box", "both"])
def test_whole_coverage_draws_what_masks_draw(annotation: str) -> None:
    frame = textured(60, 80)
    for masks in (disc(60, 80, 30, 20, 15), disc(60, 80, 0, 0, 9)[:0]):
        masks = np.concatenate([masks, disc(60, 80, 40, 30, 12), disc(60, 80, 900, 0, 1)])
        soft = coverage_of_masks(masks)
        drawn = highlighted(frame, masks, annotation)
        assert (highlighted(frame, soft, annotation) == drawn).all()
        for colour in (GREEN, (1, 2, 3)):
            expected = greenscreen(frame, masks, colour)
            assert (greenscreen(frame, soft, colour) == expected).all()
        assert (alpha(frame, soft) == alpha(frame, masks)).all()


def test_soft_edges_mix_source_and_background_by_coverage() -> None:
    frame = textured(60, 80)
    soft = feathered(coverage_of_masks(disc(60, 80, 40, 30, 15)), 10)
    share = soft[0, ..., None] / 255
    for colour in (GREEN, (250, 10, 120)):
        ideal = frame * share + np.array(colour) * (1 - share)
        assert np.abs(greenscreen(frame, soft, colour) - ideal).max() <= 0.51
    tint = (frame.astype(int) + colour_of(0) + 1) // 2
    ideal = tint * share + frame * (1 - share)
    assert np.abs(highlighted(frame, soft, "mask") - ideal).max() <= 0.51
    boxed = highlighted(frame, soft, "box")
    assert (boxed == highlighted(frame, soft >= 128, "box")).all()


def test_the_green_of_a_soft_green_screen_is_its_background_where_nothing_shows() -> None:
    frame = textured(60, 80)
    soft = feathered(coverage_of_masks(disc(60, 80, 40, 30, 15)), 10)
    screen = rgb_renderer("greenscreen", "mask")(frame, soft)
    assert (screen.background == (soft[0] == 0)).all()
    assert (screen.pixels[soft[0] == 0] == GREEN).all()
    blue = rgb_renderer("greenscreen", "mask", (0, 0, 255))(frame, soft > 0)
    assert blue.background is None
    assert (blue.pixels[soft[0] == 0] == (0, 0, 255)).all()


@pytest.mark.parametrize("size", [(1, 1), (31, 45), (100, 160)])
def test_alpha_keeps_the_source_under_and_around_objects(size: tuple[int, int]) -> None:
    frame = np.maximum(textured(*size), 1)
    soft = feathered(coverage_of_masks(disc(*size, size[1] // 2, size[0] // 2, 9)), 6)
    picture = alpha(frame, soft)
    assert (picture[..., 3] == soft[0]).all()
    rows, columns = np.mgrid[: size[0], : size[1]]
    ys, xs = np.nonzero(soft[0])
    steps = np.maximum(abs(rows[..., None] - ys), abs(columns[..., None] - xs)).min(axis=2)
    assert (picture[steps <= 16][:, :3] == frame[steps <= 16]).all()
    assert (picture[steps >= 32] == 0).all()
    kept = (picture[..., :3] == frame).all(axis=2)
    assert ((picture[..., :3] == 0).all(axis=2) == ~kept).all()
    assert not alpha(frame, soft[:0]).any()


def test_objects_that_meet_leave_no_gap() -> None:
    soft = np.zeros((2, 1, 9), np.uint8)
    soft[0, 0] = [255, 255, 255, 230, 100, 10, 0, 0, 0]
    soft[1] = 255 - soft[0]
    assert (opacity(soft) == 255).all()
    assert (opacity(soft[:1]) == soft[0]).all()
    assert (opacity(np.ones((2, 1, 9), bool)) == 255).all()
    assert (opacity(soft[:0]) == 0).all()


def test_indexed_holds_the_number_of_the_topmost_object() -> None:
    masks = masks_of("##.. ##.. .... ....", ".... .##. .##. ....")
    assert indexed(masks).tolist() == [[1, 1, 0, 0], [1, 2, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0]]
    assert indexed(masks[1:], first=1).max() == 2
    assert not indexed(masks[:0]).any()
    many = np.zeros((64, 1, 64), bool)
    many[range(64), 0, range(64)] = True
    assert indexed(many).tolist() == [list(range(1, 65))]
    picture = rgb_renderer("indexed", "mask")(flat((9, 9, 9)), masks)
    assert picture.palette is INDEXED_PALETTE
    assert INDEXED_PALETTE[0].tolist() == [0, 0, 0]
    for k in range(255):
        assert INDEXED_PALETTE[k + 1].tolist() == list(colour_of(k))


def test_an_object_drawn_apart_keeps_its_colour_and_number() -> None:
    frame, masks = flat((9, 9, 9)), masks_of("#... .... .... ....", "...# .... .... ....")
    for mask_type in ("highlighted", "indexed"):
        together = rgb_renderer(mask_type, "mask")(frame, masks).pixels
        apart = rgb_renderer(mask_type, "mask", first=1)(frame, masks[1:]).pixels
        assert (apart[0, 3] == together[0, 3]).all()
        assert (apart[0, 0] != together[0, 0]).any()


@pytest.mark.parametrize(
    ("text", "colour"), [("#00ff00", GREEN), ("#FFfe01", (255, 254, 1)), ("#000000", (0, 0, 0))]
)
def test_colours_are_read(text: str, colour: tuple[int, int, int]) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text",
    [
        "",
        "green",
        "#0f0",
        "00ff00",
        "#00ff0g",
        "#00ff000",
        " #00ff00",
        "#00ff00\n",
        "#\u0660\u0660ff00",
    ],
)
def test_what_is_no_colour_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"^background_color is '.*', but it should be [^\n]*$"):
        parse_colour(text)
