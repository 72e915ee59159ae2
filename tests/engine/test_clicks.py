"""The four click strings: how they are read, and the one sentence that refuses them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.core.errors import InputError
from sam2_video.engine.clicks import check_clicks, parse_clicks


def pairs(count: int) -> str:
    return ",".join(f"[{i},{i}]" for i in range(count))


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("[391,239],[178,320]", [(391, 239), (178, 320)]),
        ("[12, 34],[56, 78]", [(12, 34), (56, 78)]),
        (str([[1, 2], [3, 4]])[1:-1], [(1, 2), (3, 4)]),
        ("[[1,2],[3,4]]", [(1, 2), (3, 4)]),
        ("[[1,2]]", [(1, 2)]),
        (" [ 1.5 ,\n 2. ] ,\t[.25,0] , ", [(1.5, 2), (0.25, 0)]),
        ("[[1,2],]", [(1, 2)]),
    ],
)
def test_coordinates_are_read_as_clients_write_them(text: str, points: list) -> None:
    assert [(c.x, c.y) for c in parse_clicks(text, "", "", "")] == points


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("[]", "1", "0", ""), "click_coordinates has '[]' where click 0 should be; write [x"),
        (("[1,2],[3]", "1", "0", ""), "click_coordinates has '[3]' where click 1 should be"),
        (("[1,2][3,4]", "1", "0", ""), "'[3,4]' where a comma should follow click 0"),
        (("[1,2],,[3,4]", "1", "0", ""), "click_coordinates has ',[3,4]' where click 1"),
        (("(1,2)", "1", "0", ""), "click_coordinates has '(1,2)' where click 0 should be"),
        (("[1e3,2]", "1", "0", ""), "click_coordinates has '[1e3,2]' where click 0"),
        (("[nan,2]", "1", "0", ""), "click_coordinates has '[nan,2]' where click 0"),
        (("[1,2,3]", "1", "0", ""), "click_coordinates has '[1,2,3]' where click 0"),
        (("[[[1,2]]]", "1", "0", ""), "click_coordinates has '[[1,2]]' where click 0"),
        (("[1,2]", "2", "0", ""), "click_labels[0] is 2, but a label is 1 (foreground) or 0"),
        (("[1,2],[3,4]", "1,-1", "0", ""), "click_labels[1] is -1, but a label is"),
        (("[1,2]", "yes", "0", ""), "click_labels[0] is 'yes', but it should be a whole number"),
        (("[1,2],[3,4]", "1,,0", "0", ""), "click_labels[1] is '', but it should be a whole"),
        (("[1,2]", "1", "1.5", ""), "click_frames[0] is '1.5', but it should be a whole number"),
        (("[1,2]", "1", "9" * 5000, ""), "click_frames[0] is '9999"),
    ],
)
def test_a_malformed_string_is_one_sentence(arguments: tuple, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        parse_clicks(*arguments)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_an_empty_string_holds_no_click(caplog) -> None:
    assert parse_clicks(" ", "1", "0,7", "a") == []
    assert not caplog.records


def test_short_labels_and_frames_repeat_from_their_start() -> None:
    clicks = parse_clicks(pairs(5), "1,0", "3,4,5", "a")
    assert [c.is_foreground for c in clicks] == [True, False, True, False, True]
    assert [c.frame for c in clicks] == [3, 4, 5, 3, 4]


def test_empty_labels_and_frames_are_the_defaults() -> None:
    (click,) = parse_clicks("[1,2]", "", " ", "")
    assert click.is_foreground
    assert click.frame == 0


def test_surplus_entries_are_dropped_with_a_line_in_the_log(caplog) -> None:
    clicks = parse_clicks("[1,2]", "1,0", "0,7,8", "a,b")
    assert [(c.is_foreground, c.frame, c.object_name) for c in clicks] == [(True, 0, "a")]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert "click_frames has 3 entries for 1 click: the surplus is dropped" in lines


def test_a_long_run_of_digits_is_refused() -> None:
    """A pattern that backtracks would take many minutes for this one."""
    with pytest.raises(InputError, match=r"click_coordinates has '\[999"):
        parse_clicks("[" + "9" * 300_000, "1", "0", "")


def test_too_many_clicks_are_refused() -> None:
    with pytest.raises(InputError, match=r"than the 1000 clicks allowed \(SAM2_MAX_CLICKS\)"):
        parse_clicks(pairs(1001), "1", "0", "")


@pytest.mark.parametrize(
    ("coordinates", "frames", "sentence"),
    [
        (
            "[1,2],[640,2]",
            "0",
            "click_coordinates[1] is [640,2], but the video has 640x360 pixels (x 0-639, y 0-359)",
        ),
        ("[1,360]", "0", "click_coordinates[0] is [1,360], but the video has 640x360"),
        ("[-0.5,3]", "0", "click_coordinates[0] is [-0.5,3], but the video has 640x360"),
        (
            pairs(3),
            "0,1,500",
            "click_frames[2] is 500, but the video has 290 frames (0-289)",
        ),
        ("[1,1]", "-1", "click_frames[0] is -1, but the video has 290 frames (0-289)"),
    ],
)
def test_clicks_outside_the_video_are_refused(coordinates: str, frames: str, sentence) -> None:
    with pytest.raises(InputError) as error:
        check_clicks(parse_clicks(coordinates, "1", frames, ""), 640, 360, 290)
    assert sentence in str(error.value)


def test_the_last_pixel_of_the_last_frame_is_inside() -> None:
    check_clicks(parse_clicks("[639.9,359.9]", "1", "289", ""), 640, 360, 290)


NUMBERS = st.decimals(min_value=-10_000, max_value=10_000, places=3).map(lambda d: f"{d:f}")
SPACE = st.text(" \n\t", max_size=2)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8),
    SPACE,
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 1), min_size=8, max_size=8),
    st.lists(st.integers(-5, 10**9), min_size=8, max_size=8),
)
def test_well_formed_strings_round_trip(points, space, comma, outer, labels, frames) -> None:
    text = f"{space},{space}".join(f"[{space}{x}{space},{space}{y}]" for x, y in points)
    text += f"{space}," if comma else ""
    text = f"[{space}{text}{space}]" if outer else text
    n = len(points)
    clicks = parse_clicks(
        space + text + space,
        f"{space},".join(map(str, labels[:n])),
        f",{space}".join(map(str, frames[:n])),
        "",
    )
    assert [(c.x, c.y) for c in clicks] == [(float(x), float(y)) for x, y in points]
    assert [int(c.is_foreground) for c in clicks] == labels[:n]
    assert [c.frame for c in clicks] == frames[:n]


@given(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9999)), min_size=1, max_size=6))
def test_what_a_json_encoder_writes_is_read(points) -> None:
    clicks = parse_clicks(json.dumps(points), "1", "0", "")
    assert [(c.x, c.y) for c in clicks] == points
