"""What tracking keeps in memory, and that objects share its work."""

import gc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from unittest import mock

import pytest
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, strided

from bench.parity import NUM_FRAMES, centre, pictures
from sam2_video.accelerate.network import compute_in_bfloat16, run_on_openvino
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from tests.accelerate.test_network import plain_network

SIDE = 128
FULL = 16
"""With a click on frame 0, all memories and pointers are in use from this frame on."""


def clicked(count: int, *frames: int) -> list[TrackedObject]:
    """Objects that are all clicked on the same frames."""
    return [
        TrackedObject(
            str(k),
            tuple(Prompt(f, (tuple(SIDE * v for v in centre(k, f)),), (1,)) for f in frames),
        )
        for k in range(count)
    ]


def begin(network: SAM2Base, objects: list[TrackedObject], limit: int = 8) -> TrackingPass:
    images, groups = pictures(SIDE), group_objects(objects, limit)
    frames = sorted({p.frame for tracked in objects for p in tracked.prompts})
    given = [(frame, images[frame : frame + 1]) for frame in frames]
    prompts = encode_prompts(network, groups, given, (SIDE, SIDE), NUM_FRAMES)
    return TrackingPass(network, prompts, (SIDE, SIDE), NUM_FRAMES)


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors inside dataclasses, dicts, lists and tuples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)
    elif is_dataclass(value):
        yield from tensors([getattr(value, field.name) for field in fields(value)])


def nbytes(kept: Iterator[Tensor]) -> int:
    """Bytes of the storages of tensors; a storage counts once and in full."""
    storages = [t.untyped_storage() for t in kept if t.layout == strided]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def alive() -> Iterator[Tensor]:
    """All tensors that Python knows of."""
    gc.collect()
    return (x for x in gc.get_objects() if issubclass(type(x), Tensor))


@pytest.mark.parametrize(
    ("count", "frames", "autocast"),
    [(1, (0,), False), (3, (0,), False), (3, (0, 5), False), (3, (0,), True)],
)
def test_tracking_keeps_as_many_bytes_as_documented(
    count: int, frames: tuple, autocast: bool
) -> None:
    network = plain_network("nano", SIDE)
    if autocast:  # as on CUDA
        compute_in_bfloat16(network, "cpu")
    else:
        run_on_openvino(network)
    num_positions, clicks = (SIDE // 16) ** 2, len(frames)
    # Memories of the six frames before this one and of the clicked frames.
    memories = (network.num_maskmem - 1 + clicks) * num_positions * network.mem_dim * 2
    pointers = (network.max_obj_ptrs_in_encoder - 1 + clicks) * network.hidden_dim * 4
    masks = clicks * ((SIDE // 4) ** 2 + 1) * 4  # logits and a score
    position_encoding = num_positions * network.mem_dim * (2 if autocast else 4)
    documented = count * (memories + pointers + masks) + position_encoding

    tracking, images = begin(network, clicked(count, *frames)), pictures(SIDE)
    kept, everything = [], []
    last = FULL + max(frames) + 2
    for frame in range(last + 1):
        tracking.step(frame, lambda frame=frame: images[frame : frame + 1])
        if frame >= last - 2:
            kept.append(nbytes(tensors([tracking.prompts, tracking.banks])))
            everything.append(nbytes(alive()))
    assert kept == [documented] * 3
    assert len(set(everything)) == 1


@pytest.mark.parametrize(
    ("objects", "limit", "groups"),
    [
        (clicked(3, 0), 8, [(0, 1, 2)]),
        (clicked(3, 0), 2, [(0, 1), (2,)]),
        ([*clicked(1, 0), *clicked(1, 0, 1), *clicked(1, 0)], 8, [(0, 2), (1,)]),
    ],
)
def test_objects_share_the_encoder_and_each_group_is_one_batch(
    objects: list, limit: int, groups: list
) -> None:
    assert [group.indices for group in group_objects(objects, limit)] == groups
    network, images = plain_network("nano", SIDE), pictures(SIDE)
    tracking = begin(network, objects, limit)
    for frame in range(4):
        with (
            mock.patch.object(network, "forward_image", wraps=network.forward_image) as encode,
            mock.patch.object(network, "track_step", wraps=network.track_step) as step,
        ):
            tracking.step(frame, lambda frame=frame: images[frame : frame + 1])
        if frame == 0:  # clicked for all objects
            assert (encode.call_count, step.call_count) == (0, 0)
        elif frame >= 2:
            assert (encode.call_count, step.call_count) == (1, len(groups))
