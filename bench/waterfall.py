"""The speed-up of each optimisation of the engine, and its effect on the masks.

    python -m bench.waterfall CLIP --clicks '[640,360]' [--size 512] [--frames 32]

Each row adds one optimisation to those above it. The rows take turns, frame by frame. IoU compares
the masks with those of the first row, Meta's network in float32.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.engine import WARM, iou
from bench.sides import network_of, reader_of
from sam2_video.accelerate import network as accelerate
from sam2_video.accelerate.caching import cache_empty_prompt
from sam2_video.accelerate.parts import parts_of, replace_parts
from sam2_video.accelerate.runtime import compile_part
from sam2_video.core.limits import Limits
from sam2_video.engine.model import compile_cache
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.prediction.prepare import PromptInputs, prepare
from sam2_video.video.streams import RgbStream


def on_openvino(*reduced: str) -> Callable[[SAM2Base], None]:
    """The network with its parts on OpenVINO, those named in bfloat16."""

    def change(network: SAM2Base) -> None:
        parts = parts_of(network, torch.float32)
        for name in reduced:
            parts[name] = replace(parts[name], precision=torch.bfloat16)
        cache_empty_prompt(network.sam_prompt_encoder)
        compiled = {name: compile_part(part, compile_cache()) for name, part in parts.items()}
        replace_parts(network, compiled)

    return change


def in_bfloat16(network: SAM2Base) -> None:
    """Meta's network under autocast, beside the others."""
    accelerate.compute_in_bfloat16(network, "cpu")


VARIANTS: dict[str, Callable[[SAM2Base], None]] = {
    "Meta's network": lambda network: None,
    "OpenVINO, all in float32": on_openvino(),
    "memory attention in bfloat16": on_openvino("memory_attention"),
    "memory encoder too": on_openvino("memory_attention", "memory_encoder"),
    "image encoder too": on_openvino("memory_attention", "memory_encoder", "image_encoder"),
    "(instead of all: PyTorch's bfloat16 autocast)": in_bfloat16,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--clicks", required=True)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=32)
    options = parser.parse_args()
    if options.frames <= WARM:
        parser.error(f"--frames {options.frames}: the memory bank is full from frame {WARM} on")

    clicks = PromptInputs(options.clicks)
    network = network_of(options.model, options.size).network
    accelerate.keep_freed_memory()
    with prepare(options.clip, clicks, Limits(), RgbStream) as prepared:
        video, objects = prepared.video, prepared.objects
        with closing(prepared.stream.frames(video.num_frames)) as frames:
            images = [
                normalize_image(shrink(decoded.rgb, options.size), torch.device("cpu"))
                for decoded in islice(frames, options.frames)
            ]

    def steps(variant: SAM2Base) -> Iterator[Tensor]:
        size = (video.width, video.height)
        first = [(0, images[0])]
        prompts = encode_prompts(variant, group_objects(objects), first, size, len(images))
        tracking = TrackingPass(variant, prompts, size, len(images))
        for frame, image in enumerate(images):
            yield tracking.step(frame, reader_of(image)).logits > 0

    sides = {}
    for name, change in VARIANTS.items():
        variant = deepcopy(network)
        change(variant)
        sides[name] = steps(variant)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    agreement: dict[str, list[float]] = {name: [] for name in sides}
    for frame in range(len(images)):
        reference = None
        for name, side in sides.items():
            start = time.perf_counter()
            masks = next(side).numpy()
            if frame >= WARM:
                seconds[name].append(time.perf_counter() - start)
            reference = masks if reference is None else reference
            agreement[name].append(iou(masks, reference))
    print(
        f"{options.model} at {options.size}, {len(objects)} objects, {len(images)} frames of "
        f"{options.clip.name}, {torch.get_num_threads()} threads"
    )
    print("| optimisation | ms/frame | speed | mean IoU | least IoU |")
    print("|---|---|---|---|---|")
    base = median(next(iter(seconds.values())))
    for name in sides:
        taken, same = median(seconds[name]), agreement[name]
        figures = f"{1000 * taken:.0f} | {base / taken:.2f} | {sum(same) / len(same):.4f}"
        print(f"| {name} | {figures} | {min(same):.4f} |")


if __name__ == "__main__":
    main()
