"""Bounds on what clients cost at a time: places, the pace of bodies, decoders, forms, disk."""

import asyncio
import gzip
import ipaddress
import socket
import threading
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from bench.hostile import huge_canvas_gif
from bench.processes import ffmpeg_children
from bench.serving import Receiver
from sam2_video.core.limits import Limits
from sam2_video.prediction.content_encoding import ContentDecoder
from sam2_video.service.errors import RequestError
from sam2_video.service.net import guard, places
from sam2_video.service.net.forms import UploadForm
from sam2_video.service.net.guard import Guard, UrlError, shown_url
from sam2_video.service.net.places import Pace, Places, decode
from sam2_video.service.settings import Bounds
from sam2_video.video.open_video import probe_video
from tests.service.inprocess import run, served
from tests.service.serving import MODEL

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def test_one_owner_gets_half_of_the_places() -> None:
    async def test() -> None:
        room = Places(4)
        held: list[str] = []
        is_over = asyncio.Event()

        async def hold(owner: str) -> None:
            async with room.held(owner):
                held.append(owner)
                await is_over.wait()

        async with asyncio.TaskGroup() as group:
            for owner in "aaaabcd":
                group.create_task(hold(owner))
            await asyncio.sleep(0.05)
            assert sorted(held) == ["a", "a", "b", "c"]
            is_over.set()
        assert sorted(held) == list("aaaabcd")

    run(test)


def test_a_body_has_a_least_rate_and_a_time_for_all(monkeypatch) -> None:
    monkeypatch.setattr(places, "_GRACE_SECONDS", 0.3)

    async def part(seconds: float) -> bytes:
        await asyncio.sleep(seconds)
        return b"x"

    async def test() -> None:
        slow = Pace(Bounds(min_body_rate=1000))
        with pytest.raises(TimeoutError):
            await slow.next(part(30))
        with pytest.raises(TimeoutError):
            await slow.next(part(0.2))  # nothing is left of the time
        fast = Pace(Bounds(min_body_rate=1000))
        fast.count(10_000_000)
        assert await fast.next(part(0.5)) == b"x"
        long = Pace(Bounds(min_body_rate=1000, max_body_seconds=0.1))
        long.count(10_000_000)
        with pytest.raises(TimeoutError):
            await long.next(part(30))

    run(test)


def test_a_decoder_ends_with_the_task_that_waits_for_it(tmp_path) -> None:
    canvas = huge_canvas_gif(tmp_path / "canvas.gif", frames=20_000)

    async def test() -> None:
        task = asyncio.create_task(decode(60, probe_video, canvas, Limits()))
        while not ffmpeg_children():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not ffmpeg_children()
        with pytest.raises(TimeoutError):
            await decode(0.3, probe_video, canvas, Limits())
        assert not ffmpeg_children()

    run(test)


def test_slow_requests_and_slow_urls_are_ended(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places, "_GRACE_SECONDS", 0.2)
    is_over = threading.Event()

    def stall(request) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"x")
        is_over.wait(20)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(20)

    async def test() -> None:
        settings = {"allowed_networks": LOOPBACK, "tokens": ()}
        with Receiver({"/clip.mp4": stall}) as receiver:
            async with served(tmp_path, **settings) as (_, client):
                answer = await client.post(f"/models/{MODEL}/predictions", content=body())
                assert answer.status_code == 408
                answer = await client.post(
                    "http://localhost:8000/api/videos/fetch",
                    json={"url": receiver.url("/clip.mp4")},
                )
                assert answer.status_code == 422
                assert "sends less than 4096 bytes a second" in answer.json()["sentence"]
                is_over.set()

    run(test)


def test_an_upload_lies_nowhere_but_in_the_storage(tmp_path, monkeypatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    async def test() -> None:
        limits = {"max_stored_bytes": 5_000_000}
        async with served(tmp_path / "data", limits=limits) as (_, client):

            async def upload(size: int) -> int:
                answer = await client.post("/files", files={"content": ("a", bytes(size))})
                return answer.status_code

            codes = await asyncio.gather(*(upload(2_000_000) for _ in range(6)))
            assert codes.count(201) == 2
        files = [path for path in (tmp_path / "data/files").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) == 4_000_000
        assert not list(temporary.iterdir())

    run(test)


@given(
    content=st.binary(max_size=300),
    fields=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda name: name != "content"),
        st.text(st.characters(codec="utf-8"), max_size=30),
        max_size=5,
    ),
    cut=st.integers(1, 60),
)
def test_a_form_is_read_however_it_is_cut(content, fields, cut) -> None:
    sent = httpx.Request("POST", "http://a", files={"content": ("n.mp4", content)}, data=fields)
    form, found = read_form(sent.read(), sent.headers["Content-Type"], cut)
    assert found == content
    assert form.file_name == "n.mp4"
    assert {name: form.text(name) for name in form.fields} == fields


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"", "application/json", "content is required"),
        (b"", "multipart/form-data; boundary=x", "content is required"),
        (b"nonsense", "multipart/form-data; boundary=x", "malformed"),
        (b"--x\r\n" + b"a" * 9000 + b": b\r\n\r\n", "multipart/form-data; boundary=x", "form"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 9 + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            "more than 8 fields|content is required",
        ),
    ],
)
def test_forms_that_are_none(body, kind, sentence) -> None:
    with pytest.raises(RequestError, match=sentence):
        read_form(body, kind, 1000)


def read_form(body: bytes, kind: str, cut: int) -> tuple[UploadForm, bytes]:
    """Read a form that arrives in parts of `cut` bytes."""
    parts = [body[i : i + cut] for i in range(0, len(body), cut)] or [b""]
    left = iter(parts)
    count = len(parts)

    async def receive() -> dict:
        nonlocal count
        count -= 1
        return {"type": "http.request", "body": next(left), "more_body": count > 0}

    scope = {"type": "http", "headers": [(b"content-type", kind.encode())]}
    form = UploadForm(Request(scope, receive), "content", 16_000)

    async def read() -> bytes:
        return b"".join([chunk async for chunk in form.content()])

    return form, asyncio.run(read())


@given(st.binary(max_size=5000), st.integers(1, 700), st.sampled_from(["gzip", "deflate", ""]))
def test_content_encodings_are_undone_however_the_body_is_cut(content, cut, encoding) -> None:
    encoded = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}[encoding](content)
    decoder = ContentDecoder(encoding)
    parts = [encoded[i : i + cut] for i in range(0, len(encoded), cut)]
    assert b"".join(chunk for part in parts for chunk in decoder.feed(part)) == content
    decoder.finish()


def test_the_guard_undoes_content_encodings() -> None:
    def answer(body: bytes, encoding: str):
        def write(request) -> None:
            request.send_response(200)
            request.send_header("Content-Encoding", encoding)
            request.end_headers()
            request.wfile.write(body)

        return write

    packed = gzip.compress(b"clip" * 1000)
    files = {
        "/good": answer(packed, "gzip"),
        "/cut": answer(packed[:-9], "gzip"),
        "/odd": answer(packed, "rot13"),
    }

    async def test() -> None:
        async def read(path: str) -> bytes:
            async with Guard(LOOPBACK).get(receiver.url(path)) as fetched:
                return b"".join([chunk async for chunk in fetched.body])

        assert await read("/good") == b"clip" * 1000
        with pytest.raises(UrlError, match="its gzip content breaks off"):
            await read("/cut")
        with pytest.raises(UrlError, match="its content encoding 'rot13' is not supported"):
            await read("/odd")

    with Receiver(files) as receiver:
        run(test)


def test_no_error_shows_a_password(tmp_path) -> None:
    assert shown_url("http://user:word@a.test/x?y") == "'http://***@a.test/x?y'"
    assert shown_url("http://a.test/x@y") == "'http://a.test/x@y'"

    async def test() -> None:
        async with served(tmp_path) as (_, client):
            url = "http://user:s3cret@a.test/clip.mp4"
            page = await client.post("http://localhost:8000/api/videos/fetch", json={"url": url})
            inputs = {"input_video": url, "click_coordinates": "[1,1]"}
            api = await client.post(f"/models/{MODEL}/predictions", json={"input": inputs})
            hook = {"input": {**inputs, "input_video": "data:,x"}, "webhook": url}
            webhook = await client.post(f"/models/{MODEL}/predictions", json=hook)
            for answer in (page, api, webhook):
                assert answer.status_code == 422
                assert "a user or password" in answer.text
                assert "s3cret" not in answer.text

    run(test)


def test_a_webhook_has_a_time_for_all(monkeypatch) -> None:
    monkeypatch.setattr(guard, "_POST_SECONDS", 0.3)
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not is_over.wait(0.05):
                connection.sendall(b"x")

    async def test() -> None:
        with pytest.raises(UrlError, match="does not answer in time"):
            await Guard(LOOPBACK).post(f"http://127.0.0.1:{port}/hook", b"{}", {})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=lambda: drip(listener.accept()[0]), daemon=True).start()
        run(test)
        is_over.set()
