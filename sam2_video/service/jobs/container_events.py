"""The container's stream of server-sent events, read in memory that does not grow with its files.

An output may come inside its event as a data URI, and the last event repeats all of them. Their
contents are cut out of the text before it is read as JSON: that of an output goes to a temporary
file, the repetitions are dropped.
"""

import base64
import json
import re
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import IO, Any

import anyio.to_thread

_MARK = b";base64,"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_MAX_LINE_BYTES = 256 * 1024**2  # without contents; the last event has a URL for every output
_MAX_CONTENT_BYTES = 4 * 1024**3
_SPOOL_BYTES = 8 * 1024**2  # of a content in memory; a larger one is written to the disk
_HEAD = re.compile(r"data:([\w.+/-]+);base64,", re.ASCII)


@dataclass(frozen=True)
class Log:
    """Lines of the prediction's log."""

    text: str


@dataclass(frozen=True)
class InlineOutput:
    """An output that came inside its event; the receiver closes `content`."""

    position: int
    content_type: str
    content: IO[bytes]


@dataclass(frozen=True)
class End:
    """The end of a prediction, as the container tells it.

    Attributes:
        status: `succeeded`, `failed` or `canceled`.
        logs: the whole log.
        error: what went wrong, in the container's words.
        count: how many outputs the container lists.
        predict_time: seconds that it took.
    """

    status: str
    logs: str
    error: str | None = None
    count: int = 0
    predict_time: float | None = None


Event = Log | InlineOutput | End


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """Events of a stream, as they arrive.

    Raises:
        ValueError: the stream cannot be read, or something in it is too large.
    """
    name, line = "", bytearray()
    cutter: _ContentCutter | None = None
    try:
        async for chunk in chunks:
            for piece in chunk.splitlines(keepends=True):
                if cutter is None:
                    line += piece
                else:
                    line += await anyio.to_thread.run_sync(cutter.feed, piece)
                if len(line) > _MAX_LINE_BYTES:
                    raise ValueError("an event is too large")
                if not line.endswith(b"\n"):
                    continue
                key, _, value = bytes(line).strip().partition(b":")
                line.clear()
                if key == b"event":
                    name = value.strip().decode()
                    is_output = name == "output"
                    cutter = _ContentCutter(is_output) if is_output or name == "completed" else None
                elif key == b"data":
                    event = _parsed(name, value, cutter)
                    if event is not None:
                        yield event
                    if cutter is not None:
                        cutter.close()
    finally:
        if cutter is not None:
            cutter.close()


def _parsed(name: str, value: bytes, cutter: "_ContentCutter | None") -> Event | None:
    """The event of a name and its data; None for one that says nothing new."""
    try:
        data = json.loads(value)
        if name == "log":
            return Log(str(data["data"]))
        if name == "output":
            return _output(data, cutter)
        if name == "completed":
            outputs = data.get("output")
            return End(
                status=str(data["status"]),
                logs=str(data.get("logs") or ""),
                error=None if data.get("error") is None else str(data["error"]),
                count=len(outputs) if isinstance(outputs, list) else 0,
                predict_time=(data.get("metrics") or {}).get("predict_time"),
            )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"an event {name!r} cannot be read") from error
    return None


def _output(data: Any, cutter: "_ContentCutter | None") -> InlineOutput | None:
    """An output that came inside its event; None for one that was uploaded."""
    head, position = _HEAD.fullmatch(str(data["chunk"])), int(data["index"])
    content = cutter.take() if cutter is not None and head is not None else None
    if head is None or content is None:
        return None
    return InlineOutput(position, head[1], content)


class _ContentCutter:
    """Takes the contents of data URIs out of a text that arrives in pieces.

    Args:
        keeps: whether the last content is wanted; else all are dropped.
    """

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._content: IO[bytes] | None = None
        self._is_inside = False
        self._rest = b""  # outside: perhaps the start of a mark; inside: not yet four characters

    def feed(self, piece: bytes) -> bytes:
        """The text of a piece without contents; its last characters may come with the next.

        Raises:
            ValueError: a content is not base64, or too large.
        """
        data, text = self._rest + piece, b""
        while data:
            if self._is_inside:
                end = len(data) - len(data.lstrip(_ALPHABET))
                is_open = end == len(data)
                taken = end - end % 4 if is_open else end
                self._write(data[:taken])
                data = data[taken:]
                if is_open:
                    break
                self._is_inside = False
            else:
                start = data.find(_MARK)
                if start < 0:
                    keep = _overlap(data)
                    text, data = text + data[: len(data) - keep], data[len(data) - keep :]
                    break
                text, data = text + data[: start + len(_MARK)], data[start + len(_MARK) :]
                self._is_inside = True
                self.close()
                if self._keeps:
                    self._content = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115
        self._rest = data
        return text

    def take(self) -> IO[bytes] | None:
        """The last content, from its beginning; the caller closes it."""
        content, self._content = self._content, None
        if content is not None:
            content.seek(0)
        return content

    def close(self) -> None:
        """Delete a content that was not taken."""
        if self._content is not None:
            self._content.close()
            self._content = None

    def _write(self, text: bytes) -> None:
        if self._content is not None and text:
            self._content.write(base64.b64decode(text))
            if self._content.tell() > _MAX_CONTENT_BYTES:
                raise ValueError("an output is too large; start the worker with --upload-url")


def _overlap(data: bytes) -> int:
    """How many bytes at the end of `data` may be the start of a mark."""
    for length in range(min(len(_MARK) - 1, len(data)), 0, -1):
        if data.endswith(_MARK[:length]):
            return length
    return 0
