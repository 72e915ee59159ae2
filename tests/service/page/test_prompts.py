"""The page's prompts as inputs of the model: the same objects in the same order."""

import base64
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sam2_video.core.limits import Limits
from sam2_video.engine.boxes import parse_boxes
from sam2_video.engine.clicks import parse_clicks
from sam2_video.engine.prompts import build_prompts
from sam2_video.prediction.mask_files import open_masks
from sam2_video.prediction.prepare import _mask_prompts
from sam2_video.service.errors import RequestError
from sam2_video.service.page.prompts import (
    mask_archive,
    mask_picture,
    mask_values,
    objects_in_order,
    read_values,
    strings_of,
    with_inner_points,
)
from sam2_video.service.page.requests import PromptRequest
from sam2_video.service.page.videos import VideoInfo
from sam2_video.service.page.words import cannot_open, in_words

SIZE = (40, 30)
NAMES = ("o1", "o2", "o3", "o4")


def prompt_of(name: str, frame: int, has_point: bool, has_box: bool, has_mask: bool) -> object:
    return PromptRequest(
        object=name,
        frame=frame,
        points=[(1.0, 2.0)] if has_point else [],
        labels=[1] if has_point else [],
        box=(1.0, 2.0, 8.0, 9.0) if has_box else None,
        mask_of="track" if has_mask else None,
    )


@st.composite
def many_prompts(draw: st.DrawFn) -> list[PromptRequest]:
    places = draw(
        st.lists(
            st.tuples(st.sampled_from(NAMES), st.integers(0, 3)),
            min_size=1,
            max_size=9,
            unique=True,
        )
    )
    kinds = st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(any)
    return [prompt_of(*place, *draw(kinds)) for place in places]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=many_prompts())
def test_the_order_is_the_models_own(tmp_path: Path, prompts: list[PromptRequest]) -> None:
    """Compared with what the model reads from the very strings and files."""
    strings = strings_of(prompts)
    masked = [(one.object, one.frame) for one in prompts if one.mask_of]
    values = mask_values(strings)
    pictures = {}
    for frame in {frame for _, frame in masked}:
        masks = {}
        for name, there in masked:
            if there == frame:
                mask = np.zeros(SIZE[::-1], bool)
                mask[NAMES.index(name) * 4] = True
                masks[values[name]] = mask
        pictures[frame] = mask_picture(masks)
    clicks = parse_clicks(
        *(strings[f"click_{part}"] for part in ("coordinates", "labels", "frames", "object_ids"))
    )
    boxes = parse_boxes(
        *(strings[f"box_{part}"] for part in ("coordinates", "frames", "object_ids"))
    )
    expected = []
    if masked:
        path = tmp_path / "masks.zip"
        path.write_bytes(base64.b64decode(mask_archive(pictures).partition(",")[2]))
        ids = strings["click_object_ids"]
        with open_masks("input_masks", path, 0, ids, 100, 10**6) as source:
            given_masks = _mask_prompts(source)
            expected = build_prompts(clicks, boxes, given_masks)
            for tracked in expected:  # each mask is its own object's
                for one in tracked.prompts:
                    if one.mask is not None:
                        assert one.mask()[NAMES.index(tracked.name) * 4].all()
    else:
        expected = build_prompts(clicks, boxes)
    order = objects_in_order(strings, masked, Limits())
    assert order == [tracked.name for tracked in expected]
    assert sorted(order) == sorted({one.object for one in prompts})


def test_a_refined_mask_keeps_what_its_points_do_not_speak_of() -> None:
    """Points inside the mask go before those of the visitor, but not near what is wrong."""
    mask = np.zeros((200, 300), bool)
    mask[20:180, 20:60] = True  # the object
    mask[20:180, 220:260] = True  # what does not belong to it
    prompt = PromptRequest(object="o1", frame=0, points=[(240, 100)], labels=[0], mask_of="a" * 26)
    refined = with_inner_points(prompt, mask)
    assert refined.labels == [*[1] * (len(refined.points) - 1), 0]
    assert refined.points[-1] == (240, 100)
    assert len(refined.points) == 4
    for x, y in refined.points[:-1]:
        assert mask[int(y), int(x)]
        assert np.hypot(x - 240, y - 100) > 50
    assert with_inner_points(prompt.model_copy(update={"points": []}), mask).points == []


def test_a_point_at_the_edge_stays_in_the_picture() -> None:
    prompt = PromptRequest(object="o1", frame=0, points=[(95.99999, 0.0000001)], labels=[1])
    assert strings_of([prompt])["click_coordinates"] == "[95.999, 0.0]"


def test_of_overlapping_masks_the_smaller_one_is_on_top() -> None:
    large, small = np.ones(SIZE[::-1], bool), np.zeros(SIZE[::-1], bool)
    small[3:6, 3:6] = True
    video = VideoInfo(*SIZE, 1, None, None)
    for masks in ({1: large, 2: small}, {2: small, 1: large}):
        values = read_values(mask_picture(masks), video)
        assert np.array_equal(values == 2, small)
        assert np.array_equal(values == 1, large & ~small)
    with pytest.raises(RequestError, match="the same mask"):
        mask_picture({1: small, 2: small})


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("video_fps is 99, but it should be 1", "The frame rate is 99, but it should be 1."),
        (
            "input_video has more than the 9 frames allowed (SAM2_MAX_FRAMES)",
            "My dog.mp4 has more than the 9 frames allowed.",
        ),
        (
            "--masks has no mask of the frames 0 to 3",
            "The tracked data has no mask of the frames 0 to 3.",
        ),
        (
            "no space is left on the disk for the output",
            "No space is left on the disk for the output.",
        ),
        ("click_coordinates[0] is [1,2], but", "The list of points is [1,2], but."),
    ],
)
def test_sentences_have_no_names_of_inputs(sentence: str, told: str) -> None:
    assert in_words(sentence, "My dog.mp4") == told


def test_files_that_cannot_be_opened() -> None:
    assert cannot_open("input_video is not a file", "a.mp4") == (
        "We can't open a.mp4. Try MP4, MOV or WebM."
    )
    assert cannot_open("input_video has no video stream", "a.mp4") == (
        "We can't open a.mp4: no video stream. Try MP4, MOV or WebM."
    )
    assert cannot_open("input_video is a HEIF picture in tiles; send it as jpg", "a.heic") == (
        "a.heic is a HEIF picture in tiles; send it as jpg."
    )
