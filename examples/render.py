"""Render the example clip with its sound, its true masks and one click per object.

    python -m examples.render [--out DIRECTORY]

Writes (into `examples/` unless told otherwise)

- `clip.mp4`: 4 seconds, 640 x 360, 24 frames a second, H.264 and AAC;
- `clip_masks.npz`: `masks`, bool, frames x objects x height x width: the pixels in which one sees
  the object, so that of two that overlap only the nearer one has them; `names`, the objects;
- `clip_clicks.json`: inputs for the predictor, one foreground click for each object.
"""

import argparse
import json
import tempfile
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from examples import scene, sound
from examples.encode import Pixels, encode

CLIP, MASKS, CLICKS = "clip.mp4", "clip_masks.npz", "clip_clicks.json"


def innermost_point(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The x and y of the pixel that is farthest from the mask's edge (the picture's included)."""
    distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(x), int(y)


def clicks(first_masks: NDArray[np.bool_]) -> dict[str, str]:
    """Predictor inputs: one foreground click for each object on frame 0, from its masks there."""
    points = [innermost_point(mask) for mask in first_masks]
    return {
        "click_coordinates": ",".join(f"[{x},{y}]" for x, y in points),
        "click_labels": "1",
        "click_frames": "0",
        "click_object_ids": ",".join(actor.name for actor in scene.ACTORS),
    }


def write_sound(path: Path) -> None:
    """Write the track as 16 bit stereo WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(sound.RATE)
        file.writeframes(sound.track(scene.SECONDS, scene.NEAR.burn).tobytes())


def write_clip(frames: Iterable[scene.Frame], target: Path) -> NDArray[np.bool_]:
    """Encode the frames with the sound; return their masks, frames x objects x height x width."""
    masks = []

    def pictures() -> Iterator[Pixels]:
        for frame in frames:
            masks.append(frame.masks)
            yield frame.rgb

    with tempfile.TemporaryDirectory() as scratch:
        track = Path(scratch) / "track.wav"
        write_sound(track)
        encode(pictures(), (scene.WIDTH, scene.HEIGHT), target, sound=track)
    return np.stack(masks)


def render(out: Path) -> None:
    """Render everything; a file appears complete or not at all, the clip last."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".render-") as scratch:
        made = Path(scratch)
        masks = write_clip(scene.frames(), made / CLIP)
        names = np.array([actor.name for actor in scene.ACTORS])
        np.savez_compressed(made / MASKS, masks=masks, names=names)
        (made / CLICKS).write_text(json.dumps(clicks(masks[0]), indent=2) + "\n")
        for name in (MASKS, CLICKS, CLIP):
            (made / name).replace(out / name)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Render the example clip and its true masks.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIRECTORY")
    out = parser.parse_args().out
    render(out)
    print(out / CLIP)


if __name__ == "__main__":
    main()
