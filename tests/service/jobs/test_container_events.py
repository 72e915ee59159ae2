"""The container's event stream is read the same however it is cut, and files go past memory."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.service.jobs import container_events
from sam2_video.service.jobs.container_events import End, InlineOutput, Log, read_events


def read(stream: bytes, sizes: list[int]) -> list[Log | End | tuple[int, str, bytes]]:
    """Events of a stream that arrives in pieces of these sizes, over and over."""

    async def chunks() -> AsyncIterator[bytes]:
        start = turn = 0
        while start < len(stream):
            size = sizes[turn % len(sizes)]
            yield stream[start : start + size]
            start, turn = start + size, turn + 1

    async def collect() -> list:
        found: list = []
        async for event in read_events(chunks()):
            if isinstance(event, InlineOutput):
                with event.content as content:
                    found.append((event.position, event.content_type, content.read()))
            else:
                found.append(event)
        return found

    return asyncio.run(collect())


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
    for index, output in enumerate(outputs):
        stream += event("output", {"index": index, "chunk": output})
    whole = {"status": "succeeded", "logs": 'a "log"', "output": outputs, "error": None}
    stream += event("completed", {**whole, "metrics": {"predict_time": 1.5}})
    first, *files, last = read(stream, sizes)
    assert first == Log(log)
    assert files == [(i, "image/png", content) for i, content in enumerate(contents)]
    assert last == End("succeeded", 'a "log"', None, len(contents), 1.5)


def test_an_output_that_was_uploaded_is_no_event() -> None:
    stream = event("output", {"index": 0, "chunk": "http://127.0.0.1/outputs/frame_00000.png"})
    assert read(stream, [7]) == []


@pytest.mark.parametrize(
    "stream",
    [
        b"event: log\ndata: {broken\n\n",
        b"event: log\ndata: [1]\n\n",
        b"event: completed\ndata: [1]\n\n",
        b"event: completed\ndata: {}\n\n",
        b"event: output\ndata: " + b"[" * 100_000 + b"\n\n",
        b'event: output\ndata: {"index": 0, "chunk": "data:image/png;base64,abcde"}\n\n',
        b'event: output\ndata: {"index": "x", "chunk": "data:image/png;base64,abcd"}\n\n',
    ],
)
def test_what_cannot_be_read_is_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds; its reader says what it means
        read(stream, [1000])


def test_what_is_too_large_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(container_events, "_MAX_LINE_BYTES", 2000)
    monkeypatch.setattr(container_events, "_MAX_CONTENT_BYTES", 2000)
    with pytest.raises(ValueError, match="an event is too large"):
        read(b"data: " + b"x!" * 2**12, [2**10])
    with pytest.raises(ValueError, match="an output is too large"):
        read(event("output", {"index": 0, "chunk": uri(bytes(4000))}), [100])
