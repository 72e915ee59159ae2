"""How clicks become objects and prompts, and which of them are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.core.errors import InputError
from sam2_video.engine.clicks import check_clicks, parse_clicks
from sam2_video.engine.prompts import build_prompts
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
