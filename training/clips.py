"""Made-up clips: cut-outs that move over photographs, with the mask of each on every frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.library import Library
from training.textures import Rng, light, noise, outline, texture

MARGIN = 1.6
"""Side of the background over the side of the frame: the room the camera has to move in."""
SHAPES = {16 / 9: 0.6, 4 / 3: 0.15, 1.0: 0.1, 9 / 16: 0.15}
"""Width over height of the pictures that a clip stands for, and how often: the model sees them
squeezed into a square."""
BEND_GRID = 4
"""Points a side of the grid that bends an object."""


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


@dataclass(frozen=True)
class Motion:
    """Where an object, or the camera, is on each frame."""

    place: NDArray[np.float64]
    """(T, 2), x and y in pixels."""
    angle: NDArray[np.float64]
    """(T,), degrees."""
    scale: NDArray[np.float64]
    """(T,)"""
    shear: NDArray[np.float64]
    """(T,)"""
    bend: NDArray[np.float32]
    """(T, 2, g, g), by how much of its size each part of the object is moved."""


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
    motions = [_motion(rng, frames, side) for _ in sprites]
    shape = _shape(rng)
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.full((frames, side, side), len(sprites) + 1, np.uint8)
    grain = rng.uniform(0, 10)
    for t in range(frames):
        frame = ground.copy()
        for number, (sprite, motion) in enumerate(zip(sprites, motions, strict=True), start=1):
            paste(frame, ids[t], bent(sprite, motion, t), motion, t, number, 0.5, shape)
        frame += grain * rng.standard_normal((side, side, 1), np.float32)
        images[t] = np.clip(frame, 0, 255).astype(np.uint8)
    return Clip(images, ids, len(sprites) + 1)


def make_clip(rng: Rng, library: Library, frames: int, side: int) -> Clip:
    """Make a clip of `frames` square frames."""
    big = int(side * MARGIN)
    shape = _shape(rng)
    ground = _ground(rng, library, big, shape)
    sprites = _sprites(rng, library, side)
    motions = [_motion(rng, frames, side) for _ in sprites]
    camera = _camera(rng, frames, side, big)
    soft = rng.uniform(0.3, 1.0)
    look = _Look(rng, side, frames)
    images = np.empty((frames, side, side, 3), np.uint8)
    ids = np.zeros((frames, side, side), np.uint8)
    for t in range(frames):
        view = cv2.getRotationMatrix2D((big / 2, big / 2), camera.angle[t], camera.scale[t])
        view[:, 2] -= camera.place[t]
        frame = cv2.warpAffine(ground, view, (side, side), borderMode=cv2.BORDER_REFLECT)
        frame = frame.astype(np.float32)
        for number, (sprite, motion) in enumerate(zip(sprites, motions, strict=True), start=1):
            paste(frame, ids[t], bent(sprite, motion, t), motion, t, number, soft, shape)
        images[t] = look.apply(frame, t)[..., ::-1]
    return Clip(images, ids, len(sprites))


def _shape(rng: Rng) -> float:
    return float(rng.choice(list(SHAPES), p=list(SHAPES.values())))


def bent(sprite: NDArray[np.uint8], motion: Motion, t: int) -> NDArray[np.uint8]:
    """The sprite (H, W, 4) as it is bent on a frame: limbs and folds that move by themselves."""
    if not motion.bend[t].any():
        return sprite
    height, width = sprite.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    size = (width, height)
    x += width * cv2.resize(motion.bend[t, 0], size, interpolation=cv2.INTER_CUBIC)
    y += height * cv2.resize(motion.bend[t, 1], size, interpolation=cv2.INTER_CUBIC)
    return cv2.remap(sprite, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def paste(
    frame: NDArray[np.float32],
    ids: NDArray[np.uint8],
    sprite: NDArray[np.uint8],
    motion: Motion,
    t: int,
    number: int,
    soft: float,
    shape: float,
) -> None:
    """Draw a sprite (H, W, 4) onto the frame and its number onto the ids, in place.

    `shape` is the width over the height of the picture that the square frame stands for.
    """
    height, width = sprite.shape[:2]
    side = frame.shape[0]
    warp = cv2.getRotationMatrix2D((width / 2, height / 2), motion.angle[t], motion.scale[t])
    warp[0, :2] += motion.shear[t] * warp[1, :2]
    warp[0, :2] *= min(1 / shape, 1.0)
    warp[1, :2] *= min(shape, 1.0)
    warp[:, 2] = motion.place[t] - warp[:, :2] @ np.array([width / 2, height / 2])
    corners = warp @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x0, y0 = np.maximum(np.floor(corners.min(1)).astype(int) - 3, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(1)).astype(int) + 3, side)
    if x0 >= x1 or y0 >= y1:
        return
    warp[:, 2] -= x0, y0
    size = (int(x1 - x0), int(y1 - y0))
    drawn = cv2.warpAffine(sprite, warp, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(drawn[..., 3], (0, 0), soft)[..., None] / np.float32(255)
    place = frame[y0:y1, x0:x1]
    place += alpha * (drawn[..., :3] - place)
    ids[y0:y1, x0:x1][drawn[..., 3] > 127] = number


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


def _ground(rng: Rng, library: Library, side: int, shape: float) -> NDArray[np.uint8]:
    """A background, often cluttered with things that nobody asks for."""
    photo = rng.random() < 0.9
    surface = photo_crop(rng, library, side, shape) if photo else texture(rng, side)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 7))):
            sprite = _sprite(rng, library, int(side * rng.uniform(0.08, 0.4)))
            height, width = sprite.shape[:2]
            y, x = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
            alpha = sprite[..., 3:] / np.float32(255)
            patch = surface[y : y + height, x : x + width]
            patch[:] = patch + alpha * (sprite[..., :3] - patch.astype(np.float32))
    return surface


def photo_crop(rng: Rng, library: Library, side: int, shape: float = 1.0) -> NDArray[np.uint8]:
    """A random part of a random photograph, its colours shifted: (side, side, 3).

    The part is `shape` times as wide as it is high.
    """
    photo = library.photo(int(rng.integers(library.photos)))
    height, width = photo.shape[:2]
    low = min(height, width / shape) * rng.uniform(0.25, 1)
    part = (int(low), int(low * shape))
    y, x = rng.integers(0, height - part[0] + 1), rng.integers(0, width - part[1] + 1)
    method = cv2.INTER_AREA if part[0] > side else cv2.INTER_LINEAR
    crop = photo[y : y + part[0], x : x + part[1]]
    crop = cv2.resize(crop, (side, side), interpolation=method)
    turn = int(rng.integers(8)) if rng.random() < 0.3 else int(rng.integers(2))
    if turn & 1:
        crop = crop[:, ::-1]
    return np.ascontiguousarray(recolour(rng, np.rot90(crop, turn >> 1)))


def recolour(rng: Rng, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shift brightness, contrast, saturation and colour balance."""
    out = image.astype(np.float32)
    if rng.random() < 0.6:
        mean = out.mean(axis=(0, 1))
        out = (out - mean) * np.float32(rng.uniform(0.5, 1.3)) + mean * rng.uniform(0.6, 1.3)
    if rng.random() < 0.5:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * np.float32(rng.uniform(0, 1.2))
    if rng.random() < 0.3:
        out = out * rng.uniform(0.75, 1.25, 3).astype(np.float32)
    if rng.random() < 0.05:
        out = out[..., rng.permutation(3)]
    return np.clip(out, 0, 255).astype(np.uint8)


def _sprites(rng: Rng, library: Library, side: int) -> list[NDArray[np.uint8]]:
    """The objects of a clip, back to front; sometimes one of them twice."""
    sprites = []
    for _ in range(int(rng.integers(1, 5))):
        share = rng.uniform(0.35, 1.1) if rng.random() < 0.6 else rng.uniform(0.14, 0.45)
        sprite = _sprite(rng, library, int(side * share))
        if rng.random() < 0.15:
            sprite = _joined(rng, sprite, _sprite(rng, library, int(side * share * 0.6)))
        sprites.append(sprite)
    if rng.random() < 0.2:
        twin = sprites[int(rng.integers(len(sprites)))]
        sprites.append(twin[:, ::-1] if rng.random() < 0.5 else twin)
    return sprites


def _joined(rng: Rng, whole: NDArray[np.uint8], part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two things that move as one, such as a rider and what is ridden: (H, W, 4)."""
    height, width = whole.shape[:2]
    room_y, room_x = part.shape[0] // 2, part.shape[1] // 2
    out = np.zeros((height + 2 * room_y, width + 2 * room_x, 4), np.uint8)
    out[room_y : room_y + height, room_x : room_x + width] = whole
    y = int(rng.integers(0, out.shape[0] - part.shape[0] + 1))
    x = int(rng.integers(0, out.shape[1] - part.shape[1] + 1))
    patch = out[y : y + part.shape[0], x : x + part.shape[1]]
    if not (patch[..., 3] & part[..., 3]).any():
        return whole
    alpha = part[..., 3:] / np.float32(255)
    patch[..., :3] = patch[..., :3] + alpha * (part[..., :3] - patch[..., :3].astype(np.float32))
    patch[..., 3] = np.maximum(patch[..., 3], part[..., 3])
    return out


def _sprite(rng: Rng, library: Library, side: int) -> NDArray[np.uint8]:
    """An object with its alpha, `side` pixels at its longest: (H, W, 4) BGRA."""
    side = max(side, 10)
    kind = rng.random()
    if kind < 0.85:
        cutout = library.cutout(rng)
        scale = side / max(cutout.shape[:2])
        size = (max(4, int(cutout.shape[1] * scale)), max(4, int(cutout.shape[0] * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        sprite = cv2.resize(cutout, size, interpolation=method)
        if rng.random() < 0.5:
            sprite = np.ascontiguousarray(sprite[:, ::-1])
    else:
        mask = outline(rng, side)
        surface = _surface(rng, library, side)
        for _ in range(int(rng.integers(0, 4))):
            part = outline(rng, side)
            at = np.float32([[1, 0, rng.uniform(-0.3, 0.3) * side], [0, 1, 0]])
            part = cv2.warpAffine(part, at, (side, side)) > 127
            surface[part] = _surface(rng, library, side)[part]
        sprite = np.dstack([surface, mask])
    colour = sprite[..., :3]
    if kind < 0.12:
        colour = _fit(_surface(rng, library, side), sprite)
    elif kind < 0.3:
        grain = _fit(_surface(rng, library, side), sprite).astype(np.float32)
        weight = rng.uniform(0.2, 0.6)
        grain = grain - grain.mean(axis=(0, 1))
        colour = np.clip(colour + weight * grain, 0, 255).astype(np.uint8)
    elif kind < 0.4:
        bumps = noise(rng, side, 1) * rng.uniform(20, 90)
        colour = np.clip(colour + _fit(bumps, sprite), 0, 255).astype(np.uint8)
    whole = np.dstack([recolour(rng, colour), sprite[..., 3]])
    room = max(2, side // 14)  # to bend into
    return cv2.copyMakeBorder(whole, room, room, room, room, cv2.BORDER_CONSTANT)


def _surface(rng: Rng, library: Library, side: int) -> NDArray[np.uint8]:
    if rng.random() < 0.6:
        return photo_crop(rng, library, side)
    return texture(rng, side)


def _fit(surface: NDArray, sprite: NDArray[np.uint8]) -> NDArray:
    return surface[: sprite.shape[0], : sprite.shape[1]].reshape(*sprite.shape[:2], -1)


def _path(rng: Rng, frames: int, speed: float, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth path from `start`: (T, 2)."""
    velocity = rng.normal(0, 1, 2)
    velocity *= speed * rng.random() / (np.linalg.norm(velocity) + 1e-6)
    steps = velocity + np.cumsum(rng.normal(0, speed * 0.12, (frames, 2)), axis=0)
    steps[0] = 0
    return start + np.cumsum(steps, axis=0)


def _motion(rng: Rng, frames: int, side: int) -> Motion:
    speed = side * (0.16 if rng.random() < 0.15 else 0.06)
    tilt = rng.normal(0, 15) if rng.random() < 0.8 else rng.uniform(-180, 180)
    # As much change in a few frames as a long video brings.
    pace = rng.choice([1.0, 2.0, 3.0])
    turn = pace * np.cumsum(rng.normal(0, 1, frames) + rng.normal(0, 2.5))
    growth = pace * (rng.normal(0, 0.015, frames) + rng.normal(0, 0.025))
    growth = np.clip(growth, -0.15, 0.15)
    phase = rng.uniform(0, 2 * np.pi)
    sway = rng.uniform(0, 0.15) * np.sin(np.arange(frames) * rng.uniform(0.2, 1) + phase)
    place = _path(rng, frames, speed, rng.uniform(0.12, 0.88, 2) * side)
    return Motion(place, tilt + turn, np.cumprod(1 + growth), sway, _bend(rng, frames))


def _bend(rng: Rng, frames: int) -> NDArray[np.float32]:
    """Every second object is bent by a grid of points that swing by themselves."""
    grid = (2, BEND_GRID, BEND_GRID)
    if rng.random() < 0.5:
        return np.zeros((frames, *grid), np.float32)
    reach = rng.uniform(0.01, 0.07) * rng.random(grid)
    phase = rng.uniform(0, 2 * np.pi, grid)
    pace = rng.uniform(0.1, 0.9)
    moments = np.arange(frames)[:, None, None, None] * pace
    return (reach * np.sin(phase + moments)).astype(np.float32)


def _camera(rng: Rng, frames: int, side: int, big: int) -> Motion:
    place = _path(rng, frames, side * 0.03, np.full(2, (big - side) / 2))
    angle = np.cumsum(rng.normal(0, 0.4, frames))
    scale = np.cumprod(1 + rng.normal(0, 0.006, frames))
    still = np.zeros((frames, 2, 1, 1), np.float32)
    return Motion(place, angle, scale, np.zeros(frames), still)
