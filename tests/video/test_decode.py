"""Frame k is the k-th picture the decoder gives, upright, in both directions."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import weakref
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.processes import children
from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.video import decode
from sam2_video.video import ffmpeg as ffmpeg_module
from sam2_video.video.decode import read_frames, read_frames_backward
from sam2_video.video.open_video import probe_video
from sam2_video.video.probe import Video
from tests.clips import H264, SIZE, draw, encode, ffmpeg, number_of, numbered, remux

COUNT = 30
ALL = list(range(COUNT))


@pytest.fixture(autouse=True)
def _nothing_left_running():
    before = children()
    yield
    assert children() <= before


# --- which frame is which -------------------------------------------------------------------


def constant_rate(folder: Path) -> Path:
    return encode(folder / "c.mp4", numbered(COUNT), *H264, "-bf", "0", "-g", "7")


def b_frames(folder: Path) -> Path:
    return encode(folder / "b.mp4", numbered(COUNT), *H264, "-bf", "3", "-g", "12")


def open_gop(folder: Path) -> Path:
    options = (*H264, "-bf", "3", "-g", "8", "-x264-params", "open-gop=1:scenecut=0")
    return encode(folder / "o.mp4", numbered(COUNT), *options)


def variable_rate(folder: Path) -> Path:
    times = "setpts='(N+floor(N/3)*4+floor(N/7)*9)/30/TB'"
    return encode(folder / "v.mp4", numbered(COUNT), "-vf", times, *H264, "-g", "9")


def slow_and_fast(folder: Path) -> Path:
    times = "setpts='if(lt(N,10),N*2,20+(N-10)/50)/TB'"
    return encode(
        folder / "s.mkv", numbered(COUNT), "-vf", times, "-enc_time_base", "1:1000", *H264
    )


def doubled_stamps(folder: Path) -> Path:
    clip = encode(folder / "d1.mkv", numbered(COUNT), "-c:v", "mjpeg", "-q:v", "2")
    return remux(clip, folder / "d.mkv", "-bsf:v", "setts=ts=floor(N/2)*40")


def late_start(folder: Path) -> Path:
    return encode(folder / "l.mp4", numbered(COUNT), *H264, "-output_ts_offset", "7.5")


def transport_stream(folder: Path) -> Path:
    return encode(folder / "t.ts", numbered(COUNT), *H264, "-bf", "2", "-g", "6")


def elementary_stream(folder: Path) -> Path:
    return encode(folder / "e.h264", numbered(COUNT), *H264, "-bf", "2", "-g", "6")


def odd_size(folder: Path) -> Path:
    frames = numbered(COUNT, (95, 73))
    return encode(
        folder / "odd.webm", frames, "-c:v", "libvpx-vp9", "-g", "9", "-deadline", "realtime"
    )


def ten_bit(folder: Path) -> Path:
    options = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
    return encode(folder / "ten.mov", numbered(COUNT), *options, "-pix_fmt", "yuv420p10le")


def lossless_ten_bit(folder: Path) -> Path:
    return encode(folder / "ff.mkv", numbered(COUNT), "-c:v", "ffv1", "-pix_fmt", "yuv422p10le")


def motion_jpeg(folder: Path) -> Path:
    return encode(folder / "m.avi", numbered(COUNT), "-c:v", "mjpeg", "-q:v", "3")


def gif(folder: Path) -> Path:
    return encode(folder / "g.gif", numbered(COUNT), rate=20)


def animated_png(folder: Path) -> Path:
    return encode(folder / "a.png", numbered(COUNT), "-f", "apng")


def animated_webp(folder: Path) -> Path:
    first, *rest = [Image.fromarray(frame) for frame in numbered(COUNT)]
    first.save(folder / "a.webp", save_all=True, append_images=rest, duration=40, lossless=True)
    return folder / "a.webp"


def webm_with_alpha(folder: Path) -> Path:
    alpha = np.full((SIZE[1], SIZE[0], 1), 90, np.uint8)
    frames = [np.concatenate([frame, alpha], 2) for frame in numbered(COUNT)]
    options = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime")
    return encode(folder / "al.webm", frames, *options, pixels="rgba")


def still_png(folder: Path) -> Path:
    Image.fromarray(draw(0)).save(folder / "s.png")
    return folder / "s.png"


def second_stream(folder: Path) -> Path:
    """Sound first, then cover art, then the video, then a larger video."""
    clip = constant_rate(folder)
    Image.fromarray(draw(99, (640, 480))).save(folder / "cover.jpg")
    other = encode(folder / "x.mp4", [draw(77, (320, 240))] * COUNT, *H264)
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=1", "-i", folder / "cover.jpg", "-i", clip, "-i", other),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "copy", "-c:a", "aac"),
        *("-disposition:v:0", "attached_pic", folder / "two.mp4"),
    )
    return folder / "two.mp4"


def rotated(degrees: int) -> Callable[[Path], Path]:
    """A clip that is stored turned, with the flag that turns it upright."""

    def make(folder: Path) -> Path:
        turned = [np.rot90(frame, -degrees // 90) for frame in numbered(COUNT)]
        clip = encode(folder / "r0.mp4", turned, *H264, "-g", "10")
        return remux(clip, folder / "r.mp4", before=("-display_rotation", str(degrees)))

    make.__name__ = f"rotated_{degrees}"
    return make


def mirrored(folder: Path) -> Path:
    clip = encode(folder / "m0.mp4", [frame[:, ::-1] for frame in numbered(COUNT)], *H264)
    return remux(clip, folder / "m.mp4", before=("-display_hflip",))


def cut_by_edit_list(folder: Path) -> Path:
    """A clip cut without coding it again, in the middle of a group of pictures."""
    return remux(b_frames(folder), folder / "cut.mp4", before=("-ss", "0.32"))


def without_a_b_frame(folder: Path) -> Path:
    """A clip that has lost a packet on its way, one that no other picture needs."""
    options = (*H264, "-bf", "1", "-g", "12", "-x264-params", "b-adapt=0:scenecut=0")
    clip = encode(folder / "whole.mp4", numbered(COUNT), *options)
    return remux(clip, folder / "lost.mp4", "-bsf:v", "noise=drop=eq(n\\,4)")


def without_a_key_frame(folder: Path) -> Path:
    clip = encode(folder / "whole.mkv", numbered(COUNT), "-c:v", "mjpeg", "-q:v", "2")
    return remux(clip, folder / "lost.mkv", "-bsf:v", "noise=drop=eq(n\\,7)")


CASES = [
    (constant_rate, ALL),
    (b_frames, ALL),
    (open_gop, ALL),
    (variable_rate, ALL),
    (slow_and_fast, ALL),
    (doubled_stamps, ALL),
    (late_start, ALL),
    (transport_stream, ALL),
    (elementary_stream, ALL),
    (odd_size, ALL),
    (ten_bit, ALL),
    (lossless_ten_bit, ALL),
    (motion_jpeg, ALL),
    (gif, ALL),
    (animated_png, ALL),
    (animated_webp, ALL),
    (webm_with_alpha, ALL),
    (still_png, [0]),
    (second_stream, ALL),
    (rotated(90), ALL),
    (rotated(180), ALL),
    (rotated(270), ALL),
    (mirrored, ALL),
    (cut_by_edit_list, ALL[10:]),
    (without_a_b_frame, ALL[:3] + ALL[4:]),
    (without_a_key_frame, ALL[:7] + ALL[8:]),
]


@pytest.mark.parametrize(("make", "expected"), CASES, ids=[make.__name__ for make, _ in CASES])
def test_every_frame_once_and_in_order(make, expected, tmp_path):
    video = probe_video(make(tmp_path))
    assert video.num_frames == len(expected)

    frames = list(read_frames(video))
    assert [number_of(frame) for frame in frames] == expected
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {
        ((video.height, video.width, 3), "uint8")
    }

    middle = len(expected) // 2
    part = read_frames(video, middle, min(middle + 6, len(expected)))
    assert [number_of(frame) for frame in part] == expected[middle : middle + 6]

    last = len(expected) - 1
    backward = list(read_frames_backward(video, last, np.copy, budget_bytes=frames[0].nbytes * 9))
    assert [index for index, _ in backward] == list(range(last, -1, -1))
    for index, frame in backward:
        assert np.array_equal(frame, frames[index])


def test_sizes_are_those_of_the_upright_picture(tmp_path):
    video = probe_video(rotated(90)(tmp_path))
    assert (video.width, video.height) == SIZE


def test_pixels_that_are_not_square_are_not_stretched(tmp_path):
    clip = encode(tmp_path / "sar.mp4", numbered(3), "-vf", "setsar=2", *H264)
    video = probe_video(clip)
    assert (video.width, video.height) == SIZE


def test_a_size_that_changes_keeps_the_first(tmp_path):
    first = encode(tmp_path / "1.h264", numbered(10), *H264)
    larger = [draw(number, (160, 96)) for number in range(10, 20)]
    second = encode(tmp_path / "2.h264", larger, *H264)
    both = tmp_path / "both.h264"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    video = probe_video(both)
    assert (video.width, video.height, video.num_frames) == (*SIZE, 20)
    frames = list(read_frames(video))
    assert [number_of(frame) for frame in frames] == list(range(20))
    backward = read_frames_backward(video, 19, np.copy, budget_bytes=frames[0].nbytes * 4)
    assert [number_of(frame) for _, frame in backward] == list(range(19, -1, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_a_still(orientation, tmp_path):
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](draw(137))
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / "o.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    video = probe_video(path)
    assert (video.width, video.height) == SIZE
    assert [number_of(frame) for frame in read_frames(video)] == [137]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_a_still_is_one_frame_whatever_follows_it(ending, tmp_path):
    path = tmp_path / f"still{ending}"
    Image.fromarray(draw(201)).save(path)
    # as the gain maps, second views and motion clips that phones append
    path.write_bytes(path.read_bytes() + path.read_bytes() + b"tail" * 999)
    video = probe_video(path)
    assert video.num_frames == 1
    assert [number_of(frame) for frame in read_frames(video)] == [201]
    assert [index for index, _ in read_frames_backward(video, 0, np.copy)] == [0]


def test_the_name_means_nothing(tmp_path):
    path = Image.fromarray(draw(3)).save(tmp_path / "p.png") or tmp_path / "p.png"
    for name in ("no_ending", "film.mp4", "x.gif", "x.m3u8"):
        other = tmp_path / name
        other.write_bytes(path.read_bytes())
        assert probe_video(other).num_frames == 1


# --- reading parts, in bounded memory, leaving nothing behind -----------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Video:
    folder = tmp_path_factory.mktemp("clip")
    frames = [draw(number % 256) for number in range(120)]
    return probe_video(encode(folder / "long.mp4", frames, *H264, "-g", "10", "-bf", "2"))


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (5, 5), (119, 120), (50, 53), (120, 120)]
)
def test_a_range_of_frames(clip, start, stop):
    assert [number_of(frame) for frame in read_frames(clip, start, stop)] == list(
        range(start, stop)
    )


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (4, 3), (0, 121), (121, None)])
def test_a_range_outside_the_video(clip, start, stop):
    with pytest.raises(ValueError, match="of 120"):
        read_frames(clip, start, stop)


@pytest.mark.parametrize("start", [-1, 120])
def test_a_backward_start_outside_the_video(clip, start):
    with pytest.raises(ValueError, match=r"of range\(0, 120\)"):
        read_frames_backward(clip, start, np.copy)


@pytest.mark.parametrize("start", [0, 1, 8, 63])
def test_backward_from_anywhere(clip, start):
    shrunk = read_frames_backward(clip, start, lambda frame: frame[::3, ::3].copy(), 20 * 768 * 3)
    assert [(index, number_of(np.kron(small, np.ones((3, 3, 1))))) for index, small in shrunk] == [
        (index, index) for index in range(start, -1, -1)
    ]


def test_backward_holds_no_more_than_its_budget(clip):
    alive: list[weakref.ref] = []
    most = 0

    def shrink(frame: np.ndarray) -> np.ndarray:
        nonlocal most
        small = frame[::2, ::2].copy()
        alive.append(weakref.ref(small))
        most = max(most, sum(ref() is not None for ref in alive))
        return small

    size = draw(0)[::2, ::2].nbytes
    for _ in read_frames_backward(clip, 119, shrink, budget_bytes=size * 16):
        pass
    assert most <= 16 + 2  # the one just yielded and the one just made


def test_backward_is_right_where_seeking_is_not(clip):
    """A file whose seeks lead elsewhere: as if the pictures found were others."""
    wrong = dataclasses.replace(clip, checksums=array("I", [1] * clip.num_frames))
    backward = read_frames_backward(wrong, 119, np.copy, budget_bytes=draw(0).nbytes * 30)
    assert [number_of(frame) for _, frame in backward] == list(range(119, -1, -1))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_backward_seeks(ending, tmp_path, monkeypatch):
    """Only the chunk at the start of the file is decoded from there."""
    codec = ("-c:v", "libvpx-vp9", "-deadline", "realtime") if ending == "webm" else H264
    video = probe_video(encode(tmp_path / f"c.{ending}", numbered(60), *codec, "-g", "8"))
    from_start = []
    read = decode._read
    monkeypatch.setattr(
        decode, "_read", lambda *parts: from_start.append(parts[1:]) or read(*parts)
    )
    backward = read_frames_backward(video, 59, np.copy, budget_bytes=draw(0).nbytes * 10)
    assert [number_of(frame) for _, frame in backward] == list(range(59, -1, -1))
    assert from_start == [(0, 10)]


def test_closing_early_ends_ffmpeg(clip):
    idle = children()
    frames = read_frames(clip)
    next(frames)
    assert children() - idle
    frames.close()
    assert children() == idle

    backward = read_frames_backward(clip, 119, np.copy, budget_bytes=1)
    next(backward)
    backward.close()
    assert children() == idle


@pytest.mark.parametrize("start", [3, 119])
def test_an_error_in_shrink_ends_ffmpeg(clip, start):
    budget = iter([True, True])

    def shrink(frame: np.ndarray) -> np.ndarray:
        if not next(budget, False):
            raise MemoryError
        return frame.copy()

    idle = children()
    with pytest.raises(MemoryError) as caught:
        for _ in read_frames_backward(clip, start, shrink, budget_bytes=draw(0).nbytes * 10):
            pass
    assert children() == idle, caught  # although the traceback is still held


def test_ffmpeg_dies_with_its_parent(tmp_path):
    big = encode(tmp_path / "big.mp4", [draw(0, (960, 720))] * 60, *H264)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from sam2_video.video.decode import read_frames\n"
        "from sam2_video.video.open_video import probe_video\n"
        "frames = read_frames(probe_video(Path(sys.argv[1]))); next(frames)\n"
        "kids = [t.read_text() for t in Path('/proc/self/task').glob('*/children')]\n"
        "print(' '.join(kids), flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, big], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        (ffmpeg_pid,) = map(int, parent.stdout.readline().split())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _runs(ffmpeg_pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(ffmpeg_pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_file_that_changed_after_it_was_opened(tmp_path):
    path = constant_rate(tmp_path)
    video = probe_video(path)
    encode(path, numbered(10), *H264)
    with pytest.raises(InputError, match="input_video cannot be read at frame 10"):
        list(read_frames(video))
    with pytest.raises(InputError, match="input_video"):
        list(read_frames_backward(video, COUNT - 1, np.copy))


def test_only_waiting_for_the_decoder_counts_as_decoding(clip, monkeypatch):
    now = 0.0
    monkeypatch.setattr(ffmpeg_module, "monotonic", lambda: now)
    frames = read_frames(probe_video(clip.path, Limits(max_decode_seconds=1)))
    next(frames)
    now += 1000
    assert len(list(frames)) == 119
