"""A video is read back by other decoders, and is complete or absent."""

import errno
import os
import re
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from bench.processes import children
from sam2_video.core.errors import OutputError
from sam2_video.video.colour_space import to_planes, video_colour
from sam2_video.video.draw_rgb import GREEN, rgb_renderer
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.pictures import Picture, Planes, split_planes
from tests.video.drawings import COLOURS, disc, off_green, textured

FULL_DISK = "no space is left on the disk for the output"


def read_video(path: Path, height: int, width: int) -> np.ndarray:
    """All pictures of a video as RGB: (N, height, width, 3)."""
    return decoded(path, "rgb24").reshape(-1, height, width, 3)


def decoded(path: Path, pixel_format: str) -> np.ndarray:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pixel_format, "-"]
    run = subprocess.run(command, capture_output=True, check=True)
    assert not run.stderr
    return np.frombuffer(run.stdout, np.uint8)


def described(path: Path) -> str:
    """What ffmpeg says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode()


def planes_of(picture: np.ndarray | Picture) -> Planes:
    return to_planes(picture if isinstance(picture, Picture) else Picture(picture))


def write_video(path: Path, pictures: list[np.ndarray] | list[Picture], fps: int = 30) -> Path:
    planes = [planes_of(picture) for picture in pictures]
    height, width = planes[0].shape[0] * 2 // 3, planes[0].shape[1]
    with VideoFile(path, width, height, fps, "center") as file:
        for picture in planes:
            file.write(picture)
    return path


@pytest.fixture
def no_child_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 40), (40, 1), (2, 2), (31, 45), (48, 33), (47, 64)]
)
def test_odd_sides_repeat_the_last_row_and_column(tmp_path: Path, height: int, width: int) -> None:
    levels = (0, 60, 120, 180, 255)
    pictures = [np.full((height, width), level, np.uint8) for level in levels]
    for picture in pictures:
        picture[-1] -= picture[-1] // 4
        picture[:, -1] -= picture[:, -1] // 4
    even = height + height % 2, width + width % 2
    result = read_video(write_video(tmp_path / "a.mp4", pictures), *even).astype(int)
    assert len(result) == len(pictures)
    for picture, source in zip(result, pictures, strict=True):
        padded = np.pad(source, ((0, height % 2), (0, width % 2)), "edge")[..., None]
        assert np.abs(picture - padded).max() <= 20


@pytest.mark.parametrize(("fps", "count"), [(1, 1), (1, 3), (24, 2), (30, 13), (60, 40)])
def test_each_picture_is_shown_once_for_one_tick(tmp_path: Path, fps: int, count: int) -> None:
    pictures = [np.full((32, 32), 6 * k, np.uint8) for k in range(count)]
    path = write_video(tmp_path / "a.mp4", pictures, fps)
    shown = [round(picture[8:24, 8:24].mean() / 6) for picture in read_video(path, 32, 32)]
    assert shown == list(range(count))
    about = described(path)
    assert f" {fps} fps," in about
    assert "start: 0.000000" in about
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", about).groups()
    assert (hours, minutes) == ("00", "00")
    assert float(seconds) == pytest.approx(count / fps, abs=0.01)


def test_video_colours(tmp_path: Path) -> None:
    pictures = [np.full((32, 48, 3), colour, np.uint8) for colour in COLOURS.values()]
    path = write_video(tmp_path / "a.mp4", pictures)
    for picture, source in zip(read_video(path, 32, 48), pictures, strict=True):
        assert np.abs(picture.astype(int) - source).max() <= 4

    capture = cv2.VideoCapture(str(path))  # has a decoder of its own
    for source in pictures:
        seen, frame = capture.read()
        assert seen
        assert np.abs(frame[..., ::-1].astype(int) - source).max() <= 4
    assert not capture.read()[0]
    capture.release()


def test_video_signal_is_that_of_bt709(tmp_path: Path) -> None:
    pictures = [np.full((32, 48, 3), colour, np.uint8) for colour in COLOURS.values()]
    path = write_video(tmp_path / "a.mp4", pictures)
    signals = decoded(path, "yuv420p").reshape(len(pictures), -1).astype(float)
    for colour, planes in zip(COLOURS.values(), signals, strict=True):
        red, green, blue = (value / 255 for value in colour)
        y, cb, cr = (part.mean() for part in np.split(planes, [32 * 48, 40 * 48]))
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert y == pytest.approx(16 + 219 * luma, abs=1.2)
        assert cb == pytest.approx(128 + 224 * (blue - luma) / 1.8556, abs=1.2)
        assert cr == pytest.approx(128 + 224 * (red - luma) / 1.5748, abs=1.2)


def test_grey_and_colour_pictures_may_follow_each_other(tmp_path: Path) -> None:
    grey = np.full((32, 32), 77, np.uint8)
    path = write_video(tmp_path / "a.mp4", [grey, np.stack([grey] * 3, axis=2)])
    result = read_video(path, 32, 32)
    assert np.abs(result.astype(int) - 77).max() <= 2


def test_binary_video_is_clean(tmp_path: Path) -> None:
    masks = [disc(144, 240, 60 + 9 * k, 70, 40)[0] for k in range(10)]
    path = write_video(tmp_path / "a.mp4", [np.where(m, 255, 0).astype(np.uint8) for m in masks])
    for mask, picture in zip(masks, read_video(path, 144, 240), strict=True):
        assert ((picture[..., 0] > 127) == mask).mean() > 0.999
        edge = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9), np.uint8))
        away = picture[edge == 0].astype(int)
        assert np.minimum(away, 255 - away).max() <= 4


def test_greenscreen_stays_green_in_video(tmp_path: Path) -> None:
    masks = [disc(144, 240, 50 + 9 * k, 71, 40) for k in range(12)]
    draw = rgb_renderer("greenscreen", "mask")
    pictures = [draw(textured(144, 240, k), mask) for k, mask in enumerate(masks)]
    result = read_video(write_video(tmp_path / "a.mp4", pictures), 144, 240)
    for mask, source, picture in zip(masks, pictures, result, strict=True):
        assert off_green(picture, mask, 6) <= 4  # where the object was before, too
        inside = cv2.erode(mask[0].view(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.abs(picture[inside].astype(int) - source.pixels[inside]).mean() < 12


def test_green_of_the_source_is_a_colour_like_any_other(tmp_path: Path) -> None:
    """Only a green screen is stronger than pure green, in chroma samples that are all of it."""
    pixels = np.full((32, 48, 3), GREEN, np.uint8)
    background = np.ones((32, 48), np.uint8)
    background[:, 24:] = 0
    cb, cr = np.array(video_colour(GREEN))[1:]
    for picture, left in ((Picture(pixels), (cb, cr)), (Picture(pixels, background), (1, 1))):
        planes = to_planes(picture)
        for plane, on_the_left, own in zip(split_planes(planes)[1:], left, (cb, cr), strict=True):
            assert (plane[:, :12] == on_the_left).all()
            assert (plane[:, 12:] == own).all()


def boxes_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The top-level boxes of an MP4 file."""
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name.decode(), data[at + 8 : at + size]
        at += size


def test_video_is_tagged_and_plays_while_it_loads(tmp_path: Path) -> None:
    path = write_video(tmp_path / "output_video.mp4", [textured(48, 64, k) for k in range(5)], 24)
    about = described(path)
    assert "h264" in about
    assert "yuv420p(tv, bt709" in about
    assert "[SAR 1:1 " in about
    assert "24 fps" in about
    assert "Audio" not in about
    assert "creation_time" not in about
    boxes = dict(boxes_of(path.read_bytes()))
    assert list(boxes).index("moov") < list(boxes).index("mdat")
    assert b"colrnclx" + struct.pack(">HHHB", 1, 1, 1, 0) in boxes["moov"]


def test_video_is_the_same_bytes_again(tmp_path: Path) -> None:
    pictures = [textured(90, 160, k) for k in range(12)]
    one = write_video(tmp_path / "a.mp4", pictures).read_bytes()
    assert write_video(tmp_path / "b.mp4", pictures).read_bytes() == one


def test_video_appears_only_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "output_video.mp4"
    with VideoFile(path, 64, 48, 30, "center") as file:
        for k in range(40):
            file.write(planes_of(textured(48, 64, k)))
        assert not path.exists()
    assert path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["output_video.mp4"]


@pytest.mark.parametrize("written", [0, 1, 40])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
@pytest.mark.usefixtures("no_child_left")
def test_stopped_halfway_leaves_nothing(tmp_path: Path, written: int, stop: type) -> None:
    with pytest.raises(stop), VideoFile(tmp_path / "a.mp4", 64, 48, 30, "center") as file:
        for k in range(written):
            file.write(planes_of(textured(48, 64, k)))
        raise stop
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_child_left")
def test_closed_generator_leaves_nothing(tmp_path: Path) -> None:
    def pictures() -> Iterator[int]:
        with VideoFile(tmp_path / "a.mp4", 64, 48, 30, "center") as file:
            for k in range(100):
                file.write(planes_of(textured(48, 64, k)))
                yield k

    before = children()
    running = pictures()
    for _ in range(20):
        next(running)
    assert len(children() - before) == 1
    running.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_child_left")
def test_video_without_a_picture_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: it has no picture$"),
        VideoFile(tmp_path / "a.mp4", 64, 48, 30, "center"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_planes_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="64x48"),
        VideoFile(tmp_path / "a.mp4", 64, 48, 30, "center") as file,
    ):
        file.write(np.zeros((96, 48), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_child_left")
def test_full_disk_leaves_no_video(tmp_path: Path) -> None:
    (tmp_path / ".a.mp4.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=f"^{FULL_DISK}$"):
        write_video(tmp_path / "a.mp4", [textured(48, 64, k) for k in range(60)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_at_the_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=f"^{FULL_DISK}$"):
        write_video(tmp_path / "a.mp4", [textured(48, 64)])
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_child_left")
def test_a_killed_encoder_is_an_error(tmp_path: Path) -> None:
    others = children()
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: Killed$"),
        VideoFile(tmp_path / "a.mp4", 640, 480, 30, "center") as file,
    ):
        file.write(planes_of(textured(480, 640)))
        for pid in children() - others:
            os.kill(pid, signal.SIGKILL)
        for _ in range(10_000):
            file.write(planes_of(textured(480, 640)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("head -c 3000000 /dev/zero >&2; exit 1", "."),
        ("echo '[mp4 @ 0x7f00] it broke' >&2; echo 'Conversion failed!' >&2; exit 1", "it broke$"),
        ("cat >/dev/null; exit 3", "ffmpeg gave no reason$"),
        ("sleep 0.3; cat >/dev/null; echo late >&2; exit 1", "late$"),
    ],
    ids=["flood", "reason", "silent", "slow reader"],
)
@pytest.mark.usefixtures("no_child_left")
def test_failing_encoder_gives_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    with pytest.raises(OutputError, match=f"^the video could not be encoded: {reason}") as caught:
        write_video(tmp_path / "out" / "a.mp4", [textured(480, 640)] * 4)
    assert len(str(caught.value)) < 300
    assert not list((tmp_path / "out").iterdir())


def test_unwritable_folder_is_one_sentence_for_video(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^the output could not be written: [^/\n]+$"):
        write_video(tmp_path / "file" / "a.mp4", [textured(8, 8)])
    (tmp_path / ".b.mp4.part").mkdir()
    with pytest.raises(OutputError, match=r"^the video could not be encoded: [^/\n]+$"):
        write_video(tmp_path / "b.mp4", [textured(8, 8)])
