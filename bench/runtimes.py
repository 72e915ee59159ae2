"""Milliseconds that each part of a network takes by Meta's code, by ours and by other runtimes.

    python -m bench.runtimes [--model nano --size 320] [--rounds 20] [--sides ...]

All sides take turns, call by call. A cell is the median of a call in milliseconds, then what the
processor was busy in that time, all threads together: on a machine with other work compare that.
`torch.compile` (weights frozen) and ONNX Runtime compile each shape anew, which takes minutes, so
they run with one object only.
"""

import argparse
import io
import resource
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import median

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.sides import network_of
from sam2_video.accelerate.matmul import FLOAT32
from sam2_video.accelerate.network import fastest_precision, keep_freed_memory, rewrite_for_cpu
from sam2_video.accelerate.parts import parts_of, replace_parts
from sam2_video.accelerate.runtime import Part, compile_part

Run = Callable[[], object]

BANKS = {"filling": (2, 8), "full": (7, 64)}
"""Memories, and tokens of object pointers."""
SIDES = ("Meta", "ours float32", "ours auto", "torch.compile", "ONNX", "OpenVINO float32", "OpenVINO bfloat16")


def calls(network: SAM2Base, counts: Sequence[int]) -> dict[str, Run]:
    """The calls of a network's parts, as tracking makes them, by the name of their row."""
    side, width = network.image_size // 16, network.hidden_dim
    torch.manual_seed(0)
    picture = torch.randn(1, 3, network.image_size, network.image_size)
    features = torch.randn(1, width, side, side)
    finer = [torch.randn(1, width // (2 * k), k * side, k * side) for k in (4, 2)]
    flat = features.flatten(2).permute(2, 0, 1)
    rows: dict[str, Run] = {"encoder": partial(network.forward_image, picture)}
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


class Compiled:
    """A part that `torch.compile` or ONNX Runtime runs, called as a `CompiledPart` is."""

    def __init__(self, run: Callable[..., Sequence[Tensor]]) -> None:
        self.run = run

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The outputs of the part."""
        outputs = self.run(*inputs)
        return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def by_torch(part: Part) -> Compiled:
    """A part compiled by `torch.compile` with frozen weights."""
    torch._inductor.config.freezing = True
    return Compiled(torch.compile(part.module.eval(), dynamic=False))


def by_onnx(part: Part) -> Compiled:
    """A part run by ONNX Runtime, where it and `onnxscript` are installed."""
    import onnxruntime

    lengths: dict[int, torch.export.Dim] = {}
    file = io.BytesIO()
    del lengths
    program = torch.onnx.export(part.module.eval(), part.example, dynamo=True)
    program.save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    names = [x.name for x in session.get_inputs()]

    def run(*inputs: Tensor) -> list[Tensor]:
        arrays = dict(zip(names, (x.contiguous().numpy() for x in inputs), strict=True))
        return [torch.from_numpy(x) for x in session.run(None, arrays)]

    return Compiled(run)
