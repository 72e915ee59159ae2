"""Step 3: what `SAM2_PRECISION=auto` does to the masks."""

import json
import tempfile
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from bench.gpu.check import Check
from bench.gpu.engines import accelerated, agreement, plain_model, track
from bench.sides import clicked, pictures
from examples import render
from sam2_video.core.limits import Limits
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import TrackedObject
from sam2_video.prediction.prepare import PromptInputs, prepare
from sam2_video.video.streams import RgbStream

LEAST_MEAN = 0.95


def run(check: Check) -> None:
    """`nano` with its weights on the example clip, `tiny` with random ones on drawn discs."""
    check.unit("nano on the example clip", lambda: _nano(check))
    check.unit("tiny on discs", lambda: _tiny(check))


def _nano(check: Check) -> None:
    size = check.scale.nano_size
    images, objects = _example(size, check.scale.precision_frames, torch.device(check.device))
    _compare(check, "nano", size, "example clip", images, objects)


def _tiny(check: Check) -> None:
    size = check.scale.tiny_size
    images = [image.to(check.device) for image in pictures(size, check.scale.precision_frames)]
    _compare(check, "tiny", size, "discs, random weights", images, clicked(2, size))


def _compare(
    check: Check,
    name: str,
    size: int,
    clip: str,
    images: list[Tensor],
    objects: list[TrackedObject],
) -> None:
    plain = plain_model(name, size, check.device)
    # One after the other: TF32 is a setting of the process.
    exact = list(track(accelerated(plain, "fp32"), images, objects))
    faster = list(track(accelerated(plain, "auto"), images, objects))
    mean, least = agreement(faster, exact)
    check.row(
        model=name,
        size=size,
        clip=clip,
        frames=len(images),
        objects=len(objects),
        mean_IoU=mean,
        least_IoU=least,
    )
    check.expect(any((logits > 0).any() for logits in exact), f"{name} finds nothing")
    check.expect(mean >= LEAST_MEAN, f"{name}: mean IoU is {mean:.3f}, below {LEAST_MEAN}")


def _example(
    size: int, count: int, device: torch.device
) -> tuple[list[Tensor], list[TrackedObject]]:
    """The first frames of the example clip, and its objects with clicks in the network's pixels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render.render(folder)
        given = json.loads((folder / render.CLICKS).read_text())
        order = ("click_coordinates", "click_labels", "click_frames", "click_object_ids")
        clicks = PromptInputs(*(given[key] for key in order))
        with prepare(folder / render.CLIP, clicks, Limits(), RgbStream) as prepared:
            video, objects = prepared.video, prepared.objects
            with closing(prepared.stream.frames(video.num_frames)) as frames:
                images = [
                    normalize_image(shrink(decoded.rgb, size), device)
                    for decoded in islice(frames, count)
                ]
    return images, [_scaled(one, size / video.width, size / video.height) for one in objects]


def _scaled(tracked: TrackedObject, across: float, down: float) -> TrackedObject:
    prompts = tuple(
        replace(prompt, points=tuple((x * across, y * down) for x, y in prompt.points))
        for prompt in tracked.prompts
    )
    return replace(tracked, prompts=prompts)
