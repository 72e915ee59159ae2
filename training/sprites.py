"""The objects of clips: cut-outs and procedural shapes, with their alpha."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.library import Library
from training.surfaces import make_surface, recolour
from training.textures import Image, Rng, noise, outline


def make_sprites(rng: Rng, library: Library, side: int) -> list[Image]:
    """The objects of a clip, back to front; sometimes one of them twice."""
    sprites = []
    for _ in range(int(rng.integers(1, 5))):
        share = rng.uniform(0.35, 1.1) if rng.random() < 0.6 else rng.uniform(0.14, 0.45)
        sprite = make_sprite(rng, library, int(side * share))
        if rng.random() < 0.15:
            sprite = _joined(rng, sprite, make_sprite(rng, library, int(side * share * 0.6)))
        sprites.append(sprite)
    if rng.random() < 0.2:
        twin = sprites[int(rng.integers(len(sprites)))]
        sprites.append(twin[:, ::-1] if rng.random() < 0.5 else twin)
    return sprites


def _joined(rng: Rng, whole: Image, part: Image) -> Image:
    """Two objects that move as one, such as a rider and a horse: (H, W, 4)."""
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


def make_sprite(rng: Rng, library: Library, side: int) -> Image:
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
        surface = make_surface(rng, library, side)
        for _ in range(int(rng.integers(0, 4))):
            part = outline(rng, side)
            at = np.array([[1, 0, rng.uniform(-0.3, 0.3) * side], [0, 1, 0]], np.float32)
            inside = cv2.warpAffine(part, at, (side, side)) > 127
            surface[inside] = make_surface(rng, library, side)[inside]
        sprite = np.dstack([surface, mask])
    colour = sprite[..., :3]
    if kind < 0.12:
        colour = _fit(make_surface(rng, library, side), sprite)
    elif kind < 0.3:
        grain = _fit(make_surface(rng, library, side), sprite).astype(np.float32)
        weight = rng.uniform(0.2, 0.6)
        grain = grain - grain.mean(axis=(0, 1))
        colour = np.clip(colour + weight * grain, 0, 255).astype(np.uint8)
    elif kind < 0.4:
        bumps = noise(rng, side, 1) * rng.uniform(20, 90)
        colour = np.clip(colour + _fit(bumps, sprite), 0, 255).astype(np.uint8)
    whole = np.dstack([recolour(rng, colour), sprite[..., 3]])
    room = max(2, side // 14)  # for the deformation
    return cv2.copyMakeBorder(whole, room, room, room, room, cv2.BORDER_CONSTANT)


def _fit(surface: NDArray, sprite: Image) -> NDArray:
    return surface[: sprite.shape[0], : sprite.shape[1]].reshape(*sprite.shape[:2], -1)
