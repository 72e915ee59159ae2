"""Step 5: seconds a frame of the engine alone, ours and Meta's, with a full memory bank."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

import torch
from torch import Tensor

from bench.gpu.check import Check
from bench.gpu.engines import (
    accelerated,
    forget_peak,
    peak_bytes,
    plain_model,
    tf32,
    timed_block,
    track,
    weight_bytes,
)
from bench.sides import clicked, meta, pictures, predictor_of
from sam2_video.accelerate.cuda_graphs import MIN_CALLS, Graphed
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.tracker import encode_images

META = "Meta, bfloat16 autocast"
BATCH = 4


@dataclass
class Side:
    """One way to track, while it is measured.

    Attributes:
        steps: a frame each.
        is_mixed: it needs bfloat16 autocast around it.
        weights: bytes of its network.
        peak: bytes that it took at most while it warmed up, without its weights.
        seconds: a frame, of each block.
    """

    steps: Iterator[Tensor]
    is_mixed: bool
    weights: int
    peak: int | None = None
    seconds: list[float] = field(default_factory=list)


def run(check: Check) -> None:
    """The most important rows first: large with one object, with several, then Meta compiled."""
    for name in check.scale.models:
        check.unit(name, partial(_model, check, name))
    order = [("tiny", 1), *((name, 1) for name in check.scale.models if name != "tiny")]
    for name, count in order:
        if check.is_cuda:
            what = f"Meta's vos_optimized, {name}, {count} object"
            check.unit(what, partial(_compiled, check, name, count))
        else:
            check.leave_out(f"Meta's vos_optimized, {name}", "it compiles for a GPU")


def _model(check: Check, name: str) -> None:
    plain = plain_model(name, check.scale.speed_size, check.device)
    eager = accelerated(plain, "auto")
    models = {"ours": eager, f"ours, {BATCH} frames at once": replace(eager, encoder_batch=BATCH)}
    if check.is_cuda:
        graphed = accelerated(plain, "auto", graphs=True)
        models["ours, graphs"] = graphed
        models["ours, both"] = replace(graphed, encoder_batch=BATCH)
    else:
        check.leave_out(f"CUDA graphs of {name}", "only on a GPU")
    for count in (1, check.scale.many):
        what = f"{name}, {count} objects"
        check.unit(what, partial(_sides, check, name, count, plain, models))


def _sides(
    check: Check, name: str, count: int, plain: LoadedModel, models: dict[str, LoadedModel]
) -> None:
    scale, device = check.scale, check.device
    number = scale.warm + scale.rounds * (scale.block + 1)
    images = [image.to(device) for image in pictures(scale.speed_size, number)]
    objects = clicked(count, scale.speed_size)
    predictor = predictor_of(plain)
    sides = {META: Side(meta(predictor, images, objects), True, weight_bytes(predictor))}
    for label, model in models.items():
        network = weight_bytes(model.network)
        sides[label] = Side(track(model, images, objects), False, network)
    with tf32(True):
        for model in models.values():
            _encode_batches(model, images)
        for side in sides.values():
            before = forget_peak(device)
            timed_block(side.steps, scale.warm - 1, device, side.is_mixed)
            peak = peak_bytes(device)
            side.peak = None if peak is None else peak - before
        for _ in range(scale.rounds):
            for side in sides.values():
                taken = timed_block(side.steps, scale.block, device, side.is_mixed)
                side.seconds.append(taken)
    base = median(sides[META].seconds)
    for label, side in sides.items():
        seconds = median(side.seconds)
        check.row(
            model=name,
            size=scale.speed_size,
            objects=count,
            side=label,
            ms_a_frame=1000 * seconds,
            frames_a_second=1 / seconds,
            times_Meta=base / seconds,
            peak_MB=None if side.peak is None else (side.peak + side.weights) / 1e6,
            note="",
        )


def _encode_batches(model: LoadedModel, images: list[Tensor]) -> None:
    """Encode so many batches that a CUDA graph of them is captured.

    A whole batch is encoded only every few frames: tracking would capture it too late.
    """
    if isinstance(model.network.forward_image, Graphed):
        batch = torch.cat(images[: model.encoder_batch])
        for _ in range(MIN_CALLS):
            encode_images(model.network, batch)


def _compiled(check: Check, name: str, count: int) -> None:
    """In a process of its own, which is killed when the step's time is up."""
    command = [sys.executable, "-m", "bench.gpu.compiled", "--model", name]
    command += ["--objects", str(count), "--size", str(check.scale.speed_size)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=max(1.0, check.seconds_left)
        )
    except subprocess.TimeoutExpired:
        check.leave_out(f"Meta's vos_optimized, {name}", "the step's time was up while it compiled")
        return
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise RuntimeError(f"it ends with code {done.returncode}: {last[0]}")
    found = json.loads(done.stdout.splitlines()[-1])
    check.row(
        model=name,
        size=check.scale.speed_size,
        objects=count,
        side="Meta, vos_optimized",
        ms_a_frame=1000 * found["seconds"],
        frames_a_second=1 / found["seconds"],
        times_Meta=None,
        peak_MB=found["peak"] / 1e6,
        note=f"alone; first pass, in which it compiles: {found['first_pass']:.0f} s",
    )
