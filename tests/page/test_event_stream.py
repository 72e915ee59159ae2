"""The container's event stream is read the same however it is cut, and files go past memory."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.service.page.errors import PageError
from sam2_video.service.page.event_stream import Event, read_events


class Sink(BytesIO):
    """Keeps what was written after it is closed."""

    def close(self) -> None:
        self.content = self.getvalue()


def read(stream: bytes, sizes: list[int]) -> tuple[list[Event], list[bytes]]:
    """Events and contents of a stream that arrives in pieces of these sizes, over and over."""
    sinks: list[Sink] = []

    def open_sink() -> Sink:
        sinks.append(Sink())
        return sinks[-1]

    async def chunks() -> AsyncIterator[bytes]:
        start = turn = 0
        while start < len(stream):
            size = sizes[turn % len(sizes)]
            yield stream[start : start + size]
            start, turn = start + size, turn + 1

    async def collect() -> list[Event]:
        return [event async for event in read_events(chunks(), open_sink)]

    return asyncio.run(collect()), [sink.content for sink in sinks]


def event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@given(
    contents=st.lists(st.binary(max_size=60), max_size=4),
    log=st.text(max_size=40) | st.just("x;base64,abc\n") | st.just(";base64"),
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=5),
)
def test_every_cut_gives_the_same(contents: list[bytes], log: str, sizes: list[int]) -> None:
    outputs = [uri(content) for content in contents]
    stream = event("start", {"id": "a"}) + event("log", {"data": log})
    for output in outputs:
        stream += event("output", {"chunk": output})
    stream += event("completed", {"status": "succeeded", "output": outputs, "error": None})
    events, files = read(stream, sizes)
    assert [e.name for e in events] == ["start", "log", *["output"] * len(outputs), "completed"]
    assert files == contents
    assert all(e.data["chunk"] == "data:image/png;base64," for e in events if e.name == "output")
    assert events[-1].data["status"] == "succeeded"
    if ";base64," not in log:
        assert events[1].data["data"] == log


@pytest.mark.parametrize(
    "stream",
    [
        b"event: log\ndata: {broken\n\n",
        b"event: log\ndata: [1]\n\n",
        b'event: output\ndata: {"chunk": "data:image/png;base64,abcde"}\n\n',
    ],
)
def test_what_cannot_be_read_is_one_sentence(stream: bytes) -> None:
    with pytest.raises(PageError, match=r"^The model's server sent a"):
        read(stream, [1000])


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(PageError, match="too long"):
        read(b"data: " + b"x!" * 2**23, [2**16])
