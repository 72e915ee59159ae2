"""Lists of names and whole numbers as clients send them, and limits that name their setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from sam2_video.prediction.inputs import complete_inputs, input_specs

from predict import Predictor
from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.prompts import build_prompts, parse_clicks
from sam2_video.prediction.fetch import fetch_address
from sam2_video.prediction.pipeline import prepare
from tests.clips import H264, encode, numbered

SPECS = input_specs(Predictor.predict)
REQUIRED = {"input_video": "clip.mp4", "click_coordinates": "[1,2]"}


def fails_today(*values: object, reason: str) -> object:
    return pytest.param(*values, marks=pytest.mark.xfail(strict=True, reason=reason))


def names_of(text: str, count: int = 2) -> list[str]:
    clicks = parse_clicks(",".join(["[1,2]"] * count), "1", "0", text)
    return [tracked.name for tracked in build_prompts(clicks)]


LISTS = [
    ('["boy","boy"]', ["boy"]),
    ('["boy", "dog"]', ["boy", "dog"]),
    (' [ "boy" , "dog" ] ', ["boy", "dog"]),
    ('["boy"]', ["boy"]),
    ('["a, b","c"]', ["a, b", "c"]),
    ('["say \\"hi\\"","c"]', ['say "hi"', "c"]),
    ('["J\\u00fcrgen","c"]', ["Jürgen", "c"]),
    ('["boy",""]', ["boy", "object_2"]),
    ('["boy"," dog "]', ["boy", "dog"]),
    ("['boy','dog']", ["boy", "dog"]),
    ("[boy,dog]", ["boy", "dog"]),
    ("[1,2]", ["1", "2"]),
    ('[""]', ["object_1", "object_2"]),
    ("[]", ["object_1", "object_2"]),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [fails_today(*row, reason="brackets and quotes are taken for names") for row in LISTS],
)
def test_names_as_a_json_list(text: str, names: list[str]) -> None:
    assert names_of(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("boy,dog", ["boy", "dog"]),
        ("boy", ["boy"]),
        ("[boy", ["[boy"]),
        ('"boy",dog', ['"boy"', "dog"]),
        ("a[1],b[2]", ["a[1]", "b[2]"]),
    ],
)
def test_names_that_are_no_list_stay_as_they_are(text: str, names: list[str]) -> None:
    assert names_of(text) == names


WHOLE = "a float is refused for an integer"


@pytest.mark.parametrize("name", ["video_fps", "output_quality", "output_frame_interval"])
@pytest.mark.parametrize("value", [2.0, 30.0, 2])
@pytest.mark.parametrize("way", ["value", "text"])
def test_a_whole_number_may_be_written_with_a_point(
    way: str, value: float, name: str, request: pytest.FixtureRequest
) -> None:
    if isinstance(value, float):
        request.applymarker(pytest.mark.xfail(strict=True, reason=WHOLE))
    given = SPECS[name].parse(str(value)) if way == "text" else value
    found = complete_inputs(SPECS, {**REQUIRED, name: given})[name]
    assert found == int(value)
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [2.5, True, float("nan"), float("inf"), 1e300, "2", None, [2]], ids=repr
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"^video_fps is .* but it should be a whole number"):
        complete_inputs(SPECS, {**REQUIRED, "video_fps": value})


# --- limits say which setting raises them --------------------------------------------------------


def clip(folder: Path) -> Path:
    return encode(folder / "clip.mp4", numbered(6), *H264)


CLICKS = {
    "SAM2_MAX_CLICKS": (Limits(max_clicks=2), ("[1,1],[2,2],[3,3]", "1", "0", "a")),
    "SAM2_MAX_OBJECTS": (Limits(max_objects=1), ("[1,1],[2,2]", "1", "0", "a,b")),
    "SAM2_MAX_CONDITIONING_FRAMES": (
        Limits(max_conditioning_frames=1),
        ("[1,1],[2,2]", "1", "0,1", "a"),
    ),
    "SAM2_MAX_VIDEO_BYTES": (Limits(max_video_bytes=100), ("[1,1]", "1", "0", "")),
    "SAM2_MAX_FRAME_PIXELS": (Limits(max_frame_pixels=100), ("[1,1]", "1", "0", "")),
    "SAM2_MAX_FRAMES": (Limits(max_frames=3), ("[1,1]", "1", "0", "")),
    "SAM2_MAX_DECODE_SECONDS": (Limits(max_decode_seconds=1e-4), ("[1,1]", "1", "0", "")),
}
NO_NAME = "the sentence does not name the setting"


@pytest.mark.xfail(strict=True, reason=NO_NAME)
@pytest.mark.parametrize("setting", CLICKS)
def test_a_limit_names_the_setting_that_raises_it(setting: str, tmp_path: Path) -> None:
    limits, clicks = CLICKS[setting]
    with pytest.raises(InputError) as caught:
        prepare(clip(tmp_path), clicks, limits)
    sentence = str(caught.value)
    assert setting in sentence
    assert "\n" not in sentence
    assert ". " not in sentence


@pytest.mark.xfail(strict=True, reason=NO_NAME)
def test_the_limit_of_a_download_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SAM2_MAX_VIDEO_BYTES"):
        fetch_address("input_video", "data:;base64,QUJDREVG", tmp_path, Limits(max_video_bytes=3))
