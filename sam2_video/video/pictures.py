"""The arrays that go from decoding through drawing to encoding, and their shapes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""(H, W, 3): red, green, blue."""
Planes = NDArray[np.uint8]
"""(H * 3 / 2, W), H and W even: Y, then Cb and Cr at half the size (4:2:0).
With opacity (H * 5 / 2, W)."""
Rgba = NDArray[np.uint8]
"""(H, W, 4): red, green, blue, not multiplied by the fourth, opacity."""
Masks = NDArray[np.bool_]
"""(K, H, W), true where the object is."""
Coverage = NDArray[np.uint8]
"""(K, H, W), the share of each pixel that belongs to the object, 0 to 255."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, right and bottom not included."""
Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


@dataclass(frozen=True)
class RgbFrame:
    """A decoded frame that is drawn on in RGB."""

    rgb: Rgb


@dataclass(frozen=True)
class PlanesFrame:
    """A decoded frame that is drawn on in its own colour space: BT.709, limited range."""

    planes: Planes


@dataclass(frozen=True)
class Picture:
    """What was drawn of a frame.

    Attributes:
        pixels: (H, W) uint8 of the two values 0 and 255 or, with a palette, of its indices;
            (H, W, 3) uint8 RGB; or (H, W, 4) uint8 RGBA.
        background: (H, W) uint8, 1 where the pixels are the green of a green screen, which
            encoders treat with care; None if the picture has none. A green pixel of the source is
            no background.
        palette: (256, 3) uint8, the RGB colours that pixels are indices of; None if they are none.
    """

    pixels: NDArray[np.uint8]
    background: NDArray[np.uint8] | None = None
    palette: NDArray[np.uint8] | None = None


def split_planes(planes: Planes) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Views of Y (H, W), and of Cb and Cr (H / 2, W / 2) each."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    cb, cr = planes[height:].reshape(2, height // 2, width // 2)
    return planes[:height], cb, cr
