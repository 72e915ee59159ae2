"""The networks on which our tracker is compared with Meta's predictor."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
import torch
from sam2 import sam2_video_predictor

from bench.parity import Setting, make_setting
from bench.reference import make_telling
from sam2_video.engine import tracker
from sam2_video.models.load import load_weights
from sam2_video.models.registry import checkpoint_folder, find_checkpoint


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """On two threads sums change their order: two runs of Meta's predictor differ by 2e-4."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def nano(one_thread: None) -> Setting:
    checkpoint = find_checkpoint("nano")
    return make_setting(
        "nano", 256, lambda n: load_weights(n, checkpoint_folder() / checkpoint.file, checkpoint)
    )


@pytest.fixture(scope="package")
def tiny(one_thread: None) -> Setting:
    return make_setting("tiny", 256, make_telling)


class _TorchWithoutBfloat16:
    """`torch` for `sam2.sam2_video_predictor`, which converts memories to `torch.bfloat16`."""

    bfloat16 = torch.float32

    def __getattr__(self, name: str) -> object:
        return getattr(torch, name)


@contextmanager
def unrounded_memories() -> Iterator[None]:
    """Let both predictors keep memories in float32."""
    with (
        mock.patch.object(sam2_video_predictor, "torch", _TorchWithoutBfloat16()),
        mock.patch.object(tracker, "MEMORY_DTYPE", torch.float32),
    ):
        yield
