"""Seconds a frame of our tracker against Meta's predictor, on equal weights.

    python -m bench.engine [--model tiny] [--size 1024] [--objects 1 4 16] [--frames 6]

The two sides take turns, frame by frame, once their memory banks are full (frame 8 on). Peak memory
is that of a process that runs one side alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from statistics import median
from unittest import mock

import torch
from torch import Tensor

from bench.sides import clicked, meta, network_of, ours, pictures, predictor_of, stages_of
from sam2_video.accelerate import PRECISIONS, accelerate

WARM = 8
"""Frames until all memory slots are in use."""


class Stopwatch:
    """Adds up the seconds that each stage of a network takes."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.seconds = dict.fromkeys(stages_of(network), 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the stages inside the block."""
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        with ExitStack() as stack:
            for stage, (owner, name) in stages_of(self.network).items():
                timed = self._timed(stage, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, timed))
            yield

    def _timed(self, stage: str, function: Callable) -> Callable:
        def wrapper(*args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[stage] += time.perf_counter() - start

        return wrapper


def compare(
    name: str, size: int, count: int, frames: int, precision: str
) -> dict[str, dict[str, float]]:
    """Median seconds a frame of both sides, whole and by stage, and how far their masks agree."""
    model = network_of(name, size)
    predictor = predictor_of(model)
    accelerate(model.network, precision)
    images = pictures(size, WARM + frames)
    objects = clicked(count, size)
    sides = {
        "ours": (ours(model, images, objects), Stopwatch(model.network)),
        "meta": (meta(predictor, images, objects), Stopwatch(predictor)),
    }
    rows: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    agreement = []
    for frame in range(WARM + frames):
        masks = {}
        for side, (steps, watch) in sides.items():
            with watch.running():
                start = time.perf_counter()
                masks[side] = next(steps) > 0
                total = time.perf_counter() - start
            if frame >= WARM:
                rest = total - sum(watch.seconds.values())
                rows[side].append({"total": total, **watch.seconds, "rest": rest})
        agreement.append(iou(masks["ours"], masks["meta"]))
    result = {
        side: {key: median(row[key] for row in taken) for key in taken[0]}
        for side, taken in rows.items()
    }
    result["ours"]["iou"] = min(agreement)
    return result


def iou(ours: Tensor, theirs: Tensor) -> float:
    """Mean IoU over objects; two empty masks agree."""
    both = (ours & theirs).flatten(1).sum(1).float()
    either = (ours | theirs).flatten(1).sum(1).float()
    return float(torch.where(either > 0, both / either, 1.0).mean())


def peak_memory(side: str, name: str, size: int, count: int, frames: int) -> float:
    """Megabytes that a process needs at most which runs one side alone."""
    command = [sys.executable, "-m", "bench.engine", "--alone", side, "--model", name]
    command += ["--size", str(size), "--objects", str(count), "--frames", str(frames)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def run_alone(side: str, name: str, size: int, count: int, frames: int) -> None:
    """Run one side and print this process's peak memory in megabytes."""
    model = network_of(name, size)
    images = pictures(size, WARM + frames)
    objects = clicked(count, size)
    if side == "ours":
        accelerate(model.network)
        steps = ours(model, images, objects)
    else:
        predictor = predictor_of(model)
        del model
        steps = meta(predictor, images, objects)
    for _ in islice(steps, WARM + frames):
        pass
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too")
    parser.add_argument("--alone", choices=["ours", "meta"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        return run_alone(
            options.alone, options.model, options.size, options.objects[0], options.frames
        )
    stages = ["total", "encoder", "attention", "decoder", "memory", "rest"]
    print(f"{options.model} at {options.size}, seconds a frame, {torch.get_num_threads()} threads")
    print("| objects | side |", " | ".join(stages), "| peak MB | ratio | IoU |")
    print("|" + "---|" * (len(stages) + 5))
    for count in options.objects:
        result = compare(options.model, options.size, count, options.frames, options.precision)
        for side in ("meta", "ours"):
            row = result[side]
            peak = "-"
            if options.memory:
                megabytes = peak_memory(side, options.model, options.size, count, options.frames)
                peak = f"{megabytes:.0f}"
            ratio = f"{result['meta']['total'] / row['total']:.2f}"
            agreement = f"{row['iou']:.4f}" if "iou" in row else ""
            seconds = " | ".join(f"{row[stage]:.3f}" for stage in stages)
            print(f"| {count} | {side} | {seconds} | {peak} | {ratio} | {agreement} |", flush=True)
    return None


if __name__ == "__main__":
    main()
