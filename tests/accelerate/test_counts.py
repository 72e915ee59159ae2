"""What tracking keeps and what it computes, counted: neither depends on how long it has gone on."""

import gc
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.parity import NUM_FRAMES, centre, pictures
from sam2_video.accelerate.network import compute_in_bfloat16, rewrite_for_cpu
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from tests.accelerate.test_network import plain_network

SIDE = 128
FULL = 16  # from this frame on, with a click on frame 0, every memory and pointer is in use
CLICK_ON_0 = (0,)


def tensors(value: Any) -> Iterator[Tensor]:
    """All that can be reached by way of dataclasses, dicts, lists and tuples; not the network."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from tensors(getattr(value, field.name))


def nbytes(kept: Iterator[Tensor]) -> int:
    """Bytes behind tensors, each storage once and whole, however little of it a tensor shows."""
    storages = [t.untyped_storage() for t in kept if t.layout == torch.strided]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def alive() -> Iterator[Tensor]:
    """Every tensor of this process that Python knows of."""
    gc.collect()
    return (x for x in gc.get_objects() if issubclass(type(x), Tensor))


def clicked(count: int, frames: tuple[int, ...]) -> list[TrackedObject]:
    """So many objects, all clicked on the same frames."""
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


@pytest.mark.parametrize(
    ("count", "frames", "way"),
    [
        (1, CLICK_ON_0, "rewritten"),
        (3, CLICK_ON_0, "rewritten"),
        (3, (0, 5), "rewritten"),
        (3, CLICK_ON_0, "autocast"),
    ],
)
def test_as_many_bytes_are_kept_as_documented(count: int, frames: tuple, way: str) -> None:
    network = plain_network("nano", SIDE)
    if way == "rewritten":
        rewrite_for_cpu(network)
    else:  # as on CUDA
        compute_in_bfloat16(network, "cpu")
    places, clicks = (SIDE // 16) ** 2, len(frames)
    # The six frames before this one have memories, the clicked ones besides.
    memories = (network.num_maskmem - 1 + clicks) * places * network.mem_dim * 2
    pointers = (network.max_obj_ptrs_in_encoder - 1 + clicks) * network.hidden_dim * 4
    masks = clicks * (SIDE // 4) ** 2 * 4
    position = places * network.mem_dim * (4 if way == "rewritten" else 2)
    documented = count * (memories + pointers + masks) + position

    tracking, images = begin(network, clicked(count, frames)), pictures(SIDE)
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
        (clicked(1, CLICK_ON_0), 8, 1),
        (clicked(3, CLICK_ON_0), 8, 1),
        (clicked(3, CLICK_ON_0), 2, 2),
        ([*clicked(3, CLICK_ON_0)[:2], *clicked(3, (0, 1))[2:]], 8, 2),
    ],
)
def test_a_frame_is_encoded_once_and_tracked_once_a_group(
    objects: list, limit: int, groups: int, monkeypatch
) -> None:
    network, images = plain_network("nano", SIDE), pictures(SIDE)
    tracking = begin(network, objects, limit)
    counts: Counter = Counter()

    def count(owner: torch.nn.Module, method: str, name: str) -> None:
        call = getattr(owner, method)

        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return call(*args, **kwargs)

        monkeypatch.setattr(owner, method, counted)

    count(network, "forward_image", "encoder")
    count(network, "track_step", "step")
    count(network, "_forward_sam_heads", "decoder")
    count(network.memory_attention, "forward", "attention")
    count(network.memory_encoder, "forward", "memory")
    for frame in range(4):
        counts.clear()
        tracking.step(frame, lambda frame=frame: images[frame : frame + 1])
        if frame == 0:  # clicked for all of them
            assert not counts
        elif frame >= 2:
            each = dict.fromkeys(("step", "decoder", "attention", "memory"), groups)
            assert counts == {"encoder": 1, **each}
