"""The outputs of a prediction: their names, their order, and how many there have to be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sam2_video.core.file_names import MASKS_NAME, VIDEO_NAME
from sam2_video.service.jobs.progress import last_progress
from sam2_video.service.storage.database import Output
from sam2_video.service.storage.files import shown_name

LAST = 2**31 - 1
"""The position of `masks.json` until it is known how many outputs come before it."""

CONTENT_TYPES = {
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "png": "image/png",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "json": "application/json",
}
_SUFFIXES = {kind: suffix for suffix, kind in CONTENT_TYPES.items()}

_FRAME = r"frame_(?P<frame>[0-9]{5,9})\.(?:webp|jpg|png)"
_VIDEO = r"\.(?:mp4|webm|mov)"
_MASKS = re.escape(MASKS_NAME)
_TOGETHER = re.compile(rf"{_FRAME}|{VIDEO_NAME}{_VIDEO}|(?P<masks>{_MASKS})", re.ASCII)
_SEPARATE = re.compile(
    rf"(?P<position>[0-9]{{6,9}})_(?P<name>.+_{_FRAME}|{VIDEO_NAME}_.+{_VIDEO}|{_MASKS})", re.ASCII
)


class OutputNameError(ValueError):
    """A worker sends a file whose name or type no output has."""


@dataclass(frozen=True)
class OutputName:
    """The name of an output and its place.

    Attributes:
        name: as clients see it.
        position: in the list of outputs, from 0; `LAST` where it is not known yet.
    """

    name: str
    position: int

    @property
    def content_type(self) -> str:
        """The media type that the name's ending stands for."""
        return CONTENT_TYPES[self.name.rpartition(".")[2]]


@dataclass(frozen=True)
class OutputList:
    """What the inputs of a prediction say of its outputs.

    Attributes:
        start: the number of the first frame.
        interval: the distance between the numbers of two output frames.
        is_video: whether there are videos, not pictures.
        is_separate: whether each object has files of its own. How many objects there are is not
            known, so the container puts the position in the list before each name.
        has_masks: whether `masks.json` follows.
    """

    start: int = 0
    interval: int = 1
    is_video: bool = False
    is_separate: bool = False
    has_masks: bool = False

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "OutputList":
        """The outputs of checked inputs."""
        return cls(
            start=inputs.get("start_frame", 0),
            interval=max(1, inputs.get("output_frame_interval", 1)),
            is_video=inputs.get("output_video", False),
            is_separate=inputs.get("separate_objects", False),
            has_masks=inputs.get("output_masks", False),
        )

    def parse(self, name: str) -> OutputName:
        """Read the name of a file that a container uploads.

        Without its position a name is still unique: it has the object's name and the frame.

        Raises:
            OutputNameError: no output has such a name.
        """
        found = (_SEPARATE if self.is_separate else _TOGETHER).fullmatch(name)
        if found is None or shown_name(name) != name:
            raise OutputNameError(f"no output is named {name[:60]!r}")
        if self.is_separate:
            return OutputName(found["name"], int(found["position"]))
        if found["frame"] is None:
            return OutputName(name, LAST if found["masks"] else 0)
        position, rest = divmod(int(found["frame"]) - self.start, self.interval)
        if position < 0 or rest:
            raise OutputNameError(f"no output of this prediction is named {name!r}")
        return OutputName(name, position)

    def nth(self, content_type: str, position: int) -> OutputName:
        """Name the output at a position, for containers that upload nothing.

        Raises:
            OutputNameError: no output is of such a type.
        """
        suffix = _SUFFIXES.get(content_type)
        if suffix is None:
            raise OutputNameError(f"no output is of the type {content_type[:60]!r}")
        if suffix == "json":
            return OutputName(MASKS_NAME, position)
        if self.is_separate:
            stem = f"output_{position:06d}"
        elif content_type.startswith("video/"):
            stem = VIDEO_NAME
        else:
            stem = f"frame_{self.start + position * self.interval:05d}"
        return OutputName(f"{stem}.{suffix}", position)

    def expected(self, logs: str, listed: int) -> int:
        """How many outputs a finished prediction has to have.

        Args:
            logs: its log. The last progress tells how many frames were tracked.
            listed: how many the container lists. That is the number where the log shows no
                progress, and tells the number of objects where each has files of its own.
        """
        progress = last_progress(logs)
        if progress is None and not self.is_video:
            return listed
        masks = int(self.has_masks)
        files = 1 if progress is None or self.is_video else -(-progress.total // self.interval)
        if self.is_separate and files:
            files *= max(1, -(-(listed - masks) // files))
        return files + masks


def unbroken(outputs: Sequence[Output], first: int = 0) -> Sequence[Output]:
    """The outputs, in order from a position on, before the first gap.

    Files arrive in any order, and a list that clients read by position may only grow at its end.
    """
    for number, output in enumerate(outputs):
        if output.position != first + number:
            return outputs[:number]
    return outputs
