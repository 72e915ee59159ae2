"""Seconds a frame of our tracker against Meta's predictor, on equal weights, and against peers.

    python -m bench.engine [--model tiny] [--size 1024] [--objects 1 4 16] [--frames 6]

Each side runs in a process of its own, with the settings that its users have (those of libgomp for
all but ours), and all take turns of a few frames. They are timed from frame 16 on, when the memory
bank is full: 6 memories and 15 object pointers besides those of the clicked frame. Each side fills
its memory bank by tracking, the only way that all of them have; the shortest run of a slow side is
`--frames 1`. Peak memory includes the pictures and, in our process, converting the network if it is
not in the cache. Peers (`bench.peers`) are measured for `tiny` where they are installed.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
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
from sam2_video.engine.model import compile_cache

WARM = 16
"""Frames until the memory bank is full: the clicked one and 15 whose object pointers it holds."""
TURN = 5
"""Frames in one turn. After another side's turn the caches are cold, which within a video they are
not: the median leaves the first frame out."""
SIDES = ("meta", "ours", *PEERS)
COLUMNS = ("total", *STAGES, "rest")
LIBGOMP_SPIN = "300000"
"""Rounds for which threads spin if nothing is set; `import sam2_video` sets fewer."""


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
    accelerate(model.network, options.precision, cache=compile_cache())
    return ours(model, images, objects), model.network


def run_side(connection: Connection, side: str, options: argparse.Namespace, count: int) -> None:
    """Track as many frames as each message says.

    The answer is a list: of each frame, its seconds by column and its masks. The message 0 ends it;
    the answer is the peak memory in bytes.
    """
    images = pictures(options.size, WARM + options.frames)
    steps, network = start(side, options, images, clicked(count, options.size))
    watch = Stopwatch(stages_of(network)) if network else None
    threads = torch.get_num_threads()

    def track() -> tuple[dict[str, float], NDArray[np.bool_] | None]:
        torch.set_num_threads(threads)  # Ultralytics takes one fewer than there are cores
        with watch.running() if watch else nullcontext():
            begin = time.perf_counter()
            logits = next(steps)
            seconds = {"total": time.perf_counter() - begin}
        if not watch:
            return seconds, None
        rest = seconds["total"] - sum(watch.seconds.values())
        return {**seconds, **watch.seconds, "rest": rest}, (logits > 0).numpy()

    while frames := connection.recv():
        connection.send([track() for _ in range(frames)])
    connection.send(memory_of([os.getpid()], peak=True))


@contextmanager
def process_of(side: str, options: argparse.Namespace, count: int) -> Iterator[Connection]:
    """The connection to a new process of `run_side`, which has ended when the block has."""
    context = get_context("spawn")
    connection, theirs = context.Pipe()
    process = context.Process(target=run_side, args=(theirs, side, options, count), daemon=True)
    spin = {} if side == "ours" else {"GOMP_SPINCOUNT": LIBGOMP_SPIN}
    with mock.patch.dict(os.environ, spin):
        process.start()
    theirs.close()
    yield connection
    process.join()


def compare(options: argparse.Namespace, count: int) -> dict[str, dict[str, float]]:
    """Of every side: median seconds a frame, in total and by stage, and peak bytes; our IoU."""
    result: dict[str, dict[str, float]] = {}
    turns = [min(TURN, options.frames - done) for done in range(0, options.frames, TURN)]
    with ExitStack() as stack:
        sides = {
            side: stack.enter_context(process_of(side, options, count)) for side in options.sides
        }
        tracked: dict[str, list] = {side: [] for side in sides}
        for frames in [WARM, *turns]:
            for side, connection in sides.items():
                connection.send(frames)
                tracked[side] += connection.recv()
        for side, connection in sides.items():
            connection.send(0)
            rows = [seconds for seconds, _ in tracked[side][WARM:]]
            result[side] = {key: median(row[key] for row in rows) for key in rows[0]}
            result[side]["peak"] = connection.recv()
    if {"ours", "meta"} <= sides.keys():
        both = zip(tracked["ours"], tracked["meta"], strict=True)
        result["ours"]["iou"] = min(iou(masks, theirs) for (_, masks), (_, theirs) in both)
    return result


def iou(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    """Mean IoU over objects; two empty masks agree."""
    both = (ours & theirs).reshape(len(ours), -1).sum(1)
    either = (ours | theirs).reshape(len(ours), -1).sum(1)
    return float(np.where(either > 0, both / np.maximum(either, 1), 1.0).mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=6, help="with a full memory bank")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--sides", choices=SIDES, nargs="+", help="default: all that are installed")
    options = parser.parse_args()
    peers = present() if options.model == "tiny" else []  # the only size that they are built in
    options.sides = options.sides or ["meta", "ours", *peers]
    print(f"{options.model} at {options.size}, seconds a frame, {torch.get_num_threads()} threads")
    print("| objects | side |", " | ".join(COLUMNS), "| peak MB | ratio | IoU |")
    print("|" + "---|" * (len(COLUMNS) + 5))
    for count in options.objects:
        result = compare(options, count)
        for side, row in result.items():
            seconds = [f"{row[column]:.3f}" if column in row else "-" for column in COLUMNS]
            ratio = f"{result['meta']['total'] / row['total']:.2f}" if "meta" in result else "-"
            agreement = f"{row['iou']:.4f}" if "iou" in row else "-"
            cells = [count, side, *seconds, f"{row['peak'] / 1e6:.0f}", ratio, agreement]
            print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
