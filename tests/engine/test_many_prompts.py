"""More conditioning frames than are attended to: the nearest ones are, as in Meta's predictor."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.model import load_model
from sam2_video.engine.prompts import TrackedObject, build_prompts, parse_clicks
from sam2_video.prediction.pipeline import segment
from tests.clips import H264, encode, numbered
from tests.engine import test_parity
from tests.engine.test_parity import Setting
from tests.meta_reference import make_telling

ATTENDED = 32
"""Conditioning frames of an object that a frame attends to at most."""

FRAMES = 44
FAILS = pytest.mark.xfail(strict=True, reason="every conditioning frame is attended to")


def clicked_on(frames: range) -> list[TrackedObject]:
    """An object with a click on each of `frames`, as a client writes it."""
    count = len(frames)
    coordinates = ",".join(["[10,10]"] * count)
    clicks = parse_clicks(coordinates, "1", ",".join(map(str, frames)), "person")
    return build_prompts(clicks)


@pytest.mark.xfail(strict=True, reason="more than 32 prompted frames are refused")
@pytest.mark.parametrize("count", [33, 200, 1000])
def test_a_click_on_every_frame_is_accepted(count: int) -> None:
    (person,) = clicked_on(range(count))
    assert [p.frame for p in person.prompts] == list(range(count))


def test_a_click_on_32_frames_is_accepted() -> None:
    (person,) = clicked_on(range(32))
    assert len(person.prompts) == 32


@pytest.mark.xfail(strict=True, reason="the limit is 32, and its sentence names no setting")
def test_more_prompted_frames_than_the_setting_allows() -> None:
    assert DEFAULT_LIMITS.max_conditioning_frames == 1000
    clicks = parse_clicks(
        ",".join(["[1,1]"] * 1001), "1", ",".join(map(str, range(1001))), "a", max_clicks=2000
    )
    with pytest.raises(InputError, match=r"1001 frames.* 1000 .*SAM2_MAX_CONDITIONING_FRAMES"):
        build_prompts(clicks)


# --- which frames are attended to ----------------------------------------------------------------


def heeding(network: SAM2Base) -> None:
    """Random weights that make much of every memory."""
    make_telling(network)
    with torch.no_grad():
        for hyper in network.sam_mask_decoder.output_hypernetworks_mlps:
            hyper.layers[-1].weight *= 8


@pytest.fixture(scope="module")
def setting() -> Iterator[Setting]:
    """Nano with random weights over 44 pictures; Meta's predictor attends to 32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_parity, "NUM_FRAMES", FRAMES)
        made = test_parity.make_setting("nano", 128, heeding)
        made.reference.predictor.max_cond_frames_in_attn = ATTENDED
        yield made


def clicked(setting: Setting, frames: Sequence[int]) -> list[TrackedObject]:
    prompts = tuple(test_parity.prompt(0, frame, (1,), setting.side) for frame in frames)
    return [TrackedObject("a", prompts)]


MANY = [frame for frame in range(1, FRAMES) if frame % 7]
"""37 frames, with gaps in which the object has to be tracked."""


@pytest.mark.parametrize(
    ("frames", "reverse"),
    [
        pytest.param(MANY, False, marks=FAILS, id="37 forward"),
        pytest.param(range(9, FRAMES), True, marks=FAILS, id="35 backward"),
        pytest.param(MANY[:ATTENDED], False, id="32 forward"),
        pytest.param(range(9, 9 + ATTENDED), True, id="32 backward"),
    ],
)
def test_the_nearest_32_are_attended_to_as_by_meta(
    frames: Sequence[int], reverse: bool, setting: Setting
) -> None:
    objects = clicked(setting, frames)
    expected = setting.expected(objects, reverse)
    test_parity.assert_telling(expected)
    ours = setting.track(objects, reverse)
    assert test_parity.largest_difference(ours, expected) < test_parity.TOLERANCE


@pytest.mark.xfail(strict=True, reason="more than 32 prompted frames are refused")
def test_one_line_of_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "clip.mp4", numbered(34), *H264)
    coordinates = ",".join(["[40,40]"] * 33)
    frames = ",".join(map(str, range(33)))
    monkeypatch.setattr(logging.getLogger("sam2_video"), "propagate", True)
    with caplog.at_level(logging.INFO, "sam2_video"):
        found = list(segment(path, coordinates, "1", frames, "person", model=load_model("nano")))
    assert len(found) == 34
    lines = [r.getMessage() for r in caplog.records if "32" in r.getMessage()]
    assert len(lines) == 1
    assert "person" in lines[0]
    assert "33" in lines[0]
