"""Synthetic clips: cut-outs that move over photographs, with the mask of each on every frame.

Objects move smoothly, rotate, grow, shear, bend and turn; the camera moves; objects overlap and
leave the frame; light, blur, noise and JPEG vary. There are twins, two objects that move as one,
silhouettes filled with photographs, clutter that is never prompted for, and occluders. Every second
object takes on some of the light and contrast of its background, every third casts a shadow, and
moving ones are blurred. SAM 2 squeezes a video into a square, so clips are squeezed from 16:9, 4:3,
1:1 and 9:16. Alpha is softened so that no edge reveals a paste.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.backgrounds import make_background, make_occluder
from training.compositing import (
    Compositing,
    cast_shadow,
    make_compositing,
    match_colours,
    motion_blur,
    motion_blur_alpha,
)
from training.library import Library
from training.motion import Motion, camera_motion, deformed, object_motion
from training.sprites import make_sprites
from training.textures import Image, Rng, light, outline

MARGIN = 1.6
"""Side of the background over the side of the frame: the camera moves within it."""
ASPECTS = {16 / 9: 0.6, 4 / 3: 0.15, 1.0: 0.1, 9 / 16: 0.15}
"""Width over height of the pictures, and the share of each: the model sees them squeezed into a
square."""
COLOUR_MATCHED = 0.5
"""Share of the objects whose colours are moved towards those of their surroundings."""


@dataclass(frozen=True)
class Clip:
    """A clip and its true masks.

    Attributes:
        frames: (T, S, S, 3) RGB.
        ids: (T, S, S); 0 is background, k the visible pixels of object k.
        objects: number of objects.
    """

    frames: Image
    ids: Image
    objects: int


def make_mosaic(rng: Rng, library: Library, frames: int, side: int) -> Clip:
    """Make a clip of plainly coloured shapes without a background; all of it can be clicked.

    Nothing in it is salient, so only the click says what is meant: from such clips a decoder first
    learns to follow clicks.
    """
    background = np.empty((side, side, 3), np.float32)
    background[:] = rng.uniform(0, 255, 3)
    sprites = []
    for _ in range(int(rng.integers(3, 9))):
        size = int(side * rng.uniform(0.25, 0.9))
        mask = outline(rng, size)
        if rng.random() < 0.4:
            cutout = library.cutout(rng)
            mask = cv2.resize(cutout[..., 3], (size, size), interpolation=cv2.INTER_AREA)
        colour = np.empty((size, size, 3), np.uint8)
        colour[:] = rng.uniform(0, 255, 3)
        sprites.append(np.dstack([colour, mask]))
    motions = [object_motion(rng, frames, side) for _ in sprites]
    compositing = Compositing(0.5, _aspect(rng))
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.full((frames, side, side), len(sprites) + 1, np.uint8)
    grain = rng.uniform(0, 10)
    for t in range(frames):
        frame = background.copy()
        for number, (sprite, motion) in enumerate(zip(sprites, motions, strict=True), start=1):
            paste(frame, ids[t], deformed(sprite, motion, t), motion, t, number, compositing)
        frame += grain * rng.standard_normal((side, side, 1), np.float32)
        images[t] = np.clip(frame, 0, 255).astype(np.uint8)
    return Clip(images, ids, len(sprites) + 1)


def make_clip(rng: Rng, library: Library, frames: int, side: int) -> Clip:
    """Make a clip of `frames` square frames."""
    big = int(side * MARGIN)
    aspect = _aspect(rng)
    background = make_background(rng, library, big, aspect)
    occluder = make_occluder(rng, library, big)
    sprites = make_sprites(rng, library, side)
    motions = [object_motion(rng, frames, side) for _ in sprites]
    camera = camera_motion(rng, frames, side, big)
    sprites = [
        match_colours(
            rng, sprite, _around(background, motion.position[0] + camera.position[0], sprite.shape)
        )
        if rng.random() < COLOUR_MATCHED
        else sprite
        for sprite, motion in zip(sprites, motions, strict=True)
    ]
    soft = rng.uniform(0.3, 1.0)
    shutter = rng.uniform(0.2, 0.8) if rng.random() < 0.5 else 0.0
    compositings = [make_compositing(rng, soft, aspect, shutter) for _ in sprites]
    look = _Look(rng, side, frames)
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.zeros((frames, side, side), np.uint8)
    for t in range(frames):
        view = cv2.getRotationMatrix2D((big / 2, big / 2), camera.angle[t], camera.scale[t])
        view[:, 2] -= camera.position[t]
        seen = cv2.warpAffine(background, view, (side, side), borderMode=cv2.BORDER_REFLECT)
        frame = motion_blur(seen, shutter * camera.step(t)).astype(np.float32)
        drawn = zip(sprites, motions, compositings, strict=True)
        for number, (sprite, motion, compositing) in enumerate(drawn, start=1):
            paste(frame, ids[t], deformed(sprite, motion, t), motion, t, number, compositing)
        if occluder is not None:
            _occlude(frame, ids[t], cv2.warpAffine(occluder, view, (side, side)))
        images[t] = look.apply(frame, t)[..., ::-1]
    return Clip(images, ids, len(sprites))


def _aspect(rng: Rng) -> float:
    return float(rng.choice(list(ASPECTS), p=list(ASPECTS.values())))


def _around(background: Image, position: NDArray[np.float64], size: tuple[int, ...]) -> Image:
    """The part of the background behind an object of that size at a position."""
    x, y = np.maximum(position - np.array(size[1::-1]) / 2, 0).astype(int)
    return background[y : y + size[0], x : x + size[1]]


def paste(
    frame: NDArray[np.float32],
    ids: Image,
    sprite: Image,
    motion: Motion,
    t: int,
    number: int,
    compositing: Compositing,
) -> None:
    """Draw a sprite (H, W, 4) onto the frame and its number onto the ids, in place."""
    height, width = sprite.shape[:2]
    side = frame.shape[0]
    warp: NDArray[np.float64] = np.array(
        cv2.getRotationMatrix2D((width / 2, height / 2), motion.angle[t], motion.scale[t]), float
    )
    warp[0, :2] += motion.shear[t] * warp[1, :2]
    warp[:, 0] *= motion.turn[t]
    warp[0, :2] *= min(1 / compositing.aspect, 1.0)
    warp[1, :2] *= min(compositing.aspect, 1.0)
    warp[:, 2] = motion.position[t] - warp[:, :2] @ np.array([width / 2, height / 2])
    corners = warp @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    distance = compositing.shutter * motion.step(t)
    room = 3 + int(np.linalg.norm(distance) / 2)
    if compositing.shadow:
        room += int(0.2 * np.ptp(corners, axis=1).max())
    x0, y0 = np.maximum(np.floor(corners.min(1)).astype(int) - room, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(1)).astype(int) + room, side)
    if x0 >= x1 or y0 >= y1:
        return
    warp[:, 2] -= x0, y0
    size = (int(x1 - x0), int(y1 - y0))
    warped = cv2.warpAffine(sprite, warp, size, flags=cv2.INTER_LINEAR)
    drawn = motion_blur_alpha(warped, distance)
    region = frame[y0:y1, x0:x1]
    if compositing.shadow:
        cast_shadow(region, drawn[..., 3], compositing)
    alpha = cv2.GaussianBlur(drawn[..., 3], (0, 0), compositing.soft)[..., None] / np.float32(255)
    region += alpha * (drawn[..., :3] - region)
    ids[y0:y1, x0:x1][drawn[..., 3] > 127] = number


def _occlude(frame: NDArray[np.float32], ids: Image, occluder: Image) -> None:
    """Draw an occluder (S, S, 4) onto the frame and clear its pixels in the ids, in place."""
    alpha = cv2.GaussianBlur(occluder[..., 3], (0, 0), 0.6)[..., None] / np.float32(255)
    frame += alpha * (occluder[..., :3] - frame)
    ids[occluder[..., 3] > 127] = 0


class _Look:
    """The effects of light, lens, sensor and codec on every frame of a clip."""

    def __init__(self, rng: Rng, side: int, frames: int) -> None:
        self._rng = rng
        self._gain = 1 + np.cumsum(rng.normal(0, 0.02, frames))
        self._light = light(rng, side) if rng.random() < 0.3 else None
        self._blur = rng.uniform(0.3, 1.2) if rng.random() < 0.5 else 0.0
        self._noise = rng.uniform(1, 9) if rng.random() < 0.5 else 0.0
        self._quality = int(rng.integers(25, 90)) if rng.random() < 0.5 else 0
        self._grey = rng.random() < 0.03

    def apply(self, frame: NDArray[Any], t: int) -> Image:
        """(S, S, 3) float BGR -> uint8."""
        if self._light is not None:
            frame = frame * self._light
        if self._blur:
            frame = cv2.GaussianBlur(frame, (0, 0), self._blur)
        frame = frame * np.float32(self._gain[t])
        if self._noise:
            frame = frame + self._noise * self._rng.standard_normal(frame.shape, np.float32)
        out: Image = np.clip(frame, 0, 255).astype(np.uint8)
        if self._grey:
            out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if self._quality:
            _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
            assert decoded is not None
            out = decoded
        return out
