"""Numbered image files, each complete or absent."""

import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
from PIL import Image

from sam2_video.core.errors import output_error
from sam2_video.core.part_file import part_of, remove_part
from sam2_video.video.colour_space import STRONGER_GREEN_JPEG, YCBCR_OF_RGB_JPEG
from sam2_video.video.pictures import Picture

# Pixels a side, found by trying: the WebP format's limit, libjpeg's and libpng's own.
IMAGE_SIDES = {"webp": 16_383, "jpg": 65_500, "png": 1_000_000}

# Encoding a picture can take longer than the small model does.
IMAGE_THREADS = 2


class ImageSequence:
    """Numbered pictures in a folder. Keeps no state, so several threads may write at once.

    Args:
        directory: where the pictures go; made if it is not there.
        image_format: `webp`, `jpg` or `png`.
        quality: 0 to 100, for `jpg` and `webp`.
    """

    def __init__(self, directory: Path, image_format: str, quality: int) -> None:
        self.directory = directory
        self.image_format = image_format
        self._encode = image_encoder(image_format, quality)

    def write(self, index: int, picture: Picture) -> Path:
        """Write the picture of source frame `index`.

        Raises:
            OutputError: the disk is full, or the folder cannot be written to.
        """
        path = self.directory / f"frame_{index:05d}.{self.image_format}"
        part = part_of(path)
        data = self._encode(picture)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise output_error(error) from error
        finally:
            remove_part(part)
        return path


def image_encoder(image_format: str, quality: int) -> Callable[[Picture], memoryview]:
    """The function that turns pictures into the bytes of image files."""
    if image_format == "png":
        return _png
    if image_format == "jpg":
        return lambda picture: _jpeg(picture, quality)
    if image_format == "webp":
        return lambda picture: _webp(picture, quality)
    raise ValueError(f"no encoder for {image_format!r}")


def _png(picture: Picture) -> memoryview:
    """PNG by OpenCV: with run lengths for a strategy twice as fast as Pillow at its fastest.

    With a palette by Pillow (its mode "P", 8 bits a pixel), since OpenCV writes none.

    Median of 12 pictures of 1280x720, in ms and kB: binary 1.7 and 2 (Pillow 3.7 and 7),
    highlighted 42 and 1127 (70 and 1121), greenscreen 11 and 57 (16 and 76).
    """
    pixels = picture.pixels
    if picture.palette is not None:
        image = Image.fromarray(pixels)
        image.putpalette(picture.palette.tobytes())
        return _pillow(image, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)
    is_grey = pixels.ndim == 2
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    options += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    options += [
        cv2.IMWRITE_PNG_FILTER,
        cv2.IMWRITE_PNG_FILTER_NONE if is_grey else cv2.IMWRITE_PNG_FILTER_PAETH,
    ]
    swap = cv2.COLOR_RGB2BGR if pixels.shape[2:] == (3,) else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", pixels if is_grey else cv2.cvtColor(pixels, swap), options)
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be a PNG")
    return data.data


def _jpeg(picture: Picture, quality: int) -> memoryview:
    """JPEG by Pillow (OpenCV has the same libjpeg-turbo and wants BGR), grey for a grey picture.

    Colour is not subsampled: thin boxes keep their colour, and an edge disturbs only its block of
    8 pixels instead of 16, for 16 % more bytes. A green background is encoded stronger than pure
    (see `colour_space.py`).
    """
    pixels, background = picture.pixels, picture.background
    if pixels.ndim == 2:
        return _pillow(Image.fromarray(pixels), format="JPEG", quality=quality)
    if background is None or not cv2.hasNonZero(background):
        return _pillow(Image.fromarray(pixels), format="JPEG", quality=quality, subsampling=0)
    ycbcr = cv2.transform(pixels, YCBCR_OF_RGB_JPEG)
    cv2.subtract(ycbcr, STRONGER_GREEN_JPEG, ycbcr, mask=background)
    image = Image.fromarray(ycbcr, mode="YCbCr")
    return _pillow(image, format="JPEG", quality=quality, subsampling=0)


def _webp(picture: Picture, quality: int) -> memoryview:
    """WebP: lossless for two values, else lossy.

    Lossless at least effort: a binary picture of 1280x720 has 0.8 kB, lossy at 80 6.5 kB. Lossy at
    method 0: of the methods, 18 % more bytes than 4 in a quarter of its time.

    With a green background the quality is 95 at least, twice the bytes of 80 and half of a JPEG's.
    Below it green is off by more than 4 levels far from every edge, at 80 by up to 16 near one.
    libwebp takes RGB, so green cannot be made stronger as in JPEG and video.

    Opacity is stored without loss, and colours beneath it as they are. At method 1 that takes as
    long as at 0 and a quarter to a half of the bytes.
    """
    image = Image.fromarray(picture.pixels)
    if image.mode == "RGBA":
        return _pillow(image, format="WEBP", quality=quality, method=1, exact=True)
    if picture.pixels.ndim == 2:
        return _pillow(image, format="WEBP", lossless=True, quality=0, method=1)
    if picture.background is not None and cv2.hasNonZero(picture.background):
        quality = max(quality, 95)
    return _pillow(image, format="WEBP", quality=quality, method=0)


def _pillow(image: Image.Image, **options: str | int) -> memoryview:
    data = BytesIO()
    image.save(data, **options)  # type: ignore[arg-type]
    return data.getbuffer()
