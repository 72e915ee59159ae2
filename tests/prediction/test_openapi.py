"""`openapi.json` is the hosted model's interface, and what cog's generator makes of our source."""

import ast
import json
import tokenize
from pathlib import Path
from typing import Any

import pytest

from sam2_video.prediction.contract import SCHEMA_FILE
from scripts import openapi

ROOT = Path(__file__).resolve().parents[2]
PREDICT = ROOT / "predict.py"
DOCUMENT = json.loads(SCHEMA_FILE.read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def choice(name: str, description: str, default: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"allOf": [reference], "description": description, "default": default}


# The public interface, in its order.
INPUTS = {
    "input_video": text("Input video file path", format="uri"),
    "click_coordinates": text(
        "Click coordinates as '[x,y],[x,y],...'. Determines number of clicks."
    ),
    "click_labels": text(
        "Click types (1=foreground, 0=background) as '1,1,0,1'. "
        "Auto-extends if shorter than coordinates.",
        default="1",
    ),
    "click_frames": text(
        "Frame indices for clicks as '0,0,150,0'. Auto-extends if shorter than coordinates.",
        default="0",
    ),
    "click_object_ids": text(
        "Object labels for clicks as 'person,dog,cat'. Auto-generates if missing or incomplete.",
        default="",
    ),
    "mask_type": choice(
        "mask_type",
        "Mask type: binary (B&W), highlighted (colored overlay), or greenscreen",
        "binary",
    ),
    "annotation_type": choice(
        "annotation_type",
        "Annotation type: mask only, bounding box only, or both "
        "(ignored for binary and greenscreen)",
        "mask",
    ),
    "output_video": {
        "type": "boolean",
        "default": False,
        "description": "True for video output, False for image sequence",
    },
    "video_fps": {
        "type": "integer",
        "default": 30,
        "minimum": 1,
        "maximum": 60,
        "description": "Video output frame rate (ignored for image sequence)",
    },
    "output_format": choice(
        "output_format", "Image format for sequence (ignored for video)", "webp"
    ),
    "output_quality": {
        "type": "integer",
        "default": 80,
        "minimum": 0,
        "maximum": 100,
        "description": "JPG/WebP compression quality (0-100, ignored for PNG and video)",
    },
    "output_frame_interval": {
        "type": "integer",
        "default": 1,
        "description": "Output every Nth frame. 1=all frames, 2=every other, etc.",
    },
}
OURS = {
    "box_coordinates": ("string", ""),
    "box_frames": ("string", "0"),
    "box_object_ids": ("string", ""),
    "input_masks": ("string", None),
    "start_frame": ("integer", 0),
    "end_frame": ("integer", -1),
    "video_format": (None, "mp4"),
    "separate_objects": ("boolean", False),
    "keep_audio": ("boolean", False),
    "output_masks": ("boolean", False),
    "mask_expand": ("integer", 0),
    "mask_feather": ("integer", 0),
    "background_color": ("string", "#00ff00"),
}
CHOICES = {
    "mask_type": ["binary", "highlighted", "greenscreen", "alpha", "indexed"],
    "video_format": ["mp4", "webm", "mov"],
    "annotation_type": ["mask", "box", "both"],
    "output_format": ["webp", "jpg", "png"],
}


def test_the_file_is_what_the_signature_says() -> None:
    stored = SCHEMA_FILE.read_text()
    assert stored == openapi.as_text(openapi.openapi()), "run: python -m scripts.openapi"


def test_the_inputs_are_the_public_ones_in_their_order() -> None:
    properties = SCHEMAS["Input"]["properties"]
    assert list(properties) == [*INPUTS, *OURS]
    for order, (name, expected) in enumerate(INPUTS.items()):
        found = dict(properties[name])
        title = found.pop("title", None)
        assert title == (None if name in CHOICES else name.replace("_", " ").title())
        if name == "mask_type":  # two types of ours follow the public ones
            assert found["description"].startswith(expected["description"] + "; also ")
            found["description"] = expected["description"]
        assert found == {**expected, "x-order": order}
    assert SCHEMAS["Input"]["required"] == ["input_video", "click_coordinates"]


def test_the_inputs_of_ours_follow_and_may_be_left_out() -> None:
    properties = SCHEMAS["Input"]["properties"]
    for order, (name, (kind, default)) in enumerate(OURS.items(), start=len(INPUTS)):
        assert properties[name]["x-order"] == order
        assert properties[name]["default"] == default
        assert properties[name].get("type") == kind
    assert properties["input_masks"]["format"] == "uri"
    bounds = {
        name: (properties[name].get("minimum"), properties[name].get("maximum"))
        for name in ("start_frame", "end_frame", "mask_expand", "mask_feather")
    }
    assert bounds == {
        "start_frame": (0, None),
        "end_frame": (-1, None),
        "mask_expand": (-100, 100),
        "mask_feather": (0, 100),
    }


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_components_of_their_own(name) -> None:
    assert SCHEMAS[name] == {
        "title": name,
        "type": "string",
        "description": "An enumeration.",
        "enum": CHOICES[name],
    }


def test_the_output_is_an_iterator_of_files_that_may_be_streamed() -> None:
    assert SCHEMAS["Output"] == {
        "title": "Output",
        "type": "array",
        "items": {"type": "string", "format": "uri"},
        "x-cog-array-type": "iterator",
    }
    assert DOCUMENT["paths"]["/predictions"]["post"]["x-cog-streaming"] is True


def test_the_source_reads_as_the_schema_generator_needs_it() -> None:
    """It sees text: a description in two literals would come out with the quotes inside."""
    (predict,) = [
        node
        for node in ast.walk(ast.parse(PREDICT.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "predict"
    ]
    assert ast.unparse(predict.decorator_list[0]) == "streaming"
    assert ast.unparse(predict.returns) == "Iterator[Path]"
    with PREDICT.open("rb") as file:
        tokens = [
            token
            for token in tokenize.tokenize(file.readline)
            if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE)
        ]
    strings = [token.type == tokenize.STRING for token in tokens]
    pairs = [token for token, a, b in zip(tokens, strings, strings[1:], strict=False) if a and b]
    assert not pairs, pairs
