"""Two planets before the stars: Mars, which is near, passes in front of the Earth.

Each planet is one photograph of its disc, put on a sphere that turns. The stars are drawn.
Positions are in pixels of the picture, y downwards, times in seconds, colours RGB from 0 to 1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from examples.layers import Array, load, move, over, to_pixels
from examples.scene import FPS, Frame, ease

WIDTH, HEIGHT, SECONDS = 960, 540, 4
SIZE = (WIDTH, HEIGHT)
FRAMES = FPS * SECONDS

Keys = tuple[tuple[float, float], ...]  # (time, value), for ease()

SUN = (-0.58, -0.36, 0.73)  # direction to it: left, up and towards the camera
NIGHT, DAY = 0.30, 1.10  # brightness of a surface that faces away from the sun, and to it

SKY_WIDTH, SKY_HEIGHT = WIDTH + 160, HEIGHT + 60
STARS = 700
MILKY_WAY = np.array([0.050, 0.048, 0.070], np.float32)


@dataclass(frozen=True)
class Planet:
    """A planet's photograph and its path through the picture."""

    photograph: str  # a square that the disc fills
    x: Keys
    y: Keys
    radius: Keys
    turn: float  # radians a second; the photograph shows one side, so it cannot turn far
    tilt: float  # of its axis, in radians
    air: tuple[float, float, float]  # colour of the light that its air adds near the edge


EARTH = Planet(
    photograph="earth.webp",
    x=((0.0, 600.0), (2.0, 540.0), (4.0, 450.0)),
    y=((0.0, 236.0), (4.0, 222.0)),
    radius=((0.0, 176.0), (4.0, 184.0)),
    turn=0.07,
    tilt=0.35,
    air=(0.22, 0.42, 0.85),
)
MARS = Planet(
    photograph="mars.webp",
    x=((0.0, 176.0), (2.0, 420.0), (4.0, 764.0)),
    y=((0.0, 330.0), (1.0, 372.0), (2.0, 414.0), (3.0, 418.0), (4.0, 360.0)),
    radius=((0.0, 88.0), (2.0, 96.0), (4.0, 108.0)),
    turn=0.10,
    tilt=-0.30,
    air=(0.30, 0.20, 0.14),
)
PLANETS = (EARTH, MARS)  # farthest first


def surface(photograph: Array, across: Array, down: Array, towards: Array, spin: Array) -> Array:
    """The photograph's colours at points of the unit sphere, after a spin (3 x 3 rotation)."""
    x, y, z = np.tensordot(spin, np.stack([across, down, towards]), 1)
    edge = np.where(z < 0, np.maximum(np.hypot(x, y), 1e-6), 1.0)  # behind it: the nearest seen
    half = photograph.shape[0] / 2
    columns, rows = (np.float32(half - 0.5) + np.float32(half) * part / edge for part in (x, y))
    return np.asarray(cv2.remap(photograph, columns, rows, cv2.INTER_LINEAR), np.float32)


def spin(planet: Planet, t: float) -> Array:
    """Rotation about the tilted axis that takes a point at time t to where it was at half time."""
    axis = np.array([np.sin(planet.tilt), np.cos(planet.tilt), 0.0])
    rotation, _ = cv2.Rodrigues(axis * planet.turn * (t - SECONDS / 2))
    return np.asarray(rotation, np.float32)


def layer(planet: Planet, photograph: Array, t: float) -> Array:
    """The planet at time t, in a picture of SIZE, premultiplied RGBA."""
    x, y, radius = ease(planet.x, t), ease(planet.y, t), ease(planet.radius, t)
    low = np.floor([x - radius - 1, y - radius - 1]).astype(int).clip(0)
    high = np.ceil([x + radius + 2, y + radius + 2]).astype(int)
    columns = np.arange(low[0], min(high[0], WIDTH), dtype=np.float32)[None, :]
    rows = np.arange(low[1], min(high[1], HEIGHT), dtype=np.float32)[:, None]
    across, down = np.broadcast_arrays((columns - x) / radius, (rows - y) / radius)
    out = np.hypot(across, down)
    across, down = across / np.maximum(out, 1.0), down / np.maximum(out, 1.0)
    towards = np.sqrt(np.clip(1.0 - across**2 - down**2, 0, 1))
    light = np.clip(across * SUN[0] + down * SUN[1] + towards * SUN[2], 0, 1)[..., None]
    air = (1.0 - towards[..., None]) ** 3 * np.array(planet.air, np.float32)
    colour = surface(photograph, across, down, towards, spin(planet, t)) + air
    alpha = np.clip((1.0 - out) * radius + 0.5, 0, 1)[..., None]
    picture = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    part = picture[low[1] : high[1], low[0] : high[0]]
    part[..., :3] = colour * (NIGHT + (DAY - NIGHT) * light) * alpha
    part[..., 3:] = alpha
    return picture


def stars() -> Array:
    """The sky, larger than the picture: stars of all sizes before a band of the Milky Way."""
    random = np.random.default_rng(3)
    sky = np.zeros((SKY_HEIGHT, SKY_WIDTH, 3), np.float32)
    tints = np.array([[1.0, 0.86, 0.72], [1.0, 1.0, 1.0], [0.74, 0.84, 1.0]], np.float32)
    for _ in range(STARS):
        centre = random.uniform((0, 0), (SKY_WIDTH, SKY_HEIGHT))
        brightness = min(0.05 / random.uniform(0.03, 1.0), 1.0)
        colour = tints[random.integers(3)] * brightness
        at = tuple(np.round(16 * centre).astype(int).tolist())
        size = round(16 * (0.55 + 1.1 * brightness))
        cv2.circle(sky, at, size, colour.tolist(), cv2.FILLED, cv2.LINE_AA, shift=4)
    rows, columns = np.mgrid[0:SKY_HEIGHT, 0:SKY_WIDTH].astype(np.float32)
    from_band = (rows - 0.60 * SKY_HEIGHT + 0.42 * (columns - SKY_WIDTH / 2)) / 150.0
    noise = random.standard_normal((SKY_HEIGHT, SKY_WIDTH)).astype(np.float32)
    clouds = sum(2.6 * scale * cv2.GaussianBlur(noise, (0, 0), scale) for scale in (6, 17, 46))
    band = np.exp(-(from_band**2)) * np.clip(1.0 + 0.38 * np.asarray(clouds), 0, 2.6)
    return np.asarray(cv2.GaussianBlur(sky, (0, 0), 0.7) + band[..., None] * MILKY_WAY, np.float32)


def frames(numbers: Iterable[int] = range(FRAMES)) -> Iterator[Frame]:
    """The frames of these numbers; without numbers, all of the clip.

    The masks are of what one sees of each planet, Earth first.
    """
    sky, photographs = stars(), [load(planet.photograph) for planet in PLANETS]
    for k in numbers:
        t = k / FPS
        shift = np.array([[1.0, 0.0, -20.0 - 30.0 * t], [0.0, 1.0, -30.0 + 5.0 * t]])
        earth, mars = (layer(p, photo, t) for p, photo in zip(PLANETS, photographs, strict=True))
        picture = over(mars, over(earth, move(sky, shift, SIZE, cv2.BORDER_REFLECT)))
        seen = np.stack([earth[..., 3] * (1.0 - mars[..., 3]), mars[..., 3]])
        yield Frame(rgb=to_pixels(picture), masks=seen > 0.5)
