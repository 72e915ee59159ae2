"""Edges of masks: moved outwards or inwards, and softened.

Pure functions on (K, H, W) bool masks or uint8 coverage, object by object, in the part of the
picture where the object is. What lies outside of the picture is taken to go on as at its border:
an object that the border cuts is neither shrunk nor softened from there.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2_video.video.pictures import Coverage, Masks

HALF = 128
"""Coverage from which on a mask is true."""

# Growing coverage is growing each of the masks where it reaches a level, and taking their mean.
# With three levels a smooth edge stays smooth, to a sixth of a pixel.
_LEVELS = (43, 128, 213)


def coverage_of_masks(masks: Masks) -> Coverage:
    """255 where a mask is true, 0 elsewhere: (K, H, W) uint8."""
    return np.negative(masks.view(np.uint8))  # modulo 256, minus one is 255


def masks_of_coverage(coverage: Coverage) -> Masks:
    """True where half of a pixel or more is covered: (K, H, W) bool."""
    return coverage >= HALF


def expanded_masks(masks: Masks, pixels: int) -> Masks:
    """Masks grown by so many pixels, or shrunk if negative: (K, H, W) bool.

    A grown mask is true up to that distance from a true pixel, centre to centre (Euclidean). A
    shrunk one is what is left when everything else has grown by as much.
    """
    if pixels == 0:
        return masks
    out = masks.copy()
    for part in _parts(out.view(np.uint8), max(pixels, 1)):
        if pixels > 0:
            part[:] = _distance_to(part != 0) <= pixels
        else:
            part[:] = _distance_to(part == 0) > -pixels
    return out


def expanded_coverage(coverage: Coverage, pixels: int) -> Coverage:
    """Coverage of objects grown by so many pixels, or shrunk if negative: (K, H, W) uint8.

    As `expanded_masks`, but an edge that the pixels' grid cuts at an angle stays smooth.
    """
    if pixels == 0:
        return coverage
    out = coverage.copy()
    for part in _parts(out, max(pixels, 0) + 1):
        part[:] = np.rint(_expanded(part, pixels) * 255)
    return out


def feathered(coverage: Coverage, pixels: int) -> Coverage:
    """Coverage whose edges are softened over so many pixels: (K, H, W) uint8.

    Half of them lie on each side of an edge; an odd number counts as the next even one. It is a
    blur by three boxes, close to a Gaussian one, but without any effect beyond those pixels.
    """
    if pixels == 0:
        return coverage
    reach = (pixels + 1) // 2
    out = coverage.copy()
    for part in _parts(out, reach):
        wide = cv2.copyMakeBorder(part, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
        wide = np.multiply(wide, 256, dtype=np.uint16)
        for third in range(3):
            side = 2 * ((reach + third) // 3) + 1
            cv2.blur(wide, (side, side), wide)
        part[:] = (wide[reach:-reach, reach:-reach] + 128) // 256
    return out


def _parts(coverage: NDArray[np.uint8], margin: int) -> Iterator[NDArray[np.uint8]]:
    """Of each object that is in sight, a view of the part with it and a margin around it."""
    for whole in coverage:
        x, y, width, height = cv2.boundingRect(whole)
        if width:
            left, top = max(0, x - margin), max(0, y - margin)
            yield whole[top : y + height + margin, left : x + width + margin]


def _expanded(coverage: NDArray[np.uint8], pixels: int) -> NDArray[np.float32]:
    """`expanded_coverage` of one object as shares, 0 to 1: (h, w) float32."""
    grown = [_grown(coverage >= level, pixels) for level in _LEVELS]
    middle = grown[1]
    mean = sum(np.clip(share, 0, 1) for share in grown) / np.float32(len(grown))
    # A pixel that only some levels' masks hold would grow to a whole disc of that coverage.
    return np.asarray(np.clip(np.clip(mean, middle - 1, middle + 1), 0, 1), np.float32)


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.float32]:
    """How far, in pixels, each lies inside of a grown or shrunk mask: above 1 all of it does."""
    if pixels > 0:
        return np.asarray(pixels + 1 - _distance_to(mask), np.float32)
    return np.asarray(_distance_to(~mask) + pixels, np.float32)


def _distance_to(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance to the nearest true pixel, in pixels; very large if there is none."""
    if not mask.any():
        return np.full(mask.shape, 1e6, np.float32)  # OpenCV's would not even be a number
    others = (~mask).view(np.uint8)
    return np.asarray(cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
