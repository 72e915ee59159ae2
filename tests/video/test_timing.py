"""When the pictures of a result are shown."""

import dataclasses
from array import array
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.video.encode_video import VideoFile
from sam2_video.video.ffmpeg_log import NO_PTS
from sam2_video.video.open_video import probe_video
from sam2_video.video.probe import Video
from sam2_video.video.timing import FrameTimes, frame_times
from tests.clips import H264, encode, numbered
from tests.video.flashes import length, shown_times

MILLISECOND = Fraction(1, 1000)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return probe_video(encode(tmp_path_factory.mktemp("t") / "a.mp4", numbered(6), *H264))


def with_stamps(
    clip: Video, stamps: list[int], time_base: Fraction = MILLISECOND, last_duration: int = 0
) -> Video:
    return dataclasses.replace(
        clip,
        num_frames=len(stamps),
        frames=range(len(stamps)),
        stamps=array("q", stamps),
        time_base=time_base,
        last_duration=last_duration,
    )


def seconds(times: FrameTimes) -> list[float]:
    """When each picture is shown, and when the last one ends."""
    return [float((time - times.times[0]) * times.time_base) for time in times.times]


@pytest.mark.parametrize(
    ("stamps", "last_duration", "expected"),
    [
        ([500, 540, 600], 25, [0, 0.04, 0.1, 0.125]),
        ([0, 40, 100], 0, [0, 0.04, 0.1, 0.16]),
        ([7], 0, [0, 0.04]),
        ([0, 40, 40, 80], 40, [0, 0.04, 0.041, 0.08, 0.12]),
        ([0, 40, 30, 80], 40, [0, 0.04, 0.041, 0.08, 0.12]),
        ([5000, 5040, 0, 40], 40, [0, 0.04, 0.08, 0.12, 0.16]),
        ([0, 40, 10**10, 10**10 + 40], 40, [0, 0.04, 0.08, 0.12, 0.16]),
        ([0, 40, NO_PTS, 120], 40, [0, 0.04, 0.08, 0.12, 0.16]),
        ([NO_PTS] * 3, 0, [0, 0.04, 0.08, 0.12]),
        ([0, 60_000, 60_040], 0, [0, 60, 60.04, 60.08]),
    ],
    ids=[
        "variable",
        "last one as long as the one before",
        "one picture",
        "doubled",
        "out of order",
        "clock starts again",
        "clock jumps",
        "one without a stamp",
        "no stamps",
        "shown for a minute",
    ],
)
def test_times(clip: Video, stamps: list[int], last_duration: int, expected: list[float]) -> None:
    found = seconds(frame_times(with_stamps(clip, stamps, last_duration=last_duration), 1))
    assert found == pytest.approx(expected)


@given(
    stamps=st.lists(st.integers(-(2**40), 2**40) | st.just(NO_PTS), min_size=1, max_size=30),
    clock=st.sampled_from([1, 25, 1000, 90_000, 1_200_000, 10**9]),
    interval=st.integers(1, 4),
)
def test_times_always_rise(clip: Video, stamps: list[int], clock: int, interval: int) -> None:
    times = frame_times(with_stamps(clip, stamps, Fraction(1, clock)), interval)
    assert len(times.times) == len(range(0, len(stamps), interval)) + 1
    assert all(a < b for a, b in pairwise(times.times))


def test_each_picture_is_shown_until_the_next_that_is_shown(clip: Video) -> None:
    video = with_stamps(clip, [0, 10, 30, 60, 100, 150, 210])
    assert seconds(frame_times(video, 3)) == pytest.approx([0, 0.06, 0.21, 0.27])
    cut = dataclasses.replace(video, num_frames=5, frames=range(2, 5), is_whole=False)
    times = frame_times(cut, 2)
    assert (times.start, times.length) == (Fraction(30, 1000), Fraction(120, 1000))
    assert seconds(times) == pytest.approx([0, 0.07, 0.12])


@pytest.mark.parametrize("clock", [1000, 15_360, 30_000, 90_000])
def test_a_file_has_these_times_exactly(clock: int, tmp_path: Path) -> None:
    ticks = [0, 1, 5, 3 * clock, 3 * clock + 17, 4 * clock, 5 * clock, 5 * clock + 1]
    path = tmp_path / "a.mp4"
    with VideoFile(path, 64, 48, FrameTimes(ticks, Fraction(1, clock)), "center") as file:
        for k in range(len(ticks) - 1):
            file.write(np.full((72, 64), 30 * k + 16, np.uint8))
    found = [time for time, _ in shown_times(path)]
    assert found == pytest.approx([tick / clock for tick in ticks[:-1]], abs=1e-9)
    assert length(path) == pytest.approx(ticks[-1] / clock, abs=0.011)


def test_times_do_not_change_what_a_player_needs(tmp_path: Path) -> None:
    """The level in the file's header."""

    def level(rate: int | FrameTimes, name: str) -> int:
        with VideoFile(tmp_path / name, 640, 480, rate, "center") as file:
            for _ in range(4):
                file.write(np.full((720, 640), 99, np.uint8))
        data = (tmp_path / name).read_bytes()
        return data[data.index(b"avcC") + 7]

    constant = level(30, "a.mp4")
    assert (
        level(FrameTimes([0, 3000, 6000, 9000, 12_000], Fraction(1, 90_000)), "b.mp4") == constant
    )
    assert level(FrameTimes([0, 1, 6000, 6001, 12_000], Fraction(1, 90_000)), "c.mp4") == constant
