"""The three box strings and masks: how they are read and checked, and the sentence on refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.core.errors import InputError
from sam2_video.engine.boxes import Box, check_boxes, parse_boxes
from sam2_video.engine.clicks import Click, check_clicks

VIDEO = (640, 360, 290)


def corners(boxes: list[Box]) -> list[tuple[float, ...]]:
    return [(box.x1, box.y1, box.x2, box.y2) for box in boxes]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n", []),
        ("[1,2,3,4]", [(1, 2, 3, 4)]),
        ("[[1,2,3,4],[5,6,7,8]]", [(1, 2, 3, 4), (5, 6, 7, 8)]),
        (" [ 1.5 ,2.,\n.25, 8] ,", [(1.5, 2, 0.25, 8)]),
    ],
)
def test_coordinates_are_read_as_those_of_clicks(text: str, found: list) -> None:
    assert corners(parse_boxes(text)) == found


def test_frames_repeat_and_one_name_stands_for_all() -> None:
    boxes = parse_boxes("[0,0,1,1],[0,0,2,2],[0,0,3,3]", "4,5", "dog")
    assert [(box.frame, box.object_name) for box in boxes] == [(4, "dog"), (5, "dog"), (4, "dog")]
    named = parse_boxes("[0,0,1,1],[0,0,2,2]", "", '["dog","cat"]')
    assert [(box.frame, box.object_name) for box in named] == [(0, "dog"), (0, "cat")]


def test_surplus_entries_are_dropped_with_a_line_in_the_log(caplog) -> None:
    parse_boxes("[0,0,1,1]", "0,7")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["box_frames has 2 entries for 1 box: the surplus is dropped"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("[1,2]",), "box_coordinates has '[1,2]' where box 0 should be; write [x1,y1,x2,y2],[x1"),
        (("[1,2,3,4][5,6,7,8]",), "'[5,6,7,8]' where a comma should follow box 0"),
        (("[]",), "box_coordinates has '[]' where box 0 should be"),
        (("[1,2,3,4]", "x"), "box_frames[0] is 'x', but it should be a whole number"),
        (("[1,2,3,4]", "0", '["a"'), "box_object_ids is '[\"a\"', but it should be names"),
        (("[1,2,3,4],[1,2,3,4]", "0", "", 1), "more than the 1 boxes allowed (SAM2_MAX_CLICKS)"),
    ],
)
def test_a_malformed_string_is_one_sentence(arguments: tuple, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        parse_boxes(*arguments)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "frames", "sentence"),
    [
        (
            "[0,0,9,9],[1,2,641,4]",
            "0",
            "box_coordinates[1] is [1,2,641,4], but the video has 640x360 pixels (x 0-640, y 0-360",
        ),
        ("[-1,2,3,4]", "0", "box_coordinates[0] is [-1,2,3,4], but the video has 640x360"),
        ("[1,2,3,360.5]", "0", "box_coordinates[0] is [1,2,3,360.5], but the video has 640x360"),
        ("[3,2,1,4]", "0", "is [3,2,1,4], but x1 should be less than x2 and y1 less than y2"),
        ("[1,4,3,2]", "0", "is [1,4,3,2], but x1 should be less than x2"),
        ("[1,2,1,4]", "0", "is [1,2,1,4], but x1 should be less than x2"),
        ("[1,2,3,4]", "290", "box_frames[0] is 290, but the video has 290 frames (0-289)"),
        ("[1,2,3,4]", "-1", "box_frames[0] is -1, but the video has 290 frames (0-289)"),
    ],
)
def test_a_box_outside_the_video_is_refused(text: str, frames: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        check_boxes(parse_boxes(text, frames), *VIDEO)
    assert sentence in str(error.value)


def test_the_whole_picture_is_a_box() -> None:
    check_boxes(parse_boxes("[0,0,640,360]", "289"), *VIDEO)


@pytest.mark.parametrize("frame", [9, 21])
def test_a_prompt_outside_the_range_is_refused(frame: int) -> None:
    checks = {
        "click_frames[0]": lambda r: check_clicks([Click(1, 2, frame=frame)], *VIDEO, *r),
        "box_frames[0]": lambda r: check_boxes([Box(1, 2, 3, 4, frame)], *VIDEO, *r),
    }
    for subject, check in checks.items():
        check(())
        check((frame, frame))
        with pytest.raises(InputError) as error:
            check((10, 20))
        sentence = f"{subject} is {frame}, but start_frame and end_frame choose frames 10-20"
        assert str(error.value) == sentence


NUMBERS = st.decimals(min_value=-10_000, max_value=10_000, places=3).map(lambda d: f"{d:f}")
SPACE = st.text(" \n\t", max_size=2)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6),
    SPACE,
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(-5, 10**9), min_size=6, max_size=6),
)
def test_well_formed_strings_round_trip(boxes, space, comma, outer, frames) -> None:
    text = f"{space},{space}".join(f"[{f'{space},'.join(numbers)}]" for numbers in boxes)
    text += f"{space}," if comma else ""
    text = f"[{space}{text}{space}]" if outer else text
    found = parse_boxes(space + text, f",{space}".join(map(str, frames[: len(boxes)])))
    assert corners(found) == [tuple(map(float, numbers)) for numbers in boxes]
    assert [box.frame for box in found] == frames[: len(boxes)]


@given(st.lists(st.lists(st.integers(0, 9999), min_size=4, max_size=4), min_size=1, max_size=4))
def test_what_a_json_encoder_writes_is_read(boxes) -> None:
    assert corners(parse_boxes(json.dumps(boxes))) == [tuple(numbers) for numbers in boxes]


STRINGS = st.one_of(st.text(max_size=40), st.text("[]0123456789,.-+e \n", max_size=40))


@given(STRINGS, STRINGS, STRINGS)
def test_any_other_string_is_refused_in_one_sentence(coordinates, frames, ids) -> None:
    try:
        boxes = parse_boxes(coordinates, frames, ids)
        check_boxes(boxes, *VIDEO)
    except InputError as error:
        assert str(error).startswith("box_")
        assert len(str(error).splitlines()) == 1
    else:
        assert all(box.x1 < box.x2 and box.y1 < box.y2 for box in boxes)
