"""All that a reader gets of a file: the one place where these tests meet the product's reader."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.decode import read_frames, read_frames_backward
from sam2_video.video.open_video import probe_video

PACKAGE = "sam2_video"


class PassesDisagreeError(AssertionError):
    """A file could be opened, and then not be read as it was found."""


def read_all(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[list[np.ndarray], str]:
    """Every frame of a file, in order, and what was logged from warnings on.

    Returns:
        (height, width, 3) uint8 RGB arrays, and lines of text.

    Raises:
        InputError: the file is refused.
        PassesDisagreeError: it is not, but a second pass gives other pictures.
    """
    with captured_log() as lines:
        video = probe_video(path, limits)
        try:
            frames = list(read_frames(video))
        except InputError as error:
            raise PassesDisagreeError(str(error)) from error
    if len(frames) != video.num_frames:
        raise PassesDisagreeError(f"{video.num_frames} frames, then {len(frames)}")
    return frames, "\n".join(lines)


def read_all_backward(path: Path, chunk: int) -> list[np.ndarray]:
    """Every frame of a file, read from its last to its first in chunks, in the order of the file.

    Args:
        path: the file.
        chunk: frames that are held at a time, so that most are reached by seeking.
    """
    video = probe_video(path)
    budget = video.width * video.height * 3 * chunk
    backward = list(read_frames_backward(video, video.num_frames - 1, np.copy, budget))
    assert [index for index, _ in backward] == list(range(video.num_frames - 1, -1, -1))
    return [frame for _, frame in reversed(backward)]


@contextmanager
def captured_log() -> Iterator[list[str]]:
    """Collect the package's messages, from warnings on, while the block runs."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(PACKAGE)
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
