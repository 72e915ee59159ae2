"""A kingfisher on a branch, filmed past leaves: the camera moves, so that near things move more.

The bird is one photograph. It bobs its head, the branch sways, and leaves out of focus pass in
front of it. Its beak and its feet are thin. Positions are in pixels, times in seconds.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.layers import Array, about, load, move, over, to_pixels
from examples.scene import FPS, Frame, ease

WIDTH, HEIGHT, SECONDS = 960, 540, 4
SIZE = (WIDTH, HEIGHT)
FRAMES = FPS * SECONDS

BIRD_X = ((0.0, 640.0), (1.4, 520.0), (2.8, 410.0), (4.0, 390.0))  # its breast, in the picture
BIRD_Y = ((0.0, 280.0), (2.0, 268.0), (4.0, 284.0))
ZOOM = ((0.0, 0.74), (2.0, 0.78), (4.0, 0.86))
BREAST = (240.0, 330.0)  # in the photograph's cut-out
BOB_FROM, BOB_TO = 430.0, 120.0  # rows of the cut-out: still below the first, moving above the last
BOB = ((0.0, 0.0), (0.7, 0.0), (0.95, 11.0), (1.25, 0.0), (2.3, 0.0), (2.55, 13.0), (2.85, 0.0),
       (4.0, 0.0))  # fmt: skip

# A leaf: where its tip starts, how high, how fast it passes, its length, width and lean, in pixels.
LEAVES = (
    (1060.0, 150.0, -88.0, 560.0, 120.0, -130.0),
    (1010.0, 330.0, -74.0, 380.0, 96.0, 120.0),
    (1300.0, 60.0, -112.0, 640.0, 128.0, 60.0),
)
SHADED = np.array([0.15, 0.18, 0.06], np.float32)
SUNLIT = np.array([0.34, 0.37, 0.13], np.float32)
OUT_OF_FOCUS = 15.0
COARSE = 4  # leaves are so blurred that a quarter of the size is enough


def placement(t: float) -> NDArray[np.float64]:
    """Affine map from the cut-out to the picture at time t; the branch always reaches its edge."""
    zoom = ease(ZOOM, t)
    sway = 0.9 * float(np.sin(1.9 * t)) + 0.3 * float(np.sin(4.3 * t + 1.0))
    matrix = about(BREAST, zoom, sway)
    matrix[:, 2] += ease(BIRD_X, t), ease(BIRD_Y, t)
    return matrix


def bobbed(layer: Array, t: float) -> Array:
    """The cut-out with the head lowered, as kingfishers do to judge a distance."""
    rows = np.arange(layer.shape[0], dtype=np.float32)
    part = np.clip((BOB_FROM - rows) / (BOB_FROM - BOB_TO), 0, 1)
    drop = ease(BOB, t) * part * part * (3 - 2 * part)
    columns = np.arange(layer.shape[1], dtype=np.float32)
    across, down = np.meshgrid(columns, rows - drop)
    return np.asarray(cv2.remap(layer, across, down.astype(np.float32), cv2.INTER_LINEAR))


def leaves(t: float) -> Array:
    """The leaves near the camera at time t, premultiplied RGBA: far out of focus."""
    layer = np.zeros((HEIGHT // COARSE, WIDTH // COARSE, 4), np.float32)
    along = np.linspace(0, 1, 40)
    for start, top, speed, length, width, lean in LEAVES:
        half = width / 2 * np.sin(np.pi * along**0.6) ** 0.8
        middle = start + speed * t - lean * (1 - along) ** 2 + 6 * np.sin(1.5 * t + start)
        down = top + length * along
        # The left side, which is bent towards the light, is brighter.
        for side, colour in ((1.0, SHADED), (-0.1, SUNLIT)):
            right = np.stack([middle + side * half, down], axis=1)
            left = np.stack([middle - half, down], axis=1)[::-1]
            outline = np.round(16 / COARSE * np.concatenate([right, left])).astype(np.int32)
            cv2.fillPoly(layer, [outline], (*colour.tolist(), 1.0), cv2.LINE_AA, shift=4)
    layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), OUT_OF_FOCUS / COARSE), np.float32)
    return np.asarray(cv2.resize(layer, SIZE, interpolation=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def backdrop(bank: Array, t: float) -> Array:
    """The river bank far behind, which moves least."""
    scale = WIDTH / bank.shape[1] * 1.2
    shift = 0.2 * (ease(BIRD_X, t) - BIRD_X[0][1])
    matrix = np.array([[scale, 0.0, shift - 60.0], [0.0, scale, -40.0]])
    return move(bank, matrix, SIZE, cv2.BORDER_REFLECT)


def frames(numbers: Iterable[int] = range(FRAMES)) -> Iterator[Frame]:
    """The frames of these numbers; without numbers, all of the clip.

    The mask is of the bird, without the branch.
    """
    bank, perch = load("riverbank.jpg"), load("kingfisher.webp")
    perch = np.dstack([perch, load("kingfisher_outline.png") * perch[..., 3]])
    for k in numbers:
        t = k / FPS
        moved = move(bobbed(perch, t), placement(t), SIZE, cv2.BORDER_CONSTANT)
        near = leaves(t)
        picture = over(near, over(moved[..., :4], backdrop(bank, t)))
        seen = moved[..., 4] * (1.0 - near[..., 3])
        yield Frame(rgb=to_pixels(picture), masks=seen[None] > 0.5)
