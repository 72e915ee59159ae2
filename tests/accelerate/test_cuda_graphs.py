"""What is recorded, replayed and given up, with a recording that needs no GPU."""

import inspect
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sam2_video.accelerate import cuda_graphs
from sam2_video.accelerate import network as accelerate
from sam2_video.accelerate.cuda_graphs import EAGER_CALLS, MAX_SHAPES, Graphed
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
            for own, new in zip(
                cuda_graphs._tensors(outputs), cuda_graphs._tensors(call()), strict=True
            ):
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
def test_equal_calls_in_a_row_are_recorded_once_and_then_replayed() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    call_often(graphed, EAGER_CALLS)
    assert not graph.counts
    call_often(graphed, 5)
    assert graph.counts == {"captures": 1, "replays": 5}  # the first one is the check


@torch.inference_mode()
def test_what_changes_from_call_to_call_is_not_recorded() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    for _ in range(2 * EAGER_CALLS):
        call_often(graphed, 1, size=3)
        call_often(graphed, 1, size=4)
    assert not graph.counts


@torch.inference_mode()
def test_shapes_and_values_and_precisions_have_recordings_of_their_own() -> None:
    graph = FakeGraph()
    graphed = Graphed("double", double, graph)
    call_often(graphed, EAGER_CALLS + 1)
    call_often(graphed, EAGER_CALLS + 1, add=1)
    with torch.autocast("cpu", torch.bfloat16):
        call_often(graphed, EAGER_CALLS + 1)
    assert graph.counts["captures"] == 3
    for size in range(4, 4 + MAX_SHAPES):
        call_often(graphed, EAGER_CALLS + 1, size=size)
    assert graph.counts["captures"] == MAX_SHAPES


@torch.inference_mode()
def test_results_are_the_callers_own() -> None:
    graphed = Graphed("double", double, FakeGraph())
    call_often(graphed, EAGER_CALLS + 1)
    items = [torch.arange(2.0)[:, None].expand(-1, 4)]
    first = graphed(torch.ones(3), items=items)["sum"][0]
    graphed(torch.zeros(3), items=items)
    assert torch.equal(first, torch.full((3,), 2.0))


def test_nothing_is_recorded_where_gradients_may_be_asked_for() -> None:
    graph = FakeGraph()
    call_often(Graphed("double", double, graph), EAGER_CALLS + 2)
    assert not graph.counts


def broken(call: Callable[[], Any], device: torch.device) -> tuple:
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def frozen(call: Callable[[], Any], device: torch.device) -> tuple:
    """What is read on the CPU while recording never changes again."""
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
        (frozen, "its recording gives something else"),
        (not_a_number, "its recording gives something else"),
    ],
)
@torch.inference_mode()
def test_a_bad_recording_is_given_up_for_good_with_one_line(
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
        call_often(graphed, 2 * EAGER_CALLS)
        call_often(graphed, 2 * EAGER_CALLS, size=4)
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
def test_tracking_through_recordings_gives_the_same_masks(mixed: bool, monkeypatch) -> None:
    monkeypatch.setattr("tests.accelerate.test_network.NUM_FRAMES", 5)
    # The bank is still filling up: every frame but the clicked one has a shape of its own.
    monkeypatch.setattr(cuda_graphs, "EAGER_CALLS", 0)
    network, graphed, graph = plain_network("nano", 128), plain_network("nano", 128), FakeGraph()
    if mixed:
        for one in (network, graphed):
            compute_in_bfloat16(one, "cpu")
    replay_graphs(graphed, graph)
    expected = track(network, 128)
    assert not torch.is_autocast_enabled("cpu")
    for _ in range(2):  # the second time everything is replayed
        for one, other in zip(expected, track(graphed, 128), strict=True):
            assert torch.equal(one, other)
    # The encoder and memory encoder; the decoder with a click and without; attention of 4 frames.
    assert graph.counts["captures"] == 1 + 2 + 2 + 4
    # Clicked and tracked frames, of which two objects are clicked one by one. The check of each
    # recording is a replay too.
    encoder, clicks, tracked = 5, 2, 4
    assert graph.counts["replays"] == 2 * (encoder + 2 * clicks + 3 * tracked)


def test_what_is_recorded_reads_no_casts_that_are_thrown_away(monkeypatch) -> None:
    """All but the encoder run under an autocast that outlives the recording of them."""
    monkeypatch.setattr("tests.accelerate.test_network.NUM_FRAMES", 3)
    monkeypatch.setattr(cuda_graphs, "EAGER_CALLS", 0)
    network, graph = plain_network("nano", 128), FakeGraph()
    compute_in_bfloat16(network, "cpu")
    capturing, remembered = False, Counter()

    def capture(call: Callable[[], Any], device: torch.device) -> tuple:
        nonlocal capturing
        capturing = True
        with cuda_graphs._without_cast_cache():
            recording = graph(call, device)
        capturing = False
        return recording

    def look(part: str) -> None:
        if capturing:
            remembered[part, torch.is_autocast_cache_enabled()] += 1

    replay_graphs(network, capture)
    parts = {
        "memory attention": network.memory_attention.layers[0].linear1,
        "mask decoder": network.sam_mask_decoder.transformer.final_attn_token_to_image.q_proj,
        "pointer": network.obj_ptr_proj.layers[0],
        "memory encoder": network.memory_encoder.pix_feat_proj,
    }
    for name, part in parts.items():
        part.register_forward_pre_hook(lambda *_, name=name: look(name))
    track(network, 128)
    assert remembered.keys() == {(name, False) for name in parts}


class Watch(TorchDispatchMode):
    """Notes whatever makes a GPU wait for Python, or Python for it."""

    WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "lift_fresh", "unique")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        result = func(*args, **(kwargs or {}))
        given, made = list(cuda_graphs._tensors(args)), list(cuda_graphs._tensors(result))
        if func.overloadpacket.__name__ in self.WAITING:
            self.seen.append(str(func))
        if any(one.device != other.device for one in given for other in made):
            self.seen.append(f"{func} between devices")
        return result


def recorded_calls(network: SAM2Base) -> dict[str, Callable[[], Any]]:
    """What `replay_graphs` records of a tracked frame of two objects, on a device without data."""
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
def test_what_is_recorded_depends_on_shapes_only(name: str) -> None:
    """On tensors without data: whoever asks one for a value gets an error."""
    network = plain_network(name, 256).to("meta")
    for call in recorded_calls(network).values():
        call()  # positions are computed, and brought to the device, once
        with Watch() as watch:
            call()
        assert not watch.seen


@torch.no_grad()
def test_the_watch_sees_what_may_not_be_recorded() -> None:
    x = torch.empty(3, device="meta")
    with Watch() as watch:
        torch.tensor([1.0, 2.0]).to("meta")
        assert torch.where(x > 0, x, 1.0).shape == (3,)
    assert watch.seen == ["aten.lift_fresh.default", "aten._to_copy.default between devices"]
    with pytest.raises((RuntimeError, NotImplementedError)), Watch():
        bool(x.sum() > 0)


def test_nothing_is_recorded_on_the_cpu(monkeypatch) -> None:
    monkeypatch.setattr(accelerate, "replay_graphs", lambda *_: pytest.fail("recorded"))
    accelerate.accelerate(plain_network("nano", 256))


def test_casts_are_remembered_again_after_a_recording() -> None:
    assert torch.is_autocast_cache_enabled()
    with cuda_graphs._without_cast_cache(), torch.autocast("cpu", torch.bfloat16):
        assert not torch.is_autocast_cache_enabled()
    assert torch.is_autocast_cache_enabled()


def test_a_picture_is_normalized_as_before() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8).transpose(1, 2, 0)
    given = normalize_image(picture, CPU)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((picture / 255 - mean) / deviation).transpose(2, 0, 1)[None]
    assert given.dtype == torch.float32
    assert np.abs(given.numpy() - expected).max() < 1e-5
    assert not given.is_inference()


def test_a_capture_leaves_the_stream_and_the_cast_cache_as_they_were(monkeypatch) -> None:
    """`CudaCapture` against stand-ins for CUDA: which calls it makes, in which order."""
    events: list[str] = []

    @contextmanager
    def entered(name: str) -> Iterator[None]:
        events.append(name)
        try:
            yield
        finally:
            events.append(f"no {name}")

    class Stream:
        def __init__(self, name: str = "side") -> None:
            self.name = name

        def wait_stream(self, other: "Stream") -> None:
            events.append(f"{self.name} waits for {other.name}")

    graph_parameters = inspect.signature(torch.cuda.graph)

    def graph(*args: Any, **kwargs: Any) -> Any:
        given = graph_parameters.bind(*args, **kwargs).arguments
        assert given["stream"].name == "side"
        assert given["pool"] == "pool"
        return entered("capture")

    def call() -> str:
        events.append("call")
        assert not torch.is_autocast_cache_enabled()
        if fails and events[-2] == "capture":
            raise RuntimeError("not permitted")
        return "outputs"

    stand_ins = {
        "mem_get_info": lambda device: (free, 100),
        "memory_reserved": lambda device: 10,
        "memory_allocated": lambda device: 10,
        "device": lambda device: nullcontext(),
        "current_stream": lambda: Stream("caller"),
        "Stream": Stream,
        "stream": lambda stream: entered(stream.name),
        "graph_pool_handle": lambda: "pool",
        "CUDAGraph": lambda: SimpleNamespace(replay="replay"),
        "graph": graph,
    }
    for name, stand_in in stand_ins.items():
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, stand_in)

    free, fails = 90, False
    capture = cuda_graphs.CudaCapture()
    assert capture(call, CPU) == ("replay", "outputs")
    before = ["side waits for caller", "side", *3 * ["call"], "capture", "call", "no capture"]
    assert events == [*before, "no side", "caller waits for side"]
    fails, events[:] = True, []
    with pytest.raises(RuntimeError, match="not permitted"):
        capture(call, CPU)
    assert events[-1] == "no side"
    assert torch.is_autocast_cache_enabled()
    free, events[:] = 40, []
    with pytest.raises(RuntimeError, match="less than half"):
        capture(call, CPU)
    assert not events
