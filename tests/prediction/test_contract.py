"""Names, types, defaults, choices and bounds: one document for every way in."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict import Predictor
from sam2_video.core.errors import InputError
from sam2_video.prediction.contract import SCHEMA_FILE, InputSpec, contract

DOCUMENT = json.loads(SCHEMA_FILE.read_text())
REQUIRED = {"input_video": "clip.mp4", "click_coordinates": "[1,2]"}


def test_the_inputs_are_typed() -> None:
    inputs = contract().inputs
    assert inputs["input_video"] == InputSpec("input_video", "string", True, True)
    assert inputs["click_labels"] == InputSpec("click_labels", "string", default="1")
    assert inputs["mask_type"] == InputSpec(
        "mask_type",
        "string",
        default="binary",
        choices=("binary", "highlighted", "greenscreen", "alpha", "indexed"),
    )
    assert inputs["output_video"].description.startswith("True for video output")
    assert inputs["output_video"] == InputSpec("output_video", "boolean", default=False)
    assert inputs["video_fps"] == InputSpec(
        "video_fps", "integer", default=30, minimum=1, maximum=60
    )
    assert inputs["input_masks"] == InputSpec("input_masks", "string", True)
    assert contract().files == ("input_video", "input_masks")


def test_defaults_are_filled_in() -> None:
    inputs = contract().complete({**REQUIRED, "click_labels": None})
    assert list(inputs) == list(DOCUMENT["components"]["schemas"]["Input"]["properties"])
    assert inputs["video_fps"] == 30
    assert inputs["click_labels"] == "1"


def test_a_whole_number_may_be_written_as_json_does() -> None:
    fps = contract().complete({**REQUIRED, "video_fps": 25.0})["video_fps"]
    assert (fps, type(fps)) == (25, int)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"video_fps": 0}, "video_fps is 0, but it should be a whole number from 1 to 60"),
        ({"video_fps": 61}, "video_fps is 61, but it should be a whole number from 1 to 60"),
        ({"video_fps": 2.5}, "video_fps is 2.5, but it should be a whole number from 1 to 60"),
        ({"video_fps": True}, "video_fps is True, but it should be a whole number from 1 to 60"),
        ({"output_quality": 101}, "output_quality is 101, but it should be a whole number from 0"),
        ({"mask_type": "gray"}, "mask_type is 'gray', but it should be one of binary, highlight"),
        ({"mask_type": ["binary"]}, "mask_type is ['binary'], but it should be one of binary"),
        ({"annotation_type": ""}, "annotation_type is '', but it should be one of mask, box, both"),
        ({"output_format": "gif"}, "output_format is 'gif', but it should be one of webp, jpg"),
        ({"output_video": "yes"}, "output_video is 'yes', but it should be true or false"),
        ({"click_labels": 1}, "click_labels is 1, but it should be a string"),
        ({"click_labels": "\ud800"}, "click_labels contains an unpaired surrogate"),
        ({"fps": 1}, "'fps' is not an input; the closest one is video_fps"),
        ({"input_video": 5}, "input_video is 5, but it should be a file"),
        ({"mask_type": "x" * 99}, f"mask_type is '{'x' * 57}...', but it should be one of"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given: dict, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        contract().complete({**REQUIRED, **given})
    assert sentence in str(error.value)


def test_python_gets_the_same_sentences() -> None:
    with pytest.raises(InputError, match=r"^video_fps is 90, but it should be a whole number"):
        next(Predictor().predict(**REQUIRED, video_fps=90))


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_input_is_required(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is required$"):
        contract().complete({k: v for k, v in REQUIRED.items() if k != name})


_ANYTHING = st.one_of(
    st.integers(-5, 105),
    st.floats(),
    st.booleans(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(["binary", "both", "webp", "clip.mp4", 25.0, 1e300]),
)


@given(st.dictionaries(st.sampled_from(list(contract().inputs)), _ANYTHING))
def test_json_schema_takes_and_refuses_the_same(inputs: dict) -> None:
    rules = {"$ref": "#/components/schemas/Input", "components": DOCUMENT["components"]}
    errors = jsonschema.Draft202012Validator(rules).iter_errors(inputs)
    refused = {str(e.path[0]) if e.path else e.message.split("'")[1] for e in errors}
    ours = contract()
    assert {problem.name for problem in ours.problems(ours.normalized(inputs))} == refused


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
    assert contract().parse({name: text}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text"),
    [("output_video", "1"), ("video_fps", "2.5"), ("video_fps", "\u0661")],
)
def test_text_of_another_type_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is '{text}', but it should be"):
        contract().parse({name: text})


def test_what_is_no_text_and_unknown_inputs_are_left_to_the_check() -> None:
    values = {"video_fps": 25, "fps": "x", "input_video": Path("clip.mp4")}
    assert contract().parse(values) == values


def test_a_long_whole_number_is_one_that_is_too_large() -> None:
    given = contract().parse({**REQUIRED, "video_fps": "9" * 30})
    with pytest.raises(InputError, match=r"^video_fps is 9{30}, but it should be a whole number f"):
        contract().complete(given)
