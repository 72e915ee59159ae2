"""Seconds a frame of our tracker against Meta's predictor, on equal weights, and against peers.

    python -m bench.engine [--model tiny] [--size 1024] [--objects 1 4 16] [--frames 6] [--memory]

All sides take turns, frame by frame, and are timed once their memory banks are full (frame 7 on).
Peers (`bench.peers`) are measured for `tiny` where they are installed. Peak memory is that of a
process that runs one side alone. Each side fills its memory bank by tracking, the only way that all
of them have, which costs as much memory attention as three frames with a full bank. The shortest
run of a slow side is `--frames 1`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from statistics import median
from unittest import mock

import torch
from torch import Tensor

from bench.memory import memory_of
from bench.peers import PEERS, present
from bench.sides import (
    STAGES,
    clicked,
    meta,
    network_of,
    ours,
    pictures,
    predictor_of,
    stages_of,
)
from sam2_video.accelerate.network import PRECISIONS, accelerate

WARM = 7
"""Frames until the memory bank is full: the clicked one and six after it."""
SIDES = ("meta", "ours", *PEERS)
COLUMNS = ("total", *STAGES, "rest")


class Stopwatch:
    """Adds up the seconds that each of several functions takes.

    Args:
        stages: the owner of each function, and its name there.
        synchronize: waits for what a function has asked a GPU for.
    """

    def __init__(
        self,
        stages: Mapping[str, tuple[object, str]],
        synchronize: Callable[[], None] = lambda: None,
    ) -> None:
        self.stages = stages
        self.synchronize = synchronize
        self.seconds = dict.fromkeys(stages, 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the stages inside the block."""
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        with ExitStack() as stack:
            for stage, (owner, name) in self.stages.items():
                timed = self._timed(stage, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, timed))
            yield

    def _timed(self, stage: str, function: Callable) -> Callable:
        def wrapper(*args: object, **kwargs: object) -> object:
            self.synchronize()
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.synchronize()
                self.seconds[stage] += time.perf_counter() - start

        return wrapper


def start(
    side: str, options: argparse.Namespace, images: Sequence[Tensor], objects: Sequence
) -> tuple[Iterator, torch.nn.Module | None]:
    """An iterator that tracks one frame a step, and the network whose stages are timed, if any."""
    if side in PEERS:
        return PEERS[side](images, objects), None
    model = network_of(options.model, options.size)
    if side == "meta":
        predictor = predictor_of(model)
        return meta(predictor, images, objects), predictor
    accelerate(model.network, options.precision)
    return ours(model, images, objects), model.network


def compare(options: argparse.Namespace, count: int) -> dict[str, dict[str, float]]:
    """Median seconds a frame of every side, in total and by stage; our IoU with Meta."""
    images = pictures(options.size, WARM + options.frames)
    objects = clicked(count, options.size)
    sides = {side: start(side, options, images, objects) for side in options.sides}
    networks = {side: network for side, (_, network) in sides.items() if network}
    watches = {side: Stopwatch(stages_of(network)) for side, network in networks.items()}
    rows: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    agreement = []
    threads = torch.get_num_threads()
    for frame in range(len(images)):
        logits = {}
        for side, (steps, _) in sides.items():
            torch.set_num_threads(threads)  # Ultralytics takes one fewer than there are cores
            watch = watches.get(side)
            with watch.running() if watch else nullcontext():
                begin = time.perf_counter()
                logits[side] = next(steps)
                total = time.perf_counter() - begin
            if frame >= WARM:
                row = {"total": total}
                if watch:
                    row |= {**watch.seconds, "rest": total - sum(watch.seconds.values())}
                rows[side].append(row)
        if {"ours", "meta"} <= logits.keys():
            agreement.append(iou(logits["ours"] > 0, logits["meta"] > 0))
    result = {
        side: {key: median(row[key] for row in taken) for key in taken[0]}
        for side, taken in rows.items()
    }
    if agreement:
        result["ours"]["iou"] = min(agreement)
    return result


def iou(ours: Tensor, theirs: Tensor) -> float:
    """Mean IoU over objects; two empty masks agree."""
    both = (ours & theirs).flatten(1).sum(1).float()
    either = (ours | theirs).flatten(1).sum(1).float()
    return float(torch.where(either > 0, both / either, 1.0).mean())


def peak_memory(side: str, options: argparse.Namespace, count: int) -> float:
    """Peak megabytes of a process that runs one side alone."""
    command = [sys.executable, "-m", "bench.engine", "--alone", side, "--objects", str(count)]
    for option in ("model", "size", "frames", "precision"):
        command += [f"--{option}", str(getattr(options, option))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def run_alone(side: str, options: argparse.Namespace, count: int) -> None:
    """Run one side and print this process's peak memory in megabytes."""
    images = pictures(options.size, WARM + options.frames)
    steps, _ = start(side, options, images, clicked(count, options.size))
    threads = torch.get_num_threads()
    for _ in images:
        torch.set_num_threads(threads)
        next(steps)
    # `ru_maxrss` would start at the memory of the parent process.
    print(json.dumps(memory_of([os.getpid()], peak=True) / 1e6))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=6, help="with a full memory bank")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too")
    parser.add_argument("--sides", choices=SIDES, nargs="+", help="default: all that are installed")
    parser.add_argument("--alone", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        return run_alone(options.alone, options, options.objects[0])
    peers = present() if options.model == "tiny" else []  # the only size that they are built in
    options.sides = options.sides or ["meta", "ours", *peers]
    print(f"{options.model} at {options.size}, seconds a frame, {torch.get_num_threads()} threads")
    print("| objects | side |", " | ".join(COLUMNS), "| peak MB | ratio | IoU |")
    print("|" + "---|" * (len(COLUMNS) + 5))
    for count in options.objects:
        result = compare(options, count)
        for side, row in result.items():
            peak = f"{peak_memory(side, options, count):.0f}" if options.memory else "-"
            seconds = [f"{row[column]:.3f}" if column in row else "-" for column in COLUMNS]
            ratio = f"{result['meta']['total'] / row['total']:.2f}" if "meta" in result else "-"
            agreement = f"{row['iou']:.4f}" if "iou" in row else "-"
            cells = [count, side, *seconds, peak, ratio, agreement]
            print("|", " | ".join(map(str, cells)), "|", flush=True)
    return None


if __name__ == "__main__":
    main()
