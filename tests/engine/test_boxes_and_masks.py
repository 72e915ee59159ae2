"""Boxes and masks as prompts give what Meta's predictor gives, forward and backward."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.parity import Setting, assert_telling, centre, largest_difference, prompt
from sam2_video.engine.prompts import Prompt, ReadMask, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_image, encode_prompts, group_objects
from tests.engine.conftest import unrounded_memories
from tests.engine.test_parity import TOLERANCE


def box(k: int, frame: int, side: int) -> tuple[float, float, float, float]:
    """Around disc k, in a video of `side` pixels."""
    x, y = (side * v for v in centre(k, frame))
    radius = side / 9 + 1
    return x - radius, y - radius, x + radius, y + radius


def disc(k: int, frame: int, side: int) -> ReadMask:
    """Gives disc k: (side, side) bool."""
    x, y = (side * v for v in centre(k, frame))
    rows, columns = np.mgrid[:side, :side]
    return lambda: (columns - x) ** 2 + (rows - y) ** 2 < (side / 9) ** 2


def boxed(side: int) -> list[TrackedObject]:
    return [TrackedObject("a", (Prompt(8, box=box(0, 8, side)), Prompt(16, box=box(0, 16, side))))]


def boxed_and_clicked(side: int) -> list[TrackedObject]:
    """On one frame a box with a foreground and a background click, on another with the latter."""
    return [
        TrackedObject(
            "a",
            (
                replace(prompt(0, 8, (1, 0), side), box=box(0, 8, side)),
                replace(prompt(0, 16, (0,), side), box=box(0, 16, side)),
            ),
        )
    ]


def masked(side: int) -> list[TrackedObject]:
    """A small mask is enlarged to the model's input, a large one shrunk."""
    prompts = Prompt(8, mask=disc(0, 8, side)), Prompt(16, mask=disc(0, 16, 5 * side))
    return [TrackedObject("a", prompts)]


def masked_and_refined(side: int) -> list[TrackedObject]:
    """By one click, by several, by a box; and corrected in both directions."""
    given = disc(0, 8, side)
    return [
        TrackedObject(
            name,
            (
                prompt(0, 4, (0,), side),
                replace(refined, mask=given),
                prompt(0, 12, (0,), side),
            ),
        )
        for name, refined in (
            ("a", prompt(0, 8, (1,), side)),
            ("b", prompt(0, 8, (0, 1), side)),
            ("c", replace(prompt(0, 8, (0,), side), box=box(0, 8, side))),
        )
    ]


def first_given_later(side: int) -> list[TrackedObject]:
    """An object given by a box, one by a mask, on frames after that of a click."""
    return [
        TrackedObject("a", (prompt(0, 8, (1,), side),)),
        TrackedObject("b", (Prompt(14, box=box(1, 14, side)),)),
        TrackedObject("c", (Prompt(16, mask=disc(2, 16, side)),)),
    ]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize(
    "objects", [boxed, boxed_and_clicked, masked, masked_and_refined, first_given_later]
)
def test_mask_logits_are_those_of_meta(objects, reverse: bool, nano: Setting) -> None:
    tracked = objects(nano.side)
    with unrounded_memories():
        expected = nano.expected(tracked, reverse)
        assert_telling(expected)
        assert largest_difference(nano.track(tracked, reverse), expected) < TOLERANCE


def test_with_another_network(tiny: Setting) -> None:
    tracked = [replace(boxed_and_clicked(tiny.side)[0], name="d"), masked_and_refined(tiny.side)[0]]
    ours, expected = (side(tracked, True) for side in (tiny.track, tiny.expected))
    assert_telling(expected)
    assert largest_difference(ours, expected) < TOLERANCE


@pytest.mark.parametrize("corrected", [False, True])
def test_scores_are_the_models_own(corrected: bool, nano: Setting, monkeypatch) -> None:
    """As the network's heads give them: predicted IoU times presence."""
    network, side, heads = nano.network, nano.side, []
    inner = network._forward_sam_heads

    def recorded(*args, **kwargs):
        heads.append(inner(*args, **kwargs))
        return heads[-1]

    monkeypatch.setattr(network, "_forward_sam_heads", recorded)
    monkeypatch.setattr(network, "multimask_output_in_sam", True)  # nano itself makes one mask
    corrections = (prompt(0, 1, (0,), side),) if corrected else ()
    objects = [
        TrackedObject("a", (prompt(0, 0, (1,), side), *corrections)),
        TrackedObject("b", (Prompt(0, mask=disc(1, 0, side)),)),
    ]
    images, size = nano.images, (side, side)
    prompts = encode_prompts(network, group_objects(objects), [(0, images[:1])], size, 2)
    clicked = heads[0]
    tracking = TrackingPass(network, prompts, size, 2)
    first = tracking.step_encoded(0, None).scores
    assert first.shape == (2,)
    assert first.dtype == torch.float32
    assert clicked[2].shape == (1, 3)  # one click: the best of three masks
    assert first[0] == clicked[2].max() * clicked[6].sigmoid()
    assert first[1] == torch.tensor(10.0).sigmoid()  # a mask that is given is right

    heads.clear()
    scores = tracking.step_encoded(1, encode_image(network, images[1:2])).scores
    assert scores.shape == (2,)
    last = heads[1 if corrected else 0]
    assert scores[0] == (last[2].amax(1) * last[6].sigmoid()[:, 0])[0]
    assert scores.min() > 0.5
    assert scores.max() <= 1


def test_an_object_that_is_out_of_sight_scores_0(nano: Setting, monkeypatch) -> None:
    decoder, side = nano.network.sam_mask_decoder, nano.side
    inner = decoder.predict_masks

    def out_of_sight(*args, **kwargs):
        *found, presence = inner(*args, **kwargs)
        return *found, torch.full_like(presence, -0.1)

    monkeypatch.setattr(decoder, "predict_masks", out_of_sight)
    objects = group_objects([TrackedObject("a", (prompt(0, 0, (1,), side),))])
    (prompts,) = encode_prompts(nano.network, objects, [(0, nano.images[:1])], (side, side), 2)
    assert prompts.masks[0].logits.eq(-1024).all()
    assert prompts.masks[0].scores.tolist() == [0.0]
