"""Our tracker and Meta's predictor give equal mask logits from equal weights and input tensors.

Two networks are compared: SAM 2.1 tiny at 512 with random weights, for its architecture, and the
embedded nano, whose trained weights make every memory matter. Memories are kept in bfloat16, and
nano is so sensitive to them that a value which both predictors round differently changes its masks.
So it is compared with memories in float32, and with a larger tolerance in bfloat16. The last tests
inject faults, to show that the comparison detects them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from sam2 import sam2_video_predictor
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import Parameter

from bench.reference import MetaReference, make_telling
from sam2_video.accelerate.network import rewrite_for_cpu
from sam2_video.engine import tracker
from sam2_video.engine.memory_bank import MemoryBank
from sam2_video.engine.preprocess import normalize_image
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import checkpoint_folder, find_checkpoint

TOLERANCE = 1e-4
ROUNDED_TOLERANCE = 5e-3
"""For nano with memories in bfloat16, a few of which are rounded differently."""
NUM_FRAMES = 24
CENTRES = ((0.28, 0.35), (0.55, 0.6), (0.75, 0.3))
COLOURS = ((235, 60, 50), (60, 200, 80), (70, 90, 230))
RANDOM_SEED = 5


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
        logits = {f: tracking.step(f, lambda f=f: self.images[f : f + 1]) for f in frames}
        if reverse:
            del logits[start]  # tracked again for its memory only; its output is the forward one
        return logits

    def expected(self, objects: list[TrackedObject], reverse: bool) -> dict[int, Tensor]:
        """The mask logits of Meta's predictor."""
        logits = self.reference.track(objects, reverse=reverse)
        if reverse:
            del logits[max(logits)]
        return logits


def make_setting(name: str, side: int, weights: Callable[[SAM2Base], None]) -> Setting:
    checkpoint = find_checkpoint(name)
    torch.manual_seed(RANDOM_SEED)
    plain = build_network(checkpoint, side)
    weights(plain)
    network = deepcopy(plain)
    rewrite_for_cpu(network)
    images = pictures(side)
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


@pytest.fixture(scope="module")
def nano() -> Setting:
    checkpoint = find_checkpoint("nano")
    return make_setting(
        "nano", 256, lambda n: load_weights(n, checkpoint_folder() / checkpoint.file, checkpoint)
    )


@pytest.fixture(scope="module")
def tiny() -> Setting:
    return make_setting("tiny", 512, make_telling)


def largest_difference(ours: dict[int, Tensor], theirs: dict[int, Tensor]) -> float:
    assert ours.keys() == theirs.keys()
    return max(float((ours[f] - theirs[f]).abs().max()) for f in theirs)


def assert_telling(logits: dict[int, Tensor]) -> None:
    """Every object is present and no mask is flat, so that a difference could be seen."""
    for frame, frame_logits in logits.items():
        for k, one in enumerate(frame_logits):
            assert one.min() > -1000, f"object {k} is absent on frame {frame}"
            assert one.std() > 0.05, f"object {k}'s mask is flat on frame {frame}"


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("objects", ["one_object", "three_objects"])
@pytest.mark.parametrize(
    ("network", "rounded", "tolerance"),
    [
        ("nano", False, TOLERANCE),
        ("nano", True, ROUNDED_TOLERANCE),
        ("tiny", True, TOLERANCE),
    ],
    ids=["nano", "nano-rounded", "tiny"],
)
def test_mask_logits_are_those_of_meta(
    network, rounded, tolerance, objects, reverse, request
) -> None:
    setting: Setting = request.getfixturevalue(network)
    tracked = getattr(setting, objects)()
    with nullcontext() if rounded else unrounded_memories():
        expected = setting.expected(tracked, reverse)
        assert_telling(expected)
        assert largest_difference(setting.track(tracked, reverse), expected) < tolerance


class _TorchWithoutBfloat16:
    """`torch` for `sam2.sam2_video_predictor`, which converts memories to `torch.bfloat16`."""

    bfloat16 = torch.float32

    def __getattr__(self, name: str) -> object:
        return getattr(torch, name)


@contextmanager
def unrounded_memories() -> Iterator[None]:
    """Let both predictors keep memories in float32."""
    with (
        mock.patch.object(sam2_video_predictor, "torch", _TorchWithoutBfloat16()),
        mock.patch.object(tracker, "MEMORY_DTYPE", torch.float32),
    ):
        yield


@pytest.fixture(scope="module")
def sensitive_nano() -> Setting:
    """Nano with random weights: trained ones may ignore slots, pointers or old memories."""

    def weights(network: SAM2Base) -> None:
        make_telling(network)
        with torch.no_grad():  # logits as large as those of trained weights
            for hyper in network.sam_mask_decoder.output_hypernetworks_mlps:
                hyper.layers[-1].weight *= 8

    return make_setting("nano", 256, weights)


@pytest.fixture(scope="module")
def expected_from_frame_0(sensitive_nano: Setting) -> dict[int, Tensor]:
    return sensitive_nano.expected(clicked_first(sensitive_nano), reverse=False)


def clicked_first(setting: Setting) -> list[TrackedObject]:
    """An object clicked on frame 0 alone: by frame 16 every memory and pointer is in use."""
    return [TrackedObject("a", (prompt(0, 0, (1,), setting.side),))]


@pytest.mark.parametrize("fault", ["none", "memory", "pointer", "slot", "rounding"])
def test_the_comparison_detects_a_fault(fault, sensitive_nano, expected_from_frame_0) -> None:
    with injected(fault, sensitive_nano.network):
        faulty = sensitive_nano.track(clicked_first(sensitive_nano), reverse=False)
    difference = largest_difference(faulty, expected_from_frame_0)
    assert (difference > TOLERANCE) == (fault != "none")


@contextmanager
def injected(fault: str, network: SAM2Base) -> Iterator[None]:
    """One memory or pointer fewer, two frames in one temporal slot, or no bf16 rounding."""
    slots = network.maskmem_tpos_enc
    fewer_slots = Parameter(slots[[0, 1, 2, 3, 4, 6]], requires_grad=False)
    shared_slots = Parameter(slots[[0, 1, 1, 3, 4, 5, 6]], requires_grad=False)

    def bank_with_one_pointer_fewer(**arguments) -> MemoryBank:
        return MemoryBank(**{**arguments, "num_pointers": arguments["num_pointers"] - 1})

    patches = {
        "none": [],
        "memory": [
            mock.patch.object(network, "num_maskmem", 6),
            mock.patch.object(network, "maskmem_tpos_enc", fewer_slots),
        ],
        "pointer": [mock.patch.object(tracker, "MemoryBank", bank_with_one_pointer_fewer)],
        "slot": [mock.patch.object(network, "maskmem_tpos_enc", shared_slots)],
        "rounding": [mock.patch.object(tracker, "MEMORY_DTYPE", torch.float32)],
    }
    with ExitStack() as stack:
        for patch in patches[fault]:
            stack.enter_context(patch)
        yield
