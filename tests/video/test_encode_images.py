"""Image files are read back by another decoder, and each is complete or absent."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sam2_video.core.errors import OutputError
from sam2_video.video.draw_rgb import GREEN, alpha, colour_of, rgb_renderer
from sam2_video.video.edges import coverage_of_masks, feathered
from sam2_video.video.encode_images import ImageSequence
from sam2_video.video.pictures import Picture
from tests.video.drawings import COLOURS, disc, off_green, textured

FULL_DISK = "no space is left on the disk for the output"


def read_image(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_files_are_numbered_by_source_frame(tmp_path: Path, image_format: str) -> None:
    sequence = ImageSequence(tmp_path / "new" / "folder", image_format, 80)
    picture = Picture(textured(12, 20))
    names = [sequence.write(index, picture).name for index in (0, 7, 123456)]
    assert names == [f"frame_{k}.{image_format}" for k in ("00000", "00007", "123456")]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(names)
    with Image.open(sequence.write(1, picture)) as image:
        assert image.format == {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}[image_format]
        assert image.size == (20, 12)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (33, 57)])
def test_png_is_exact(tmp_path: Path, size: tuple[int, int]) -> None:
    sequence = ImageSequence(tmp_path, "png", 0)
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert (read_image(sequence.write(0, Picture(picture))) == picture).all()
    assert (read_image(sequence.write(1, Picture(picture[..., 0]))) == picture[..., 0]).all()


@pytest.mark.parametrize("quality", [0, 80, 100])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (90, 160)])
def test_binary_keeps_two_values(tmp_path: Path, quality: int, size: tuple[int, int]) -> None:
    mask = disc(*size, size[1] // 2, size[0] // 2, size[0] // 3)[0]
    picture = np.where(mask, 255, 0).astype(np.uint8)
    for image_format in ("png", "webp"):
        path = ImageSequence(tmp_path, image_format, quality).write(0, Picture(picture))
        with Image.open(path) as image:
            assert (np.array(image.convert("L")) == picture).all()
            assert (np.array(image.convert("RGB")) == picture[..., None]).all()
    path = ImageSequence(tmp_path, "jpg", quality).write(0, Picture(picture))
    with Image.open(path) as image:
        assert image.mode == "L"
        assert ((np.array(image) > 127) == (picture > 127)).mean() > 0.98 or quality == 0


def cut_out(size: tuple[int, int]) -> np.ndarray:
    """RGBA with every opacity."""
    height, width = size
    soft = feathered(coverage_of_masks(disc(*size, width // 2, height // 2, height // 3)), 20)
    return alpha(textured(*size), soft)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 57), (90, 160)])
def test_opacity_is_exact_in_images(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = cut_out(size)
    png = read_image(ImageSequence(tmp_path, "png", 0).write(0, Picture(picture)))
    assert (png == picture).all()
    assert (cv2.imread(str(tmp_path / "frame_00000.png"), -1) == picture[..., [2, 1, 0, 3]]).all()
    for quality in (0, 80):
        path = ImageSequence(tmp_path, "webp", quality).write(0, Picture(picture))
        with Image.open(path) as image:
            assert image.mode in ("RGBA", "RGB")
            webp = np.array(image.convert("RGBA"))
        assert (webp[..., 3] == picture[..., 3]).all()
    seen = picture[..., 3] > 0
    assert not seen.any() or np.abs(webp.astype(int) - picture)[seen].mean() < 8


@pytest.mark.parametrize("background", [0, 255, (255, 0, 255)], ids=["black", "white", "magenta"])
@pytest.mark.parametrize("image_format", ["webp", "png"])
def test_a_cut_out_image_has_no_fringe(tmp_path: Path, image_format: str, background: int) -> None:
    """Over any background it is what the source and its opacity give."""
    picture, source = cut_out((90, 160)), textured(90, 160)
    share = picture[..., 3:] / 255
    read = read_image(ImageSequence(tmp_path, image_format, 90).write(0, Picture(picture)))
    shown = read[..., :3] * share + np.array(background) * (1 - share)
    error = np.abs(shown - (source * share + np.array(background) * (1 - share)))
    edge = (share > 0) & (share < 1)
    assert error[edge[..., 0]].mean() < (0.1 if image_format == "png" else 4)
    assert error.max() < (0.1 if image_format == "png" else 50)  # as colours inside are off


def test_what_has_no_opacity_cannot_store_any(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="RGBA"):
        ImageSequence(tmp_path, "jpg", 80).write(0, Picture(cut_out((9, 9))))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [(1, 1), (33, 57), (90, 160)])
@pytest.mark.parametrize("count", [0, 1, 3, 64])
def test_indexed_pngs_are_palette_pictures(
    tmp_path: Path, size: tuple[int, int], count: int
) -> None:
    masks = np.random.default_rng(0).random((count, *size)) > 0.7
    picture = rgb_renderer("indexed", "mask")(textured(*size), masks)
    path = ImageSequence(tmp_path, "png", 80).write(0, picture)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert "transparency" not in image.info
        assert (np.array(image) == picture.pixels).all()
        colours = np.array(image.convert("RGB"))
    for number in np.unique(picture.pixels):
        expected = colour_of(number - 1) if number else (0, 0, 0)
        assert (colours[picture.pixels == number] == expected).all()
    assert path.read_bytes()[24:26] == b"\x08\x03"  # 8 bits a pixel, colours of a palette


def test_two_values_are_smaller_without_loss(tmp_path: Path) -> None:
    grey = np.where(disc(360, 640, 300, 180, 120)[0], 255, 0).astype(np.uint8)
    sequence = ImageSequence(tmp_path, "webp", 80)
    exact = sequence.write(0, Picture(grey)).stat().st_size
    lossy = sequence.write(1, Picture(np.stack([grey] * 3, axis=2))).stat().st_size
    assert exact < lossy


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_image_colours(tmp_path: Path, image_format: str, colour: str) -> None:
    picture = np.full((20, 30, 3), COLOURS[colour], np.uint8)
    path = ImageSequence(tmp_path, image_format, 80).write(0, Picture(picture))
    assert np.abs(read_image(path).astype(int) - picture).max() <= 4
    assert np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - picture).max() <= 4


@pytest.mark.parametrize("image_format", ["webp", "jpg"])
def test_quality_trades_size_for_likeness(tmp_path: Path, image_format: str) -> None:
    picture = textured(90, 160)
    sizes, errors = [], []
    for quality in (0, 30, 80, 100):
        path = ImageSequence(tmp_path, image_format, quality).write(0, Picture(picture))
        sizes.append(path.stat().st_size)
        errors.append(np.abs(read_image(path).astype(int) - picture).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[-1] > 4 * sizes[0]


@pytest.mark.parametrize("quality", [0, 1, 5, 10, 20, 30, 50, 80, 100])
@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_greenscreen_stays_green_in_images(tmp_path: Path, image_format: str, quality: int) -> None:
    masks = disc(144, 240, 93, 71, 40) | disc(144, 240, 170, 30, 9)
    picture = rgb_renderer("greenscreen", "mask")(textured(144, 240), masks)
    path = ImageSequence(tmp_path, image_format, quality).write(0, picture)
    result = read_image(path)
    assert off_green(result, masks, {"webp": 8, "jpg": 8, "png": 1}[image_format]) <= 4
    kept = np.abs(result[55:85, 80:110].astype(int) - picture.pixels[55:85, 80:110]).mean()
    assert kept < (40 if image_format == "jpg" and quality < 10 else 20)


@pytest.mark.parametrize("image_format", ["webp", "jpg"])
def test_green_of_the_source_is_a_colour_like_any_other(tmp_path: Path, image_format: str) -> None:
    """The bytes are Pillow's for that quality, unless the green is a green screen's."""
    frame = textured(90, 160)
    frame[40, 50] = GREEN
    frame[8:24, 16:48] = GREEN
    masks = disc(90, 160, 100, 50, 20)
    drawn = rgb_renderer("highlighted", "mask")(frame, masks)
    assert (drawn.pixels[40, 50] == GREEN).all()
    sequence = ImageSequence(tmp_path, image_format, 80)
    options = {"webp": {"method": 0}, "jpg": {"subsampling": 0}}[image_format]
    expected = BytesIO()
    kind = {"webp": "WEBP", "jpg": "JPEG"}[image_format]
    Image.fromarray(drawn.pixels).save(expected, kind, quality=80, **options)
    assert sequence.write(0, drawn).read_bytes() == expected.getvalue()
    screen = Picture(drawn.pixels, (drawn.pixels == GREEN).all(axis=2).view(np.uint8))
    assert sequence.write(1, screen).read_bytes() != expected.getvalue()


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_images_are_the_same_bytes_again_and_from_threads(
    tmp_path: Path, image_format: str
) -> None:
    sequence = ImageSequence(tmp_path, image_format, 80)
    pictures = [Picture(textured(40, 60, seed)) for seed in range(8)]
    first = [sequence.write(k, picture).read_bytes() for k, picture in enumerate(pictures)]
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(sequence.write, range(8), pictures))
    assert [path.read_bytes() for path in paths] == first


@pytest.mark.parametrize("image_format", ["webp", "jpg", "png"])
def test_full_disk_leaves_no_image(tmp_path: Path, image_format: str) -> None:
    (tmp_path / f".frame_00003.{image_format}.part").symlink_to("/dev/full")
    sequence = ImageSequence(tmp_path, image_format, 80)
    with pytest.raises(OutputError, match=f"^{FULL_DISK}$"):
        sequence.write(3, Picture(textured(40, 60)))
    assert not list(tmp_path.iterdir())


def test_an_image_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, _data: bytes) -> None:
        path.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ImageSequence(tmp_path, "png", 80).write(0, Picture(textured(8, 8)))
    assert not list(tmp_path.iterdir())


def test_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, image_format in ((tmp_path / "file", "png"), (tmp_path / "file" / "below", "jpg")):
        sequence = ImageSequence(folder, image_format, 80)
        with pytest.raises(OutputError, match=r"^the output could not be written: [^/\n]+$"):
            sequence.write(0, Picture(textured(8, 8)))


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        ImageSequence(tmp_path, "gif", 80)
