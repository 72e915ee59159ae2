"""The container's event stream, read in memory that does not grow with the files in it.

Outputs come as data URIs within JSON, and the last event repeats all of them. Their contents are
cut out of the text before it is read as JSON: what arrives goes straight to a file.
"""

import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from sam2_video.service.page.errors import PageError

_MARK = b";base64,"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_MAX_LINE = 8 * 1024**2  # of what is no file: progress, a log, an error


@dataclass(frozen=True)
class Event:
    """One event: `start`, `log`, `output` or `completed`; data URIs in `data` are empty."""

    name: str
    data: dict[str, Any]


class PayloadCutter:
    """Takes the contents of data URIs out of a stream of text, and writes them elsewhere.

    Args:
        open_sink: called at the start of each content; where it goes, None to drop it.
    """

    def __init__(self, open_sink: Callable[[], BinaryIO | None]) -> None:
        self._open_sink = open_sink
        self._sink: BinaryIO | None = None
        self._inside = False
        self._rest = b""  # outside: perhaps the start of a mark; inside: not yet four characters

    def feed(self, chunk: bytes) -> bytes:
        """The text of a chunk without contents; its last characters may come with the next."""
        data, text = self._rest + chunk, b""
        while data:
            if self._inside:
                end = len(data) - len(data.lstrip(_ALPHABET))
                whole = end == len(data)
                taken = end - end % 4 if whole else end
                if self._sink is not None and taken:
                    self._sink.write(_decoded(data[:taken]))
                data = data[taken:]
                if whole:
                    break
                self._inside = False
                if self._sink is not None:
                    self._sink.close()
            else:
                start = data.find(_MARK)
                if start < 0:
                    keep = _overlap(data)
                    text, data = text + data[: len(data) - keep], data[len(data) - keep :]
                    break
                text, data = text + data[: start + len(_MARK)], data[start + len(_MARK) :]
                self._inside = True
                self._sink = self._open_sink()
        self._rest = data
        return text

    def close(self) -> None:
        """Close the file that was being written, if the stream broke off in it."""
        if self._inside and self._sink is not None:
            self._sink.close()


async def read_events(
    chunks: AsyncIterable[bytes], open_sink: Callable[[], BinaryIO]
) -> AsyncIterator[Event]:
    """Events of a stream, as they arrive.

    Args:
        chunks: bytes of the answer.
        open_sink: opens the file for the content of an `output` event that is about to come.

    Raises:
        PageError: the stream is none, or a line of it is absurdly long.
    """
    name, line = "", b""

    def sink() -> BinaryIO | None:
        return open_sink() if name == "output" else None

    cutter = PayloadCutter(sink)
    try:
        async for chunk in chunks:
            # Line by line, so that the cutter knows the event whose data it cuts.
            for piece in chunk.splitlines(keepends=True):
                line += cutter.feed(piece)
                if len(line) > _MAX_LINE:
                    raise PageError("The model's server sent an answer that is too long to read.")
                if not line.endswith(b"\n"):
                    continue
                key, _, value = line.strip().partition(b":")
                line = b""
                if key == b"event":
                    name = value.strip().decode()
                elif key == b"data":
                    yield Event(name, _parsed(value))
    finally:
        cutter.close()


def _parsed(value: bytes) -> dict[str, Any]:
    try:
        data = json.loads(value)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise PageError("The model's server sent an answer that cannot be read.")
    return data


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError as error:
        raise PageError("The model's server sent a file that cannot be read.") from error


def _overlap(data: bytes) -> int:
    """How many characters at the end of `data` may be the start of a mark."""
    for length in range(min(len(_MARK) - 1, len(data)), 0, -1):
        if data.endswith(_MARK[:length]):
            return length
    return 0
