"""What is captured, replayed and given up, with a capture that needs no GPU."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sam2_video.accelerate import cuda_graphs
from sam2_video.accelerate import network as accelerate
from sam2_video.accelerate.cuda_graphs import (
    MAX_GRAPHS,
    MIN_CALLS,
    Graphed,
)
from sam2_video.accelerate.network import compute_in_bfloat16, replay_graphs
from sam2_video.engine.preprocess import normalize_image
from tests.accelerate.test_network import plain_network, track

CPU = torch.device("cpu")


class FakeGraph:
    """Replays as a CUDA graph does: on the inputs, and into the outputs, of when it was made."""

    def __init__(self) -> None:
        self.counts: Counter = Counter()

    def __call__(self, call: Callable[[], Any], device: torch.device) -> tuple:
        self.counts["captures"] += 1
        outputs = call()

        def replay() -> None:
            self.counts["replays"] += 1
            for own, new in zip(tree_leaves(outputs), tree_leaves(call()), strict=True):
                if isinstance(own, Tensor):
                    own.copy_(new)

        return replay, outputs


def double(x: Tensor, *, items: list[Tensor], add: int = 0) -> dict:
    return {"sum": [2 * x + add, items[0] + 1], "size": (x.shape[0],), "none": None}


def call_often(graphed: Graphed, times: int, size: int = 3, **others: Any) -> None:
    for k in range(times):
        x, item = torch.full((size,), float(k)), torch.arange(2.0)[:, None].expand(-1, 4)
        given = graphed(x, items=[item], **others)
        expected = double(x, items=[item], **others)
        assert list(given) == list(expected)
        assert given["size"] == expected["size"]
        for one, other in zip(given["sum"], expected["sum"], strict=True):
            assert torch.equal(one, other)


@torch.inference_mode()
def test_equal_calls_are_captured_once_and_then_replayed() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    call_often(graphed, MIN_CALLS - 1)
    assert not graph.counts
    call_often(graphed, 5)
    assert graph.counts == {"captures": 1, "replays": 5}  # the first one is the check


@torch.inference_mode()
def test_shapes_that_take_turns_are_captured_each() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    for _ in range(MIN_CALLS):
        for size in range(3, 3 + MAX_GRAPHS):
            call_often(graphed, 1, size=size)
    assert graph.counts["captures"] == MAX_GRAPHS
    for size in range(3, 3 + MAX_GRAPHS):
        call_often(graphed, 2, size=size)
    assert graph.counts == {"captures": MAX_GRAPHS, "replays": 3 * MAX_GRAPHS}


@pytest.mark.parametrize("shapes", [MAX_GRAPHS + 1, 16])
@torch.inference_mode()
def test_more_shapes_than_there_are_graphs_are_not_captured(shapes: int) -> None:
    """A memory bank that fills up again and again, or more groups than graphs."""
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    for _ in range(2 * MIN_CALLS):
        for size in range(3, 3 + shapes):
            call_often(graphed, 1, size=size)
    assert not graph.counts


@torch.inference_mode()
def test_shapes_values_and_precisions_have_graphs_of_their_own() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    call_often(graphed, MIN_CALLS)
    call_often(graphed, MIN_CALLS, add=1)
    with torch.autocast("cpu", torch.bfloat16):
        call_often(graphed, MIN_CALLS)
    assert graph.counts["captures"] == 3


@torch.inference_mode()
def test_a_new_graph_takes_the_place_of_the_one_least_recently_replayed() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    for size in range(3, 4 + MAX_GRAPHS):
        call_often(graphed, MIN_CALLS, size=size)
        call_often(graphed, 1, size=3)  # in use all the time
    assert graph.counts["captures"] == MAX_GRAPHS + 1
    graph.counts.clear()
    call_often(graphed, 1, size=3)
    assert graph.counts == {"replays": 1}
    call_often(graphed, 1, size=4)  # made room
    assert graph.counts == {"replays": 1}


@torch.inference_mode()
def test_results_are_the_callers_own() -> None:
    graphed = Graphed("double", double, FakeGraph())
    call_often(graphed, MIN_CALLS)
    items = [torch.arange(2.0)[:, None].expand(-1, 4)]
    first = graphed(torch.ones(3), items=items)["sum"][0]
    graphed(torch.zeros(3), items=items)
    assert torch.equal(first, torch.full((3,), 2.0))


def test_nothing_is_captured_where_gradients_may_be_asked_for() -> None:
    graph = FakeGraph()
    call_often(Graphed("double", double, graph), MIN_CALLS + 2)
    assert not graph.counts


def broken(call: Callable[[], Any], device: torch.device) -> tuple:
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def frozen(call: Callable[[], Any], device: torch.device) -> tuple:
    """What is read on the CPU during capture never changes again."""
    return (lambda: None), call()


def not_a_number(call: Callable[[], Any], device: torch.device) -> tuple:
    outputs = call()

    def replay() -> None:
        outputs["sum"][0].fill_(float("nan"))

    return replay, outputs


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (broken, "operation not permitted when stream is capturing"),
        (frozen, "its replay gives something else"),
        (not_a_number, "its replay gives something else"),
    ],
)
@torch.inference_mode()
def test_a_bad_graph_is_given_up_for_good_with_one_line(
    capture: Callable, reason: str, caplog
) -> None:
    counts: Counter = Counter()

    def counted(call: Callable[[], Any], device: torch.device) -> tuple:
        counts["captures"] += 1
        return capture(call, device)

    graphed = Graphed("doubling", double, counted)
    package = logging.getLogger("sam2_video")
    package.addHandler(caplog.handler)  # where the log goes is set by whoever runs first
    try:
        call_often(graphed, 2 * MIN_CALLS)
        call_often(graphed, 2 * MIN_CALLS, size=4)
    finally:
        package.removeHandler(caplog.handler)
    assert counts["captures"] == 1
    assert {r.getMessage() for r in caplog.records} == {
        f"the doubling runs without CUDA graphs: {reason}"
    }


@torch.inference_mode()
def test_errors_of_the_callable_itself_are_raised() -> None:
    def fail(x: Tensor) -> Tensor:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        Graphed("failing", fail, FakeGraph())(torch.ones(1))


@pytest.mark.parametrize("mixed", [False, True])
def test_tracking_through_graphs_gives_the_same_masks(mixed: bool, monkeypatch) -> None:
    # The bank is still filling up: every frame but the clicked one has a shape of its own.
    monkeypatch.setattr(cuda_graphs, "MIN_CALLS", 1)
    network, graphed, graph = plain_network("nano", 128), plain_network("nano", 128), FakeGraph()
    if mixed:
        for one in (network, graphed):
            compute_in_bfloat16(one, "cpu")
    replay_graphs(graphed, graph)
    expected = track(network, 128, 5)
    assert not torch.is_autocast_enabled("cpu")
    for _ in range(2):  # the second time everything is replayed
        for one, other in zip(expected, track(graphed, 128, 5), strict=True):
            assert torch.equal(one, other)
    # The encoder and memory encoder; the decoder with a click and without; attention of 4 frames.
    assert graph.counts["captures"] == 1 + 2 + 2 + 4
    # Clicked and tracked frames, of which two objects are clicked one by one. The check of each
    # graph is a replay too.
    encoder, clicks, tracked = 5, 2, 4
    assert graph.counts["replays"] == 2 * (encoder + 2 * clicks + 3 * tracked)


def test_autocast_converts_no_weights_and_remembers_no_conversions() -> None:
    """A graph would go on reading a conversion from memory that autocast has given back."""
    network = plain_network("tiny", 128)
    compute_in_bfloat16(network, "cpu")
    seen: Counter = Counter()

    def look(module: torch.nn.Module, *_: object) -> None:
        seen[module.weight.dtype, torch.is_autocast_cache_enabled()] += 1

    for module in network.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_pre_hook(look)
    track(network, 128, num_frames=2)
    assert seen.keys() == {(torch.bfloat16, False)}
    assert torch.is_autocast_cache_enabled()


def tensors_in(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


class Watch(TorchDispatchMode):
    """Notes whatever makes a GPU wait for Python, or Python for it."""

    WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "lift_fresh", "unique")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        result = func(*args, **(kwargs or {}))
        given, made = tensors_in(args), tensors_in(result)
        if func.overloadpacket.__name__ in self.WAITING:
            self.seen.append(str(func))
        if any(one.device != other.device for one in given for other in made):
            self.seen.append(f"{func} between devices")
        return result


def captured_calls(network: SAM2Base) -> dict[str, Callable[[], Any]]:
    """What `replay_graphs` captures of a tracked frame of two objects, on a device without data."""
    side, width = network.image_size, network.hidden_dim

    def tensor(*shape: int) -> Tensor:
        return torch.empty(*shape, device="meta")

    places = (side // 16) ** 2
    memories, pointers = 7 * places, 16 * width // network.mem_dim
    pixels = tensor(2, width, side // 16, side // 16)
    fine = [tensor(2, width // 8, side // 4, side // 4)]
    fine += [tensor(2, width // 4, side // 8, side // 8)]
    return {
        "image encoder": lambda: network.forward_image(tensor(1, 3, side, side)),
        "memory attention": lambda: network.memory_attention(
            curr=[tensor(places, 2, width)],
            curr_pos=[tensor(places, 2, width)],
            memory=tensor(memories + pointers, 2, network.mem_dim),
            memory_pos=tensor(memories + pointers, 2, network.mem_dim),
            num_obj_ptr_tokens=pointers,
        ),
        "mask decoder": lambda: network._forward_sam_heads(
            backbone_features=pixels, high_res_features=fine, multimask_output=True
        ),
        "mask decoder, one mask": lambda: network._forward_sam_heads(
            backbone_features=pixels, high_res_features=fine, multimask_output=False
        ),
        "memory encoder": lambda: network.memory_encoder(pixels, tensor(2, 1, side, side), True),
    }


@pytest.mark.parametrize("name", ["nano", "tiny"])
@torch.no_grad()
def test_what_is_captured_depends_on_shapes_only(name: str) -> None:
    """On tensors without data: whoever asks one for a value gets an error."""
    network = plain_network(name, 256).to("meta")
    for call in captured_calls(network).values():
        call()  # positions are computed, and brought to the device, once
        with Watch() as watch:
            call()
        assert not watch.seen


@torch.no_grad()
def test_the_watch_sees_what_cannot_be_captured() -> None:
    x = torch.empty(3, device="meta")
    with Watch() as watch:
        torch.tensor([1.0, 2.0]).to("meta")
        assert torch.where(x > 0, x, 1.0).shape == (3,)
    assert watch.seen == ["aten.lift_fresh.default", "aten._to_copy.default between devices"]
    with pytest.raises((RuntimeError, NotImplementedError)), Watch():
        bool(x.sum() > 0)


def test_nothing_is_captured_on_the_cpu(monkeypatch) -> None:
    monkeypatch.setattr(accelerate, "replay_graphs", lambda *_: pytest.fail("captured"))
    accelerate.accelerate(plain_network("nano", 256), cuda_graphs=True)


def test_a_picture_is_normalized_as_before() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8).transpose(1, 2, 0)
    given = normalize_image(picture, CPU)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((picture / 255 - mean) / deviation).transpose(2, 0, 1)[None]
    assert given.dtype == torch.float32
    assert np.abs(given.numpy() - expected).max() < 1e-5
    assert not given.is_inference()
