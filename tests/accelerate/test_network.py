"""The rewritten network computes what the original does."""

import math
from collections import Counter
from copy import deepcopy

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.parity import NUM_FRAMES, centre, pictures
from sam2_video.accelerate import attention, matmul, memory_attention
from sam2_video.accelerate.attention import Float32Scores, attend
from sam2_video.accelerate.matmul import FLOAT32, PackedLinear, Precision
from sam2_video.accelerate.memory_attention import FastMemoryAttention
from sam2_video.accelerate.memory_encoder import FastMemoryEncoder
from sam2_video.accelerate.network import compute_in_bfloat16, rewrite_for_cpu, supports_bfloat16
from sam2_video.engine.model import load_model
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import CheckpointError, checkpoint_folder, find_checkpoint

TOLERANCE = 1e-4
PRECISIONS = {
    "bfloat16": Precision(torch.bfloat16),
    "int8": Precision(int8_scores=True),
    "both": Precision(torch.bfloat16, int8_scores=True),
}


def plain_network(name: str, side: int) -> SAM2Base:
    torch.manual_seed(0)
    checkpoint = find_checkpoint(name)
    network = build_network(checkpoint, side)
    if name == "nano":
        load_weights(network, checkpoint_folder() / checkpoint.file, checkpoint)
    return network


@pytest.mark.parametrize(("name", "side"), [("nano", 256), ("nano", 320), ("tiny", 256)])
@torch.inference_mode()
def test_the_encoder_gives_the_same_features(name: str, side: int) -> None:
    network = plain_network(name, side)
    rewritten = deepcopy(network)
    rewrite_for_cpu(rewritten)
    for image in (pictures(side)[:1], pictures(side)[-1:]):  # caches depend on the size alone
        expected, given = network.forward_image(image), rewritten.forward_image(image)
        for key in ("backbone_fpn", "vision_pos_enc"):
            for one, other in zip(expected[key], given[key], strict=True):
                assert one.shape == other.shape
                assert (one - other).abs().max() < TOLERANCE


def tokens(network: SAM2Base, memories: int, pointers: int, count: int) -> dict:
    """Random input of memory attention: one frame's features for all objects."""
    num_positions, width = (network.image_size // 16) ** 2, network.hidden_dim
    number = memories * num_positions + pointers
    torch.manual_seed(1)
    return {
        "curr": [torch.randn(num_positions, 1, width).expand(-1, count, -1)],
        # The memory layout that the encoder gives: channel by channel.
        "curr_pos": [torch.randn(width, num_positions).t()[:, None].expand(-1, count, -1)],
        "memory": 3 * torch.randn(number, count, 64),
        "memory_pos": torch.randn(number, 1, 64).expand(-1, count, -1),
        "num_obj_ptr_tokens": pointers,
    }


@pytest.mark.parametrize(("memories", "pointers"), [(1, 0), (1, 4), (7, 64)])
@pytest.mark.parametrize("count", [1, 3])
@torch.inference_mode()
def test_memory_attention_is_the_same(memories: int, pointers: int, count: int) -> None:
    network = plain_network("tiny", 256)
    given = tokens(network, memories, pointers, count)
    expected = network.memory_attention(**given)
    fast = FastMemoryAttention(network.memory_attention)
    assert (fast(**given) - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
@torch.inference_mode()
def test_reduced_precision_in_memory_attention_stays_close(
    precision: Precision, monkeypatch
) -> None:
    monkeypatch.setattr(memory_attention, "MIN_INT8_QUERIES", 0)
    network = plain_network("tiny", 256)
    given = tokens(network, 3, 8, 2)
    expected = network.memory_attention(**given)
    reduced = FastMemoryAttention(network.memory_attention, precision)(**given)
    difference = (reduced - expected).abs()
    assert 0 < difference.mean() < 0.01 * expected.std()


@pytest.mark.parametrize("count", [1, 3])
@torch.inference_mode()
def test_the_memory_encoder_is_the_same(count: int) -> None:
    network = plain_network("tiny", 256)
    for layer in network.memory_encoder.fuser.layers:
        layer.gamma.fill_(0.3)  # its initial value is so small that it would hide the block
    features = torch.randn(1, 256, 16, 16).expand(count, -1, -1, -1)
    masks = 5 * torch.randn(count, 1, 256, 256)
    for skip_sigmoid in (True, False):
        expected = network.memory_encoder(features, masks, skip_sigmoid)
        given = FastMemoryEncoder(network.memory_encoder, FLOAT32)(features, masks, skip_sigmoid)
        for key in ("vision_features", "vision_pos_enc"):
            one, other = (
                x[key][0] if key == "vision_pos_enc" else x[key] for x in (expected, given)
            )
            assert one.shape == other.shape
            assert (one - other).abs().max() < TOLERANCE


@torch.inference_mode()
def test_the_empty_prompt_is_cached_and_other_prompts_are_not() -> None:
    network = plain_network("nano", 256)
    rewritten = deepcopy(network)
    rewrite_for_cpu(rewritten)
    one, other = network.sam_prompt_encoder, rewritten.sam_prompt_encoder
    assert torch.equal(one.get_dense_pe(), other.get_dense_pe())
    mask = torch.randn(1, 1, *one.mask_input_size)
    for count, label, masks in [(1, -1, None), (2, -1, None), (1, 1, None), (1, -1, mask)] * 2:
        points = 99 * torch.rand(count, 1, 2), torch.full((count, 1), label, dtype=torch.int32)
        pairs = zip(one(points, None, masks), other(points, None, masks), strict=True)
        for expected, given in pairs:
            assert expected.shape == given.shape
            assert (expected - given).abs().max() < TOLERANCE


@pytest.mark.parametrize("block", [100, 256, 600])
@torch.inference_mode()
def test_attention_in_blocks_is_attention(block: int, monkeypatch) -> None:
    monkeypatch.setattr(attention, "TILE_SCORES", 7 * block)
    torch.manual_seed(2)
    # Scores of hundreds, in units of ln 2: a power of a score itself would overflow.
    q, k, v = 20 * torch.randn(50, 16), 3 * torch.randn(600, 16), torch.randn(600, 8)
    out = torch.empty(50, 8)
    attend([Float32Scores(q, part) for part in k.split(block)], v, out)
    expected = torch.softmax((q @ k.t()).double() * math.log(2), 1) @ v.double()
    assert (out - expected).abs().max() < TOLERANCE


@torch.inference_mode()
def test_reduced_precision_in_the_encoder_stays_close() -> None:
    network = plain_network("tiny", 256)
    rewritten = deepcopy(network)
    rewrite_for_cpu(rewritten, PRECISIONS["both"])
    image = pictures(256)[:1]
    features = zip(
        network.forward_image(image)["backbone_fpn"],
        rewritten.forward_image(image)["backbone_fpn"],
        strict=True,
    )
    for expected, given in features:
        assert given.dtype == torch.float32
        assert 0 < (given - expected).abs().mean() < 0.02 * expected.std()


def track(network: SAM2Base, side: int, num_frames: int = NUM_FRAMES) -> list[Tensor]:
    """Mask logits of two discs over the pictures of the parity test."""
    images = pictures(side)
    objects = [
        TrackedObject(str(k), (Prompt(0, ((side * x, side * y),), (1,)),))
        for k, (x, y) in ((k, centre(k, 0)) for k in range(2))
    ]
    size = (side, side)
    prompts = encode_prompts(network, group_objects(objects), [(0, images[:1])], size, num_frames)
    tracking = TrackingPass(network, prompts, size, num_frames)
    return [
        tracking.step(frame, lambda frame=frame: images[frame : frame + 1]).logits
        for frame in range(num_frames)
    ]


def mean_iou(one: list[Tensor], other: list[Tensor]) -> float:
    pairs = [(a > 0, b > 0) for a, b in zip(one, other, strict=True)]
    ratios = [float((a & b).sum() / (a | b).sum()) for a, b in pairs]
    return sum(ratios) / len(ratios)


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
def test_reduced_precision_changes_masks_in_a_few_pixels(precision: Precision, monkeypatch) -> None:
    monkeypatch.setattr(memory_attention, "MIN_INT8_QUERIES", 0)
    plain = plain_network("nano", 256)
    faster = deepcopy(plain)
    rewrite_for_cpu(faster, precision)
    logits, others = track(plain, 256), track(faster, 256)
    assert all((one > 0).any() for one in logits)
    assert not all(torch.equal(a, b) for a, b in zip(logits, others, strict=True))
    # The embedded model is unsure about these drifting discs: it is the hardest case.
    assert mean_iou(logits, others) > 0.95


def test_autocast_changes_masks_of_metas_networks_in_a_few_pixels() -> None:
    plain = plain_network("tiny", 128)
    mixed = deepcopy(plain)
    compute_in_bfloat16(mixed, "cpu")
    logits, others = track(plain, 128, 4), track(mixed, 128, 4)
    assert not torch.is_autocast_enabled("cpu")
    assert not all(torch.equal(a, b) for a, b in zip(logits, others, strict=True))
    assert mean_iou(logits, others) > 0.95


def test_weights_converted_once_give_what_autocast_gives() -> None:
    network = plain_network("tiny", 128)
    converted = deepcopy(network)
    compute_in_bfloat16(converted, "cpu")
    with torch.autocast("cpu", torch.bfloat16):
        expected = track(network, 128, 4)
    for one, other in zip(track(converted, 128, 4), expected, strict=True):
        assert torch.equal(one, other)


def test_only_metas_networks_support_bfloat16() -> None:
    assert supports_bfloat16(plain_network("tiny", 128))
    assert not supports_bfloat16(plain_network("nano", 128))


def test_the_precision_is_a_setting(monkeypatch) -> None:
    monkeypatch.setenv("SAM2_PRECISION", "fp32")
    attention = load_model("nano").network.memory_attention
    assert isinstance(attention, FastMemoryAttention)
    assert attention.precision == FLOAT32
    monkeypatch.setenv("SAM2_PRECISION", "fp16")
    with pytest.raises(CheckpointError, match=r"^SAM2_PRECISION is 'fp16', but it should be auto"):
        load_model("nano")


@torch.inference_mode()
def test_work_that_objects_share_is_done_once() -> None:
    network = plain_network("nano", 256)
    rewrite_for_cpu(network)
    calls = Counter()

    def count(name: str, module: torch.nn.Module) -> None:
        module.register_forward_hook(lambda *_: calls.update([name]))

    first, second = network.memory_attention.layers
    count("encoder", network.image_encoder)
    count("self-attention", first.self_attention)
    count("queries of both objects", second.cross_attention.query)
    count("MLP", second.linear1)
    count("keys of memories and pointers", second.cross_attention.key)
    track(network, 256)
    # Frame 0 is encoded for its clicks and not tracked.
    tracked = NUM_FRAMES - 1
    keys = calls.pop("keys of memories and pointers")
    assert calls.pop("encoder") == NUM_FRAMES
    assert set(calls.values()) == {tracked}
    assert keys == 2 * 2 * tracked  # all memories at once, and all pointers, of each object


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [(FLOAT32, TOLERANCE), (PRECISIONS["bfloat16"], 0.02)],
    ids=["float32", "bfloat16"],
)
@torch.inference_mode()
def test_without_onednn_the_results_are_the_same(
    precision: Precision, tolerance: float, monkeypatch
) -> None:
    network = plain_network("nano", 256)
    without = deepcopy(network)
    rewrite_for_cpu(network, precision)
    monkeypatch.setattr(matmul, "HAS_ONEDNN", False)
    rewrite_for_cpu(without, precision)
    image, given = pictures(256)[:1], tokens(network, 3, 8, 2)
    results = [
        (*rewritten.forward_image(image)["backbone_fpn"], rewritten.memory_attention(**given))
        for rewritten in (network, without)
    ]
    for one, other in zip(*results, strict=True):
        assert (one - other).abs().mean() < tolerance * one.std()


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "gelu"])
@torch.inference_mode()
def test_a_packed_linear_layer_is_a_linear_layer(activation: str) -> None:
    linear, x = torch.nn.Linear(24, 40), torch.randn(3, 5, 24).transpose(0, 1)
    expected = linear(x)
    if activation != "none":
        expected = getattr(torch.nn.functional, activation)(expected)
    given = PackedLinear.from_linear(linear, torch.float32, activation)(x)
    assert (given - expected).abs().max() < TOLERANCE
    reduced = PackedLinear.from_linear(linear, torch.bfloat16, activation)(x)
    assert reduced.dtype == torch.bfloat16
    assert (reduced - expected).abs().max() < 0.05
