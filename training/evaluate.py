"""Measure a checkpoint on synthetic clips of held-out images and on real clips.

    python -m training.evaluate CHECKPOINT [--real FOLDER]

J is the mean IoU of mask and truth over the frames of a clip. One click is on the object's
innermost pixel on the first frame. Three clicks add two more there, each on the innermost pixel of
the mask's largest error. Writes `training/RESULTS.md`.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2_video.accelerate.network import accelerate
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import EncodedPrompts, TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import CheckpointError, find_checkpoint
from sam2_video.prediction.masks import masks_of
from training.clips import make_clip
from training.data import visible
from training.inputs import MissingMaterialError, existing_file, existing_folder
from training.library import Library, require_library
from training.model import CONFIG
from training.prompts import innermost, largest_error

HERE = Path(__file__).parent
SYNTHETIC_CLIPS = 32
SYNTHETIC_FRAMES = 16
SYNTHETIC_SIDE = 384
SEED = 20_000
CPU = torch.device("cpu")


@dataclass(frozen=True)
class AnnotatedClip:
    """A clip with one object to track: frames (T, H, W, 3) RGB, masks (T, H, W) bool."""

    name: str
    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class Result:
    """J over a clip and on its first frame, and the median time of a frame."""

    name: str
    mean: float
    first: float
    milliseconds: float


def synthetic(library: Library, count: int) -> Iterator[AnnotatedClip]:
    """Synthetic clips of held-out images, the same ones every time."""
    rng = np.random.default_rng(SEED)
    number = 0
    while number < count:
        clip = make_clip(rng, library, SYNTHETIC_FRAMES, SYNTHETIC_SIDE)
        seen = visible(clip)
        if seen:
            masks = clip.ids == seen[int(rng.integers(len(seen)))]
            yield AnnotatedClip(f"synthetic-{number:02d}", clip.frames, masks)
            number += 1


def real(folder: Path) -> Iterator[AnnotatedClip]:
    """Annotated clips: NAME.mp4 beside NAME.npz with `masks` (T, H, W)."""
    for path in sorted(folder.glob("*.npz")):
        masks = np.load(path)["masks"]
        video = cv2.VideoCapture(str(path.with_suffix(".mp4")))
        frames = [frame for frame in (video.read()[1] for _ in masks) if frame is not None]
        if len(frames) < len(masks):
            raise MissingMaterialError(
                f"{path.name} has {len(masks)} masks, but {path.stem}.mp4 has {len(frames)} frames"
            )
        yield AnnotatedClip(path.stem, np.ascontiguousarray(np.stack(frames)[..., ::-1]), masks)


def iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; two empty masks agree."""
    union = (predicted | truth).sum()
    return float((predicted & truth).sum() / union) if union else 1.0


def load(checkpoint: Path, side: int) -> LoadedModel:
    """Nano with a checkpoint's weights, accelerated as in a prediction."""
    nano = find_checkpoint("nano")
    network = build_network(nano, side)
    load_weights(network, checkpoint, nano)
    accelerate(network)
    return LoadedModel("nano", network)


def measure(model: LoadedModel, clip: AnnotatedClip, clicks: int) -> Result:
    """Click, track through the clip and compare, with the package's own engine.

    The clicks are on the first frame; each after the first is in the largest error of the mask of
    those before it.
    """
    height, width = clip.masks.shape[1:]
    count = len(clip.frames)
    images = [normalize_image(shrink(f, model.image_size), CPU) for f in clip.frames]

    def prompted(prompt: Prompt) -> list[EncodedPrompts]:
        groups = group_objects([TrackedObject(clip.name, (prompt,))])
        return encode_prompts(model.network, groups, [(0, images[0])], (width, height), count)

    prompt = Prompt(0, (innermost(clip.masks[0]),), (1,))
    encoded = prompted(prompt)
    for _ in range(clicks - 1):
        shown = masks_of(encoded[0].masks[0].logits, (width, height)).result()[0]
        error = largest_error(shown, clip.masks[0])
        if error is None:
            break
        region, label = error
        points = (*prompt.points, innermost(region))
        prompt = Prompt(0, points, (*prompt.labels, label))
        encoded = prompted(prompt)
    tracking = TrackingPass(model.network, encoded, (width, height), count)
    scores, spent = [], []
    for frame, (image, truth) in enumerate(zip(images, clip.masks, strict=True)):
        started = time.perf_counter()
        logits = tracking.step(frame, partial(_same, image)).logits
        spent.append(time.perf_counter() - started)
        scores.append(iou(masks_of(logits, (width, height)).result()[0], truth))
    # The first frame was encoded before. From the ninth on the memory bank is full.
    typical = float(np.median(spent[8:] or spent))
    return Result(clip.name, float(np.mean(scores)), scores[0], 1000 * typical)


def _same(image: Tensor) -> Tensor:
    return image


def table(model: LoadedModel, title: str, clips: Iterator[AnnotatedClip]) -> list[str]:
    """The lines of a Markdown table of J with one and with three clicks."""
    rows, ones, threes = [], [], []
    for clip in clips:
        one, three = measure(model, clip, 1), measure(model, clip, 3)
        ones.append(one)
        threes.append(three)
        figures = f"{one.mean:.3f} | {one.first:.3f} | {three.mean:.3f} | {three.first:.3f}"
        rows.append(f"| {clip.name} | {figures} | {one.milliseconds:.0f} |")
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
    return [*head, *rows, last, ""]


def main() -> None:
    """Evaluate and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("checkpoint", type=existing_file, help="a checkpoint or a run's weights.pt")
    parser.add_argument(
        "--real", type=existing_folder, help="folder of real clips: NAME.mp4 beside NAME.npz"
    )
    parser.add_argument(
        "--library",
        type=Path,
        default=HERE / "assets/library",
        help="folder of the images that synthetic clips are made of",
    )
    parser.add_argument(
        "--side", type=int, default=_config_side(), help="image size of the model in pixels"
    )
    parser.add_argument(
        "--synthetic", type=int, default=SYNTHETIC_CLIPS, help="number of synthetic clips"
    )
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md", help="the report to write")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of PyTorch")
    arguments = parser.parse_args()
    if arguments.real and not any(arguments.real.glob("*.npz")):
        parser.error(f"{arguments.real} has no clips: NAME.mp4 beside NAME.npz with `masks`")
    torch.set_num_threads(arguments.threads)
    lines = ["# Results", "", f"`{arguments.checkpoint.name}` at {arguments.side} pixels. "]
    lines[-1] += "J: mean IoU."
    lines += [
        "",
        "Written by `python -m training.evaluate` with the package's own engine. Times are",
    ]
    lines += ["the model's, with a full memory bank, on the machine it ran on, with"]
    lines += [f"{arguments.threads} threads.", ""]
    try:
        if arguments.synthetic:
            require_library(arguments.library)
        model = load(arguments.checkpoint, arguments.side)
        if arguments.real:
            lines += table(model, "Real clips", real(arguments.real))
        if arguments.synthetic:
            held_out = Library(arguments.library, held_out=True)
            clips = synthetic(held_out, arguments.synthetic)
            lines += table(model, "Synthetic clips", clips)
    except (MissingMaterialError, CheckpointError) as error:
        sys.exit(str(error))
    arguments.out.write_text("\n".join(lines).rstrip() + "\n")


def _config_side() -> int:
    from omegaconf import OmegaConf

    return int(OmegaConf.load(CONFIG).model.image_size)


if __name__ == "__main__":
    main()
