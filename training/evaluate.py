"""Measure a checkpoint: made-up clips it never saw and, where there are any, real ones.

    python -m training.evaluate CHECKPOINT [--real FOLDER]

J is the mean IoU of mask and truth over the frames of a clip. One click: on the object's innermost
pixel on the first frame. Three clicks: two more, each on the innermost pixel of what is then most
wrong on that frame. Writes `training/RESULTS.md`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sam2_video.accelerate.network import accelerate
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import EncodedPrompts, TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import find_checkpoint
from sam2_video.prediction.pipeline import masks_of
from training.clips import make_clip
from training.data import visible
from training.library import Library
from training.model import CONFIG
from training.prompts import innermost, largest_error

HERE = Path(__file__).parent
MADE_CLIPS = 32
MADE_FRAMES = 16
MADE_SIDE = 384
SEED = 20_000
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Subject:
    """A clip with one object to follow: frames (T, H, W, 3) RGB, masks (T, H, W) bool."""

    name: str
    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class Measure:
    """J over a clip and on its first frame, and how long a frame took."""

    name: str
    mean: float
    first: float
    milliseconds: float


def made(library: Library, count: int) -> Iterator[Subject]:
    """Made-up clips of held-out material, the same ones every time."""
    rng = np.random.default_rng(SEED)
    number = 0
    while number < count:
        clip = make_clip(rng, library, MADE_FRAMES, MADE_SIDE)
        seen = visible(clip)
        if seen:
            masks = clip.ids == seen[int(rng.integers(len(seen)))]
            yield Subject(f"made-{number:02d}", clip.frames, masks)
            number += 1


def real(folder: Path) -> Iterator[Subject]:
    """Annotated clips: NAME.mp4 beside NAME.npz with `masks` (T, H, W)."""
    for path in sorted(folder.glob("*.npz")):
        masks = np.load(path)["masks"]
        video = cv2.VideoCapture(str(path.with_suffix(".mp4")))
        frames = [video.read()[1] for _ in masks]
        yield Subject(path.stem, np.ascontiguousarray(np.stack(frames)[..., ::-1]), masks)


def iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; two empty masks agree."""
    union = (predicted | truth).sum()
    return float((predicted & truth).sum() / union) if union else 1.0


def load(checkpoint: Path, side: int) -> LoadedModel:
    """The product's own model with a checkpoint's weights, as fast as it runs."""
    nano = find_checkpoint("nano")
    network = build_network(nano, side)
    load_weights(network, checkpoint, nano)
    accelerate(network)
    return LoadedModel("nano", network)


def measure(model: LoadedModel, subject: Subject, clicks: int) -> Measure:
    """Click, follow through the clip, compare; all as the product does it.

    The clicks are on the first frame; each after the first goes where the mask of those before it
    is most wrong.
    """
    height, width = subject.masks.shape[1:]
    count = len(subject.frames)
    images = [normalize_image(shrink(f, model.image_size), CPU) for f in subject.frames]

    def prompted(prompt: Prompt) -> list[EncodedPrompts]:
        groups = group_objects([TrackedObject(subject.name, (prompt,))])
        return encode_prompts(model.network, groups, [(0, images[0])], (width, height), count)

    prompt = Prompt(0, (innermost(subject.masks[0]),), (1,))
    encoded = prompted(prompt)
    for _ in range(clicks - 1):
        shown = masks_of(encoded[0].logits[0], (width, height))[0]
        error = largest_error(shown, subject.masks[0])
        if error is None:
            break
        region, label = error
        points = (*prompt.points, innermost(region))
        prompt = Prompt(0, points, (*prompt.labels, label))
        encoded = prompted(prompt)
    tracking = TrackingPass(model.network, encoded, (width, height), count)
    scores, spent = [], []
    for frame, (image, truth) in enumerate(zip(images, subject.masks, strict=True)):
        started = time.perf_counter()
        logits = tracking.step(frame, lambda image=image: image)
        spent.append(time.perf_counter() - started)
        scores.append(iou(masks_of(logits, (width, height))[0], truth))
    # The first frame was encoded before; after the eighth the memory bank is full.
    typical = float(np.median(spent[8:] or spent))
    return Measure(subject.name, float(np.mean(scores)), scores[0], 1000 * typical)


def table(
    model: LoadedModel, title: str, subjects: Callable[[], Iterator[Subject]]
) -> tuple[list[str], tuple[float, float]]:
    """A Markdown table of J with one and with three clicks, and the two means."""
    rows, ones, threes = [], [], []
    for subject in subjects():
        one, three = measure(model, subject, 1), measure(model, subject, 3)
        ones.append(one)
        threes.append(three)
        figures = f"{one.mean:.3f} | {one.first:.3f} | {three.mean:.3f} | {three.first:.3f}"
        rows.append(f"| {subject.name} | {figures} | {one.milliseconds:.0f} |")
        print(rows[-1], flush=True)
    columns = [[m.mean for m in ones], [m.first for m in ones]]
    columns += [[m.mean for m in threes], [m.first for m in threes]]
    means = [float(np.mean(column)) for column in columns]
    time_ = float(np.median([m.milliseconds for m in ones]))
    head = [f"## {title}", "", "| clip | J, 1 click | frame 0 | J, 3 clicks | frame 0 | ms/frame |"]
    head += ["| --- | --- | --- | --- | --- | --- |"]
    last = "| **mean** | " + " | ".join(f"**{value:.3f}**" for value in means)
    last += f" | {time_:.0f} |"
    print(last, flush=True)
    return [*head, *rows, last, ""], (means[0], means[2])


def main() -> None:
    """Evaluate and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--real", type=Path, help="folder of NAME.mp4 and NAME.npz")
    parser.add_argument("--library", type=Path, default=HERE / "assets/library")
    parser.add_argument("--side", type=int, default=0, help="image size, if not the config's")
    parser.add_argument("--made", type=int, default=MADE_CLIPS, help="number of made-up clips")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    side = arguments.side or _config_side()
    model = load(arguments.checkpoint, side)
    lines = ["# Results", "", f"`{arguments.checkpoint.name}` at {side} pixels. J: mean IoU.", ""]
    lines += ["Written by `python -m training.evaluate` on the product's own engine. Times are the"]
    lines += ["model's, with a full memory bank, on the machine it ran on, with"]
    lines += [f"{arguments.threads} threads.", ""]
    if arguments.real:
        lines += table(model, "Real clips", lambda: real(arguments.real))[0]
    if arguments.made:
        held_out = Library(arguments.library, held_out=True)
        lines += table(model, "Made-up clips", lambda: made(held_out, arguments.made))[0]
    arguments.out.write_text("\n".join(lines).rstrip() + "\n")


def _config_side() -> int:
    from omegaconf import OmegaConf

    return int(OmegaConf.load(CONFIG).model.image_size)


if __name__ == "__main__":
    main()
