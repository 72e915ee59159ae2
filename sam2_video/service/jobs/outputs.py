"""The names of output files, their order, and how many there have to be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sam2_video.service.jobs.progress import last_progress
from sam2_video.service.storage.database import Output

VIDEO_NAME = "output_video.mp4"
CONTENT_TYPES = {"webp": "image/webp", "jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4"}
_SUFFIXES = {kind: suffix for suffix, kind in CONTENT_TYPES.items()}

_FRAME = re.compile(r"frame_([0-9]{5,9})\.(webp|jpg|png)", re.ASCII)


class OutputNameError(ValueError):
    """A worker sends a file whose name or type no output has."""


@dataclass(frozen=True)
class OutputName:
    """The name of an output and what it says.

    Attributes:
        name: as the model wrote it.
        frame: the number of the frame that it shows; 0 for a video.
    """

    name: str
    frame: int

    @property
    def content_type(self) -> str:
        """The media type that the name's ending stands for."""
        return CONTENT_TYPES[self.name.rpartition(".")[2]]

    @classmethod
    def parse(cls, name: str) -> "OutputName":
        """Read a name.

        Raises:
            OutputNameError: no output has such a name.
        """
        if name == VIDEO_NAME:
            return cls(name, 0)
        found = _FRAME.fullmatch(name)
        if found is None:
            raise OutputNameError(f"no output is named {name[:60]!r}")
        return cls(name, int(found[1]))

    @classmethod
    def of_nth(cls, content_type: str, position: int, interval: int) -> "OutputName":
        """The name of the output at a position of the list, for containers that upload nothing.

        Raises:
            OutputNameError: no output is of such a type.
        """
        suffix = _SUFFIXES.get(content_type)
        if suffix is None:
            raise OutputNameError(f"no output is of the type {content_type[:60]!r}")
        if suffix == "mp4":
            return cls(VIDEO_NAME, 0)
        frame = position * interval
        return cls(f"frame_{frame:05d}.{suffix}", frame)


def unbroken(frames: Sequence[int], interval: int) -> int:
    """How many of the outputs, in order, can be shown: those before the first gap.

    Files arrive in any order, and a list that clients read by position may only grow at its end.
    """
    for position, frame in enumerate(frames):
        if frame != position * interval:
            return position
    return len(frames)


def expected_outputs(logs: str, interval: int, is_video: bool) -> int | None:
    """How many outputs a finished prediction has, by the last progress in its log.

    Returns:
        None if the log shows no progress.
    """
    if is_video:
        return 1
    progress = last_progress(logs)
    return None if progress is None else -(-progress.total // interval)


def unbroken_outputs(outputs: Sequence[Output], interval: int, first: int = 0) -> Sequence[Output]:
    """The outputs, in order from a frame on, before the first gap."""
    return outputs[: unbroken([output.frame - first for output in outputs], interval)]
