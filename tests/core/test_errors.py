"""How values are shown in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.core.errors import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("clip.mp4", "'clip.mp4'"),
        ("x" * 60, f"'{'x' * 60}'"),
        ("x" * 61, f"'{'x' * 57}...'"),
        ("two\nlines", r"'two\nlines'"),
        ("\ud800", r"'\ud800'"),
        (25, "25"),
        (True, "True"),
        (["a", "b"], "['a', 'b']"),
        ([0] * 100, f"[{'0, ' * 18}0,..."),
    ],
)
def test_a_value_is_short_and_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


@given(st.one_of(st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.floats())))
def test_every_value_is_one_line_that_can_be_written(value: object) -> None:
    text = shown(value)
    assert len(text.splitlines()) == 1
    text.encode()
