"""What real recorders, phones and editors write is read as a player shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.processes import children
from sam2_video.core.errors import InputError
from tests.clips import SIZE, ffmpeg, number_of
from tests.video import odd_files
from tests.video.odd_files import ALPHA, CHANGES, ORANGE, RED, OddFile, decoded_by_ffmpeg
from tests.video.read_all import read_all, read_all_backward


def named(values: Iterable[Any], prefix: str = "") -> list[Any]:
    """Parameters under their names."""
    return [
        pytest.param(value, id=prefix + (value if isinstance(value, str) else value.__name__))
        for value in values
    ]


@pytest.fixture(autouse=True)
def _nothing_left_running():
    before = children()
    yield
    assert children() <= before


def assert_shows(odd: OddFile, frames: list[np.ndarray]) -> None:
    """The pictures that no damage touches are there, in their places."""
    assert [number_of(frame) for frame in frames[: len(odd.first)]] == list(odd.first)
    if odd.last:
        assert [number_of(frame) for frame in frames[-len(odd.last) :]] == list(odd.last)


def assert_tells_of_damage(odd: OddFile, log: str, count: int) -> None:
    """One line says that the video is damaged, near which frame, and how many pictures came."""
    lines = [line for line in log.splitlines() if re.search(r"damaged|cut short", line)]
    assert len(lines) == 1, log
    assert lines[0].startswith("input_video"), lines
    numbers = [int(text) for text in re.findall(r"\b\d+\b", lines[0])]
    assert count in numbers, lines
    numbers.remove(count)
    assert any(abs(number - odd.place) <= odd.near for number in numbers), lines


DAMAGED = [
    *odd_files.STARTS_BETWEEN_KEY_FRAMES,
    *odd_files.CUT_SHORT,
    *odd_files.DAMAGED,
]


@pytest.mark.parametrize("make", named(DAMAGED))
def test_what_ffmpeg_decodes_of_a_damaged_file_is_processed(make, tmp_path: Path) -> None:
    odd = make(tmp_path)
    frames, log = read_all(odd.path)
    assert len(frames) == decoded_by_ffmpeg(odd.path)
    assert_shows(odd, frames)
    if odd.place is not None:
        assert_tells_of_damage(odd, log, len(frames))


@pytest.mark.parametrize("make", named(DAMAGED, "again_"))
def test_every_pass_over_a_damaged_file_gives_the_same_pictures(make, tmp_path: Path) -> None:
    """Of a picture that breaks off, FFmpeg leaves the rest as its memory happens to be."""
    odd = make(tmp_path)
    frames, _ = read_all(odd.path)
    again, _ = read_all(odd.path)
    backward = read_all_backward(odd.path, chunk=5)
    assert len(again) == len(backward) == len(frames)
    for others in (again, backward):
        pairs = enumerate(zip(frames, others, strict=True))
        differ = [index for index, (one, other) in pairs if not np.array_equal(one, other)]
        assert len(differ) <= 1, differ
        assert all(abs(index - (odd.place or 0)) <= odd.near for index in differ), differ


@pytest.mark.parametrize("make", named(odd_files.JOINED))
def test_joined_pieces_show_all_their_pictures(make, tmp_path: Path) -> None:
    odd = make(tmp_path)
    frames, _ = read_all(odd.path)  # a message is fine: a lost packet looks like a joint
    assert len(frames) == len(odd.first)
    assert_shows(odd, frames)
    backward = read_all_backward(odd.path, chunk=5)
    assert [number_of(frame) for frame in backward] == list(odd.first)


@pytest.mark.parametrize("make", named(odd_files.MULTI_PICTURE))
def test_every_picture_of_a_file_that_has_several(make, tmp_path: Path) -> None:
    odd = make(tmp_path)
    frames, log = read_all(odd.path)
    assert len(frames) == len(odd.first)
    assert_shows(odd, frames)
    assert not log


@pytest.mark.parametrize("make", named(odd_files.TRACKS))
def test_the_right_one_of_several_video_tracks(make, tmp_path: Path) -> None:
    odd = make(tmp_path)
    frames, _ = read_all(odd.path)
    assert len(frames) == len(odd.first)
    assert_shows(odd, frames)


@pytest.mark.parametrize("name", named(ALPHA, "alpha_"))
def test_colour_under_transparency_is_straight(name: str, tmp_path: Path) -> None:
    frames, _ = read_all(odd_files.with_alpha(tmp_path, name))
    for frame in frames:
        assert np.abs(frame.astype(int) - ORANGE[:3]).max() <= 4


@pytest.mark.parametrize("name", ["ffv1_420.mkv", "prores.mov", "vp9.webm", "lossy.webp"])
def test_colour_under_transparency_is_straight_at_odd_sizes(name: str, tmp_path: Path) -> None:
    frames, _ = read_all(odd_files.with_alpha(tmp_path, name, (95, 73)))
    assert np.abs(frames[0].astype(int) - ORANGE[:3]).max() <= 4


COLOURS = [
    *(f"colorspace={name}" for name in odd_files.UNKNOWN_MATRICES),
    *(f"color_trc={name}" for name in odd_files.UNKNOWN_TRANSFERS),
]


@pytest.mark.parametrize("tags", named(COLOURS))
def test_a_matrix_or_transfer_that_cannot_be_converted_is_named(tags: str, tmp_path: Path) -> None:
    """Unless it can: a transfer has no part in what is not tone-mapped."""
    path = odd_files.tagged_red(tmp_path / "red.mkv", tags=tags)
    name = tags.partition("=")[2]
    try:
        frames, _ = read_all(path)
    except InputError as error:
        sentence = str(error)
        assert sentence.startswith("input_video ")
        assert name in sentence.lower()
        assert "matrix" in sentence or "transfer" in sentence
    else:
        assert not tags.startswith("colorspace")  # the file says nothing of what it would show
        assert len(frames) == 3
        assert np.abs(frames[0].astype(int) - RED).max() <= 4


@pytest.mark.parametrize("name", named(CHANGES, "change_"))
def test_properties_that_change_on_the_way_are_followed(name: str, tmp_path: Path) -> None:
    first, second = CHANGES[name]
    path = odd_files.changing(tmp_path, name)
    frames, _ = read_all(path)
    assert len(frames) == 12
    assert {frame.shape for frame in frames} == {(first.size[1], first.size[0], 3)}
    for part, shown in ((first, frames[:6]), (second, frames[6:])):
        for frame in shown:
            assert np.abs(frame.astype(int) - part.rgb).max() <= 4
    backward = read_all_backward(path, chunk=4)
    assert all(np.array_equal(a, b) for a, b in zip(frames, backward, strict=True))


def test_nothing_that_decodes_is_one_sentence(tmp_path: Path) -> None:
    """A recording that ends before its first key frame."""
    odd = odd_files.vp9_from_the_middle(tmp_path)
    data = odd.path.read_bytes()
    (tmp_path / "none.webm").write_bytes(data[: len(data) // 8])
    assert decoded_by_ffmpeg(tmp_path / "none.webm") == 0
    with pytest.raises(InputError, match=r"^input_video [^\n]+$"):
        read_all(tmp_path / "none.webm")


def test_a_sound_recording_is_no_video_whatever_its_cover(tmp_path: Path) -> None:
    Image.fromarray(odd_files.noisy(1, SIZE)).save(tmp_path / "cover.jpg")
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=0.2", "-i", tmp_path / "cover.jpg", "-map", "0"),
        *("-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic", tmp_path / "song.m4a"),
    )
    with pytest.raises(InputError, match=r"^input_video has no video stream$"):
        read_all(tmp_path / "song.m4a")
