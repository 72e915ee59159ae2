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
from sam2.sam2_video_predictor import SAM2VideoPredictor

from training.clips import make_clip
from training.data import visible
from training.library import Library
from training.model import CONFIG, build, normalise
from training.prompts import innermost, largest_error

HERE = Path(__file__).parent
MADE_CLIPS = 32
MADE_FRAMES = 16
MADE_SIDE = 384
SEED = 20_000
PREDICTOR = "sam2.sam2_video_predictor.SAM2VideoPredictor"


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
        yield Subject(path.stem, np.stack(frames)[..., ::-1], masks)


def iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; two empty masks agree."""
    union = (predicted | truth).sum()
    return float((predicted & truth).sum() / union) if union else 1.0


def load(checkpoint: Path, side: int, **changes: object) -> SAM2VideoPredictor:
    """The predictor with a checkpoint's weights."""
    changes = {"_target_": PREDICTOR, "binarize_mask_from_pts_for_mem_enc": True} | changes
    model = build(side, **changes)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    return model.eval()


def begin(model: SAM2VideoPredictor, subject: Subject) -> dict:
    """`init_state` for frames that are in memory already."""
    side = model.image_size
    small = [
        cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in subject.frames
    ]
    images = normalise(torch.from_numpy(np.stack(small)))
    height, width = subject.masks.shape[1:]
    keys = ("point_inputs_per_obj", "mask_inputs_per_obj", "cached_features", "constants")
    keys += ("obj_id_to_idx", "obj_idx_to_id", "output_dict_per_obj")
    keys += ("temp_output_dict_per_obj", "frames_tracked_per_obj")
    state: dict = {key: {} for key in keys}
    cpu = torch.device("cpu")
    state |= {"images": images, "num_frames": len(images), "obj_ids": []}
    state |= {"video_height": height, "video_width": width, "device": cpu, "storage_device": cpu}
    state |= {"offload_video_to_cpu": False, "offload_state_to_cpu": False}
    return state


@torch.inference_mode()
def measure(model: SAM2VideoPredictor, subject: Subject, clicks: int) -> Measure:
    """Click, follow through the clip, compare."""
    state = begin(model, subject)
    truth = subject.masks[0]
    region, label = truth, 1
    for _ in range(clicks):
        point = np.array([innermost(region)], np.float32)
        _, _, logits = model.add_new_points_or_box(
            state, 0, 1, points=point, labels=np.array([label], np.int32), clear_old_points=False
        )
        error = largest_error((logits[0, 0] > 0).numpy(), truth)
        if error is None:
            break
        region, label = error
    started = time.perf_counter()
    scores = [
        iou((logits[0, 0] > 0).numpy(), subject.masks[t])
        for t, _, logits in model.propagate_in_video(state)
    ]
    spent = 1000 * (time.perf_counter() - started) / len(scores)
    return Measure(subject.name, float(np.mean(scores)), scores[0], spent)


def table(
    model: SAM2VideoPredictor, title: str, subjects: Callable[[], Iterator[Subject]]
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
    lines += ["Written by `python -m training.evaluate`; times are those of the machine it ran on,"]
    lines += [f"on {arguments.threads} threads, decoding of the video not counted.", ""]
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
