"""Frame k is the k-th picture the decoder gives, upright, in its colours, in both directions."""

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

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.video import frames as frames_module
from sam2_video.video.frames import Video, open_video, read_frames, read_frames_backward
from tests.clips import H264, SIZE, draw, encode, ffmpeg, number_of, numbered, remux
from tests.processes import children

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
    video = open_video(make(tmp_path))
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
    video = open_video(rotated(90)(tmp_path))
    assert (video.width, video.height) == SIZE


def test_pixels_that_are_not_square_are_not_stretched(tmp_path):
    clip = encode(tmp_path / "sar.mp4", numbered(3), "-vf", "setsar=2", *H264)
    video = open_video(clip)
    assert (video.width, video.height) == SIZE


def test_a_size_that_changes_keeps_the_first(tmp_path):
    first = encode(tmp_path / "1.h264", numbered(10), *H264)
    larger = [draw(number, (160, 96)) for number in range(10, 20)]
    second = encode(tmp_path / "2.h264", larger, *H264)
    both = tmp_path / "both.h264"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    video = open_video(both)
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
    video = open_video(path)
    assert (video.width, video.height) == SIZE
    assert [number_of(frame) for frame in read_frames(video)] == [137]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_a_still_is_one_frame_whatever_follows_it(ending, tmp_path):
    path = tmp_path / f"still{ending}"
    Image.fromarray(draw(201)).save(path)
    # as the gain maps, second views and motion clips that phones append
    path.write_bytes(path.read_bytes() + path.read_bytes() + b"tail" * 999)
    video = open_video(path)
    assert video.num_frames == 1
    assert [number_of(frame) for frame in read_frames(video)] == [201]
    assert [index for index, _ in read_frames_backward(video, 0, np.copy)] == [0]


def test_the_name_means_nothing(tmp_path):
    path = Image.fromarray(draw(3)).save(tmp_path / "p.png") or tmp_path / "p.png"
    for name in ("no_ending", "film.mp4", "x.gif", "x.m3u8"):
        other = tmp_path / name
        other.write_bytes(path.read_bytes())
        assert open_video(other).num_frames == 1


# --- reading parts, in bounded memory, leaving nothing behind -----------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Video:
    folder = tmp_path_factory.mktemp("clip")
    frames = [draw(number % 256) for number in range(120)]
    return open_video(encode(folder / "long.mp4", frames, *H264, "-g", "10", "-bf", "2"))


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
    with pytest.raises(ValueError, match="of 120"):
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
    wrong = dataclasses.replace(clip, _checksums=array("I", [1] * clip.num_frames))
    backward = read_frames_backward(wrong, 119, np.copy, budget_bytes=draw(0).nbytes * 30)
    assert [number_of(frame) for _, frame in backward] == list(range(119, -1, -1))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_backward_seeks(ending, tmp_path, monkeypatch):
    """Only the chunk at the start of the file is decoded from there."""
    codec = ("-c:v", "libvpx-vp9", "-deadline", "realtime") if ending == "webm" else H264
    video = open_video(encode(tmp_path / f"c.{ending}", numbered(60), *codec, "-g", "8"))
    from_start = []
    read = frames_module._read
    monkeypatch.setattr(
        frames_module, "_read", lambda *parts: from_start.append(parts[1:]) or read(*parts)
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
        "from sam2_video.video.frames import *\n"
        "frames = read_frames(open_video(Path(sys.argv[1]))); next(frames)\n"
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
    video = open_video(path)
    encode(path, numbered(10), *H264)
    with pytest.raises(InputError, match="input_video cannot be read at frame 10"):
        list(read_frames(video))
    with pytest.raises(InputError, match="input_video"):
        list(read_frames_backward(video, COUNT - 1, np.copy))


# --- colours -------------------------------------------------------------------------------------

PATCHES = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255] * 3, [0] * 3, [128] * 3, [200, 150, 120]], float
)
LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def patches(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Vertical stripes of the given colours, (height, width, 3)."""
    width, height = size
    return np.tile(values[np.arange(width) * len(values) // width], (height, 1, 1))


def to_ycbcr(rgb: np.ndarray, matrix: str, *, full: bool, bits: int) -> np.ndarray:
    """Integer YCbCr of RGB in 0..1, by the definition (ITU-R BT.601, BT.709, BT.2020)."""
    red, blue = LUMA[matrix]
    luma = rgb @ [red, 1 - red - blue, blue]
    cb = (rgb[..., 2] - luma) / (2 - 2 * blue)
    cr = (rgb[..., 0] - luma) / (2 - 2 * red)
    if full:
        top = 2**bits - 1
        planes = [luma * top, cb * top + 2 ** (bits - 1), cr * top + 2 ** (bits - 1)]
    else:
        unit = 2 ** (bits - 8)
        planes = [(16 + 219 * luma) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit]
    dtype = np.uint8 if bits == 8 else "<u2"
    return np.stack([np.clip(plane.round(), 0, 2**bits - 1) for plane in planes], -1).astype(dtype)


def coded(path: Path, ycbcr: np.ndarray, pixel_format: str, tags: str) -> Path:
    """Store (height, width, 3) YCbCr losslessly, chroma halved where the format halves it."""
    step = 1 if "444" in pixel_format else 2
    height, width = ycbcr.shape[:2]
    planes = [ycbcr[..., 0], *(ycbcr[::step, ::step, k] for k in (1, 2))]
    raw = b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-i", "-"),
        *(("-vf", f"setparams={tags}") if tags else ()),
        *("-c:v", "libvpx-vp9", "-lossless", "1", "-deadline", "realtime", "-cpu-used", "8"),
        *("-pix_fmt", pixel_format, path),
        stdin=raw,
    )
    return path


def colours_of(path: Path, count: int = len(PATCHES)) -> np.ndarray:
    """The colour at the middle of each stripe of the first frame, (count, 3)."""
    frame = next(read_frames(open_video(path)))
    height, width = frame.shape[:2]
    return frame[height // 2, ((np.arange(count) + 0.5) * width / count).astype(int)].astype(int)


@pytest.mark.parametrize(
    ("matrix", "full", "pixel_format", "size", "tags"),
    [
        ("bt709", False, "yuv420p", (140, 32), "colorspace=bt709:range=tv"),
        ("bt709", True, "yuv444p", (140, 32), "colorspace=bt709:range=pc"),
        ("smpte170m", False, "yuv420p", (1400, 720), "colorspace=smpte170m:range=tv"),
        ("smpte170m", True, "yuv420p", (140, 32), "colorspace=bt470bg:range=pc"),
        ("bt709", False, "yuv420p", (141, 33), "colorspace=bt709:range=tv"),
        ("smpte170m", True, "yuv444p", (141, 33), "colorspace=smpte170m:range=pc"),
        ("bt2020nc", False, "yuv420p10le", (140, 32), "colorspace=bt2020nc:range=tv"),
        ("bt2020nc", False, "yuv444p10le", (141, 33), "colorspace=bt2020nc:range=tv"),
        ("smpte170m", False, "yuv420p", (140, 32), ""),
        ("smpte170m", False, "yuv420p", (141, 33), ""),
        ("bt709", False, "yuv444p", (1400, 720), ""),
        ("bt709", False, "yuv420p", (721, 1281), ""),
        ("bt709", False, "yuv420p10le", (1400, 720), ""),
    ],
)
def test_red_is_red(matrix, full, pixel_format, size, tags, tmp_path):
    bits = 10 if "10" in pixel_format else 8
    ycbcr = to_ycbcr(patches(PATCHES / 255, size), matrix, full=full, bits=bits)
    path = coded(tmp_path / "c.mkv", ycbcr, pixel_format, tags)
    assert np.abs(colours_of(path) - PATCHES).max() <= 2


@pytest.mark.parametrize("ending", [".png", ".webp", ".gif", ".bmp"])
def test_colours_of_stills(ending, tmp_path):
    path = tmp_path / f"s{ending}"
    Image.fromarray(patches(PATCHES, (140, 32)).astype(np.uint8)).save(path, lossless=True)
    assert np.abs(colours_of(path) - PATCHES).max() <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_colours_of_jpeg(mode, tmp_path):
    picture = Image.fromarray(patches(PATCHES, (140, 32)).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "s.jpg", quality=98, subsampling=0)
    expected = np.array(picture.convert("RGB"))[16, 10::20]
    assert np.abs(colours_of(tmp_path / "s.jpg") - expected).max() <= 4


def test_alpha_is_dropped_and_nothing_blended(tmp_path):
    frame = np.zeros((32, 140, 4), np.uint8)
    frame[..., :3] = patches(PATCHES, (140, 32))
    frame[:, ::2, 3] = 0
    frame[:, 1::2, 3] = 128
    Image.fromarray(frame).save(tmp_path / "a.png")
    assert np.array_equal(colours_of(tmp_path / "a.png"), PATCHES)


def test_sixteen_bits_become_eight(tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 14)[None], 8, 0).repeat(10, 1)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "deep.png")
    found = colours_of(tmp_path / "deep.png", 14)
    assert np.abs(found - np.linspace(0, 255, 14)[:, None]).max() <= 1.5


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, light in cd/m2 to signal."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG of neutral light on a display of 1,000 cd/m2."""
    scene = (nits / 1000) ** (1 / 1.2)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def to_2020(linear: np.ndarray) -> np.ndarray:
    """Linear BT.709 light in BT.2020 primaries (ITU-R BT.2087)."""
    matrix = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    return linear @ np.array(matrix).T


@pytest.mark.parametrize("size", [(140, 32), (141, 33)])
def test_pq_looks_like_the_sdr_picture_it_shows(size, tmp_path):
    """A BT.709 picture shown at a white of 203 cd/m2 comes back, the brightest parts softened."""
    light = to_2020((PATCHES / 255) ** 2.4) * 203
    ycbcr = to_ycbcr(patches(pq(light), size), "bt2020nc", full=False, bits=10)
    tags = "color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    red, green, blue, white, black, grey, skin = colours_of(
        coded(tmp_path / "pq.mkv", ycbcr, "yuv420p10le", tags)
    )
    for colour, channel in ((red, 0), (green, 1), (blue, 2)):
        assert colour[channel] > 200
        assert np.delete(colour, channel).max() < 50
    assert white.min() > 200
    assert np.ptp(white) <= 2
    assert black.max() <= 2
    assert np.abs(grey - 128).max() <= 4
    assert np.abs(skin - PATCHES[6]).max() <= 16


@pytest.mark.parametrize(("curve", "name"), [(pq, "smpte2084"), (hlg, "arib-std-b67")])
def test_brighter_light_stays_brighter(curve, name, tmp_path):
    nits = np.array([0, 5, 20, 50, 100, 203, 400, 700, 1000.0])
    ycbcr = to_ycbcr(
        patches(np.repeat(curve(nits)[:, None], 3, 1), (180, 32)), "bt2020nc", full=False, bits=10
    )
    tags = f"color_trc={name}:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    found = colours_of(coded(tmp_path / "h.mkv", ycbcr, "yuv420p10le", tags), len(nits))
    assert np.ptp(found, axis=1).max() <= 3
    assert (np.diff(found[:, 0]) > 4).all()
    assert found[0, 0] <= 2
    assert found[-1, 0] >= 250
    assert np.abs(found[3, 0] - 255 * (50 / 203) ** (1 / 2.4)) <= 6


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(max_video_bytes=100), r"input_video has \d+ bytes, more than the 100 allowed"),
        (
            Limits(max_frame_pixels=96 * 71),
            "input_video has 96x72 pixels a frame, more than the 6816 allowed",
        ),
        (Limits(max_frames=119), "input_video has more than the 119 frames allowed"),
        (
            Limits(max_decode_seconds=0.001),
            "input_video takes longer to decode than the 0.001 seconds allowed",
        ),
    ],
)
def test_limits(clip, limits, sentence):
    with pytest.raises(InputError, match=f"^{sentence}$"):
        open_video(clip.path, limits)


def test_limits_that_just_hold(clip):
    size = clip.path.stat().st_size
    limits = Limits(max_video_bytes=size, max_frame_pixels=96 * 72, max_frames=120)
    assert open_video(clip.path, limits).num_frames == 120


def test_waiting_between_frames_is_not_decoding(clip):
    limits = Limits(max_decode_seconds=1)
    frames = read_frames(open_video(clip.path, limits))
    next(frames)
    time.sleep(1.2)
    assert len(list(frames)) == 119


def test_limits_from_the_environment():
    environ = {
        "SAM2_MAX_FRAMES": " 12 ",
        "SAM2_MAX_DECODE_SECONDS": "1.5",
        "SAM2_MAX_VIDEO_BYTES": "",
    }
    limits = Limits.from_env(environ)
    assert limits == Limits(max_frames=12, max_decode_seconds=1.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SAM2_MAX_FRAMES", "many"),
        ("SAM2_MAX_FRAMES", "1.5"),
        ("SAM2_MAX_FRAME_PIXELS", "0"),
        ("SAM2_MAX_VIDEO_BYTES", "-1"),
        ("SAM2_MAX_DECODE_SECONDS", "nan"),
        ("SAM2_MAX_DECODE_SECONDS", "inf"),
    ],
)
def test_a_limit_that_is_no_number(name, text):
    with pytest.raises(ValueError, match=f"{name} is '{text}'; give a (whole )?number above 0"):
        Limits.from_env({name: text})


def test_the_frame_rate_is_the_average_of_the_time_stamps(tmp_path) -> None:
    path = encode(tmp_path / "clip.mp4", numbered(10), *H264, rate=25)
    assert open_video(path).frame_rate == pytest.approx(25)
    still = encode(tmp_path / "still.png", numbered(1))
    assert open_video(still).frame_rate is None
