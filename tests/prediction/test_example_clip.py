"""The example clip is what its description promises, and its truth fits its pictures."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAMES, HEIGHT, WIDTH = 96, 360, 640
NEAR, FAR = 0, 1


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A freshly rendered clip, by the command that `make demo` uses."""
    out = tmp_path_factory.mktemp("example")
    command = [sys.executable, "-m", "examples.render", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(out / "clip.mp4")
    assert sorted(p.name for p in out.iterdir()) == [
        "clip.mp4",
        "clip_clicks.json",
        "clip_masks.npz",
    ]
    return out


@pytest.fixture(scope="module")
def masks(rendered):
    return np.load(rendered / "clip_masks.npz")["masks"]


@pytest.fixture(scope="module")
def scene():
    sys.path.insert(0, str(ROOT))
    try:
        yield importlib.import_module("examples.scene")
    finally:
        sys.path.remove(str(ROOT))


def pictures(clip):
    """The clip decoded, frames x height x width x RGB."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip),
               "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def test_clip_is_four_seconds_of_h264_with_sound(rendered):
    about = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(rendered / "clip.mp4")],
        capture_output=True,
        text=True,
    ).stderr
    assert "Duration: 00:00:04.00" in about
    assert re.search(r"Video: h264.*yuv420p\(tv, bt709.*640x360.*24 fps", about)
    assert re.search(r"Audio: aac.*stereo", about)
    assert (rendered / "clip.mp4").stat().st_size < 1_500_000


def test_masks_say_who_is_seen(masks):
    assert masks.dtype == bool
    assert masks.shape == (FRAMES, 2, HEIGHT, WIDTH)
    assert not masks.all(axis=1).any(), "a pixel belongs to one object at most"


def test_clicks_lie_well_inside_their_objects(rendered, masks):
    clicks = json.loads((rendered / "clip_clicks.json").read_text())
    points = json.loads(f"[{clicks['click_coordinates']}]")
    assert len(points) == len(clicks["click_object_ids"].split(",")) == 2
    for (x, y), mask in zip(points, masks[int(clicks["click_frames"])], strict=True):
        assert mask[y - 20 : y + 21, x - 20 : x + 21].all()


def test_objects_cross_leave_and_come_back(masks):
    area = masks.sum(axis=(2, 3))
    assert (area[0] > 10_000).all(), "both are well visible at first"
    alone = area[:15, FAR].min()
    assert area[20:45, FAR].min() < 0.5 * alone, "the near one hides much of the far one"
    away = area == 0
    assert 8 <= away[:, FAR].sum() < 40
    assert area[-1, FAR] > 10_000, "the far one comes back"
    assert away[-3:, NEAR].all(), "the near one leaves"


def test_masks_fit_the_decoded_pictures(rendered, masks, scene):
    decoded = pictures(rendered / "clip.mp4")
    assert len(decoded) == FRAMES
    backdrop = scene.load_backdrop()
    kernel = np.ones((5, 5), np.uint8)
    for k in (0, 26, 50, 70, 95):
        empty = scene.plate(backdrop, k / scene.FPS) * 255
        change = np.abs(decoded[k] - empty).max(axis=-1)
        seen = masks[k].any(axis=0).astype(np.uint8)
        inside = cv2.erode(seen, kernel).astype(bool)
        outside = ~cv2.dilate(seen, kernel, iterations=2).astype(bool)
        assert (change[inside] > 12).mean() > 0.93
        assert (change[outside] < 24).mean() > 0.97


def test_rendering_is_deterministic(masks, scene):
    backdrop = scene.load_backdrop()
    for k in (0, 30):
        first, second = scene.render_frame(backdrop, k), scene.render_frame(backdrop, k)
        np.testing.assert_array_equal(first.rgb, second.rgb)
        np.testing.assert_array_equal(first.masks, masks[k])
