"""Step 4: CUDA graphs and several frames at once in the encoder change no mask."""

from functools import partial

import torch
from torch import Tensor

from bench.gpu.check import Check
from bench.gpu.engines import accelerated, agreement, largest_difference, plain_model, track
from bench.sides import clicked, pictures
from sam2_video.accelerate.cuda_graphs import Graphed
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.prompts import Prompt, TrackedObject

PRECISIONS = {"nano": "fp32", "tiny": "auto"}
LEAST_MEAN = {"nano": 0.99, "tiny": 0.95}
"""Other kernels round otherwise: hardly in float32, and in bfloat16 as `auto` does anyway."""
BATCH = 4


def run(check: Check) -> None:
    """Every lever on every scene, twice: the second time all graphs are there."""
    for name in PRECISIONS:
        check.unit(name, partial(_compare, check, name))


def scenes(size: int) -> dict[str, list[TrackedObject]]:
    """One object; groups of different sizes, of which one is first clicked on a later frame."""
    one, *others = clicked(7, size)
    later = [_clicked_on(tracked, 5) for tracked in others[3:5]]
    twice = [_clicked_on(others[5], 0, 4)]
    return {"1 object": [one], "groups of 4, 2 and 1": [one, *others[:3], *later, *twice]}


def _compare(check: Check, name: str) -> None:
    size, count = check.scale.levers_size, check.scale.levers_frames
    images = [image.to(check.device) for image in pictures(size, count)]
    plain, precision = plain_model(name, size, check.device), PRECISIONS[name]
    eager = accelerated(plain, precision)
    levers = {f"{BATCH} frames at once": accelerated(plain, precision, batch=BATCH)}
    if check.is_cuda:
        levers["graphs"] = accelerated(plain, precision, graphs=True)
        levers["both"] = accelerated(plain, precision, graphs=True, batch=BATCH)
    else:
        check.leave_out(f"CUDA graphs with {name}", "only on a GPU")
    for scene, objects in scenes(size).items():
        expected = list(track(eager, images, objects))
        for lever, model in levers.items():
            for turn in (1, 2):
                what = f"{name}, {scene}, {lever}, run {turn}"
                given, kept = _track_and_keep(model, images, objects)
                mean, least = agreement(given, expected)
                check.row(
                    model=f"{name} {precision}",
                    scene=scene,
                    lever=lever,
                    run=turn,
                    mean_IoU=mean,
                    least_IoU=least,
                    largest_difference=largest_difference(given, expected),
                    logits_stay_as_given=kept,
                    graphs=_graphs(model),
                )
                check.expect(mean >= LEAST_MEAN[name], f"{what}: mean IoU is {mean:.4f}")
                check.expect(kept, f"{what}: logits change after they were given")
    for lever, model in levers.items():
        if lever != f"{BATCH} frames at once":
            check.expect(_graphs(model) > 0, f"{name}, {lever}: nothing was captured, see the log")


def _track_and_keep(
    model: LoadedModel, images: list[Tensor], objects: list[TrackedObject]
) -> tuple[list[Tensor], bool]:
    """Copies of all logits, and whether the logits themselves are still the same at the end.

    A graph that gives out its own memory would write over them.
    """
    given, copies = [], []
    for logits in track(model, images, objects):
        given.append(logits)
        copies.append(logits.clone())
    is_kept = all(torch.equal(one, other) for one, other in zip(given, copies, strict=True))
    return copies, is_kept


def _graphs(model: LoadedModel) -> int:
    """How many graphs a model holds."""
    network = model.network
    parts = (
        network.forward_image,
        network.memory_attention.forward,
        network._forward_sam_heads,
        network.memory_encoder.forward,
    )
    return sum(part.graph_count for part in parts if isinstance(part, Graphed))


def _clicked_on(tracked: TrackedObject, *frames: int) -> TrackedObject:
    """The same point, clicked on other frames: the discs drift slowly."""
    (prompt,) = tracked.prompts
    return TrackedObject(
        tracked.name, tuple(Prompt(frame, prompt.points, prompt.labels) for frame in frames)
    )
