"""Between YCbCr and RGB: how decoded pictures are converted, and how results are.

**Decoding.** YCbCr is converted by the matrix and range that the stream states. A stream that
states no matrix is BT.709 from HD size on (a long side of 1280 or a short one above 576), BT.601
below, and BT.601 always for VP8, as players do. A matrix or range that changes on the way is
followed. PQ and HLG are tone-mapped to BT.709: reference
white is 203 nits, light up to half of it is left as it is, and brighter light, up to 1,000 nits, is
compressed. Primaries and transfer functions of SDR video are not mapped. Alpha is dropped before
the conversion, since zimg would blend with black.

**Encoding.** Rec. ITU-R BT.709 and BT.601 define Y by the weights of red and blue, and Cb and Cr as
differences from it; a JPEG file uses 601 in full range, our video 709 in limited range.

**Pure green** lies in a corner of RGB, so a decoder clips everything beyond it. Subtracted from its
Y, Cb, Cr (JPEG 150, 44, 21, video 173, 42, 26), `STRONGER_GREEN_...` puts it beyond the corner by
at least 20 levels of R, G and B: quantisation noise has to exceed that before a pixel differs from
(0, 255, 0) at all. On cut-outs of 1280x720, 4 pixels or more from an edge, pixels that are off by
more than 4 levels: JPEG at quality 80 0.2 % without and below 0.005 % with it, at 10 0.2 % and
0.04 %; video 0.15 % (up to 45 levels, also in trails behind moving objects) and below 0.001 %.
"""

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import InputError
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.pictures import Colour, Picture, Planes, split_planes

_SWSCALE = "flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
_SWSCALE_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")
_ZIMG_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc")
_DEPTHS = ("9le", "10le", "12le", "14le", "16le")
_ZIMG_FORMAT = re.compile(r"yuv[aj]?(420|422|444)p(\d+le)?")
_OPAQUE = "|".join(f"yuv{chroma}p{bits}" for chroma in (420, 422, 444) for bits in ("", *_DEPTHS))
_UNSTATED = ("", "unknown", "reserved")
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


def is_plain(stream: PictureFormat) -> bool:
    """Whether a stream's planes are stored as our video stores them.

    That is: progressive, 8 bits, 4:2:0, BT.709 in limited range, chroma at the left, even sides.
    """
    even = stream.width % 2 == 0 and stream.height % 2 == 0
    limited = stream.pixel_format == "yuv420p" and stream.range != "pc" and stream.progressive
    left = stream.chroma_location in ("left", "unspecified")  # players take the second as left
    hdr = stream.transfer in _HDR_TRANSFERS
    return even and limited and left and not hdr and _matrix(stream) == "bt709"


def filters_to_rgb(stream: PictureFormat) -> str:
    """The filter graph that turns a stream's pictures into RGB of 8 bits.

    zimg converts exactly and fast, but reads only some formats, and no odd sizes; swscale, at its
    most accurate settings, reads the rest.
    """
    hdr = stream.transfer in _HDR_TRANSFERS
    stated = stream.matrix not in _UNSTATED
    if _suits_zimg(stream):
        # What the stream states is not repeated here: then changes of it are followed.
        options = [] if stated else [f"min={_matrix(stream)}"]
        if not hdr:
            options += ["tin=709", "t=709", "pin=709", "p=709"]
        filters = [f"format={_OPAQUE}"] if stream.pixel_format.startswith("yuva") else []
        filters.append(f"zscale={':'.join([*options, 'm=gbr', 'r=full'])}")
        filters.append("format=gbrp16le" if hdr else "format=gbrp")
    else:
        matrix = "auto" if stated else _matrix(stream)
        filters = [f"scale=in_color_matrix={matrix}:out_range=full:{_SWSCALE}"]
        filters += ["format=gbrp16le"] if hdr else []
    if hdr:
        filters += [
            f"zscale=min=gbr:rin=full:tin={stream.transfer}:pin=2020:t=linear:npl=203",
            "format=gbrpf32le",
            "zscale=p=709",
            "tonemap=mobius:desat=0:peak=4.926",  # 1000 / 203 nits
            "zscale=t=709:r=full",
            "format=gbrp",
        ]
    return ",".join(filters)


def check_colours(stream: PictureFormat) -> None:
    """Make sure that a stream's colours can be converted.

    Raises:
        InputError: its matrix is one that no converter here knows.
    """
    known = _ZIMG_MATRICES if _suits_zimg(stream) else _SWSCALE_MATRICES
    if stream.matrix not in (*known, *_UNSTATED, "gbr"):
        raise InputError(
            f"input_video has the colour matrix {stream.matrix}, which cannot be converted; "
            "send it in BT.709 or BT.2020 (non-constant luminance)"
        )


def _suits_zimg(stream: PictureFormat) -> bool:
    even = stream.width % 2 == 0 and stream.height % 2 == 0
    known = _matrix(stream) in _ZIMG_MATRICES or stream.matrix not in _SWSCALE_MATRICES
    return even and known and bool(_ZIMG_FORMAT.fullmatch(stream.pixel_format))


def _matrix(stream: PictureFormat) -> str:
    """The YCbCr matrix of a stream as ffmpeg names it; if not stated, the one players assume."""
    if stream.matrix not in _UNSTATED:
        return stream.matrix
    if stream.transfer in _HDR_TRANSFERS:
        return "bt2020nc"
    hd = max(stream.width, stream.height) >= 1280 or min(stream.width, stream.height) > 576
    return "bt709" if hd else "smpte170m"


def _ycbcr_of_rgb(red: float, blue: float, luma: int, chroma: int, black: int) -> np.ndarray:
    """A (3, 4) matrix for cv2.transform from RGB to Y, Cb, Cr in 8 bits.

    Args:
        red: red's weight in Y.
        blue: blue's weight in Y.
        luma: number of steps of Y from black to white.
        chroma: number of steps of Cb and Cr from end to end.
        black: Y of black.
    """
    weights = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0, 0, 1]) - weights) / (1 - blue) / 2
    cr = (np.array([1, 0, 0]) - weights) / (1 - red) / 2
    scaled = np.stack([weights * luma, cb * chroma, cr * chroma]) / 255
    return np.column_stack([scaled, [black, 128, 128]]).astype(np.float32)


YCBCR_OF_RGB_JPEG = _ycbcr_of_rgb(0.299, 0.114, 255, 255, 0)
_YCBCR_OF_RGB_VIDEO = _ycbcr_of_rgb(0.2126, 0.0722, 219, 224, 16)
_Y_OF_GREY_VIDEO = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)

STRONGER_GREEN_JPEG = np.array([0.0, 255, 255, 0])  # to the end of the scale
STRONGER_GREEN_VIDEO = np.array(
    [0.0, 41, 25, 0]
)  # to 1, since 0 and 255 are no values of a video signal


def video_colour(rgb: Colour) -> tuple[int, int, int]:
    """The Y, Cb, Cr of an RGB colour in our video."""
    y, cb, cr = np.rint(_YCBCR_OF_RGB_VIDEO @ [*rgb, 1]).astype(int).tolist()
    return y, cb, cr


def to_planes(picture: Picture) -> Planes:
    """A picture as planes of our video; odd sides repeat the last row or column.

    Opacity, if the picture has any, follows as a fourth plane in full size and full range: then
    they are (H * 5 / 2, W).

    Takes 1.6 ms at 1280x720 and is within a level of the definition. Chroma is the mean of 2x2
    pixels, so its samples lie in the centre of them.
    """
    pixels, background = _even(picture.pixels), picture.background
    height, width = pixels.shape[:2]
    half = (width // 2, height // 2)
    rows = height * 3 // 2
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        planes = np.empty((rows + height, width), np.uint8)
        cv2.extractChannel(pixels, 3, planes[rows:])
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    else:
        planes = np.empty((rows, width), np.uint8)
    y, *chroma = split_planes(planes[:rows])
    if pixels.ndim == 2:
        cv2.LUT(pixels, _Y_OF_GREY_VIDEO, y)
        for plane in chroma:
            plane.fill(128)
        return planes
    small = cv2.transform(
        cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), _YCBCR_OF_RGB_VIDEO
    )
    if background is not None:
        # A sample is background if all four pixels are: one of 255 among them gives 64.
        object_share = cv2.resize(
            (1 - _even(background)) * np.uint8(255), half, interpolation=cv2.INTER_AREA
        )
        green = (object_share == 0).view(np.uint8)
        cv2.subtract(small, STRONGER_GREEN_VIDEO, small, mask=green)
    cv2.extractChannel(cv2.transform(pixels, _YCBCR_OF_RGB_VIDEO), 0, y)
    for k, plane in enumerate(chroma, start=1):
        cv2.extractChannel(small, k, plane)
    return planes


def to_rgb(picture: Picture) -> NDArray[np.uint8]:
    """A picture as (H, W, 3) RGB or (H, W, 4) RGBA; odd sides repeat the last row or column."""
    pixels = _even(picture.pixels)
    return pixels if pixels.ndim == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))


def _even(pixels: np.ndarray) -> np.ndarray:
    """A picture whose odd sides repeat the last row or column."""
    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
