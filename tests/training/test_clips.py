"""The generator of training clips, on a library of four images that it makes itself."""

import json

import cv2
import numpy as np
import pytest

from training import clips, data
from training.backgrounds import make_occluder
from training.clips import Clip, make_clip, paste
from training.compositing import (
    Compositing,
    cast_shadow,
    match_colours,
    motion_blur,
    motion_blur_alpha,
)
from training.data import Batches, make_example, make_visible, mirrored, visible
from training.library import HELD_OUT, Library
from training.motion import Motion, deformed
from training.prompts import click, innermost, largest_error
from training.textures import outline, texture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    rng = np.random.default_rng(0)
    index = []
    for number in range(4):
        name = f"{number}.png" if number < 2 else f"{number}.jpg"
        image = texture(rng, 96)
        if number < 2:
            image = np.dstack([image, outline(rng, 96)])
        cv2.imwrite(str(folder / name), image)
        index.append({"file": name, "kind": "cutout" if number < 2 else "photo"})
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="module")
def library(folder):
    return Library(folder)


def test_held_out_images_are_not_trained_on(tmp_path):
    count = 2 * HELD_OUT + 1
    index = [
        {"file": f"{kind}{i}", "kind": kind} for kind in ("cutout", "photo") for i in range(count)
    ]
    (tmp_path / "index.json").write_text(json.dumps(index))
    trained, kept = Library(tmp_path), Library(tmp_path, held_out=True)
    assert (trained.cutouts, kept.cutouts) == (count - 3, 3)
    assert not set(trained._files["photo"]) & set(kept._files["photo"])


def test_clip_has_a_frame_and_a_truth_for_every_moment(library):
    clip = make_clip(np.random.default_rng(1), library, frames=3, side=64)
    assert clip.frames.shape == (3, 64, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.ids.shape == (3, 64, 64)
    assert clip.ids.max() <= clip.objects


def test_same_seed_same_clip(library):
    first, second = (make_clip(np.random.default_rng(7), library, 2, 64) for _ in range(2))
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.ids, second.ids)


def test_clips_move_and_have_objects_to_click(library):
    moved = 0
    for seed in range(30):
        clip = make_clip(np.random.default_rng(seed), library, 2, 48)
        moved += bool((clip.ids[0] != clip.ids[1]).any())
        for number in visible(clip):
            assert (clip.ids[0] == number).any()
    assert moved > 20


def test_example_clicks_its_own_object(library):
    rng = np.random.default_rng(3)
    clip = make_visible(rng, library, 2, 64, 0.0)
    frames, masks, clicks, joined = make_example(rng, clip, prompts=5, pairs=0.0)
    assert frames.shape == (2, 64, 64, 3)
    assert masks.shape == (5, 2, 64, 64)
    assert not joined.any()
    for mask, (x, y) in zip(masks, clicks.astype(int), strict=True):
        assert mask[0, y, x]


def test_two_objects_are_asked_for_as_one_rather_if_they_touch():
    ids = np.zeros((2, 32, 32), np.uint8)
    ids[:, :10, :10], ids[:, :10, 10:20], ids[:, 22:, 22:] = 1, 2, 3
    clip = Clip(np.zeros((2, 32, 32, 3), np.uint8), ids, 3)
    rng = np.random.default_rng(0)
    _, masks, clicks, joined = make_example(rng, clip, prompts=12, pairs=1.0)
    assert joined.all()
    kinds = {tuple(np.unique(ids[mask])) for mask in masks}
    assert (1, 2) in kinds  # the two that touch
    assert kinds <= {(1, 2), (1, 3), (2, 3)}  # the third touches none: either will do
    for mask, (x, y) in zip(masks, clicks.astype(int), strict=True):
        assert mask[0, y, x]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["....", ".##.", ".##.", "...."], {(1, 1), (2, 1), (1, 2), (2, 2)}),
        (["#...", "....", "....", "...."], {(0, 0)}),
        ([".....", ".###.", ".###.", ".###.", "....."], {(2, 2)}),
    ],
)
def test_innermost(rows, expected):
    assert innermost(_mask(rows)) in expected


def test_click_lands_in_the_mask_wherever_it_is():
    rng = np.random.default_rng(0)
    mask = _mask(["#...#", ".....", "..##.", "....."])
    assert all(mask[y, x] for x, y in (click(rng, mask) for _ in range(50)))


@pytest.mark.parametrize(
    ("predicted", "truth", "label", "error"),
    [
        (["##..", "...."], ["##..", "..##"], 1, ["....", "..##"]),
        (["####", "...."], ["#...", "...."], 0, [".###", "...."]),
        (["#..#", "#..."], ["....", "...."], 0, ["#...", "#..."]),
    ],
)
def test_largest_error(predicted, truth, label, error):
    region, found = largest_error(_mask(predicted), _mask(truth))
    assert found == label
    np.testing.assert_array_equal(region, _mask(error))


def test_no_error_no_click():
    mask = _mask(["##", ".."])
    assert largest_error(mask, mask) is None


def _mask(rows):
    return np.array([[c == "#" for c in row] for row in rows])


def test_a_mirrored_clip_is_one_of_four_and_can_be_clicked(library):
    rng = np.random.default_rng(5)
    clip = make_visible(rng, library, 3, 64, 0.0)
    kinds = set()
    for _ in range(20):
        other = mirrored(rng, clip)
        assert visible(other)
        for flip in (False, True):
            for back in (False, True):
                frames, ids = clip.frames, clip.ids
                if flip:
                    frames, ids = frames[:, :, ::-1], ids[:, :, ::-1]
                if back:
                    frames, ids = frames[::-1], ids[::-1]
                if np.array_equal(other.frames, frames) and np.array_equal(other.ids, ids):
                    kinds.add((flip, back))
    assert len(kinds) >= 2


def test_clips_are_used_several_times(library, folder, monkeypatch):
    made = []

    def counted(*arguments):
        made.append(make_visible(*arguments))
        return made[-1]

    monkeypatch.setattr(data, "CACHED_FRAMES", 4)
    monkeypatch.setattr(data, "make_visible", counted)
    batches = iter(Batches(folder, 1, (4, 2, 1, 64), 0.0, 0.0, uses=4))
    first = next(batches)
    assert first.frames.shape == (4, 1, 64, 64, 3)
    assert first.masks.shape == (4, 2, 1, 64, 64)
    for _ in range(9):
        next(batches)
    assert 4 <= len(made) < 25  # of 40


def test_sources_come_in_their_shares(tmp_path):
    index = [{"file": f"{i}.png", "kind": "cutout", "source": "other"} for i in range(30)]
    index += [
        {"file": f"s{i}.png", "kind": "cutout", "source": "tuxpaint-stamps-default"}
        for i in range(3)
    ]
    (tmp_path / "index.json").write_text(json.dumps(index))
    for entry in index:
        value = 255 if entry["source"] == "other" else 1
        cv2.imwrite(str(tmp_path / entry["file"]), np.full((4, 4, 4), value, np.uint8))
    library = Library(tmp_path)
    rng = np.random.default_rng(0)
    stamps = sum(int(library.cutout(rng)[0, 0, 0]) == 1 for _ in range(400))
    assert 230 < stamps < 340  # 0.5 of 0.5 + 0.2


def test_deformed_sprites_keep_their_size():
    sprite = np.zeros((20, 30, 4), np.uint8)
    sprite[5:15, 5:25] = 255
    bends = np.zeros((2, 2, 4, 4), np.float32)
    bends[1] = 0.1
    motion = Motion(np.zeros((2, 2)), np.zeros(2), np.ones(2), np.zeros(2), np.ones(2), bends)
    np.testing.assert_array_equal(deformed(sprite, motion, 0), sprite)
    moved = deformed(sprite, motion, 1)
    assert moved.shape == sprite.shape
    # A tenth of its size to the left and up.
    np.testing.assert_array_equal(moved[3:13, 2:22], sprite[5:15, 5:25])


@pytest.mark.parametrize(("shape", "expected"), [(1.0, (40, 40)), (2.0, (20, 40)), (0.5, (40, 20))])
def test_pictures_that_are_not_square_are_squeezed(shape, expected):
    frame, ids = np.zeros((80, 80, 3), np.float32), np.zeros((80, 80), np.uint8)
    sprite = np.full((40, 40, 4), 255, np.uint8)
    still = np.zeros((1, 2, 1, 1), np.float32)
    motion = Motion(np.full((1, 2), 40.0), np.zeros(1), np.ones(1), np.zeros(1), np.ones(1), still)
    paste(frame, ids, sprite, motion, 0, 3, Compositing(0.3, shape))
    width, height = (np.ptp(np.where(ids == 3)[axis]) + 1 for axis in (1, 0))
    assert abs(width - expected[0]) <= 1
    assert abs(height - expected[1]) <= 1
    assert frame[40, 40].tolist() == [255.0] * 3


def test_the_back_of_an_object_is_its_mirror_image():
    sprite = np.full((40, 40, 4), 255, np.uint8)
    sprite[:, :20, :3] = 0  # its left half is black
    frames = []
    for turn in (1.0, -1.0):
        frame, ids = np.full((80, 80, 3), 128, np.float32), np.zeros((80, 80), np.uint8)
        still = np.zeros((1, 2, 1, 1), np.float32)
        motion = Motion(
            np.full((1, 2), 40.0), np.zeros(1), np.ones(1), np.zeros(1), np.full(1, turn), still
        )
        paste(frame, ids, sprite, motion, 0, 1, Compositing(0.3))
        frames.append(frame)
    assert frames[0][40, 30, 0] < 10 < 245 < frames[0][40, 50, 0]
    assert frames[1][40, 50, 0] < 10 < 245 < frames[1][40, 30, 0]


def test_occluders_hide_objects(library, monkeypatch):
    wall = np.full((102, 102, 4), 255, np.uint8)
    monkeypatch.setattr(clips, "make_occluder", lambda *_: wall)
    clip = make_clip(np.random.default_rng(1), library, 2, 64)
    assert not clip.ids[0, 8:-8, 8:-8].any()


def test_occluders_are_rare_and_leave_room(library):
    rng = np.random.default_rng(0)
    occluders = [make_occluder(rng, library, 80) for _ in range(100)]
    seen = [occluder for occluder in occluders if occluder is not None]
    assert 8 < len(seen) < 35
    assert all(0 < (occluder[..., 3] > 127).mean() < 0.6 for occluder in seen)


def test_colours_move_towards_those_of_the_background():
    rng = np.random.default_rng(0)
    sprite = np.dstack([np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 255, np.uint8)])
    ground = np.full((30, 30, 3), 40, np.uint8)
    near = match_colours(rng, sprite, ground)
    assert 40 < near[..., :3].mean() < 190
    np.testing.assert_array_equal(near[..., 3], sprite[..., 3])
    hidden = np.zeros((20, 20, 4), np.uint8)
    np.testing.assert_array_equal(match_colours(rng, hidden, ground), hidden)


def test_motion_blur_follows_the_motion_and_keeps_brightness():
    image = np.zeros((41, 41, 1), np.float32)
    image[20, 20] = 100
    out = motion_blur(image, np.array([9.0, 0.0]))
    out = out.reshape(41, 41)
    assert out.sum() == pytest.approx(100, rel=1e-4)
    assert set(np.nonzero(out)[0]) == {20}
    assert np.ptp(np.nonzero(out)[1]) in (8, 9, 10)
    assert motion_blur(image, np.array([1.0, 0.0])) is image


def test_hidden_colours_do_not_bleed_into_a_blurred_object():
    sprite = np.zeros((40, 40, 4), np.uint8)
    sprite[...] = (255, 0, 0, 0)
    sprite[10:30, 10:30] = (0, 0, 200, 255)
    out = motion_blur_alpha(sprite, np.array([8.0, 3.0]))
    shown = out[..., 3] > 4
    assert (out[shown][:, 0] == 0).all()
    assert (out[shown][:, 2] > 190).all()
    assert shown.sum() > 400  # it covers more than where it stood


def test_a_shadow_darkens_the_background():
    frame = np.full((60, 60, 3), 100, np.float32)
    alpha = np.zeros((60, 60), np.uint8)
    alpha[20:40, 20:40] = 255
    cast_shadow(frame, alpha, Compositing(0.5, shadow=0.5, shadow_offset=(0.0, 0.5)))
    assert frame[40, 30, 0] == pytest.approx(50, abs=2)
    assert frame[5, 5, 0] == pytest.approx(100, abs=0.1)
