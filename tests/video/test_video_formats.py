"""WebM and MOV are read back: their colours, their opacity, and both over a background."""

import struct
import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from sam2_video.core.errors import OutputError
from sam2_video.video.draw_rgb import alpha, rgb_renderer
from sam2_video.video.edges import coverage_of_masks, feathered
from sam2_video.video.encode_video import VideoFile, video_format
from sam2_video.video.pictures import Picture
from tests.video.drawings import COLOURS, disc, off_green, textured
from tests.video.test_encode_video import boxes_of, described

FORMATS = ("webm", "mov")
SIZE = HEIGHT, WIDTH = 144, 240


def write(path: Path, pictures: list[Picture], fps: int = 30) -> Path:
    """A video of these pictures, in the format that the path's suffix names."""
    form = video_format(path.suffix[1:], pictures[0].pixels.shape[2:] == (4,))
    height, width = (side + side % 2 for side in pictures[0].pixels.shape[:2])
    with VideoFile(path, width, height, fps, "center", form) as file:
        for picture in pictures:
            file.write(form.of(picture))
    return path


def read(path: Path, height: int, width: int) -> np.ndarray:
    """All pictures as RGBA: (N, height, width, 4). ffmpeg's own VP9 decoder knows no opacity."""
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *decoder, "-i", path]
    command += ["-sws_flags", "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    run = subprocess.run(command, capture_output=True, check=True)
    assert not run.stderr
    return np.frombuffer(run.stdout, np.uint8).reshape(-1, height, width, 4)


def moving() -> tuple[list[np.ndarray], np.ndarray]:
    """Frames, and the coverage of an object that moves through them."""
    frames = [textured(*SIZE, k) for k in range(8)]
    masks = np.concatenate([disc(*SIZE, 60 + 9 * k, 70, 40) for k in range(8)])
    return frames, feathered(coverage_of_masks(masks), 2)


def cut_outs() -> list[Picture]:
    frames, coverage = moving()
    return [Picture(alpha(f, c[None])) for f, c in zip(frames, coverage, strict=True)]


@pytest.fixture(scope="module", params=FORMATS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of cut-outs."""
    return write(tmp_path_factory.mktemp("cut") / f"a.{request.param}", cut_outs())


def test_opacity_is_stored_and_whole_away_from_edges(written: Path) -> None:
    _, coverage = moving()
    about = described(written)
    assert ("alpha_mode      : 1" if written.suffix == ".webm" else "yuva444p") in about
    found = read(written, *SIZE)[..., 3].astype(int)
    assert len(found) == len(coverage)
    for opacity, covered in zip(found, coverage, strict=True):
        if written.suffix == ".mov":
            assert np.abs(opacity - covered).max() <= 1  # 8, 16, 12 and 8 bits
            assert ((opacity == 0) == (covered == 0)).all()
            assert ((opacity == 255) == (covered == 255)).all()
            continue
        soft = ((covered > 0) & (covered < 255)).view(np.uint8)
        away = cv2.dilate(soft, np.ones((13, 13), np.uint8)) == 0
        off = np.abs(opacity - covered)
        assert off[away].max() <= 4
        assert (off[away] > 0).mean() < 0.01
        assert off.mean() < 0.5
        assert ((opacity >= 128) != (covered >= 128)).mean() < 1e-3


@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (255, 0, 255)])
def test_a_cut_out_has_no_fringe_over_a_background(
    written: Path, background: tuple[int, int, int]
) -> None:
    frames, coverage = moving()
    for picture, source, covered in zip(read(written, *SIZE), frames, coverage, strict=True):
        share, own = picture[..., 3:] / 255, covered[..., None] / 255
        seen = picture[..., :3] * share + np.array(background) * (1 - share)
        ideal = source * own + np.array(background) * (1 - own)
        edge = (covered > 0) & (covered < 255)
        # With half as many samples of colour, WebM is off by that much inside of objects too.
        inside = np.abs(picture[covered == 255][:, :3].astype(int) - source[covered == 255]).mean()
        error = seen - ideal
        assert np.abs(error[edge]).mean() < inside + 3
        assert np.abs(error[edge].mean(axis=0)).max() < 2.5  # no colour is too strong
        assert written.suffix == ".webm" or np.abs(error).max() < 12


def test_straight_colours_are_the_source_s_around_an_object(written: Path) -> None:
    frames, coverage = moving()
    for picture, source, covered in zip(read(written, *SIZE), frames, coverage, strict=True):
        near = cv2.dilate((covered > 0).view(np.uint8), np.ones((15, 15), np.uint8)) > 0
        limit = {".mov": 1.5, ".webm": 16}[written.suffix]
        assert np.abs(picture[near][:, :3].astype(int) - source[near]).mean() < limit


@pytest.mark.parametrize("name", FORMATS)
def test_colours_of_opaque_videos(tmp_path: Path, name: str) -> None:
    pictures = [Picture(np.full((32, 48, 3), c, np.uint8)) for c in COLOURS.values()]
    pictures.append(Picture(np.full((32, 48), 255, np.uint8)))
    path = write(tmp_path / f"a.{name}", pictures)
    about = described(path)
    assert {"webm": "vp9", "mov": "ap4h"}[name] in about
    assert {"webm": "yuv420p(tv, bt709", "mov": "yuv444p12le(tv, bt709"}[name] in about
    assert "SAR 1:1" in about
    result = read(path, 32, 48)[..., :3].astype(int)
    assert len(result) == len(pictures)
    for picture, source in zip(result, pictures, strict=True):
        expected = source.pixels if source.pixels.ndim == 3 else source.pixels[..., None]
        assert np.abs(picture - expected).max() <= {"webm": 4, "mov": 2}[name]


def test_a_mov_says_how_its_colours_are_meant(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mov", cut_outs()[:1]).read_bytes()
    assert b"colrnclc" + struct.pack(">HHH", 1, 1, 1) in dict(boxes_of(data))["moov"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (31, 45), (2, 40), (47, 64)])
def test_odd_sides_repeat_the_last_row_and_column_in_every_format(
    tmp_path: Path, name: str, channels: tuple[int, ...], height: int, width: int
) -> None:
    pixels = np.full((height, width, *channels), 180, np.uint8)
    pixels[-1], pixels[:, -1] = 255, 255
    even = height + height % 2, width + width % 2
    path = write(tmp_path / f"a.{name}", [Picture(pixels)] * 3)
    result = read(path, *even)[..., : channels[0] if channels else 3].astype(int)
    padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0))[: pixels.ndim], "edge")
    if pixels.ndim == 2:
        padded = padded[..., None]
    assert len(result) == 3
    assert np.abs(result - padded).max() <= 40


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("fps", "count"), [(1, 2), (24, 13), (60, 40)])
def test_each_picture_is_shown_once(tmp_path: Path, name: str, fps: int, count: int) -> None:
    pixels = np.full((count, 32, 32, 4), 255, np.uint8)
    pixels[..., :3] = np.arange(count)[:, None, None, None] * 6
    path = write(tmp_path / f"a.{name}", [Picture(p) for p in pixels], fps)
    shown = [round(picture[8:24, 8:24, :3].mean() / 6) for picture in read(path, 32, 32)]
    assert shown == list(range(count))
    assert f" {fps} fps," in described(path)
    assert "start: 0.000000" in described(path)


@pytest.mark.parametrize("name", FORMATS)
def test_greenscreen_stays_green_in_every_format(tmp_path: Path, name: str) -> None:
    masks = [disc(*SIZE, 50 + 9 * k, 71, 40) for k in range(8)]
    draw = rgb_renderer("greenscreen", "mask")
    pictures = [draw(textured(*SIZE, k), mask) for k, mask in enumerate(masks)]
    result = read(write(tmp_path / f"a.{name}", pictures), *SIZE)[..., :3]
    for mask, picture in zip(masks, result, strict=True):
        assert off_green(picture, mask, 6) <= 4


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_same_bytes_again(tmp_path: Path, name: str) -> None:
    pictures = cut_outs()
    for kind in (pictures, [Picture(p.pixels[..., :3].copy()) for p in pictures]):
        one = write(tmp_path / f"a.{name}", kind).read_bytes()
        assert write(tmp_path / f"b.{name}", kind).read_bytes() == one
        assert b"creation_time" not in one


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_sides_end_where_the_format_says(tmp_path: Path, name: str, has_alpha: bool) -> None:
    form = video_format(name, has_alpha)
    with VideoFile(tmp_path / f"a.{name}", form.side, 2, 30, "center", form) as file:
        file.write(np.full(form.shape(form.side, 2), 128, np.uint8))
    assert f"{form.side}x2" in described(tmp_path / f"a.{name}")
    side = form.side + 2
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: [^\n]+$"),
        VideoFile(tmp_path / f"b.{name}", side, 2, 30, "center", form) as file,
    ):
        file.write(np.full(form.shape(side, 2), 128, np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == [f"a.{name}"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_one_sentence_in_every_format(tmp_path: Path, name: str) -> None:
    (tmp_path / f".a.{name}.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"^no space is left on the disk for the output$"):
        write(tmp_path / f"a.{name}", cut_outs())
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    for wrong in (("mp4", True), ("avi", False)):
        with pytest.raises(ValueError, match="no encoder"):
            video_format(*wrong)
    form = video_format("webm", has_alpha=True)
    with (
        pytest.raises(ValueError, match="64x48"),
        VideoFile(tmp_path / "a.webm", 64, 48, 30, "center", form) as file,
    ):
        file.write(np.zeros((72, 64), np.uint8))
    assert not list(tmp_path.iterdir())
