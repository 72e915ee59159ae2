"""A white duck that swims across a dark pond and behind a tree, where it is lost and found again.

The duck is one photograph, cut out at the water line. Water, reflection and tree are drawn.
Positions are in pixels of the picture, y downwards, times in seconds, colours RGB from 0 to 1.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.layers import Array, about, load, move, over, to_pixels
from examples.scene import FPS, Frame, ease

WIDTH, HEIGHT, SECONDS = 960, 540, 5
SIZE = (WIDTH, HEIGHT)
FRAMES = FPS * SECONDS

WATER_LINE = (216.0, 283.0)  # in the duck's cut-out: its middle, and the row where water begins
SCALE = 0.62
DUCK_X = ((0.0, 190.0), (1.5, 370.0), (3.0, 545.0), (5.0, 770.0))
DUCK_Y = 352.0
TREE_X = ((0.0, 690.0), (2.5, 475.0), (5.0, 250.0))  # its middle at the water line
TREE_WIDTH, TREE_LEAN = 86.0, 22.0
OUT_OF_FOCUS = 4.0

HORIZON = -150.0
DARK = np.array([0.012, 0.020, 0.016], np.float32)
WOODS = np.array([0.035, 0.062, 0.030], np.float32)
SKY = np.array([0.34, 0.44, 0.56], np.float32)
BARK = np.array([0.10, 0.075, 0.055], np.float32)
SUNLIT = np.array([0.42, 0.30, 0.17], np.float32)

# Waves: length in pixels at the water line of the duck, direction in degrees, speed, height.
WAVES = ((150, 12, 34, 0.5), (88, -22, 27, 0.6), (61, 38, 22, 0.5), (37, -9, 18, 0.5),
         (23, 24, 15, 0.4), (15, -34, 12, 0.35))  # fmt: skip


def pan(t: float) -> float:
    """How far the camera has moved to the right, in pixels at the duck."""
    return 26.0 * t


def slopes(t: float) -> tuple[Array, Array]:
    """The slope of the water across and along the line of sight, for each pixel, about -1..1."""
    rows = np.arange(0, HEIGHT, 2, dtype=np.float32)[:, None]
    columns = np.arange(0, WIDTH, 2, dtype=np.float32)[None, :]
    depth = (DUCK_Y - HORIZON) / (rows - HORIZON)  # 1 at the duck, greater behind it
    x = (columns - WIDTH / 2) * depth + pan(t)
    z = 3.2 * (DUCK_Y - HORIZON) * depth
    across, along = np.zeros((2, HEIGHT // 2, WIDTH // 2), np.float32)
    curve_x, curve_z = x / 171.0, z / 133.0
    for length, degrees, speed, height in WAVES:
        k = 2 * np.pi / length
        dx, dz = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        bend = 9.0 * np.sin(curve_x + degrees) + 7.0 * np.sin(curve_z + length)
        slope = height * np.cos(k * (dx * x + dz * z + bend - speed * t))
        across += dx * slope
        along += dz * slope
    return _full_size(across), _full_size(along)


def _full_size(half: Array) -> Array:
    return np.asarray(cv2.resize(half, SIZE, interpolation=cv2.INTER_CUBIC), np.float32)


def water(across: Array, along: Array) -> Array:
    """What the pond reflects: dark woods far away, the evening sky near the camera."""
    rows = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    sky = cv2.pow(np.clip(1.25 * rows - 0.52 + 0.34 * along + 0.12 * across, 0, 1), 1.6)
    woods = np.clip(0.5 + 0.5 * along, 0, 1)
    haze = np.broadcast_to(np.clip(0.5 - rows, 0, 1), along.shape)
    colours = np.stack([SKY, WOODS - DARK, WOODS, DARK], axis=1)
    return np.asarray(cv2.transform(cv2.merge([sky, woods, haze]), colours), np.float32)


def placement(t: float) -> NDArray[np.float64]:
    """Affine map from the duck's cut-out to the picture at time t."""
    matrix = about(WATER_LINE, SCALE, 1.1 * float(np.sin(2.6 * t)))
    matrix[:, 2] += ease(DUCK_X, t), DUCK_Y + 2.2 * float(np.sin(3.1 * t + 0.6))
    return matrix


def afloat(duck: Array) -> Array:
    """The cut-out without what is under water, which begins in a soft, slightly curved line."""
    rows = np.arange(duck.shape[0], dtype=np.float32)[:, None]
    columns = np.arange(duck.shape[1], dtype=np.float32)[None, :]
    aside = (columns - WATER_LINE[0]) / WATER_LINE[0]
    bow = 5.0 * aside**2 + 34.0 * aside**8
    dry = np.clip((WATER_LINE[1] + 4.0 - bow - rows) / 4.0, 0, 1)
    return np.asarray(duck * dry[..., None], np.float32)


def reflection(layer: Array, across: Array, along: Array) -> Array:
    """The layer upside down in the moving water, fainter the deeper it lies."""
    top = round(DUCK_Y) - 6
    rows = np.arange(top, HEIGHT, dtype=np.float32)[:, None]
    columns = np.arange(WIDTH, dtype=np.float32)[None, :]
    deep = np.clip(rows - DUCK_Y, 0, None)
    mirrored = 2 * DUCK_Y - 1.0 - rows + (2.0 + 0.06 * deep) * along[top:]
    shaken = columns + (3.0 + 0.10 * deep) * across[top:]
    image = cv2.GaussianBlur(cv2.remap(layer, shaken, mirrored, cv2.INTER_LINEAR), (0, 0), 1.4)
    picture = np.zeros_like(layer)
    picture[top:] = image * (0.55 * np.exp(-deep / 150.0))[..., None]
    return picture


def bark() -> Array:
    """A strip of bark, height x width x 3: furrows that run up the trunk, lit from the left."""
    random = np.random.default_rng(7)
    width, height = round(TREE_WIDTH) + 120, HEIGHT
    noise = random.standard_normal((height, width)).astype(np.float32)
    furrows = sum(
        scale * cv2.GaussianBlur(noise, (0, 0), scale, sigmaY=9 * scale) * 3.5 for scale in (2, 5)
    )
    rough = cv2.GaussianBlur(noise, (0, 0), 1.5, sigmaY=3.0)
    tone = np.clip(1.0 + 1.1 * np.asarray(furrows) + 0.7 * rough, 0.25, 1.9)
    across = np.linspace(-1.28, 1.28, width, dtype=np.float32)[None, :]
    light = np.exp(-(((across + 0.72) / 0.26) ** 2)) + 0.10 * np.exp(
        -(((across - 0.8) / 0.15) ** 2)
    )
    return np.asarray(tone[..., None] * (BARK + light[..., None] * SUNLIT), np.float32)


def tree(strip: Array, t: float) -> Array:
    """The trunk near the camera at time t, premultiplied RGBA, a little out of focus."""
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    up = (DUCK_Y - rows) / HEIGHT
    width = TREE_WIDTH * (1.0 - 0.10 * up + 0.55 * np.clip(-up - 0.12, 0, None) ** 1.5)
    width = width * (1.0 + 0.012 * np.sin(rows / 31.0))
    middle = ease(TREE_X, t) + TREE_LEAN * up + 7.0 * np.sin(rows / 83.0)
    blur = 4.0 * OUT_OF_FOCUS  # farther than this the blur does not reach
    left = max(0, int((middle - width / 2).min() - blur))
    right = min(WIDTH, int((middle + width / 2).max() + blur) + 2)
    columns = np.arange(left, right, dtype=np.float32)[None, :]
    across = (columns - middle) / width  # -0.5..0.5 on the trunk
    strip_x = ((across / 1.28 + 0.5) * strip.shape[1]).astype(np.float32)
    strip_y = np.broadcast_to(rows, strip_x.shape).copy()
    colour = cv2.remap(strip, strip_x, strip_y, cv2.INTER_LINEAR)
    alpha = np.clip((0.5 - np.abs(across)) * width + 0.5, 0, 1)[..., None]
    trunk = np.concatenate([colour * alpha, alpha], axis=-1).astype(np.float32)
    picture = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    picture[:, left:right] = cv2.GaussianBlur(trunk, (0, 0), OUT_OF_FOCUS)
    return picture


def frames(numbers: Iterable[int] = range(FRAMES)) -> Iterator[Frame]:
    """The frames of these numbers; without numbers, all of the clip.

    The mask is of the duck, without its reflection.
    """
    duck, strip = afloat(load("duck.webp")), bark()
    for k in numbers:
        t = k / FPS
        swimmer = move(duck, placement(t), SIZE, cv2.BORDER_CONSTANT)
        across, along = slopes(t)
        pond = over(reflection(swimmer, across, along), water(across, along))
        near = tree(strip, t)
        picture = over(near, over(swimmer, pond))
        seen = swimmer[..., 3] * (1.0 - near[..., 3])
        yield Frame(rgb=to_pixels(picture), masks=seen[None] > 0.5)
