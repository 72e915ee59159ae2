"""Milliseconds that each part of a network takes by Meta's code and on other runtimes.

    python -m bench.runtimes [--model nano --size 320] [--rounds 20] [--sides ...]

All sides take turns of a few calls. A cell is the median of a call in milliseconds, then what the
processor was busy in that time, all threads together: on a machine with other work compare that.
`torch.compile` (weights frozen) compiles each shape anew, which takes minutes, so it runs with one
object only. ONNX Runtime is measured where `onnx` and `onnxruntime` are installed, which this
project does not need.
"""

import argparse
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import torch
import torch._inductor.config as inductor
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.sides import network_of
from sam2_video.accelerate.network import keep_freed_memory
from sam2_video.accelerate.parts import Run, parts_of, replace_parts
from sam2_video.accelerate.runtime import DYNAMIC, Part, compile_part
from sam2_video.models.nano.trunk import SameConv2d

Call = Callable[[], object]

TURN = 5
"""Calls in one turn. Threads of the library before go on spinning for a while: the first call of a
turn is slower, and the median leaves it out."""
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


def by_onnx_runtime(part: Part) -> Run:
    """A part exported to ONNX and run by ONNX Runtime, whose CPU kernels compute in float32."""
    import onnxruntime

    module = part.module
    for layer in module.modules():  # the exporter takes no kernel that is computed
        if isinstance(layer, SameConv2d) and layer.uneven:
            layer.weight, layer.uneven = torch.nn.Parameter(layer.shifted(layer.weight)), False
    names = [f"input_{i}" for i in range(len(part.example))]
    lengths = {
        name: {axis: f"{name}_{axis}" for axis, length in enumerate(shape) if length == DYNAMIC}
        for name, shape in zip(names, part.shapes, strict=True)
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad():
            torch.onnx.export(
                module,
                part.example,
                file.name,
                dynamo=False,  # the other exporter fails in the mask decoder
                input_names=names,
                dynamic_axes=lengths,
                opset_version=18,
            )
        session = onnxruntime.InferenceSession(
            file.name, options, providers=["CPUExecutionProvider"]
        )

    def run(*inputs: Tensor) -> list[Tensor]:
        arrays = {name: x.contiguous().numpy() for name, x in zip(names, inputs, strict=True)}
        return [torch.from_numpy(x) for x in session.run(None, arrays)]

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
if find_spec("onnx") and find_spec("onnxruntime"):
    CHANGES["ONNX Runtime float32"] = lambda network: with_parts(
        network, by_onnx_runtime, torch.float32
    )
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
        for done in range(0, options.rounds, TURN):
            for side, run in runs.items():
                taken[side] += [timed(run) for _ in range(min(TURN, options.rounds - done))]
        cells = [
            " / ".join(f"{median(x):.1f}" for x in zip(*taken[side], strict=True))
            if side in runs
            else ""
            for side in sides
        ]
        print(f"| {row} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
