"""The example's choreography: two hot-air balloons over the hills at sundown, filmed from the air.

The camera turns to the right and back. The near balloon passes in front of the far one, the far
one is left behind at the picture's edge and found again, and the near one flies out on the right.
Positions are in pixels of the picture, times in seconds, colours RGB from 0 to 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.balloon import PEACOCK, PLUM, Array, Balloon

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 24, 4
FRAMES = FPS * SECONDS
SUBFRAMES, SHUTTER = 3, 0.3  # moments mixed into one frame; the part of its time they span

BACKDROP = Path(__file__).parent / "assets" / "sunset.jpg"
BACKDROP_SCALE = 0.665  # picture pixels per backdrop pixel, before the slow zoom
SPILL = np.array([2.6, 2.0, 1.3], np.float32)
HAZE = np.array([0.72, 0.70, 0.72], np.float32)


def ease(keys: tuple[tuple[float, float], ...], t: float) -> float:
    """Smooth curve through (time, value) keys: cubic Hermite with the keys' mean slopes."""
    times, values = np.array(keys, float).T
    slopes = np.zeros_like(values)
    slopes[1:-1] = (values[2:] - values[:-2]) / (times[2:] - times[:-2])
    k = int(np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2))
    span = times[k + 1] - times[k]
    u = (t - times[k]) / span
    start, end = values[k], values[k + 1]
    bend_in, bend_out = span * slopes[k], span * slopes[k + 1]
    return float(
        (2 * u**3 - 3 * u**2 + 1) * start
        + (u**3 - 2 * u**2 + u) * bend_in
        + (3 * u**2 - 2 * u**3) * end
        + (u**3 - u**2) * bend_out
    )


def pan(t: float) -> float:
    """How far the camera has turned to the right, in pixels at the horizon."""
    return 125.0 * (1.0 - float(np.cos(2 * np.pi * t / 4.6)))


@dataclass(frozen=True)
class Actor:
    """A balloon's part: its path through the picture, as (time, value) keys."""

    name: str
    balloon: Balloon
    x: tuple[tuple[float, float], ...]
    y: tuple[tuple[float, float], ...]
    radius: tuple[tuple[float, float], ...]
    turn: float  # radians a second about its axis
    sway: float  # phase of its gentle swinging
    burn: tuple[float, float] = (9.0, 9.5)  # when its burner is lit
    haze: float = 0.0

    def placement(self, t: float) -> NDArray[np.float64]:
        """Affine map from sprite to picture at time t."""
        scale = ease(self.radius, t) / self.balloon.radius
        angle = np.radians(2.2) * np.sin(1.7 * t + self.sway)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        cx, cy = self.balloon.centre
        x = ease(self.x, t)
        y = ease(self.y, t) + 2.5 * np.sin(2.1 * t + self.sway)
        return np.array([[cos, -sin, x - cos * cx + sin * cy], [sin, cos, y - sin * cx - cos * cy]])

    def in_picture(self, t: float) -> bool:
        """Whether any of it can be seen at time t."""
        rows, columns = _window(self.balloon.size, self.placement(t))
        return rows.start < rows.stop and columns.start < columns.stop

    def sprite(self, t: float) -> Array:
        """Premultiplied RGBA at time t, seen through the air between."""
        lit, out = self.burn
        flame = float(np.clip((t - lit) / 0.12, 0, 1) * np.clip((out - t) / 0.25, 0, 1))
        flicker = 0.86 + 0.14 * np.sin(47.0 * t)
        sprite = self.balloon.sprite(self.turn * t, flame * flicker)
        sprite[..., :3] += self.haze * (HAZE * sprite[..., 3:] - sprite[..., :3])
        return sprite


NEAR = Actor(
    name="peacock",
    balloon=Balloon(PEACOCK, 98),
    x=((0, 166), (1.1, 212), (2.0, 318), (3.0, 538), (3.8, 765), (4.2, 890)),
    y=((0, 170), (1.2, 162), (2.4, 148), (4.2, 112)),
    radius=((0, 72), (2.0, 75), (4.2, 84)),
    turn=0.34,
    sway=0.4,
    burn=(1.7, 2.5),
)
FAR = Actor(
    name="plum",
    balloon=Balloon(PLUM, 72),
    x=((0, 458), (1.1, 246), (1.9, 2), (2.35, -84), (2.9, -40), (3.5, 66), (4.2, 168)),
    y=((0, 116), (1.2, 112), (2.4, 122), (4.2, 134)),
    radius=((0, 56), (4.2, 59)),
    turn=-0.42,
    sway=2.1,
    haze=0.07,
)
ACTORS = (NEAR, FAR)  # nearest first


@dataclass
class Frame:
    """One picture and, per actor, the pixels in which it is what one sees."""

    rgb: NDArray[np.uint8]  # height x width x 3
    masks: NDArray[np.bool_]  # actors x height x width


@dataclass
class _Exposure:
    """What the shutter has gathered so far: light, and how much of it came from whom."""

    light: Array = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH, 3), np.float32))
    seen: Array = field(default_factory=lambda: np.zeros((len(ACTORS), HEIGHT, WIDTH), np.float32))


def load_backdrop() -> Array:
    """The evening sky and the hills, RGB from 0 to 1."""
    picture = cv2.imread(str(BACKDROP), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{BACKDROP} is missing: it is part of the repository.")
    return picture[..., ::-1].astype(np.float32) / 255.0


def plate(backdrop: Array, t: float) -> Array:
    """The empty scene at time t: the backdrop, panned, drifting down, zooming in a little."""
    scale = BACKDROP_SCALE * (1.0 + 0.012 * t)
    left = 14.0 + pan(t)
    top = 40.0 + 6.0 * float(np.sin(0.8 * t))
    shift = np.array([[scale, 0.0, -left], [0.0, scale, -top]])
    empty = cv2.warpAffine(
        backdrop, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(empty, np.float32)


def glare(empty: Array) -> Array:
    """Light that the sun spills over everything in front of it, as lenses do."""
    small = cv2.resize(empty, (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
    bright = np.clip(small - 0.80, 0, None) * SPILL
    return np.asarray(
        cv2.resize(cv2.GaussianBlur(bright, (0, 0), 4.0), (WIDTH, HEIGHT)), np.float32
    )


def _window(size: tuple[int, int], placement: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns of the picture that a sprite of that size can touch."""
    width, height = size
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    low = np.floor((placement @ corners).min(axis=1)).astype(int) - 1
    high = np.ceil((placement @ corners).max(axis=1)).astype(int) + 2
    (x0, y0), (x1, y1) = np.clip(low, 0, (WIDTH, HEIGHT)), np.clip(high, 0, (WIDTH, HEIGHT))
    return slice(int(y0), int(y1)), slice(int(x0), int(x1))


def _draw(sprite: Array, placement: NDArray[np.float64], at: tuple[slice, slice]) -> Array:
    """That window of the picture with the sprite, drawn at twice the size for soft edges."""
    rows, columns = at
    double = 2.0 * placement
    double[:, 2] += 0.5 - 2.0 * np.array([columns.start, rows.start])  # pixel centres scale
    size = columns.stop - columns.start, rows.stop - rows.start
    large = cv2.warpAffine(sprite, double, (2 * size[0], 2 * size[1]), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.float32)


def _expose(exposure: _Exposure, backdrop: Array, sprites: dict[int, Array], t: float) -> None:
    """Add the moment t to the exposure: nearest first, each hiding what is behind it."""
    free = np.full((HEIGHT, WIDTH, 1), 1.0 / SUBFRAMES, np.float32)
    for k, sprite in sprites.items():
        placement = ACTORS[k].placement(t)
        at = _window(ACTORS[k].balloon.size, placement)
        if not free[at].size:
            continue
        layer = _draw(sprite, placement, at)
        exposure.light[at] += layer[..., :3] * free[at]
        exposure.seen[k][at] += (layer[..., 3:] * free[at])[..., 0]
        free[at] *= 1.0 - layer[..., 3:]
    exposure.light += plate(backdrop, t) * free


def render_frame(backdrop: Array, k: int) -> Frame:
    """Frame k: a few moments of an open shutter, mixed; a mask is what covers half a pixel."""
    exposure = _Exposure()
    moments = [(k + SHUTTER * step / (SUBFRAMES - 1)) / FPS for step in range(SUBFRAMES)]
    sprites = {
        number: actor.sprite(k / FPS)
        for number, actor in enumerate(ACTORS)
        if any(actor.in_picture(t) for t in moments)
    }
    for t in moments:
        _expose(exposure, backdrop, sprites, t)
    covered = exposure.seen.sum(axis=0)[..., None]
    exposure.light += glare(plate(backdrop, k / FPS)) * covered
    rgb = np.clip(exposure.light * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return Frame(rgb=rgb, masks=exposure.seen > 0.5)


def frames() -> Iterator[Frame]:
    """All frames of the clip, in order."""
    backdrop = load_backdrop()
    for k in range(FRAMES):
        yield render_frame(backdrop, k)
