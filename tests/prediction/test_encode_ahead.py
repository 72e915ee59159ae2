"""Encoding the next frame in the background while objects are tracked on this one."""

import threading
from collections.abc import Iterator
from contextlib import closing
from unittest import mock

import numpy as np
import pytest

from sam2_video import load_model, segment
from sam2_video.engine import batch_encoder
from sam2_video.engine.model import MAX_SIZE_ENCODED_AHEAD, LoadedModel
from tests import clips

FRAMES = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return clips.encode(path, clips.numbered(FRAMES), *clips.H264)


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("nano", image_size=128)


def masks_of(clip, model: LoadedModel, **options: object) -> np.ndarray:
    # The click on frame 3 has the frames before it tracked backward.
    frames = segment(clip, "[30,30]", click_frames=3, model=model, **options)
    return np.stack([frame.masks for frame in frames])


@pytest.fixture
def threads() -> Iterator[set[str]]:
    """The names of the threads that encode a picture."""
    names: set[str] = set()
    encode = batch_encoder.encode_image

    def encode_image(*args: object) -> object:
        names.add(threading.current_thread().name)
        return encode(*args)

    with mock.patch.object(batch_encoder, "encode_image", encode_image):
        yield names


def test_the_masks_are_the_same(clip, model, threads) -> None:
    with mock.patch.object(LoadedModel, "encodes_ahead", False):
        expected = masks_of(clip, model)
    here = threading.current_thread().name
    assert threads == {here}
    threads.clear()
    np.testing.assert_array_equal(masks_of(clip, model), expected)
    assert threads - {here}
    assert expected.any()


def test_no_thread_is_left_when_tracking_stops_early(clip, model) -> None:
    before = set(threading.enumerate())
    with closing(segment(clip, "[30,30]", model=model)) as frames:
        next(frames)
        next(frames)
    assert set(threading.enumerate()) <= before


def test_an_error_while_encoding_ends_tracking(clip, model) -> None:
    before = set(threading.enumerate())
    failing = mock.patch.object(batch_encoder, "encode_image", side_effect=RuntimeError("broken"))
    with failing, pytest.raises(RuntimeError, match="broken"):
        list(segment(clip, "[30,30]", model=model))
    assert set(threading.enumerate()) <= before


def test_large_pictures_and_plain_pytorch_are_encoded_in_turn(model) -> None:
    assert model.encodes_ahead
    large = mock.Mock(spec=model.network, image_size=MAX_SIZE_ENCODED_AHEAD + 16)
    large.memory_attention = model.network.memory_attention
    assert not LoadedModel("nano", large).encodes_ahead
    with mock.patch("sam2_video.accelerate.network.core", return_value=None):
        assert not load_model("nano", image_size=128).encodes_ahead
