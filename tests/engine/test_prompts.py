"""How clicks become objects and prompts, and which of them are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.core.errors import InputError
from sam2_video.engine.boxes import Box, parse_boxes
from sam2_video.engine.clicks import Click, check_clicks, parse_clicks
from sam2_video.engine.prompts import MaskPrompt, build_prompts
from tests.engine.test_clicks import pairs


def objects_of(coordinates: str, labels: str = "1", frames: str = "0", ids: str = "") -> dict:
    """Each object's name with its prompts as (frame, points, labels)."""
    objects = build_prompts(parse_clicks(coordinates, labels, frames, ids))
    return {o.name: [(p.frame, p.points, p.labels) for p in o.prompts] for o in objects}


@pytest.mark.parametrize(
    ("ids", "count", "names"),
    [
        ("", 2, ["object_1", "object_2"]),
        ("mask_1", 10, ["mask_1"]),
        ("mask_1,", 3, ["mask_1"]),
        (" dog , cat ", 2, ["dog", "cat"]),
        ("dog,cat", 4, ["dog", "cat", "object_3", "object_4"]),
        ("dog,,dog", 3, ["dog", "object_2"]),
        ("object_2,", 2, ["object_2"]),
        ("object_2,,", 2, ["object_2", "object_3"]),
        ("object_2,,,", 3, ["object_2", "object_3", "object_4"]),
        ("bee_1,bee_2,bee_3", 3, ["bee_1", "bee_2", "bee_3"]),
    ],
)
def test_object_names(ids: str, count: int, names: list[str]) -> None:
    assert list(objects_of(pairs(count), ids=ids)) == names


def test_clicks_of_one_object_on_one_frame_are_one_prompt_in_order() -> None:
    objects = objects_of("[5,5],[1,1],[3,3]", "1,0,1", "0,0,4", "a")
    assert objects == {"a": [(0, ((5, 5), (1, 1)), (1, 0)), (4, ((3, 3),), (1,))]}


@pytest.mark.parametrize(
    ("labels", "frames", "owners"),
    [
        ("1,1,0", "0,0,0", {"object_1", "object_2"}),  # those clicked on the same frame
        ("1,1,0", "0,5,5", {"object_2"}),
        ("1,1,0", "0,5,3", {"object_1"}),  # else those first clicked earlier
        ("1,1,0", "4,5,3", {"object_1", "object_2"}),  # else all
    ],
)
def test_a_background_click_without_a_name(labels: str, frames: str, owners: set) -> None:
    objects = objects_of(pairs(3), labels, frames)
    background = {
        name
        for name, prompts in objects.items()
        if any((2.0, 2.0) in points for _, points, _ in prompts)
    }
    assert background == owners
    assert set(objects) == {"object_1", "object_2"}


def test_background_only_prompts_are_corrections() -> None:
    (tracked,) = build_prompts(parse_clicks(pairs(3), "1,0,0", "2,2,6", "a"))
    assert [p.frame for p in tracked.conditioning] == [2]
    assert [p.frame for p in tracked.corrections] == [6]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("", "1", "0", ""), "click_coordinates is empty; write [x,y],[x,y],..., or give box_"),
        (("[1,1]", "0", "0", ""), "click_labels has no foreground click (1)"),
        ((pairs(2), "1,0", "0", "dog,cat"), "click_object_ids names 'cat', which has background"),
        (
            (pairs(65), "1", "0", ""),
            "makes 65 objects, but at most 64 are allowed in one run (SAM2_MAX_OBJECTS)",
        ),
    ],
)
def test_prompts_that_cannot_be_tracked_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        build_prompts(parse_clicks(*arguments))
    assert sentence in str(error.value)


def test_clicks_on_more_frames_than_the_limit_are_refused() -> None:
    clicks = parse_clicks(pairs(3), "1", "0,1,2", "a")
    with pytest.raises(InputError, match=r"2 are allowed \(SAM2_MAX_CONDITIONING_FRAMES\)"):
        build_prompts(clicks, max_conditioning_frames=2)


def mask(frame: int, name: str) -> MaskPrompt:
    return MaskPrompt(frame, name, lambda: np.ones((2, 2), bool))


def test_objects_come_from_masks_then_clicks_then_boxes() -> None:
    clicks = parse_clicks("[1,1],[2,2]", "1", "0", "dog,,")
    boxes = parse_boxes("[0,0,1,1],[0,0,2,2],[0,0,3,3]", "3,0,0", ",dog,")
    objects = build_prompts(clicks, boxes, [mask(5, "cat"), mask(6, "dog")])
    assert [o.name for o in objects] == ["cat", "dog", "object_2", "object_1", "object_3"]
    cat, dog, _, first, _ = objects
    assert [(p.frame, p.points, p.box) for p in dog.prompts] == [
        (0, ((1, 1),), (0, 0, 2, 2)),
        (6, (), None),
    ]
    assert dog.prompts[1].mask is not None
    assert [(p.frame, p.box) for p in first.prompts] == [(3, (0, 0, 1, 1))]
    assert [p.frame for p in cat.conditioning] == [5]


def test_names_given_to_boxes_and_masks_are_taken() -> None:
    clicks, boxes = parse_clicks(pairs(2), "1", "0", ""), parse_boxes("[0,0,1,1]", "0", "object_1")
    names = [o.name for o in build_prompts(clicks, boxes, [mask(0, "object_3")])]
    assert names == ["object_3", "object_2", "object_4", "object_1"]


@pytest.mark.parametrize("coordinates", ["", "[1,1],[2,2]"])
def test_unnamed_clicks_keep_their_names_and_boxes_take_the_next(coordinates: str) -> None:
    clicks = parse_clicks(coordinates, "1", "0", "")
    objects = build_prompts(clicks, parse_boxes("[0,0,1,1],[0,0,2,2]"))
    assert [o.name for o in objects] == [f"object_{k + 1}" for k in range(len(clicks) + 2)]
    assert [o.prompts[0].box is not None for o in objects[-2:]] == [True, True]


@pytest.mark.parametrize(
    ("frame", "owners"),
    [(0, {"dog"}), (3, {"a"}), (4, {"dog", "a"}), (5, {"b"}), (9, {"dog", "a", "b"})],
)
def test_a_background_click_without_a_name_beside_boxes_and_masks(frame: int, owners: set) -> None:
    objects = build_prompts(
        [Click(1, 1, frame=0, object_name="dog"), Click(7, 7, is_foreground=False, frame=frame)],
        [Box(0, 0, 1, 1, 3, "a")],
        [mask(5, "b")],
    )
    assert owners == {o.name for o in objects if any((7, 7) in p.points for p in o.prompts)}


def test_background_clicks_refine_a_box_or_a_mask_of_their_frame() -> None:
    clicks = [Click(1, 1, is_foreground=False, frame=f, object_name="dog") for f in (0, 4, 8)]
    (dog,) = build_prompts(clicks, [Box(0, 0, 9, 9, 0, "dog")], [mask(4, "dog")])
    assert [p.frame for p in dog.conditioning] == [0, 4]
    assert [p.frame for p in dog.corrections] == [8]


@pytest.mark.parametrize(
    ("boxes", "masks", "sentence"),
    [
        ([Box(0, 0, 1, 1, 2, "a")] * 2, [], "box_coordinates has 2 for object 'a' on frame 2, but"),
        ([], [mask(2, "a")] * 2, "input_masks has 2 for object 'a' on frame 2, but an object has"),
        ([Box(0, 0, 1, 1)] * 65, [], "box_object_ids makes 65 objects, but at most 64 are"),
        ([], [mask(0, str(k)) for k in range(65)], "input_masks makes 65 objects, but at most"),
    ],
)
def test_boxes_and_masks_that_cannot_be_tracked_are_refused(boxes, masks, sentence) -> None:
    with pytest.raises(InputError) as error:
        build_prompts([], boxes, masks)
    assert sentence in str(error.value)


def test_prompts_of_all_kinds_count_towards_the_limit() -> None:
    boxes = [Box(0, 0, 1, 1, 0, "a"), Box(0, 0, 1, 1, 1, "a")]
    with pytest.raises(InputError, match="box_frames gives object 'a' prompts on 3"):
        build_prompts([], boxes, [mask(2, "a")], max_conditioning_frames=2)


STRINGS = st.one_of(st.text(max_size=40), st.text("[]0123456789,.-+e \n", max_size=40))


@given(STRINGS, STRINGS, STRINGS, STRINGS)
def test_any_other_string_is_refused_in_one_sentence(coordinates, labels, frames, ids) -> None:
    try:
        clicks = parse_clicks(coordinates, labels, frames, ids)
        objects = build_prompts(clicks)
        check_clicks(clicks, 640, 360, 290)
    except InputError as error:
        assert str(error).startswith("click_")
        assert len(str(error).splitlines()) == 1
    else:
        assert all(tracked.conditioning for tracked in objects)
