"""What is written is read back, by other decoders than those that wrote it where there are any."""

import errno
import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from bench.processes import children
from sam2_video.core.errors import InputError, OutputError
from sam2_video.video.draw_rgb import GREEN, greenscreen
from sam2_video.video.sinks import ImageSequence, VideoFile, check_output_size

FULL_DISK = "no space is left on the disk for the output"
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (119, 119, 119),
    "skin": (224, 172, 105),
    "sky blue": (86, 180, 233),
}


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture as rough as a photo: smooth noise over a slope."""
    noise = np.random.default_rng(seed).normal(0, 60, (height, width, 3)).astype(np.float32)
    slope = np.linspace(40, 215, width, dtype=np.float32)[None, :, None]
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.2) * 2 + slope, 0, 255).astype(np.uint8)


def disc(height: int, width: int, x: int, y: int, radius: int) -> np.ndarray:
    """One object's mask: (1, H, W) bool."""
    rows, columns = np.ogrid[:height, :width]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)[None]


def off_green(picture: np.ndarray, masks: np.ndarray, distance: int) -> int:
    """The largest difference from pure green `distance` pixels or more from every object."""
    around = cv2.dilate(masks.any(axis=0).view(np.uint8), np.ones([2 * distance - 1] * 2, np.uint8))
    return int(np.abs(picture[around == 0].astype(int) - GREEN).max())


def read_image(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


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


def write_video(path: Path, pictures: list[np.ndarray], fps: int = 30) -> Path:
    height, width = pictures[0].shape[:2]
    with VideoFile(path, width, height, fps) as sink:
        for picture in pictures:
            sink.write(picture)
    return path


@pytest.fixture
def no_child_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


# Images


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_files_are_numbered_by_source_frame(tmp_path: Path, image_format: str) -> None:
    sequence = ImageSequence(tmp_path / "new" / "folder", image_format, 80, two_valued=False)
    picture = textured(12, 20)
    names = [sequence.write(index, picture).name for index in (0, 7, 123456)]
    assert names == [f"frame_{k}.{image_format}" for k in ("00000", "00007", "123456")]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(names)
    with Image.open(sequence.write(1, picture)) as image:
        assert image.format == {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}[image_format]
        assert image.size == (20, 12)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (33, 57)])
def test_png_is_exact(tmp_path: Path, size: tuple[int, int]) -> None:
    sequence = ImageSequence(tmp_path, "png", 0, two_valued=False)
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert (read_image(sequence.write(0, picture)) == picture).all()
    assert (read_image(sequence.write(1, picture[..., 0])) == picture[..., 0]).all()


@pytest.mark.parametrize("quality", [0, 80, 100])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (90, 160)])
def test_binary_keeps_two_values(tmp_path: Path, quality: int, size: tuple[int, int]) -> None:
    mask = disc(*size, size[1] // 2, size[0] // 2, size[0] // 3)[0]
    picture = np.where(mask, 255, 0).astype(np.uint8)
    for image_format in ("png", "webp"):
        path = ImageSequence(tmp_path, image_format, quality, two_valued=True).write(0, picture)
        with Image.open(path) as image:
            assert (np.array(image.convert("L")) == picture).all()
            assert (np.array(image.convert("RGB")) == picture[..., None]).all()
    path = ImageSequence(tmp_path, "jpg", quality, two_valued=True).write(0, picture)
    with Image.open(path) as image:
        assert image.mode == "L"
        assert ((np.array(image) > 127) == (picture > 127)).mean() > 0.98 or quality == 0


def test_lossless_webp_is_smaller_for_two_values(tmp_path: Path) -> None:
    picture = np.where(disc(360, 640, 300, 180, 120)[0], 255, 0).astype(np.uint8)
    exact = ImageSequence(tmp_path, "webp", 80, two_valued=True).write(0, picture).stat().st_size
    lossy = ImageSequence(tmp_path, "webp", 80, two_valued=False).write(0, picture).stat().st_size
    assert exact < lossy


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_image_colours(tmp_path: Path, image_format: str, colour: str) -> None:
    picture = np.full((20, 30, 3), COLOURS[colour], np.uint8)
    path = ImageSequence(tmp_path, image_format, 80, two_valued=False).write(0, picture)
    assert np.abs(read_image(path).astype(int) - picture).max() <= 4
    assert np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - picture).max() <= 4


@pytest.mark.parametrize("image_format", ["webp", "jpg"])
def test_quality_trades_size_for_likeness(tmp_path: Path, image_format: str) -> None:
    picture = textured(90, 160)
    sizes, errors = [], []
    for quality in (0, 30, 80, 100):
        path = ImageSequence(tmp_path, image_format, quality, two_valued=False).write(0, picture)
        sizes.append(path.stat().st_size)
        errors.append(np.abs(read_image(path).astype(int) - picture).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[-1] > 4 * sizes[0]


@pytest.mark.parametrize("quality", [0, 1, 5, 10, 20, 30, 50, 80, 100])
@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_greenscreen_stays_green_in_images(tmp_path: Path, image_format: str, quality: int) -> None:
    masks = disc(144, 240, 93, 71, 40) | disc(144, 240, 170, 30, 9)
    picture = greenscreen(textured(144, 240), masks)
    path = ImageSequence(tmp_path, image_format, quality, two_valued=False).write(0, picture)
    result = read_image(path)
    assert off_green(result, masks, {"webp": 8, "jpg": 8, "png": 1}[image_format]) <= 4
    kept = np.abs(result[55:85, 80:110].astype(int) - picture[55:85, 80:110]).mean()
    assert kept < (40 if image_format == "jpg" and quality < 10 else 20)


def test_green_in_the_source_stays_what_it_is(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 32:] = GREEN
    for image_format in ("webp", "jpg", "png"):
        path = ImageSequence(tmp_path, image_format, 80, two_valued=False).write(0, picture)
        result = read_image(path).astype(int)
        assert np.abs(result[:, 40:] - GREEN).max() <= 4
        assert np.abs(result[:, :24]).max() <= 4


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_images_are_the_same_bytes_again_and_from_threads(
    tmp_path: Path, image_format: str
) -> None:
    sequence = ImageSequence(tmp_path, image_format, 80, two_valued=False)
    pictures = [textured(40, 60, seed) for seed in range(8)]
    first = [sequence.write(k, picture).read_bytes() for k, picture in enumerate(pictures)]
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(sequence.write, range(8), pictures))
    assert [path.read_bytes() for path in paths] == first


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_full_disk_leaves_no_image(tmp_path: Path, image_format: str) -> None:
    (tmp_path / f".frame_00003.{image_format}.part").symlink_to("/dev/full")
    sequence = ImageSequence(tmp_path, image_format, 80, two_valued=False)
    with pytest.raises(OutputError, match=f"^{FULL_DISK}$"):
        sequence.write(3, textured(40, 60))
    assert not list(tmp_path.iterdir())


def test_an_image_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, _data: bytes) -> None:
        path.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ImageSequence(tmp_path, "png", 80, two_valued=False).write(0, textured(8, 8))
    assert not list(tmp_path.iterdir())


def test_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, image_format in ((tmp_path / "file", "png"), (tmp_path / "file" / "below", "jpg")):
        sequence = ImageSequence(folder, image_format, 80, two_valued=False)
        with pytest.raises(OutputError, match=r"^the output could not be written: [^/\n]+$"):
            sequence.write(0, textured(8, 8))


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        ImageSequence(tmp_path, "gif", 80, two_valued=False)


# Sizes


@pytest.mark.parametrize(
    ("image_format", "longest"), [("webp", 16383), ("jpg", 65500), ("png", 1_000_000)]
)
def test_image_sides_end_where_the_encoder_ends(
    tmp_path: Path, image_format: str, longest: int
) -> None:
    check_output_size(longest, 1, False, image_format)
    sequence = ImageSequence(tmp_path, image_format, 80, two_valued=False)
    sequence.write(0, np.zeros((1, longest), np.uint8))
    for width, height in ((longest + 1, 1), (1, longest + 1)):
        with pytest.raises(InputError, match=f"{width}x{height}.* {longest} ") as caught:
            check_output_size(width, height, False, image_format)
        assert image_format not in str(caught.value).split(":")[1]


def test_video_sides_end_where_the_encoder_ends(tmp_path: Path) -> None:
    check_output_size(16384, 16384, True, "webp")
    assert write_video(tmp_path / "a.mp4", [np.zeros((2, 16384), np.uint8)]).exists()
    with pytest.raises(InputError, match=r"16385x9 .* 16384 .*: choose .* jpg or png"):
        check_output_size(16385, 9, True, "webp")
    with pytest.raises(OutputError, match=r"^the video could not be encoded: [^/\n]+$"):
        write_video(tmp_path / "b.mp4", [np.zeros((2, 16386), np.uint8)])
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


# Video


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
    told = described(path)
    assert f" {fps} fps," in told
    assert "start: 0.000000" in told
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told).groups()
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
    for (name, colour), planes in zip(COLOURS.items(), signals, strict=True):
        red, green, blue = (value / 255 for value in colour)
        y, cb, cr = (part.mean() for part in np.split(planes, [32 * 48, 40 * 48]))
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert y == pytest.approx(16 + 219 * luma, abs=1.2)
        if name == "green":  # beyond its own colour, where a decoder cuts off
            assert max(cb, cr) <= 2
        else:
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
    pictures = [greenscreen(textured(144, 240, k), mask) for k, mask in enumerate(masks)]
    result = read_video(write_video(tmp_path / "a.mp4", pictures), 144, 240)
    for mask, source, picture in zip(masks, pictures, result, strict=True):
        assert off_green(picture, mask, 6) <= 4  # where the object was before, too
        inside = cv2.erode(mask[0].view(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.abs(picture[inside].astype(int) - source[inside]).mean() < 12


def boxes_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The top-level boxes of an MP4 file."""
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name.decode(), data[at + 8 : at + size]
        at += size


def test_video_is_tagged_and_plays_while_it_loads(tmp_path: Path) -> None:
    path = write_video(tmp_path / "output_video.mp4", [textured(48, 64, k) for k in range(5)], 24)
    told = described(path)
    assert "h264" in told
    assert "yuv420p(tv, bt709" in told
    assert "[SAR 1:1 " in told
    assert "24 fps" in told
    assert "Audio" not in told
    assert "creation_time" not in told
    boxes = dict(boxes_of(path.read_bytes()))
    assert list(boxes).index("moov") < list(boxes).index("mdat")
    assert b"colrnclx" + struct.pack(">HHHB", 1, 1, 1, 0) in boxes["moov"]


def test_video_is_the_same_bytes_again(tmp_path: Path) -> None:
    pictures = [textured(90, 160, k) for k in range(12)]
    one = write_video(tmp_path / "a.mp4", pictures).read_bytes()
    assert write_video(tmp_path / "b.mp4", pictures).read_bytes() == one


def test_video_appears_only_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "output_video.mp4"
    with VideoFile(path, 64, 48, 30) as sink:
        for k in range(40):
            sink.write(textured(48, 64, k))
        assert not path.exists()
    assert path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["output_video.mp4"]


@pytest.mark.parametrize("written", [0, 1, 40])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
@pytest.mark.usefixtures("no_child_left")
def test_stopped_halfway_leaves_nothing(tmp_path: Path, written: int, stop: type) -> None:
    with pytest.raises(stop), VideoFile(tmp_path / "a.mp4", 64, 48, 30) as sink:
        for k in range(written):
            sink.write(textured(48, 64, k))
        raise stop
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_child_left")
def test_closed_generator_leaves_nothing(tmp_path: Path) -> None:
    def pictures() -> Iterator[int]:
        with VideoFile(tmp_path / "a.mp4", 64, 48, 30) as sink:
            for k in range(100):
                sink.write(textured(48, 64, k))
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
        VideoFile(tmp_path / "a.mp4", 64, 48, 30),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="64x48"),
        VideoFile(tmp_path / "a.mp4", 64, 48, 30) as sink,
    ):
        sink.write(np.zeros((64, 48), np.uint8))
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
def test_killed_encoder_is_told_of(tmp_path: Path) -> None:
    others = children()
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: Killed$"),
        VideoFile(tmp_path / "a.mp4", 640, 480, 30) as sink,
    ):
        sink.write(textured(480, 640))
        before = time.monotonic()
        for pid in children() - others:
            os.kill(pid, signal.SIGKILL)
        while time.monotonic() < before + 10:
            sink.write(textured(480, 640))
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
