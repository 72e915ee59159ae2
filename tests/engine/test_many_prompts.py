"""An object with prompts on more frames than are attended to: the nearest ones count."""

import logging
from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sam2.modeling.sam2_utils import select_closest_cond_frames

from bench.parity import Setting, assert_telling, largest_difference, prompt
from sam2_video.engine.memory_bank import Memory, MemoryBank
from sam2_video.engine.prompts import TrackedObject
from sam2_video.models.load import build_network
from sam2_video.models.registry import find_checkpoint
from tests.engine.conftest import unrounded_memories
from tests.engine.test_parity import TOLERANCE

ATTENDED = 4


def clicked_often(setting: Setting) -> list[TrackedObject]:
    """Seven frames with a foreground click and seven corrections, and an object with fewer."""
    clicks, corrections = (4, 6, 8, 9, 10, 15, 21), (1, 2, 3, 5, 13, 16, 20)
    prompts = [prompt(0, frame, (1,), setting.side) for frame in clicks]
    prompts += [prompt(0, frame, (0,), setting.side) for frame in corrections]
    return [
        TrackedObject("a", tuple(sorted(prompts, key=lambda p: p.frame))),
        TrackedObject("b", tuple(prompt(1, frame, (1,), setting.side) for frame in (4, 12, 18))),
    ]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
def test_mask_logits_are_those_of_meta_with_the_same_setting(
    nano: Setting, reverse: bool, caplog
) -> None:
    tracked = clicked_often(nano)
    caplog.set_level(logging.INFO)
    with (
        unrounded_memories(),
        mock.patch.object(nano.network, "max_cond_frames_in_attn", ATTENDED),
        mock.patch.object(nano.reference.predictor, "max_cond_frames_in_attn", ATTENDED),
    ):
        expected = nano.expected(tracked, reverse)
        ours = nano.track(tracked, reverse)
    assert_telling(expected)
    assert largest_difference(ours, expected) < TOLERANCE
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["object 'a' has prompts on 14 frames: each frame attends to the nearest 4"]
    assert largest_difference(nano.track(tracked, reverse), expected) > 0.1  # with the nearest 32


def test_a_network_attends_to_the_nearest_32() -> None:
    assert build_network(find_checkpoint("nano"), 128).max_cond_frames_in_attn == 32


def memory() -> Memory:
    return Memory(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), torch.zeros(1, 1))


FRAMES = st.sets(st.integers(0, 60), max_size=40)


@given(FRAMES, FRAMES, st.booleans(), st.sampled_from([2, 3, 4, 8, 32]))
def test_a_frame_attends_to_what_meta_selects_from_all(
    clicked: set[int], corrected: set[int], reverse: bool, attended: int
) -> None:
    start = min(clicked, default=30)
    everything = {frame: memory() for frame in sorted(clicked | {start})}
    bank = MemoryBank(7, 16, attended, reverse, dict(everything))
    for frame in range(start, -1, -1) if reverse else range(start, 61):
        if frame in clicked | {start}:
            continue
        given = bank.as_output_dict(frame)["cond_frame_outputs"]
        selected, others = select_closest_cond_frames(frame, everything, attended)
        found, found_others = select_closest_cond_frames(frame, given, attended)
        assert found.keys() == selected.keys()
        sign = -1 if reverse else 1
        behind = {t for t in others if 0 < (frame - t) * sign < 16}
        assert {t for t in found_others if 0 < (frame - t) * sign < 16} == behind
        assert len(given) <= attended + 30
        if frame in corrected:
            everything[frame] = memory()
            bank.add_conditioning(frame, everything[frame])
        else:
            bank.add(frame, memory())


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
def test_corrections_on_every_frame_take_no_more_memory(reverse: bool) -> None:
    start = 1000 if reverse else 0
    bank = MemoryBank(7, 16, 32, reverse, {start: memory()})
    for frame in range(start - 1, 0, -1) if reverse else range(1, 1000):
        bank.add_conditioning(frame, memory())
        assert len(bank.conditioning) <= 32
    newest = range(1, 33) if reverse else range(968, 1000)
    assert sorted(bank.conditioning) == list(newest)
