"""The network on OpenVINO computes what the original does."""

from copy import deepcopy

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.parity import NUM_FRAMES, centre, pictures
from sam2_video.accelerate import network as accelerate
from sam2_video.accelerate import parts
from sam2_video.accelerate.network import (
    compute_in_bfloat16,
    run_on_openvino,
    supports_bfloat16,
)
from sam2_video.accelerate.runtime import prefers_bfloat16
from sam2_video.engine.model import load_model
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import CheckpointError, checkpoint_folder, find_checkpoint

TOLERANCE = 1e-4


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
    run_on_openvino(rewritten)
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


@pytest.fixture(scope="module")
def tiny() -> tuple[SAM2Base, SAM2Base]:
    """Meta's network, and the same on OpenVINO."""
    plain = plain_network("tiny", 256)
    for layer in plain.memory_encoder.fuser.layers:
        layer.gamma.data.fill_(0.3)  # its initial value is so small that it would hide the block
    faster = deepcopy(plain)
    run_on_openvino(faster)
    return plain, faster


@pytest.mark.parametrize(("memories", "pointers"), [(1, 0), (1, 4), (7, 64), (38, 160)])
@pytest.mark.parametrize("count", [1, 3])
@torch.inference_mode()
def test_memory_attention_is_the_same(memories: int, pointers: int, count: int, tiny) -> None:
    plain, faster = tiny
    given = tokens(plain, memories, pointers, count)
    expected = plain.memory_attention(**given)
    assert (faster.memory_attention(**given) - expected).abs().max() < TOLERANCE


@torch.inference_mode()
def test_memory_attention_of_one_object_at_a_time_is_the_same(tiny, monkeypatch) -> None:
    plain, faster = tiny
    given = tokens(plain, 2, 8, 3)
    taken = []
    run = faster.memory_attention.run
    monkeypatch.setattr(parts, "TOKENS_ONE_BY_ONE", 1)
    monkeypatch.setattr(
        faster.memory_attention, "run", lambda *x: taken.append(len(x[-1])) or run(*x)
    )
    expected = plain.memory_attention(**given)
    assert (faster.memory_attention(**given) - expected).abs().max() < TOLERANCE
    assert taken == [1, 1, 1]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("points", [2, 5])
@torch.inference_mode()
def test_the_mask_decoder_is_the_same(count: int, points: int, tiny) -> None:
    plain, faster = tiny
    torch.manual_seed(1)
    given = {
        "image_embeddings": torch.randn(count, 256, 16, 16),
        "image_pe": plain.sam_prompt_encoder.get_dense_pe(),
        "sparse_prompt_embeddings": torch.randn(count, points, 256),
        "dense_prompt_embeddings": torch.randn(count, 256, 16, 16),
        "repeat_image": False,
        "multimask_output": True,
        "high_res_features": [
            torch.randn(1, channels, side, side).expand(count, -1, -1, -1)
            for channels, side in ((32, 64), (64, 32))
        ],
    }
    pairs = zip(plain.sam_mask_decoder(**given), faster.sam_mask_decoder(**given), strict=True)
    for expected, found in pairs:
        assert expected.shape == found.shape
        assert (expected - found).abs().max() < TOLERANCE


@pytest.mark.parametrize("count", [1, 3])
@torch.inference_mode()
def test_the_memory_encoder_is_the_same(count: int, tiny) -> None:
    plain, faster = tiny
    features = torch.randn(1, 256, 16, 16).expand(count, -1, -1, -1)
    masks = 5 * torch.randn(count, 1, 256, 256)
    for skip_sigmoid in (True, False):
        expected = plain.memory_encoder(features, masks, skip_sigmoid)
        given = faster.memory_encoder(features, masks, skip_sigmoid)
        for key in ("vision_features", "vision_pos_enc"):
            one, other = (
                x[key][0] if key == "vision_pos_enc" else x[key] for x in (expected, given)
            )
            assert one.shape == other.shape
            assert (one - other).abs().max() < TOLERANCE


@pytest.mark.skipif(not prefers_bfloat16(), reason="this processor has no bfloat16")
@torch.inference_mode()
def test_reduced_precision_stays_close(tiny) -> None:
    plain, _ = tiny
    reduced = deepcopy(plain)
    run_on_openvino(reduced, torch.bfloat16)
    image, given = pictures(256)[:1], tokens(plain, 3, 8, 2)
    pairs = [
        *zip(
            plain.forward_image(image)["backbone_fpn"],
            reduced.forward_image(image)["backbone_fpn"],
            strict=True,
        ),
        (plain.memory_attention(**given), reduced.memory_attention(**given)),
    ]
    for expected, found in pairs:
        assert found.dtype == torch.float32
        assert 0 < (found - expected).abs().mean() < 0.05 * expected.std()


@torch.inference_mode()
def test_the_empty_prompt_is_cached_and_other_prompts_are_not() -> None:
    network = plain_network("nano", 256)
    rewritten = deepcopy(network)
    run_on_openvino(rewritten)
    one, other = network.sam_prompt_encoder, rewritten.sam_prompt_encoder
    assert torch.equal(one.get_dense_pe(), other.get_dense_pe())
    mask = torch.randn(1, 1, *one.mask_input_size)
    for count, label, masks in [(1, -1, None), (2, -1, None), (1, 1, None), (1, -1, mask)] * 2:
        points = 99 * torch.rand(count, 1, 2), torch.full((count, 1), label, dtype=torch.int32)
        pairs = zip(one(points, None, masks), other(points, None, masks), strict=True)
        for expected, given in pairs:
            assert expected.shape == given.shape
            assert (expected - given).abs().max() < TOLERANCE


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


@pytest.mark.skipif(not prefers_bfloat16(), reason="this processor has no bfloat16")
def test_reduced_precision_changes_masks_of_metas_networks_in_a_few_pixels() -> None:
    plain = plain_network("tiny", 128)
    faster = deepcopy(plain)
    run_on_openvino(faster, torch.bfloat16)
    logits, others = track(plain, 128, 4), track(faster, 128, 4)
    assert not all(torch.equal(a, b) for a, b in zip(logits, others, strict=True))
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


@pytest.mark.parametrize(
    ("setting", "supports", "reduced"),
    [
        ("auto", True, torch.bfloat16),
        ("auto", False, torch.float32),
        ("fp32", True, torch.float32),
    ],
)
def test_the_precision_is_a_setting(setting: str, supports: bool, reduced, monkeypatch) -> None:
    monkeypatch.setattr(accelerate, "prefers_bfloat16", lambda: True)
    monkeypatch.setattr(accelerate, "supports_bfloat16", lambda network: supports)
    monkeypatch.setenv("SAM2_PRECISION", setting)
    chosen = []
    monkeypatch.setattr(accelerate, "run_on_openvino", lambda *given: chosen.append(given[1]))
    load_model("nano")
    assert chosen == [reduced]


def test_an_unknown_precision_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("SAM2_PRECISION", "fp16")
    with pytest.raises(CheckpointError, match=r"^SAM2_PRECISION is 'fp16', but it should be auto"):
        load_model("nano")


def test_without_openvino_the_network_is_metas(monkeypatch, caplog) -> None:
    monkeypatch.setattr(accelerate, "core", lambda: None)
    plain = plain_network("nano", 128)
    given = deepcopy(plain)
    run_on_openvino(given)
    assert "OpenVINO is not installed" in caplog.text
    for one, other in zip(track(given, 128, 3), track(plain, 128, 3), strict=True):
        assert torch.equal(one, other)
