"""Made-up clips: cut-outs that move over photographs, with the mask of each on every frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.grounds import make_front, make_ground
from training.library import Library
from training.motion import Motion, bent, camera_motion, object_motion
from training.sprites import make_sprites
from training.staging import Staging, blurred, cast, make_staging, matched, smeared
from training.textures import Rng, light, outline

MARGIN = 1.6
"""Side of the background over the side of the frame: the room the camera has to move in."""
SHAPES = {16 / 9: 0.6, 4 / 3: 0.15, 1.0: 0.1, 9 / 16: 0.15}
"""Width over height of the pictures that a clip stands for, and how often: the model sees them
squeezed into a square."""
MATCHED = 0.5
"""Share of the objects whose colours are brought nearer to their surroundings."""


@dataclass(frozen=True)
class Clip:
    """A clip and the truth about it.

    Attributes:
        frames: (T, S, S, 3) RGB.
        ids: (T, S, S); 0 is background, k the pixels on which object k is what is seen.
        objects: number of objects.
    """

    frames: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    objects: int


def make_mosaic(rng: Rng, library: Library, frames: int, side: int) -> Clip:
    """Make a clip of plainly coloured shapes that leave no background; all of it can be clicked.

    Where nothing stands out, only the click tells what is meant: with such clips first, a decoder
    learns to listen to it.
    """
    ground = np.empty((side, side, 3), np.float32)
    ground[:] = rng.uniform(0, 255, 3)
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
    staging = Staging(0.5, _shape(rng))
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.full((frames, side, side), len(sprites) + 1, np.uint8)
    grain = rng.uniform(0, 10)
    for t in range(frames):
        frame = ground.copy()
        for number, (sprite, motion) in enumerate(zip(sprites, motions, strict=True), start=1):
            paste(frame, ids[t], bent(sprite, motion, t), motion, t, number, staging)
        frame += grain * rng.standard_normal((side, side, 1), np.float32)
        images[t] = np.clip(frame, 0, 255).astype(np.uint8)
    return Clip(images, ids, len(sprites) + 1)


def make_clip(rng: Rng, library: Library, frames: int, side: int) -> Clip:
    """Make a clip of `frames` square frames."""
    big = int(side * MARGIN)
    shape = _shape(rng)
    ground = make_ground(rng, library, big, shape)
    front = make_front(rng, library, big)
    sprites = make_sprites(rng, library, side)
    motions = [object_motion(rng, frames, side) for _ in sprites]
    camera = camera_motion(rng, frames, side, big)
    sprites = [
        matched(rng, sprite, _around(ground, motion.place[0] + camera.place[0], sprite.shape))
        if rng.random() < MATCHED
        else sprite
        for sprite, motion in zip(sprites, motions, strict=True)
    ]
    soft = rng.uniform(0.3, 1.0)
    shutter = rng.uniform(0.2, 0.8) if rng.random() < 0.5 else 0.0
    stagings = [make_staging(rng, soft, shape, shutter) for _ in sprites]
    look = _Look(rng, side, frames)
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.zeros((frames, side, side), np.uint8)
    for t in range(frames):
        view = cv2.getRotationMatrix2D((big / 2, big / 2), camera.angle[t], camera.scale[t])
        view[:, 2] -= camera.place[t]
        seen = cv2.warpAffine(ground, view, (side, side), borderMode=cv2.BORDER_REFLECT)
        frame = blurred(seen, shutter * camera.step(t)).astype(np.float32)
        drawn = zip(sprites, motions, stagings, strict=True)
        for number, (sprite, motion, staging) in enumerate(drawn, start=1):
            paste(frame, ids[t], bent(sprite, motion, t), motion, t, number, staging)
        if front is not None:
            _cover(frame, ids[t], cv2.warpAffine(front, view, (side, side)))
        images[t] = look.apply(frame, t)[..., ::-1]
    return Clip(images, ids, len(sprites))


def _shape(rng: Rng) -> float:
    return float(rng.choice(list(SHAPES), p=list(SHAPES.values())))


def _around(
    ground: NDArray[np.uint8], place: NDArray[np.float64], size: tuple[int, ...]
) -> NDArray[np.uint8]:
    """The part of the background about a place: what an object of that size stands before."""
    x, y = np.maximum(place - np.array(size[1::-1]) / 2, 0).astype(int)
    return ground[y : y + size[0], x : x + size[1]]


def paste(
    frame: NDArray[np.float32],
    ids: NDArray[np.uint8],
    sprite: NDArray[np.uint8],
    motion: Motion,
    t: int,
    number: int,
    staging: Staging,
) -> None:
    """Draw a sprite (H, W, 4) onto the frame and its number onto the ids, in place."""
    height, width = sprite.shape[:2]
    side = frame.shape[0]
    warp = cv2.getRotationMatrix2D((width / 2, height / 2), motion.angle[t], motion.scale[t])
    warp[0, :2] += motion.shear[t] * warp[1, :2]
    warp[:, 0] *= motion.turn[t]
    warp[0, :2] *= min(1 / staging.shape, 1.0)
    warp[1, :2] *= min(staging.shape, 1.0)
    warp[:, 2] = motion.place[t] - warp[:, :2] @ np.array([width / 2, height / 2])
    corners = warp @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    way = staging.shutter * motion.step(t)
    room = 3 + int(np.linalg.norm(way) / 2)
    if staging.shadow:
        room += int(0.2 * np.ptp(corners, axis=1).max())
    x0, y0 = np.maximum(np.floor(corners.min(1)).astype(int) - room, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(1)).astype(int) + room, side)
    if x0 >= x1 or y0 >= y1:
        return
    warp[:, 2] -= x0, y0
    size = (int(x1 - x0), int(y1 - y0))
    drawn = smeared(cv2.warpAffine(sprite, warp, size, flags=cv2.INTER_LINEAR), way)
    place = frame[y0:y1, x0:x1]
    if staging.shadow:
        cast(place, drawn[..., 3], staging)
    alpha = cv2.GaussianBlur(drawn[..., 3], (0, 0), staging.soft)[..., None] / np.float32(255)
    place += alpha * (drawn[..., :3] - place)
    ids[y0:y1, x0:x1][drawn[..., 3] > 127] = number


def _cover(frame: NDArray[np.float32], ids: NDArray[np.uint8], front: NDArray[np.uint8]) -> None:
    """Draw what stands before everything (S, S, 4) onto the frame and out of the ids, in place."""
    alpha = cv2.GaussianBlur(front[..., 3], (0, 0), 0.6)[..., None] / np.float32(255)
    frame += alpha * (front[..., :3] - frame)
    ids[front[..., 3] > 127] = 0


class _Look:
    """What light, lens, sensor and codec do to every frame of a clip."""

    def __init__(self, rng: Rng, side: int, frames: int) -> None:
        self._rng = rng
        self._gain = 1 + np.cumsum(rng.normal(0, 0.02, frames))
        self._light = light(rng, side) if rng.random() < 0.3 else None
        self._blur = rng.uniform(0.3, 1.2) if rng.random() < 0.5 else 0.0
        self._noise = rng.uniform(1, 9) if rng.random() < 0.5 else 0.0
        self._quality = int(rng.integers(25, 90)) if rng.random() < 0.5 else 0
        self._grey = rng.random() < 0.03

    def apply(self, frame: NDArray[np.float32], t: int) -> NDArray[np.uint8]:
        """(S, S, 3) float BGR -> uint8."""
        if self._light is not None:
            frame = frame * self._light
        if self._blur:
            frame = cv2.GaussianBlur(frame, (0, 0), self._blur)
        frame = frame * np.float32(self._gain[t])
        if self._noise:
            frame = frame + self._noise * self._rng.standard_normal(frame.shape, np.float32)
        out = np.clip(frame, 0, 255).astype(np.uint8)
        if self._grey:
            out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if self._quality:
            _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            out = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return out
