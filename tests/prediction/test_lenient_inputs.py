"""Lists of names and whole numbers as clients send them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.clicks import parse_clicks
from sam2_video.engine.prompts import build_prompts
from sam2_video.prediction.contract import contract
from sam2_video.prediction.fetch import fetch_url

REQUIRED = {"input_video": "clip.mp4", "click_coordinates": "[1,2]"}


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


@pytest.mark.parametrize(("text", "names"), LISTS)
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


@pytest.mark.parametrize(
    "text", ['["a"', "['a','b'", '["a","b"],', '["a"],["b"]', '[["a","b"]]', '[{"a":1}]', '[ "a']
)
def test_a_broken_list_of_names_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError) as error:
        names_of(text)
    assert str(error.value).startswith(f"click_object_ids is {text!r}, but it should be names")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["video_fps", "output_quality", "output_frame_interval"])
@pytest.mark.parametrize("value", [2.0, 30.0, 2])
@pytest.mark.parametrize("way", ["value", "text"])
def test_a_whole_number_may_be_written_with_a_point(way: str, value: float, name: str) -> None:
    given = contract().inputs[name].parse(str(value)) if way == "text" else value
    found = contract().complete({**REQUIRED, name: given})[name]
    assert found == int(value)
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [2.5, True, float("nan"), float("inf"), 1e300, "2", [2]], ids=repr
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"^video_fps is .* but it should be a whole number"):
        contract().complete({**REQUIRED, "video_fps": value})


def test_the_limit_of_a_download_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SAM2_MAX_VIDEO_BYTES"):
        fetch_url("input_video", "data:;base64,QUJDREVG", tmp_path, Limits(max_video_bytes=3))
