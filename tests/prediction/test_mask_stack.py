"""Masks that wait on disk come back as they were, last in first out, and within bounds."""

import errno

import numpy as np
import pytest

from sam2_video.core.errors import InputError, OutputError
from sam2_video.prediction.mask_stack import MaskStack

SCORES = np.array([0.25, 0.5, 1], np.float32)


def masks(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((3, 7, 11)) > 0.5


def test_last_in_first_out(tmp_path) -> None:
    with MaskStack(tmp_path, 10_000) as stack:
        for seed in range(5):
            stack.push(masks(seed), SCORES * seed)
        assert not list(tmp_path.iterdir()), "the file has no name"
        for seed in (4, 3):
            popped, scores = stack.pop()
            np.testing.assert_array_equal(popped, masks(seed))
            np.testing.assert_array_equal(scores, SCORES * seed)
        stack.push(masks(9), SCORES * 9)
        for seed in (9, 2, 1, 0):
            popped, scores = stack.pop()
            np.testing.assert_array_equal(scores, SCORES * seed)
            assert popped.dtype == bool
            np.testing.assert_array_equal(popped, masks(seed))


def test_coverage_comes_back_as_it_was(tmp_path) -> None:
    coverage = np.random.default_rng(0).integers(0, 256, (3, 7, 11), np.uint8)
    with MaskStack(tmp_path, 10_000) as stack:
        stack.push(coverage, SCORES)
        stack.push(masks(1), SCORES)
        assert stack.pop()[0].dtype == bool
        popped, _ = stack.pop()
    assert popped.dtype == np.uint8
    np.testing.assert_array_equal(popped, coverage)


def test_a_mask_takes_at_most_a_bit_a_pixel(tmp_path) -> None:
    noise = np.random.default_rng(0).random((2, 360, 640)) > 0.5
    with MaskStack(tmp_path, 2 * 360 * 640 // 8 + 64) as stack:
        stack.push(noise, SCORES[:2])
    blank = np.zeros((2, 360, 640), bool)
    with MaskStack(tmp_path, 1000) as stack:
        stack.push(blank, SCORES[:2])


def test_more_than_allowed_is_refused(tmp_path) -> None:
    with MaskStack(tmp_path, 100) as stack:
        stack.push(masks(0), SCORES)
        with pytest.raises(InputError, match=r"prompt is on so late a frame .* the 100 bytes"):
            for seed in range(5):
                stack.push(masks(seed), SCORES * seed)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch) -> None:
    def full(_data) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with MaskStack(tmp_path, 10_000) as stack:
        monkeypatch.setattr(stack._file, "write", full, raising=False)
        with pytest.raises(OutputError, match=r"^no space is left on the disk for the masks$"):
            stack.push(masks(0), SCORES)
