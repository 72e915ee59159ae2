"""Our tracker and Meta's predictor on equal weights and pictures, and how far they differ.

`tests/engine/test_parity.py` compares them on the CPU, `bench.gpu` on a GPU.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.reference import MetaReference
from bench.sides import reader_of
from sam2_video.accelerate.network import accelerate
from sam2_video.engine.preprocess import normalize_image
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network
from sam2_video.models.registry import find_checkpoint

NUM_FRAMES = 24
CENTRES = ((0.28, 0.35), (0.55, 0.6), (0.75, 0.3))
COLOURS = ((235, 60, 50), (60, 200, 80), (70, 90, 230))
RANDOM_SEED = 5
CPU = torch.device("cpu")


def centre(k: int, frame: int) -> tuple[float, float]:
    """The centre of disc k, as a fraction of the picture's side."""
    x, y = CENTRES[k]
    return x + 0.008 * frame * (1 - k), y + 0.007 * frame * (-1 if k else 1)


def pictures(side: int) -> Tensor:
    """(24, 3, side, side): three discs that drift over a blurry background."""
    noise = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    background = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    frames = []
    for frame in range(NUM_FRAMES):
        picture = background.copy()
        for k, colour in enumerate(COLOURS):
            x, y = (round(side * v) for v in centre(k, frame))
            cv2.circle(picture, (x, y), side // 9, colour, -1)
        frames.append(normalize_image(picture, torch.device("cpu")))
    return torch.cat(frames)


def prompt(k: int, frame: int, labels: tuple[int, ...], side: int) -> Prompt:
    """Clicks on disc k, and beside it for each background label."""
    x, y = centre(k, frame)
    points = tuple(
        (side * (x + (0 if label else 0.15) + 0.02 * i), side * y) for i, label in enumerate(labels)
    )
    return Prompt(frame, points, labels)


@dataclass
class Setting:
    """A network, its input pictures, and Meta's predictor on both."""

    network: SAM2Base
    images: Tensor
    reference: MetaReference
    side: int

    def one_object(self) -> list[TrackedObject]:
        """Clicked on 8 and 16."""
        prompts = (prompt(0, 8, (1,), self.side), prompt(0, 16, (1, 0), self.side))
        return [TrackedObject("a", prompts)]

    def three_objects(self) -> list[TrackedObject]:
        """Two clicked on 8 and corrected on 4 and 20, one first clicked on 16."""

        def corrected(k: int, labels: tuple[int, ...]) -> tuple[Prompt, ...]:
            return (
                prompt(k, 4, (0,), self.side),
                prompt(k, 8, labels, self.side),
                prompt(k, 20, (0, 0), self.side),
            )

        return [
            TrackedObject("a", corrected(0, (1,))),
            TrackedObject("c", (prompt(2, 16, (1,), self.side),)),
            TrackedObject("b", corrected(1, (1, 0))),
        ]

    def track(self, objects: list[TrackedObject], reverse: bool) -> dict[int, Tensor]:
        """The mask logits of our tracker, for the frames that Meta's predictor returns."""
        conditioning = sorted({p.frame for tracked in objects for p in tracked.conditioning})
        clicked = [(f, self.images[f : f + 1]) for f in conditioning]
        size = (self.side, self.side)
        prompts = encode_prompts(self.network, group_objects(objects), clicked, size, NUM_FRAMES)
        tracking = TrackingPass(self.network, prompts, size, NUM_FRAMES, reverse)
        start = conditioning[0]
        frames = range(start, -1, -1) if reverse else range(start, NUM_FRAMES)
        logits = {f: tracking.step(f, reader_of(self.images[f : f + 1])).logits for f in frames}
        if reverse:
            del logits[start]  # tracked again for its memory only; its output is the forward one
        return logits

    def expected(self, objects: list[TrackedObject], reverse: bool) -> dict[int, Tensor]:
        """The mask logits of Meta's predictor."""
        logits = self.reference.track(objects, reverse=reverse)
        if reverse:
            del logits[max(logits)]
        return logits


def make_setting(
    name: str,
    side: int,
    weights: Callable[[SAM2Base], None],
    device: torch.device = CPU,
) -> Setting:
    """A setting on a device, in float32; our network is as `SAM2_PRECISION=fp32` makes it."""
    checkpoint = find_checkpoint(name)
    torch.manual_seed(RANDOM_SEED)
    plain = build_network(checkpoint, side)
    weights(plain)
    plain.to(device)
    network = deepcopy(plain)
    accelerate(network, "fp32")
    images = pictures(side).to(device)
    encode, encoded = plain.forward_image, {}

    def encode_once(image: Tensor) -> dict[str, list[Tensor]]:
        """Encode each picture once for both: the encoder has a test of its own and is slow."""
        (key,) = (i for i in range(NUM_FRAMES) if torch.equal(images[i : i + 1], image))
        if key not in encoded:
            encoded[key] = encode(image)
        return {k: list(v) for k, v in encoded[key].items() if isinstance(v, list)}

    network.forward_image = plain.forward_image = encode_once
    mask_side = side // 4  # the decoder's resolution, so that no logits are resized
    reference = MetaReference(checkpoint, plain, images, (mask_side, mask_side))
    return Setting(network, images, reference, mask_side)


def largest_difference(ours: dict[int, Tensor], theirs: dict[int, Tensor]) -> float:
    """The largest absolute difference of any logit on any frame."""
    assert ours.keys() == theirs.keys()
    return max(float((ours[f] - theirs[f]).abs().max()) for f in theirs)


def assert_telling(logits: dict[int, Tensor]) -> None:
    """Every object is present and no mask is flat, so that a difference could be seen."""
    for frame, frame_logits in logits.items():
        for k, one in enumerate(frame_logits):
            assert one.min() > -1000, f"object {k} is absent on frame {frame}"
            assert one.std() > 0.05, f"object {k}'s mask is flat on frame {frame}"
