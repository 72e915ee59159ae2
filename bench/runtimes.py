"""Milliseconds that each part of a network takes by Meta's code and on other runtimes.

    python -m bench.runtimes [--model nano --size 320] [--rounds 20] [--sides ...]

All sides take turns, call by call. A cell is the median of a call in milliseconds, then what the
processor was busy in that time, all threads together: on a machine with other work compare that.
`torch.compile` (weights frozen) compiles each shape anew, which takes minutes, so it runs with one
object only.
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import torch
import torch._inductor.config as inductor
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.sides import network_of
from sam2_video.accelerate.network import keep_freed_memory
from sam2_video.accelerate.parts import Run, parts_of, replace_parts
from sam2_video.accelerate.runtime import Part, compile_part

Call = Callable[[], object]

BANKS = {"filling": (2, 8), "full": (7, 64)}
"""Memories, and tokens of object pointers."""


def calls(network: SAM2Base, counts: Sequence[int]) -> dict[str, Call]:
    """The calls of a network's parts, as tracking makes them, by the name of their row."""
    side, width = network.image_size // 16, network.hidden_dim
    torch.manual_seed(0)
    picture = torch.randn(1, 3, network.image_size, network.image_size)
    features = torch.randn(1, width, side, side)
    finer = [torch.randn(1, width // (2 * k), k * side, k * side) for k in (4, 2)]
    flat = features.flatten(2).permute(2, 0, 1)
    rows: dict[str, Call] = {"encoder": partial(network.forward_image, picture)}
    for bank, (memories, pointers) in BANKS.items():
        memory = torch.randn(memories * side**2 + pointers, 1, network.mem_dim)
        for count in counts if bank == "full" else counts[:1]:
            rows[f"attention, {bank}, {count}"] = partial(
                network.memory_attention,
                curr=[flat.expand(-1, count, -1)],
                curr_pos=[flat.expand(-1, count, -1)],
                memory=3 * memory.repeat(1, count, 1),
                memory_pos=memory.expand(-1, count, -1),
                num_obj_ptr_tokens=pointers,
            )
    for count in counts:
        rows[f"decoder, {count}"] = partial(
            network.sam_mask_decoder.predict_masks,
            image_embeddings=features.repeat(count, 1, 1, 1),
            image_pe=network.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=torch.randn(count, 2, width),
            dense_prompt_embeddings=features.expand(count, -1, -1, -1),
            repeat_image=False,
            high_res_features=[x.expand(count, -1, -1, -1) for x in finer],
        )
    for count in counts:
        rows[f"memory encoder, {count}"] = partial(
            network.memory_encoder,
            features.expand(count, -1, -1, -1),
            torch.randn(count, 1, network.image_size, network.image_size),
            skip_mask_sigmoid=True,
        )
    return rows


def by_torch(part: Part) -> Run:
    """A part compiled by `torch.compile` with frozen weights."""
    inductor.freezing = True
    compiled = torch.compile(part.module.eval(), dynamic=False)

    def run(*inputs: Tensor) -> list[Tensor]:
        outputs = compiled(*inputs)
        return [outputs] if isinstance(outputs, Tensor) else list(outputs)

    return run


def with_parts(network: SAM2Base, compiled: Callable[[Part], Run], dtype: torch.dtype) -> None:
    """Let a network run its parts some other way, in place."""
    replace_parts(
        network, {name: compiled(part) for name, part in parts_of(network, dtype).items()}
    )


CHANGES: dict[str, Callable[[SAM2Base], None]] = {
    "Meta": lambda network: None,
    "torch.compile": lambda network: with_parts(network, by_torch, torch.float32),
    "OpenVINO float32": lambda network: with_parts(
        network, lambda part: compile_part(part, None), torch.float32
    ),
    "OpenVINO bfloat16": lambda network: with_parts(
        network,
        lambda part: compile_part(replace(part, precision=torch.bfloat16), None),
        torch.bfloat16,
    ),
}
COMPILED_PER_SHAPE = ("torch.compile",)


@torch.inference_mode()
def timed(run: Call) -> tuple[float, float]:
    """Milliseconds of a call, and of processor time in it."""
    start, busy = time.perf_counter(), time.process_time()
    run()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - busy)


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sides", choices=CHANGES, nargs="+", default=list(CHANGES))
    options = parser.parse_args()
    keep_freed_memory()
    network = network_of(options.model, options.size).network
    sides: dict[str, dict[str, Call]] = {}
    for side in options.sides:
        changed = deepcopy(network)
        CHANGES[side](changed)
        counts = options.objects[:1] if side in COMPILED_PER_SHAPE else options.objects
        sides[side] = calls(changed, counts)
    print(f"{options.model} at {options.size}, {processor()}, {torch.get_num_threads()} threads")
    print("| part, objects |", " | ".join(sides), "|")
    print("|" + "---|" * (len(sides) + 1))
    for row in calls(network, options.objects):
        runs = {side: rows[row] for side, rows in sides.items() if row in rows}
        for run in runs.values():
            timed(run)
        taken: dict[str, list[tuple[float, float]]] = {side: [] for side in runs}
        for _ in range(options.rounds):
            for side, run in runs.items():
                taken[side].append(timed(run))
        cells = [
            " / ".join(f"{median(x):.1f}" for x in zip(*taken[side], strict=True))
            if side in runs
            else ""
            for side in sides
        ]
        print(f"| {row} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
