"""Seconds a frame of our tracker against other implementations of SAM 2.1 tiny.

    python -m bench.peers [--size 512] [--objects 1 4] [--frames 3]

In an environment that also has `transformers` and `ultralytics`, which this project does not need;
one that is missing is left out. Weights are random on every side, which costs the same time, so
masks are not compared. The sides take turns, frame by frame, once their memory banks are full.
Ultralytics takes a file, so that its decoding and resizing are in its time.
"""

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import cv2
import torch
from torch import Tensor

from bench.engine import WARM
from bench.sides import clicked, meta, network_of, ours, pictures, predictor_of
from sam2_video.accelerate import accelerate
from sam2_video.clicks import TrackedObject
from sam2_video.tracker import IMAGE_DEVIATION, IMAGE_MEAN


def transformers_side(images: Sequence[Tensor], objects: Sequence[TrackedObject]) -> Iterator:
    """Hugging Face's `Sam2VideoModel`, given tensors."""
    from transformers import Sam2VideoConfig, Sam2VideoInferenceSession, Sam2VideoModel

    side = images[0].shape[-1]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "image_size": [side, side],
        "blocks_per_stage": [1, 2, 7, 2],
        "global_attention_blocks": [5, 7, 9],
        "window_positional_embedding_background_size": [7, 7],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_feature_sizes": [[side // stride, side // stride] for stride in (4, 8, 16)],
    }
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"image_size": side},
        image_size=side,
        memory_attention_rope_feat_sizes=[side // 16, side // 16],
    )
    model = Sam2VideoModel(config).eval()
    session = Sam2VideoInferenceSession(torch.cat(list(images)), side, side, dtype=torch.float32)
    for tracked in objects:
        (prompt,) = tracked.prompts
        given = {
            "point_coords": torch.tensor(prompt.points)[None, None].float(),
            "point_labels": torch.tensor(prompt.labels, dtype=torch.int32)[None, None],
        }
        session.add_point_inputs(session.obj_id_to_idx(int(tracked.name)), 0, given)
    session.obj_with_new_inputs = [int(tracked.name) for tracked in objects]
    with torch.inference_mode():
        for frame in range(len(images)):
            yield model(session, frame_idx=frame).pred_masks


def ultralytics_side(images: Sequence[Tensor], objects: Sequence[TrackedObject]) -> Iterator:
    """Ultralytics' `SAM2VideoPredictor`, given a file."""
    from ultralytics.models.sam import SAM2VideoPredictor
    from ultralytics.models.sam.build import build_sam2_t

    side = images[0].shape[-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (side, side))
        for image in images:
            picture = image[0].permute(1, 2, 0) * torch.tensor(IMAGE_DEVIATION)
            picture = (picture + torch.tensor(IMAGE_MEAN)).clamp(0, 1) * 255
            writer.write(picture.byte().numpy()[..., ::-1].copy())
        writer.release()
        settings = {"task": "segment", "mode": "predict", "imgsz": side, "save": False}
        predictor = SAM2VideoPredictor(overrides={**settings, "verbose": False, "conf": 0.0})
        predictor.setup_model(model=build_sam2_t(), verbose=False)
        points = [list(tracked.prompts[0].points[0]) for tracked in objects]
        yield from predictor(path, points=points, labels=[1] * len(points), stream=True)


PEERS = {"transformers": transformers_side, "ultralytics": ultralytics_side}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--frames", type=int, default=3)
    options = parser.parse_args()
    threads = torch.get_num_threads()
    present = {name: side for name, side in PEERS.items() if importlib.util.find_spec(name)}
    print(f"tiny at {options.size}, seconds a frame, {threads} threads")
    print("| objects | ours | Meta |", " | ".join(present), "|")
    print("|" + "---|" * (len(present) + 3))
    for count in options.objects:
        images = pictures(options.size, WARM + options.frames)
        objects = clicked(count, options.size)
        model = network_of("tiny", options.size)
        predictor = predictor_of(model)
        accelerate(model.network)
        sides = {
            "ours": ours(model, images, objects),
            "Meta": meta(predictor, images, objects),
            **{name: side(images, objects) for name, side in present.items()},
        }
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in images:
            for name, side in sides.items():
                torch.set_num_threads(threads)  # Ultralytics takes one fewer than there are cores
                start = time.perf_counter()
                next(side)
                seconds[name].append(time.perf_counter() - start)
        figures = (f"{median(taken[WARM:]):.3f}" for taken in seconds.values())
        print(f"| {count} |", " | ".join(figures), "|", flush=True)


if __name__ == "__main__":
    main()
