"""Our tracker and Meta's predictor give equal mask logits from equal weights and input tensors.

Two networks are compared: SAM 2.1 tiny at 256 with random weights, for its architecture, and the
embedded nano, whose trained weights make every memory matter. Memories are kept in bfloat16, and
nano is so sensitive to them that a value which both predictors round differently changes its masks.
So it is compared with memories in float32, and with a larger tolerance in bfloat16. The last tests
inject faults, to show that the comparison detects them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from unittest import mock

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import Parameter

from bench.parity import (
    Setting,
    assert_telling,
    largest_difference,
    make_setting,
    prompt,
)
from bench.reference import make_telling
from sam2_video.engine import tracker
from sam2_video.engine.memory_bank import MemoryBank
from sam2_video.engine.prompts import TrackedObject
from tests.engine.conftest import unrounded_memories

TOLERANCE = 1e-4
ROUNDED_TOLERANCE = 2e-2
"""For nano with memories in bfloat16, a few of which are rounded differently."""


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
