"""Flashes and beeps that belong together stay together."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, cycle, islice
from pathlib import Path

import numpy as np
import pytest

from bench.processes import children
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.decode import read_frames
from sam2_video.video.encode_video import H264, VideoFile, VideoFormat, video_format
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.open_video import WHOLE, open_video
from sam2_video.video.sound import extract_sound
from sam2_video.video.streams import RgbStream
from sam2_video.video.timing import frame_times
from tests.clips import ffmpeg, remux
from tests.video.flashes import (
    SIZE,
    beep_times,
    flash_times,
    flashing,
    length,
    shown_times,
    streams,
)

COUNT = 90
FLASHES = (20, 42, 70)
CONSTANT = [k / 25 for k in range(COUNT)]
VARIABLE = list(accumulate(islice(cycle((0.02, 0.07, 0.033, 0.12)), COUNT - 1), initial=0.0))
FRAME_SECONDS = 0.03


@pytest.fixture(autouse=True)
def _nothing_left_running():
    before = children()
    yield
    assert children() <= before


def grey(shape: tuple[int, ...], level: float) -> np.ndarray:
    """A picture without colour, opaque, of planes or RGB."""
    pixels = np.full(shape, level, np.uint8)
    if len(shape) == 2:
        height = SIZE[1]
        pixels[:height] = 16 + level * 0.85
        pixels[height : height * 3 // 2] = 128
        pixels[height * 3 // 2 :] = 255
    return pixels


def kept(
    path: Path,
    folder: Path,
    wanted: FrameRange = WHOLE,
    interval: int = 1,
    form: VideoFormat = H264,
) -> tuple[Path, bool]:
    """Encode a clip again with its frame times and sound; the result, and whether it has sound."""
    with open_video(path, DEFAULT_LIMITS, RgbStream, wanted) as (video, _):
        times = frame_times(video, interval)
        sound = extract_sound(video, times, form.name, folder / "sound.part")
        result = folder / f"kept.{form.name}"
        size = video.width, video.height
        with VideoFile(result, *size, times, "center", form, sound) as file:
            shape = form.shape(*size)
            for frame in islice(read_frames(video), None, None, interval):
                file.write(grey(shape, frame.mean()))
    return result, sound is not None


def check_together(result: Path, expected: Sequence[float]) -> None:
    """The flashes are at these times, exactly, and the beeps at the same within a frame."""
    assert flash_times(result) == pytest.approx(expected, abs=0.001)
    assert beep_times(result) == pytest.approx(expected, abs=FRAME_SECONDS)


SOURCES = {
    "mp4": (CONSTANT, 0.0, "c.mp4", "aac"),
    "variable mp4": (VARIABLE, 0.0, "v.mp4", "aac"),
    "variable mkv": (VARIABLE, 0.0, "v.mkv", "libmp3lame"),
    "opus in mkv": (CONSTANT, 0.0, "o.mkv", "libopus"),
    "vorbis in mkv": (VARIABLE, 0.0, "o.mkv", "libvorbis"),
    "pcm in mov": (VARIABLE, 0.0, "p.mov", "pcm_s16le"),
    "flac in mkv": (CONSTANT, 0.0, "f.mkv", "flac"),
    "sound later": (CONSTANT, 0.4, "s.mp4", "aac"),
    "sound later in mkv": (VARIABLE, 0.37, "s.mkv", "libopus"),
    "both late": ([t + 7.5 for t in VARIABLE], 7.7, "l.mkv", "aac"),
    "transport stream": (CONSTANT, 0.1, "t.ts", "aac"),
    "picture later": ([t + 0.5 for t in CONSTANT], 0.0, "e.mp4", "aac"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_flashes_and_beeps_stay_together(name: str, tmp_path: Path) -> None:
    times, sound_from, file, codec = SOURCES[name]
    path = flashing(tmp_path / file, times, FLASHES, codec, sound_from=sound_from)
    result, _ = kept(path, tmp_path)
    source = [time for time, _ in shown_times(path)]
    assert [time for time, _ in shown_times(result)] == pytest.approx(
        [time - source[0] for time in source], abs=0.0006
    )
    check_together(result, [times[k] - times[0] for k in FLASHES])
    assert length(result) == pytest.approx(times[-1] - times[0], abs=0.15)


@pytest.mark.parametrize(
    ("codec", "kept_as"),
    [
        ("aac", "aac"),
        ("libmp3lame", "mp3"),
        ("ac3", "ac3"),
        ("alac", "alac"),
        ("flac", "flac"),
        ("libopus", "opus"),
        ("libvorbis", "aac"),
        ("mp2", "aac"),
        ("pcm_s16le", "aac"),
    ],
)
def test_sound_is_copied_where_an_mp4_file_holds_it(
    codec: str, kept_as: str, tmp_path: Path
) -> None:
    path = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES, codec)
    result, _ = kept(path, tmp_path)
    assert streams(result) == ["Video: h264", f"Audio: {kept_as}"]


@pytest.mark.parametrize("times", [CONSTANT, VARIABLE], ids=["constant", "variable"])
@pytest.mark.parametrize("codec", ["aac", "libvorbis"], ids=["copied", "encoded"])
def test_a_range_is_cut_out_of_both(times: list[float], codec: str, tmp_path: Path) -> None:
    path = flashing(tmp_path / "a.mkv", times, FLASHES, codec)
    result, _ = kept(path, tmp_path, FrameRange(30, 60))
    check_together(result, [times[42] - times[30]])
    assert len(shown_times(result)) == 31
    assert length(result) == pytest.approx(times[61] - times[30], abs=0.02)


@pytest.mark.parametrize("wanted", [FrameRange(), FrameRange(32, 75)], ids=["whole", "range"])
def test_every_second_frame_is_shown_until_the_next(wanted: FrameRange, tmp_path: Path) -> None:
    path = flashing(tmp_path / "a.mp4", VARIABLE, FLASHES)
    result, _ = kept(path, tmp_path, wanted, interval=2)
    last = COUNT - 1 if wanted.end_frame == -1 else wanted.end_frame
    shown = range(wanted.start_frame, last + 1, 2)
    expected = [VARIABLE[k] - VARIABLE[shown[0]] for k in shown]
    assert [time for time, _ in shown_times(result)] == pytest.approx(expected, abs=0.001)
    check_together(result, [VARIABLE[k] - VARIABLE[shown[0]] for k in FLASHES if k in shown])
    if last < COUNT - 1:
        end = VARIABLE[last + 1] - VARIABLE[shown[0]]
        assert length(result) == pytest.approx(end, abs=0.02)


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_sound_of_another_length_leaves_the_video_as_long_as_it_was(
    seconds: float, tmp_path: Path
) -> None:
    path = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES, sound_to=seconds)
    result, _ = kept(path, tmp_path)
    assert length(result) == pytest.approx(COUNT / 25, abs=0.05)


def test_a_video_without_sound_keeps_its_frame_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = flashing(tmp_path / "a.mkv", VARIABLE, FLASHES, "")
    with caplog.at_level(logging.INFO):
        result, has_sound = kept(path, tmp_path)
    assert not has_sound
    assert [record.message for record in caplog.records] == [
        "input_video has no sound: the result keeps its frame times alone"
    ]
    assert flash_times(result) == pytest.approx([VARIABLE[k] for k in FLASHES], abs=0.001)


def test_a_range_without_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES, sound_to=0.5)
    with caplog.at_level(logging.INFO):
        result, has_sound = kept(path, tmp_path, FrameRange(40, 50))
    assert not has_sound
    assert "input_video has no sound in the frames that are shown" in caplog.messages
    assert streams(result) == ["Video: h264"]
    assert not (tmp_path / "sound.part").exists()


@pytest.mark.parametrize("codec", ["aac", "libvorbis"])
def test_damaged_sound_does_not_fail_the_picture(
    codec: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES, codec)
    # Noise in the packets of sound alone.
    damaged = tmp_path / "b.mkv"
    remux(path, damaged, "-bsf:a", "noise=amount=20")
    result, _ = kept(damaged, tmp_path)
    assert flash_times(result) == pytest.approx([CONSTANT[k] for k in FLASHES], abs=0.001)
    if codec == "libvorbis":
        assert any("the sound of input_video" in message for message in caplog.messages)


def test_sound_that_takes_too_long_does_not_fail_the_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES)
    with open_video(path, DEFAULT_LIMITS, RgbStream) as (video, _):
        times = frame_times(video, 1)
    hurried = replace(video, source=replace(video.source, limits=Limits(max_decode_seconds=0.0001)))
    assert extract_sound(hurried, times, "mp4", tmp_path / "sound.part") is None
    assert caplog.messages == [
        "the sound of input_video cannot be kept: input_video takes longer to decode than the "
        "0.0001 seconds allowed (SAM2_MAX_DECODE_SECONDS)"
    ]
    assert not (tmp_path / "sound.part").exists()


def test_sound_is_the_same_bytes_again(tmp_path: Path) -> None:
    path = flashing(tmp_path / "a.mkv", VARIABLE, FLASHES, "libvorbis")
    one = kept(path, tmp_path)[0].read_bytes()
    assert kept(path, tmp_path)[0].read_bytes() == one


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("container", ["webm", "mov"])
@pytest.mark.parametrize("name", ["variable mp4", "pcm in mov", "both late", "opus in mkv"])
def test_flashes_and_beeps_stay_together_in_other_containers(
    name: str, container: str, has_alpha: bool, tmp_path: Path
) -> None:
    times, sound_from, file, codec = SOURCES[name]
    path = flashing(tmp_path / file, times, FLASHES, codec, sound_from=sound_from)
    form = video_format(container, has_alpha)
    result, has_sound = kept(path, tmp_path, FrameRange(11, 75), form=form)
    assert has_sound
    found = [time for time, _ in shown_times(result)]
    assert found == pytest.approx([time - times[11] for time in times[11:76]], abs=0.001)
    check_together(result, [times[k] - times[11] for k in FLASHES])


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
@pytest.mark.parametrize("codec", ["aac", "libopus", "pcm_s24le", "flac"])
@pytest.mark.parametrize("wanted", [WHOLE, FrameRange(33, 75)], ids=["whole", "range"])
def test_every_container_keeps_the_time_of_the_sound(
    container: str, codec: str, wanted: FrameRange, tmp_path: Path
) -> None:
    path = flashing(tmp_path / "a.mkv", VARIABLE, FLASHES, codec, sound_from=0.21)
    with open_video(path, DEFAULT_LIMITS, RgbStream, wanted) as (video, _):
        sound = extract_sound(video, frame_times(video, 1), container, tmp_path / "sound")
    assert sound is not None
    start = VARIABLE[wanted.start_frame]
    expected = [VARIABLE[k] - start for k in FLASHES if k in video.frames]
    assert beep_times(sound) == pytest.approx(expected, abs=FRAME_SECONDS)
    copied = codec.removeprefix("lib")
    held = {"mp4": {"aac", "opus", "flac"}, "mov": {"aac", "pcm_s24le"}, "webm": {"opus"}}
    encoded = "opus" if container == "webm" else "aac"
    assert streams(sound) == [f"Audio: {copied if copied in held[container] else encoded}"]


def test_five_channels_become_two_where_sound_is_encoded(tmp_path: Path) -> None:
    clip = flashing(tmp_path / "a.mkv", CONSTANT, FLASHES)
    ffmpeg(
        *("-i", clip, "-af", "pan=5.1|FC=c0", "-c:v", "copy", "-c:a", "dca", "-strict", "-2"),
        tmp_path / "b.mkv",
    )
    result, has_sound = kept(tmp_path / "b.mkv", tmp_path)
    assert has_sound
    check_together(result, [CONSTANT[k] for k in FLASHES])
