"""Names, defaults, choices and bounds: one signature for every way in."""

import pytest

from predict import Predictor
from sam2_video.core.errors import InputError
from sam2_video.prediction.inputs import complete_inputs, input_specs

SPECS = input_specs(Predictor.predict)
REQUIRED = {"input_video": "clip.mp4", "click_coordinates": "[1,2]"}

# name, default, choices, bounds: the public interface, in its order
INTERFACE = [
    ("input_video", None, None, (None, None)),
    ("click_coordinates", None, None, (None, None)),
    ("click_labels", "1", None, (None, None)),
    ("click_frames", "0", None, (None, None)),
    ("click_object_ids", "", None, (None, None)),
    ("mask_type", "binary", ["binary", "highlighted", "greenscreen"], (None, None)),
    ("annotation_type", "mask", ["mask", "box", "both"], (None, None)),
    ("output_video", False, None, (None, None)),
    ("video_fps", 30, None, (1, 60)),
    ("output_format", "webp", ["webp", "jpg", "png"], (None, None)),
    ("output_quality", 80, None, (0, 100)),
    ("output_frame_interval", 1, None, (None, None)),
]


def test_the_signature_is_the_interface() -> None:
    fields = [
        (s.name, s.field.default, s.field.choices, (s.field.ge, s.field.le)) for s in SPECS.values()
    ]
    assert fields == INTERFACE
    assert [s.name for s in SPECS.values() if s.is_required] == ["input_video", "click_coordinates"]


def test_defaults_are_filled_in() -> None:
    inputs = complete_inputs(SPECS, REQUIRED)
    assert list(inputs) == [name for name, *_ in INTERFACE]
    assert inputs["video_fps"] == 30


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"video_fps": 0}, "video_fps is 0, but it should be a whole number from 1 to 60"),
        ({"video_fps": 61}, "video_fps is 61, but it should be a whole number from 1 to 60"),
        ({"video_fps": True}, "video_fps is True, but it should be a whole number from 1 to 60"),
        ({"output_quality": 101}, "output_quality is 101, but it should be a whole number from 0"),
        ({"mask_type": "gray"}, "mask_type is 'gray', but it should be one of binary, highlight"),
        ({"annotation_type": ""}, "annotation_type is '', but it should be one of mask, box, both"),
        ({"output_format": "gif"}, "output_format is 'gif', but it should be one of webp, jpg"),
        ({"output_video": "yes"}, "output_video is 'yes', but it should be true or false"),
        ({"click_labels": 1}, "click_labels is 1, but it should be a string"),
        ({"fps": 1}, "'fps' is not an input; there are input_video, click_coordinates, "),
        ({"input_video": 5}, "input_video is 5, but it should be a file"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given: dict, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        complete_inputs(SPECS, {**REQUIRED, **given})
    assert sentence in str(error.value)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_input_is_required(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is missing, and it is required$"):
        complete_inputs(SPECS, {k: v for k, v in REQUIRED.items() if k != name})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("output_video", "true", True),
        ("output_video", "False", False),
        ("video_fps", "25", 25),
        ("output_frame_interval", "-3", -3),
        ("click_labels", "1,0", "1,0"),
    ],
)
def test_text_is_read_as_the_inputs_type(name: str, text: str, value: object) -> None:
    assert SPECS[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"), [("output_video", "1"), ("video_fps", "2.5"), ("video_fps", "9" * 30)]
)
def test_text_of_another_type_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is '{text}', but it should be"):
        SPECS[name].parse(text)
