"""Whether a file that starts like a JPEG is one picture or a film of many.

Cameras send Motion JPEG as pictures one after the other. A still picture may be followed by others
too: second views, gain maps and larger previews of a phone, clips of a second, or junk.
"""

from __future__ import annotations

import mmap
import re
from typing import IO

_START, _END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # within coded data: none of these
_FRAME = re.compile(rb"\xff[\xc0-\xc3]")  # what states the size
_SEEN = 3  # pictures after which the rest of the file does not matter


def is_motion_jpeg(file: IO[bytes]) -> bool:
    """Whether JPEG pictures of one size follow each other without a gap.

    Three are enough, or two that are the whole file. A picture that lists the others, in a
    segment of the multi-picture format, is a still.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, first = 0, b""
        for _ in range(_SEEN):
            found = _picture(data, at)
            if found is None:
                return False
            at, size = found
            if first and size != first:
                return False
            if first and at == len(data):
                return True
            first = size
        return True


def _picture(data: mmap.mmap, start: int) -> tuple[int, bytes] | None:
    """Where the picture at `start` ends, and its size as stored; None if there is no whole one."""
    if data[start : start + 2] != _START:
        return None
    at, size = start + 2, b""
    while found := _MARKER.search(data, at):
        marker = found[0]
        if marker == _END:
            return (found.end(), size) if size else None
        segment = data[found.end() : found.end() + 12]
        if marker == b"\xff\xe2" and segment[2:6] == b"MPF\0":
            return None
        if _FRAME.match(marker):
            size = segment[3:7]
        at = found.end() + max(2, int.from_bytes(segment[:2], "big"))
    return None
