"""The files that inputs name: how a worker gets each of them, and when they go."""

import asyncio
import base64
import ipaddress
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from bench.serving import Receiver, data_uri
from sam2_video.prediction.contract import contract
from sam2_video.service.jobs.worker_endpoint import WorkerEndpoint
from sam2_video.service.net import inputs as net_inputs
from sam2_video.service.net import places
from sam2_video.service.settings import Bounds
from sam2_video.service.storage.database import SOURCES
from tests.service.inprocess import Clock, ended, run, served
from tests.service.scripted import Conversation, ScriptedWorker, sends
from tests.service.serving import MODEL

CREATE = f"/models/{MODEL}/predictions"
VIDEO = {"input_video": data_uri(b"a video"), "click_coordinates": "[1,1]"}
MASKS = b"PK\x03\x04 a zip of masks"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
SENDS = sends("frame_00000.webp")


def stored(folder: Path) -> list[bytes]:
    """The contents of the files that lie in a server's storage."""
    return sorted(path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file())


class Taking:
    """Answers a prediction as `SENDS`, with the inputs' contents read before."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __call__(self, talk: Conversation) -> None:
        self.files = {name: read(talk.request["input"].get(name)) for name in SOURCES}
        SENDS(talk)


def read(value: str | None) -> bytes:
    if value is None:
        return b""
    if value.startswith("data:"):
        return base64.b64decode(value.partition(",")[2])
    return httpx.get(value).content


def test_every_input_that_is_a_file_has_a_column() -> None:
    assert tuple(SOURCES) == contract().files


@pytest.mark.parametrize("way", ["data URI", "upload", "URL"])
@pytest.mark.parametrize("is_reached", [True, False], ids=["reached", "not reached"])
def test_masks_reach_the_worker(tmp_path, monkeypatch, way, is_reached) -> None:
    """A worker that cannot fetch from the server gets data URIs."""
    monkeypatch.setattr(WorkerEndpoint, "is_reached_by", lambda *_: is_reached)
    taking = Taking()

    async def test() -> None:
        with ScriptedWorker([taking]) as worker, Receiver({"/masks.zip": MASKS}) as receiver:
            settings = {"workers": (worker.url,), "allowed_networks": LOOPBACK}
            async with served(tmp_path, **settings) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                if way == "data URI":
                    masks = data_uri(MASKS, "application/zip")
                elif way == "upload":
                    uploaded = await client.post("/files", files={"content": MASKS})
                    masks = uploaded.json()["urls"]["get"]
                else:
                    masks = receiver.url("/masks.zip")
                body = {"input": {**VIDEO, "input_masks": masks}}
                created = (await client.post(CREATE, json=body)).json()
                done = await ended(client, created["id"])
                assert done["status"] == "succeeded", done
                assert taking.files == {"input_video": b"a video", "input_masks": MASKS}
                shown = done["input"]["input_masks"]
                if way == "data URI":
                    assert (await client.get(f"{shown}/download")).content == MASKS
                else:
                    assert shown == masks
                # What was fetched goes at the end, the rest when its time is over.
                kept = [] if way == "URL" else [MASKS]
                async with asyncio.timeout(10):
                    while stored(tmp_path) != sorted([b"a video", b"picture", *kept]):
                        await asyncio.sleep(0.02)

    run(test)


def test_without_masks_the_worker_gets_none(tmp_path) -> None:
    taking = Taking()

    async def test() -> None:
        with ScriptedWorker([taking]) as worker:
            async with served(tmp_path, workers=(worker.url,)) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                body = {"input": {**VIDEO, "input_masks": None}}
                created = (await client.post(CREATE, json=body)).json()
                assert (await ended(client, created["id"]))["status"] == "succeeded"
                assert "input_masks" not in worker.taken[0]["input"]

    run(test)


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ("masks.zip", "is 'masks.zip', but it should be an http(s) URL or a data URI"),
        ("data:application/zip;base64,@", "is a data URI, but "),
        ("http://127.0.0.1/masks.zip", "the private address 127.0.0.1"),
        ("http://localhost:8000/v1/files/none", "but there is no such file here"),
        (data_uri(b"x" * 2000), "has more than the 1000 bytes allowed"),
    ],
)
def test_masks_that_cannot_be_taken_leave_nothing(tmp_path, masks, sentence) -> None:
    """The video, which was taken before them, goes too."""

    async def test() -> None:
        async with served(tmp_path, limits={"max_file_bytes": 1000}) as (_, client):
            answer = await client.post(CREATE, json={"input": {**VIDEO, "input_masks": masks}})
            assert answer.status_code == 422
            (field,) = answer.json()["invalid_fields"]
            assert field["field"] == "input.input_masks"
            assert answer.json()["detail"].startswith("input_masks ")
            assert sentence in answer.json()["detail"]
            assert stored(tmp_path) == []

    run(test)


def test_masks_that_cannot_be_fetched_are_said(tmp_path, receiver) -> None:
    async def test() -> None:
        async with served(tmp_path, allowed_networks=LOOPBACK) as (_, client):
            url = receiver.url("/masks.zip")
            created = await client.post(CREATE, json={"input": {**VIDEO, "input_masks": url}})
            done = await ended(client, created.json()["id"])
            assert done["status"] == "failed"
            assert done["error"].startswith(f"input_masks is '{url}', which cannot be fetched")

    run(test)


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_that_is_deleted_too_early_is_said(tmp_path, name) -> None:
    async def test() -> None:
        with ScriptedWorker(health="STARTING") as worker:
            async with served(tmp_path, workers=(worker.url,)) as (_, client):
                file = (await client.post("/files", files={"content": b"x"})).json()
                body = {"input": {**VIDEO, name: file["urls"]["get"]}}
                created = (await client.post(CREATE, json=body)).json()
                assert (await client.delete(f"/files/{file['id']}")).status_code == 204
                done = await ended(client, created["id"])
                assert done["error"] == f"{name} names a file that was deleted"

    run(test)


def test_masks_of_what_waits_do_not_expire(tmp_path) -> None:
    async def test() -> None:
        clock = Clock()
        with ScriptedWorker(health="STARTING") as worker:
            async with served(tmp_path, workers=(worker.url,), clock=clock) as (service, client):
                body = {"input": {**VIDEO, "input_masks": data_uri(MASKS)}}
                name = (await client.post(CREATE, json=body)).json()["id"]
                clock.passed += timedelta(hours=25)
                await service.sweep()
                assert stored(tmp_path) == [MASKS, b"a video"]
                await client.post(f"/predictions/{name}/cancel")
                await service.sweep()
                assert stored(tmp_path) == []

    run(test)


def test_two_files_share_the_room_of_a_request(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(WorkerEndpoint, "is_reached_by", lambda *_: False)
    monkeypatch.setattr("sam2_video.service.jobs.queue.MAX_DATA_URI_BYTES", 10)
    assert net_inputs.MAX_DATA_URI_BYTES * 4 / 3 < 100 * 1024**2

    async def test() -> None:
        with ScriptedWorker() as worker:
            async with served(tmp_path, workers=(worker.url,)) as (_, client):
                body = {"input": {**VIDEO, "input_masks": data_uri(b"mask")}}
                done = await ended(client, (await client.post(CREATE, json=body)).json()["id"])
                assert done["error"].startswith("input_masks has 4 bytes, more than a request to")

    run(test)


def test_masks_that_come_slowly_are_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places, "_GRACE_SECONDS", 0.2)
    is_over = threading.Event()

    async def test() -> None:
        with Receiver({"/masks.zip": stalling(is_over)}) as receiver:
            async with served(tmp_path, allowed_networks=LOOPBACK) as (_, client):
                body = {"input": {**VIDEO, "input_masks": receiver.url("/masks.zip")}}
                done = await ended(client, (await client.post(CREATE, json=body)).json()["id"])
                assert done["error"].startswith("input_masks is 'http://127.0.0.1:")
                assert "sends less than 4096 bytes a second" in done["error"]
                is_over.set()

    run(test)


def test_visitors_of_one_address_share_its_places(tmp_path) -> None:
    is_over, asked = threading.Event(), threading.Semaphore(0)

    async def test() -> None:
        slow = stalling(is_over, asked)
        with Receiver({"/slow.zip": slow, "/masks.zip": MASKS}) as receiver:
            settings = {"allowed_networks": LOOPBACK, "bounds": Bounds(max_fetches=2)}
            async with served(tmp_path, **settings) as (_, client):
                fetch = {"url": receiver.url("/slow.zip")}
                path = "http://localhost:8000/api/videos/fetch"
                # Without cookies each is somebody else.
                visits = [asyncio.create_task(client.post(path, json=fetch)) for _ in range(3)]
                assert await asyncio.to_thread(asked.acquire, timeout=10)
                body = {"input": {**VIDEO, "input_masks": receiver.url("/masks.zip")}}
                assert (await client.post(CREATE, json=body)).status_code == 201
                async with asyncio.timeout(10):
                    while MASKS not in stored(tmp_path):
                        await asyncio.sleep(0.02)
                assert not asked.acquire(blocking=False)
                is_over.set()
                assert {answer.status_code for answer in await asyncio.gather(*visits)} == {422}

    run(test)


def stalling(
    is_over: threading.Event, asked: threading.Semaphore | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that says nothing after its first byte."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if asked is not None:
            asked.release()
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"x")
        is_over.wait(20)

    return answer
