"""A range of frames: the same pictures as in a full decoding, and decoding that stops after it."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.decode import read_frames, read_frames_backward
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.open_video import open_video, probe_video
from sam2_video.video.streams import RgbStream, planes_if_plain
from tests.clips import H264, draw, encode, number_of, numbered
from tests.video import test_decode as clips
from tests.video.test_open_video import PLAIN

COUNT = 30


def cut_start(folder: Path) -> Path:
    """A clip that starts between two key frames, so that its first pictures are damaged."""
    options = (*H264, "-bf", "2", "-g", "8", "-x264-params", "open-gop=1:scenecut=0")
    clip = encode(folder / "whole.ts", numbered(COUNT), *options)
    data = clip.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    lost = len(packets) // 6
    (folder / "cut.ts").write_bytes(b"".join(packets[:3] + packets[3 + lost :]))
    return folder / "cut.ts"


def size_changes(folder: Path) -> Path:
    first = encode(folder / "1.h264", numbered(12), *PLAIN)
    rest = [draw(number, (160, 96)) for number in range(12, COUNT)]
    second = encode(folder / "2.h264", rest, *PLAIN)
    (folder / "both.h264").write_bytes(first.read_bytes() + second.read_bytes())
    return folder / "both.h264"


def without_stamps(folder: Path) -> Path:
    """Two streams one after the other, so that the time stamps start again."""
    first = encode(folder / "1.ts", numbered(16), *PLAIN)
    second = encode(folder / "2.ts", [draw(k) for k in range(16, COUNT)], *PLAIN)
    (folder / "both.ts").write_bytes(first.read_bytes() + second.read_bytes())
    return folder / "both.ts"


KINDS = (
    clips.b_frames,
    clips.open_gop,
    clips.variable_rate,
    clips.slow_and_fast,
    clips.doubled_stamps,
    clips.late_start,
    clips.transport_stream,
    clips.elementary_stream,
    clips.odd_size,
    clips.gif,
    clips.animated_webp,
    clips.cut_by_edit_list,
    clips.without_a_key_frame,
    cut_start,
    size_changes,
    without_stamps,
)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_range_gives_the_frames_of_a_full_decoding(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path)
    frames = list(read_frames(probe_video(path)))
    last = len(frames) - 1
    assert last > 12
    for start, end in ((0, 4), (9, 14), (last, last), (5, -1)):
        expected = frames[start : None if end == -1 else end + 1]
        wanted = FrameRange(start, end)
        with open_video(path, DEFAULT_LIMITS, RgbStream, wanted) as (video, stream):
            assert video.frames == range(start, start + len(expected))
            assert video.num_frames == video.frames.stop
            streamed = [one.rgb for one in stream.frames(len(video.frames))]
        budget = frames[0].nbytes * 3
        backward = list(read_frames_backward(video, video.frames[-1], np.copy, budget))
        assert [index for index, _ in backward] == list(reversed(video.frames))
        ways = (streamed, list(read_frames(video)), [frame for _, frame in reversed(backward)])
        for found in ways:
            assert len(found) == len(expected)
            assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("make", [clips.b_frames, size_changes])
def test_planes_of_a_range_are_those_of_the_rgb_beside_them(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = encode(tmp_path / "p.mp4", numbered(COUNT), *PLAIN) if make != size_changes else None
    path = path or make(tmp_path)
    with open_video(path, DEFAULT_LIMITS, planes_if_plain) as (video, stream):
        whole = [one.frame.planes for one in stream.frames(video.num_frames)]
    with open_video(path, DEFAULT_LIMITS, planes_if_plain, FrameRange(10, 15)) as (video, stream):
        decoded = list(stream.frames(6))
    assert [number_of(one.rgb) for one in decoded] == list(range(10, 16))
    for one, planes in zip(decoded, whole[10:16], strict=True):
        assert np.array_equal(one.frame.planes, planes)


def test_what_comes_after_the_range_is_not_decoded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest of the file may be damaged, or longer than what is allowed."""
    clip = encode(tmp_path / "long.mkv", numbered(200), "-c:v", "mjpeg", "-q:v", "2")
    data = bytearray(clip.read_bytes())
    data[len(data) * 3 // 4 :] = bytes(len(data) - len(data) * 3 // 4)
    clip.write_bytes(data)
    limits = Limits(max_frames=50)
    with (
        caplog.at_level(logging.WARNING),
        open_video(clip, limits, RgbStream, FrameRange(3, 9)) as (video, stream),
    ):
        assert [number_of(one.rgb) for one in stream.frames(7)] == list(range(3, 10))
    assert not caplog.records
    assert len(video.checksums) == 11


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (-1, -1, "start_frame is -1, but it should be 0 or more"),
        (0, -2, "end_frame is -2, but it should be 0 or more, or -1 for the video's last frame"),
        (
            7,
            6,
            "end_frame is 6, but start_frame is 7: it should be 7 or more, or -1 for the video's "
            "last frame",
        ),
        (30, -1, r"start_frame is 30, but the video has 30 frames \(0-29\)"),
        (30, 40, r"start_frame is 30, but the video has 30 frames \(0-29\)"),
        (3, 30, r"end_frame is 30, but the video has 30 frames \(0-29\)"),
        (3, 31, r"end_frame is 31, but the video has 30 frames \(0-29\)"),
    ],
)
def test_a_range_that_is_none(start: int, end: int, sentence: str, tmp_path: Path) -> None:
    path = clips.constant_rate(tmp_path)
    with (
        pytest.raises(InputError, match=f"^{sentence}$"),
        open_video(path, DEFAULT_LIMITS, RgbStream, FrameRange(start, end)),
    ):
        raise AssertionError("it was opened")


def test_a_picture_is_a_range_of_one_frame(tmp_path: Path) -> None:
    path = clips.still_png(tmp_path)
    with open_video(path, DEFAULT_LIMITS, RgbStream, FrameRange(0, 0)) as (video, stream):
        assert len(list(stream.frames(1))) == 1
    with pytest.raises(InputError, match=r"end_frame is 1, but the video has 1 frame \(0-0\)"):
        FrameRange(0, 1).within(video.num_frames)
