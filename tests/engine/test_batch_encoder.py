"""Frames encoded ahead of tracking: the same as one by one, in order, in bounded memory."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from bench.parity import pictures
from sam2_video import segment
from sam2_video.accelerate import cuda_graphs
from sam2_video.accelerate.cuda_graphs import Graphed
from sam2_video.accelerate.network import run_on_openvino
from sam2_video.engine.batch_encoder import encode_ahead
from sam2_video.engine.model import load_model
from sam2_video.engine.tracker import FrameFeatures, encode_image, encode_images
from tests import clips
from tests.accelerate.test_cuda_graphs import FakeGraph
from tests.accelerate.test_network import TOLERANCE, plain_network


class Encoder:
    """Stands in for a network: its features are the pictures, and it notes its batches."""

    def __init__(self, memory: int = 100) -> None:
        self.batches: list[int] = []
        self.memory = memory

    def forward_image(self, images: Tensor) -> Tensor:
        self.batches.append(len(images))
        if len(images) > self.memory:
            raise torch.OutOfMemoryError("out of memory")
        return images + 1

    def _prepare_backbone_features(self, output: Tensor) -> tuple:
        level = output.flatten(2).permute(2, 0, 1)
        return output, [level], [torch.zeros_like(level)], [output.shape[-2:]]


def picture_of(number: int) -> Tensor | None:
    """Every frame whose number is odd, or below 10, has one."""
    return torch.full((1, 3, 2, 2), float(number)) if number < 10 or number % 2 else None


def check(given: tuple[int, FrameFeatures | None], number: int) -> None:
    frame, features = given
    assert frame == number
    if picture_of(number) is None:
        assert features is None
    else:
        assert features is not None
        assert features.maps[0].shape == (4, 1, 3)
        assert features.maps[0].eq(number + 1).all()
        assert [len(p[0]) for p in features.positions] == [1]


@pytest.mark.parametrize(
    ("count", "at_once", "batches"),
    [
        (10, 1, [1] * 10),
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 4, 1]),
        (3, 4, [3]),
        (0, 4, []),
        (16, 4, [4, 4, 3, 2]),  # frames that need no features leave a batch shorter
        (17, 8, [8, 5]),
    ],
)
def test_frames_keep_their_order_and_features(count: int, at_once: int, batches: list) -> None:
    encoder = Encoder()
    given = list(encode_ahead(encoder, range(count), picture_of, at_once))
    assert len(given) == count
    for number, pair in enumerate(given):
        check(pair, number)
    assert encoder.batches == batches


def test_no_more_frames_are_taken_than_a_batch_holds() -> None:
    taken: list[int] = []

    def frames() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with closing(encode_ahead(Encoder(), frames(), picture_of, 4)) as encoded:
        for number in range(30):
            next(encoded)
            assert len(taken) == 4 * (number // 4 + 1)
    assert len(taken) == 32


def test_an_error_of_the_frames_is_raised() -> None:
    def frames() -> Iterator[int]:
        yield from range(6)
        raise ValueError("damaged")

    encoded = encode_ahead(Encoder(), frames(), picture_of, 4)
    assert [next(encoded)[0] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="damaged"):
        next(encoded)


def test_with_too_little_memory_frames_are_encoded_one_at_a_time() -> None:
    encoder = Encoder(memory=1)
    for number, pair in enumerate(encode_ahead(encoder, range(10), picture_of, 4)):
        check(pair, number)
    assert encoder.batches == [4, *[1] * 10]
    with pytest.raises(torch.OutOfMemoryError):
        list(encode_ahead(Encoder(memory=0), range(10), picture_of, 4))


def test_whole_batches_are_replayed_and_a_short_one_is_not(monkeypatch) -> None:
    monkeypatch.setattr(cuda_graphs, "MIN_CALLS", 3)
    encoder, graph = Encoder(), FakeGraph()
    encoder.forward_image = Graphed("encoder", encoder.forward_image, graph)  # type: ignore[method-assign]
    for _ in range(2):  # the graph outlives the short batch
        for number, pair in enumerate(encode_ahead(encoder, range(10), picture_of, 2)):
            check(pair, number)
        for number, pair in enumerate(encode_ahead(encoder, range(1), picture_of, 2)):
            check(pair, number)
    assert graph.counts == {"captures": 1, "replays": 3 + 5}


@pytest.mark.parametrize("rewritten", [False, True])
@pytest.mark.parametrize("name", ["nano", "tiny"])
@torch.inference_mode()
def test_features_are_those_of_one_at_a_time(name: str, rewritten: bool) -> None:
    network = plain_network(name, 128)
    if rewritten:
        run_on_openvino(network)
    images = pictures(128)[::8]
    together = encode_images(network, images)
    assert len(together) == len(images) == 3
    for place, given in enumerate(together):
        expected = encode_image(network, images[place : place + 1])
        assert given.sizes == expected.sizes
        for one, other in zip(
            given.maps + given.positions, expected.maps + expected.positions, strict=True
        ):
            assert one.shape == other.shape
            assert (one - other).abs().max() < TOLERANCE


def test_a_video_is_tracked_the_same_both_ways(tmp_path, monkeypatch) -> None:
    frames = [np.full((96, 128, 3), 60, np.uint8) for _ in range(8)]
    for number, frame in enumerate(frames):
        cv2.circle(frame, (40 + 3 * number, 48), 20, (240, 200, 60), -1)
    clip = clips.encode(tmp_path / "clip.mp4", frames, *clips.H264)
    model = load_model("nano", image_size=128)
    encode, batches = model.network.forward_image, []

    def counted(images: Tensor) -> dict:
        batches.append(len(images))
        return encode(images)

    monkeypatch.setattr(model.network, "forward_image", counted)

    def masks(at_once: int) -> np.ndarray:
        batches.clear()
        found = list(
            segment(clip, "[49,48]", "1", "3", model=replace(model, encoder_batch=at_once))
        )
        assert [one.index for one in found] == list(range(8))
        return np.stack([one.masks for one in found])

    expected = masks(1)
    assert batches == [1] * 8  # each frame once: the clicked one for its click
    given = masks(4)
    # The click; frames 2, 1 and 0, in one batch with the clicked one; 4 to 7.
    assert batches == [1, 3, 4]
    assert expected.any(axis=(1, 2, 3)).all()
    assert (given != expected).mean() < 1e-3

    threads = threading.active_count()
    with closing(segment(clip, "[49,48]", "1", "3", model=model)) as some:
        next(some)
    assert threading.active_count() == threads
