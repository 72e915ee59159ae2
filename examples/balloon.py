"""A hot-air balloon drawn from its geometry: a surface of revolution, sewn from gores, in sunlight.

The shape is traced once per balloon; turning it is then one look-up in its pattern per pixel.
Lengths are in units of the envelope's radius, y grows downwards and z towards the viewer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rgb = tuple[float, float, float]

CROWN_Y, MOUTH_Y = -1.0, 1.66
MOUTH_RADIUS = 0.27
SHOULDER = np.radians(116.0)  # where the round crown becomes the cone towards the mouth
BASKET_Y, BASKET_SIZE = 2.2, (0.38, 0.27)  # centre; width and height
HALF_WIDTH, TOP, BOTTOM = 1.04, -1.06, 2.42  # what the sprite shows
PITCH = np.radians(9.0)  # we look up a little, into the mouth

SUN = np.array([0.30, -0.05, -0.95], np.float32)  # low, behind the balloon
FILL = np.array([-0.45, -0.60, 0.66], np.float32)  # the evening sky, above us
SUN_COLOUR = np.array([1.0, 0.80, 0.52], np.float32)
SKY_COLOUR = np.array([0.72, 0.84, 1.0], np.float32)
MEADOW_COLOUR = np.array([0.40, 0.32, 0.20], np.float32)
MOUTH_COLOUR = np.array([0.16, 0.08, 0.08], np.float32)
FLAME_COLOUR = np.array([1.0, 0.62, 0.22], np.float32)


@dataclass(frozen=True)
class Design:
    """How an envelope is sewn: gores around, a pattern over them, colours from 0 to 1."""

    gores: int
    pattern: Callable[[Array, Array], NDArray[np.intp]]  # gore (fractional), height 0..1 -> colour
    colours: tuple[Rgb, ...]


def chevrons(gore: Array, height: Array) -> NDArray[np.intp]:
    """Bands that zigzag around the envelope, pointing up every fourth gore."""
    zigzag = np.abs((gore % 4) - 2.0) / 2.0
    return np.clip(np.floor((height - 0.12) * 7.4 + 1.1 * zigzag), 0, 5).astype(np.intp)


def ribbons(gore: Array, height: Array) -> NDArray[np.intp]:
    """Broad stripes that wind down from the crown, between a plain crown and a plain skirt."""
    winding = np.floor((gore + height * 9.0) / 4.0) % 2
    plain = np.where(height < 0.13, 2, np.where(height > 0.86, 2, winding))
    return plain.astype(np.intp)


PEACOCK = Design(
    gores=24,
    pattern=chevrons,
    colours=(
        (0.05, 0.14, 0.34),
        (0.03, 0.30, 0.46),
        (0.05, 0.48, 0.48),
        (0.95, 0.83, 0.56),
        (0.05, 0.48, 0.48),
        (0.04, 0.23, 0.40),
    ),
)
PLUM = Design(
    gores=24, pattern=ribbons, colours=((0.44, 0.50, 0.66), (0.27, 0.08, 0.36), (0.20, 0.06, 0.30))
)


def envelope_radius(y: Array) -> Array:
    """Radius of the envelope at height y: a sphere's cap that runs on as its tangent cone."""
    y0, r0 = -np.cos(SHOULDER), np.sin(SHOULDER)
    slope = np.cos(SHOULDER) / np.sin(SHOULDER)
    cap = np.sqrt(np.maximum(1.0 - y * y, 0.0))
    cone = r0 + slope * (y - y0)
    # The cone eases out into the upright skirt around the mouth.
    cone = np.logaddexp(cone * 14.0, MOUTH_RADIUS * 14.0) / 14.0
    return np.where(y < y0, cap, cone).astype(np.float32)


def _outside(x: Array, y: Array, z: Array) -> Array:
    """Signed distance-like value: negative inside the envelope."""
    radial = np.hypot(x, z) - envelope_radius(y)
    return np.maximum(radial, np.maximum(CROWN_Y - y, y - MOUTH_Y))


@dataclass(frozen=True)
class Surface:
    """What each sprite pixel sees of the envelope; arrays are height x width."""

    azimuth: Array
    height: Array  # 0 at the crown, 1 at the mouth
    normal: Array  # height x width x 3
    inside_mouth: NDArray[np.bool_]
    hit: NDArray[np.bool_]


def trace(width: int, height: int) -> Surface:
    """Find the nearest envelope point along each pixel's (parallel) line of sight."""
    sx = np.linspace(-HALF_WIDTH, HALF_WIDTH, width, dtype=np.float32)[None, :]
    sy = np.linspace(TOP, BOTTOM, height, dtype=np.float32)[:, None]
    sx, sy = np.broadcast_arrays(sx, sy)
    cos, sin = np.float32(np.cos(PITCH)), np.float32(np.sin(PITCH))

    def at(depth: Array) -> tuple[Array, Array, Array]:
        return sx, sy * cos + depth * sin, depth * cos - sy * sin

    steps = np.linspace(1.6, -1.6, 41, dtype=np.float32)
    near = np.full(sx.shape, np.nan, np.float32)
    for step in steps:
        unseen = np.isnan(near) & (_outside(*at(np.full_like(near, step))) < 0)
        near[unseen] = step
    hit = ~np.isnan(near)
    inner = np.where(hit, near, 0.0).astype(np.float32)
    outer = inner + (steps[0] - steps[1])
    for _ in range(9):
        middle = (inner + outer) / 2
        within = _outside(*at(middle)) < 0
        inner, outer = np.where(within, middle, inner), np.where(within, outer, middle)
    x, y, z = at(inner)
    slope = (envelope_radius(y + 0.01) - envelope_radius(y - 0.01)) / 0.02
    radius = np.maximum(np.hypot(x, z), 1e-3)
    normal = np.stack([x / radius, -slope, z / radius], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return Surface(
        azimuth=np.arctan2(x, z),
        height=((y - CROWN_Y) / (MOUTH_Y - CROWN_Y)).astype(np.float32),
        normal=normal.astype(np.float32),
        inside_mouth=hit & (y > MOUTH_Y - 0.012),
        hit=hit,
    )


def _weave(width: int, height: int) -> Array:
    """Wicker: a grid of rounded strands, brightness 0..1."""
    x = np.arange(width, dtype=np.float32)[None, :] * 22.0 / width
    y = np.arange(height, dtype=np.float32)[:, None] * 13.0 / height
    over = np.sin(np.pi * (x + np.floor(y))) ** 2
    return (0.55 + 0.45 * over * np.sin(np.pi * (y % 1.0))).astype(np.float32)


@dataclass(frozen=True)
class Balloon:
    """A balloon's sprite factory; `radius` is the envelope's radius in sprite pixels."""

    design: Design
    radius: int

    @property
    def size(self) -> tuple[int, int]:
        """Sprite width and height."""
        return round(2 * HALF_WIDTH * self.radius), round((BOTTOM - TOP) * self.radius)

    @property
    def centre(self) -> tuple[float, float]:
        """Where the envelope's centre lies in the sprite."""
        return (self.size[0] - 1) / 2, (self.size[1] - 1) * -TOP / (BOTTOM - TOP)

    @cached_property
    def _surface(self) -> Surface:
        return trace(*self.size)

    @cached_property
    def _cloth(self) -> Array:
        """The pattern unrolled: rows crown to mouth, columns once around; RGB."""
        rows, columns = 512, self.design.gores * 64
        gore = (np.arange(columns, dtype=np.float32) / 64)[None, :]
        height = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        number = self.design.pattern(*np.broadcast_arrays(gore, height))
        cloth = np.array(self.design.colours, np.float32)[number]
        seam = np.abs((np.arange(columns) % 64) - 32) > 29.5
        cloth[:, seam] *= 0.72
        cloth[np.arange(rows) % 32 < 1] *= 0.86
        return cloth

    @cached_property
    def _gondola(self) -> Array:
        """Basket, crew, burner and ropes, premultiplied RGBA; drawn large and scaled down."""
        scale = 4
        width, height = self.size
        canvas = np.zeros((height * scale, width * scale, 4), np.float32)
        unit = self.radius * scale

        def px(x: float, y: float) -> tuple[int, int]:
            return round((x + HALF_WIDTH) * unit), round((y - TOP) * unit)

        bw, bh = BASKET_SIZE[0] / 2, BASKET_SIZE[1] / 2
        top, bottom = BASKET_Y - bh, BASKET_Y + bh
        rope = (0.16, 0.12, 0.10, 1.0)
        thick = max(1, round(0.014 * unit))
        for x in (-1.0, -0.45, 0.45, 1.0):
            ends = px(x * MOUTH_RADIUS * 0.97, MOUTH_Y - 0.02), px(x * bw * 0.94, top)
            cv2.line(canvas, *ends, rope, thick, cv2.LINE_AA)
        for x, jacket in ((-0.10, (0.10, 0.15, 0.28)), (0.08, (0.50, 0.13, 0.10))):
            cv2.ellipse(canvas, px(x, top + 0.01), (round(0.06 * unit), round(0.1 * unit)),
                        0, 0, 360, (*jacket, 1.0), -1, cv2.LINE_AA)  # fmt: skip
            cv2.circle(canvas, px(x, top - 0.115), round(0.042 * unit),
                       (0.44, 0.29, 0.22, 1.0), -1, cv2.LINE_AA)  # fmt: skip
        cv2.line(canvas, px(-0.09, top - 0.24), px(0.09, top - 0.24), (0.22, 0.22, 0.24, 1.0),
                 3 * thick, cv2.LINE_AA)  # fmt: skip
        corners = np.array([px(-bw, top), px(bw, top), px(bw * 0.9, bottom), px(-bw * 0.9, bottom)])
        shape = np.zeros(canvas.shape[:2], np.float32)
        cv2.fillPoly(shape, [corners], 1.0, cv2.LINE_AA)
        (x0, y0), (x1, y1) = px(-bw, top), px(bw, bottom)
        wicker = np.zeros(canvas.shape, np.float32)
        across = np.linspace(0.62, 1.25, x1 - x0, dtype=np.float32)
        tone = _weave(x1 - x0, y1 - y0) * across
        wicker[y0:y1, x0:x1, :3] = tone[..., None] * np.array([0.40, 0.25, 0.13], np.float32)
        wicker[..., 3] = 1.0
        canvas = canvas * (1 - shape[..., None]) + wicker * shape[..., None]
        for y in (top, bottom - 0.01):
            cv2.line(canvas, px(-bw * 1.02, y), px(bw * 1.02, y), (0.19, 0.11, 0.06, 1.0),
                     3 * thick, cv2.LINE_AA)  # fmt: skip
        return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)

    @cached_property
    def _light(self) -> tuple[Array, Array, Array]:
        """What does not change as it turns: sunlight, its change along a bulge, sky and ground."""
        normal = self._surface.normal
        azimuth = self._surface.azimuth
        around = np.stack([np.cos(azimuth), np.zeros_like(azimuth), -np.sin(azimuth)], axis=-1)
        sun = 1.9 * np.clip(normal @ SUN + 0.34, 0, None) ** 1.6
        # Thin cloth: some of the light that falls on the far side comes through.
        sun += 0.20 * np.clip(-(normal @ SUN), 0, None)
        up = (0.5 - 0.5 * normal[..., 1])[..., None]
        sky = np.clip((normal @ FILL + 0.3) / 1.3, 0, None)[..., None]
        ambient = (0.24 * up + 0.66 * sky) * SKY_COLOUR + 0.34 * (1 - up) * MEADOW_COLOUR
        return sun[..., None] * SUN_COLOUR, around @ FILL, ambient

    @cached_property
    def _edge(self) -> Array:
        """The envelope's coverage, fading out within its own outermost pixels."""
        soft = cv2.GaussianBlur(self._surface.hit.astype(np.float32), (0, 0), 0.9)
        return np.clip(2.0 * soft - 0.9, 0, 1)[..., None]

    @cached_property
    def _glow(self) -> Array:
        """How much of the burner's light reaches each point of the cloth from within."""
        return np.exp((self._surface.height - 1.0) / 0.22)[..., None]

    def sprite(self, turn: float, flame: float) -> Array:
        """Premultiplied RGBA of the balloon turned by `turn` radians, its burner at 0..1."""
        surface = self._surface
        rows, columns = self._cloth.shape[:2]
        around = ((surface.azimuth + turn) / (2 * np.pi)) % 1.0
        colour = cv2.remap(
            self._cloth,
            (around * columns).astype(np.float32),
            surface.height * (rows - 1),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        sun, bulge_gain, ambient = self._light
        bulge = 2.0 * ((around * self.design.gores) % 1.0) - 1.0
        bulge *= np.clip(surface.height * 5.0, 0, 1) * 0.30
        shaded = colour * (sun + ambient * (1.0 + bulge * bulge_gain)[..., None])
        if flame > 0:
            shaded += flame * self._glow * FLAME_COLOUR * (0.9 * colour + 0.10)
        shaded[surface.inside_mouth] = MOUTH_COLOUR + 0.9 * flame * FLAME_COLOUR
        alpha = self._edge
        envelope = np.concatenate([np.clip(shaded, 0, 1) * alpha, alpha], axis=-1)
        gondola = self._gondola
        return envelope + gondola * (1.0 - alpha)
