"""Workers: whom a prediction goes to, what is done when one dies, what arrives from it."""

import asyncio
import base64
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest

from bench.processes import children
from bench.serving import alive, free_port, until
from sam2_video.service.jobs.outputs import CONTENT_TYPES
from tests.service.conftest import FRAMES
from tests.service.inprocess import ended, run, served
from tests.service.scripted import (
    Conversation,
    ScriptedWorker,
    breaks_off,
    crashes,
    numbers,
    sends,
)
from tests.service.serving import MODEL, HostedServer

VIDEO = {"input_video": "data:video/mp4;base64,AAAA", "click_coordinates": "[1,1]"}
CREATE = f"/models/{MODEL}/predictions"


@pytest.fixture
def scripted() -> Iterator[ScriptedWorker]:
    with ScriptedWorker() as worker:
        yield worker


async def _predicted(
    folder: Path, worker: ScriptedWorker, *others: str, limits: dict | None = None, **inputs: object
) -> dict:
    """A prediction by a scripted worker, once it is over."""
    async with served(folder, workers=(*others, worker.url), limits=limits) as (hosted, client):
        worker.endpoint = hosted.endpoint.upload_url
        created = await client.post(CREATE, json={"input": {**VIDEO, **inputs}})
        return await ended(client, created.json()["id"])


def test_uploads_in_any_order_become_a_list_in_order(tmp_path, scripted) -> None:
    async def test() -> None:
        names = [f"frame_{number:05d}.webp" for number in (2, 0, 3, 1)]
        scripted.script = [sends(*names)]
        done = await _predicted(tmp_path, scripted)
        assert done["status"] == "succeeded"
        assert list(numbers(done["output"])) == [0, 1, 2, 3]

    run(test)


def test_outputs_are_shown_up_to_the_first_gap(tmp_path, scripted) -> None:
    """A list that clients read by position may only grow at its end."""
    second, last = threading.Event(), threading.Event()

    def slowly(talk: Conversation) -> None:
        talk.begin()
        talk.upload("frame_00010.webp")
        talk.upload("frame_00000.webp")
        second.wait(10)
        talk.upload("frame_00005.webp")
        last.wait(10)
        talk.complete(11, 3)

    async def test() -> None:
        scripted.script = [slowly]
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            inputs = {**VIDEO, "output_frame_interval": 5}
            name = (await client.post(CREATE, json={"input": inputs})).json()["id"]

            async def shows(*expected: int) -> None:
                async with asyncio.timeout(10):
                    while True:
                        seen = (await client.get(f"/predictions/{name}")).json()["output"]
                        if list(numbers(seen or [])) == list(expected):
                            return
                        await asyncio.sleep(0.02)

            await shows(0)
            second.set()
            await shows(0, 5, 10)
            last.set()
            assert (await ended(client, name))["status"] == "succeeded"

    run(test)


KINDS = {
    "range": (
        {"start_frame": 3, "end_frame": 9, "output_frame_interval": 3},
        ["frame_00006.webp", "frame_00003.webp", "frame_00009.webp"],
        ["frame_00003.webp", "frame_00006.webp", "frame_00009.webp"],
        7,
    ),
    "masks": (
        {"output_masks": True},
        ["masks.json", "frame_00001.png", "frame_00000.png"],
        ["frame_00000.png", "frame_00001.png", "masks.json"],
        2,
    ),
    "webm": ({"output_video": True}, ["output_video.webm"], ["output_video.webm"], 9),
    "mov and masks": (
        {"output_video": True, "output_masks": True},
        ["masks.json", "output_video.mov"],
        ["output_video.mov", "masks.json"],
        9,
    ),
    "separate pictures": (
        {"separate_objects": True, "output_masks": True, "output_frame_interval": 2},
        [
            "000004_masks.json",
            "000003_ein Hündchen_frame_00002.png",
            "000001_ein Hündchen_frame_00000.png",
            "000000_dog_frame_00000.png",
            "000002_dog_frame_00002.png",
        ],
        [
            "dog_frame_00000.png",
            "ein Hündchen_frame_00000.png",
            "dog_frame_00002.png",
            "ein Hündchen_frame_00002.png",
            "masks.json",
        ],
        3,
    ),
    "separate videos": (
        {"separate_objects": True, "output_video": True},
        ["000001_output_video_cat.mp4", "000000_output_video_dog.mp4"],
        ["output_video_dog.mp4", "output_video_cat.mp4"],
        9,
    ),
}


def _names(urls: list[str]) -> list[str]:
    return [unquote(url.rpartition("/")[2]) for url in urls]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_output_arrives_in_order(tmp_path, scripted, kind) -> None:
    inputs, uploaded, listed, frames = KINDS[kind]

    async def test() -> None:
        scripted.script = [sends(*map(quote, uploaded), frames=frames)]
        done = await _predicted(tmp_path, scripted, **inputs)
        assert done["error"] is None
        assert _names(done["output"]) == listed

    run(test)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [0, 1, -1])
def test_a_missing_output_of_any_kind_is_noticed(tmp_path, scripted, kind, missing) -> None:
    """The container lists it, or it is noticed by the number of frames."""
    inputs, uploaded, _, frames = KINDS[kind]
    arrived = [name for name in uploaded if name != uploaded[missing % len(uploaded)]]

    def act(talk: Conversation) -> None:
        talk.begin()
        for name in arrived:
            talk.upload(quote(name))
        talk.complete(frames, len(uploaded))

    async def test() -> None:
        scripted.script = [act, act]
        done = await _predicted(tmp_path, scripted, **inputs)
        assert done["status"] == "failed"
        assert f"{len(arrived)} of {len(uploaded)} outputs arrived" in done["error"]

    run(test)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_output_may_come_inside_its_event(tmp_path, scripted, kind) -> None:
    """From a container that uploads nothing: it says the type and the position."""
    inputs, _, listed, frames = KINDS[kind]
    kinds = [CONTENT_TYPES[name.rpartition(".")[2]] for name in listed]

    def act(talk: Conversation) -> None:
        talk.begin()
        for index, media_type in enumerate(kinds):
            content = base64.b64encode(b"content %d" % index).decode()
            chunk = f"data:{media_type};base64,{content}"
            talk.event("output", {"index": index, "chunk": chunk})
        talk.complete(frames, len(kinds))

    async def test() -> None:
        scripted.script = [act]
        async with served(tmp_path, workers=(scripted.url,)) as (_, client):
            created = await client.post(CREATE, json={"input": {**VIDEO, **inputs}})
            done = await ended(client, created.json()["id"])
            assert done["error"] is None
            if not inputs.get("separate_objects"):
                assert [name.rpartition(".")[0] for name in _names(done["output"])] == [
                    name.rpartition(".")[0] for name in listed
                ]
            assert len(set(done["output"])) == len(kinds)
            for index, (url, media_type) in enumerate(zip(done["output"], kinds, strict=True)):
                answer = await client.get(url)
                assert answer.content == b"content %d" % index
                assert answer.headers["Content-Type"] == media_type

    run(test)


def test_the_masks_are_listed_when_all_frames_are(tmp_path, scripted) -> None:
    rest = threading.Event()

    def act(talk: Conversation) -> None:
        talk.begin()
        for name in ("masks.json", "frame_00000.png"):
            assert talk.upload(name) == 201
        rest.wait(10)
        talk.upload("frame_00001.png")
        talk.complete(2, 3)

    async def test() -> None:
        scripted.script = [act]
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            inputs = {**VIDEO, "output_masks": True}
            name = (await client.post(CREATE, json={"input": inputs})).json()["id"]
            seen: list[str] = []
            async with asyncio.timeout(10):
                while not seen:
                    view = (await client.get(f"/predictions/{name}")).json()
                    seen = _names(view["output"] or [])
            assert seen == ["frame_00000.png"]
            rest.set()
            done = await ended(client, name)
            assert _names(done["output"]) == ["frame_00000.png", "frame_00001.png", "masks.json"]

    run(test)


@pytest.mark.parametrize("dies", [breaks_off, crashes], ids=["breaks off", "crashes"])
def test_a_worker_that_dies_is_given_the_prediction_once_more(tmp_path, scripted, dies) -> None:
    async def test() -> None:
        scripted.script = [dies, sends("frame_00000.webp", "frame_00001.webp")]
        done = await _predicted(tmp_path, scripted)
        assert done["status"] == "succeeded"
        assert list(numbers(done["output"])) == [0, 1]
        assert len({request["id"] for request in scripted.taken}) == 2

    run(test)


def test_outputs_of_a_worker_that_died_can_still_be_read(tmp_path, scripted) -> None:
    """Somebody may have been told of them in a stream."""
    seen = threading.Event()

    def dies_when_seen(talk: Conversation) -> None:
        breaks_off(talk)
        seen.wait(10)

    async def test() -> None:
        scripted.script = [dies_when_seen, sends("frame_00000.webp", "frame_00001.webp")]
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            name = (await client.post(CREATE, json={"input": VIDEO})).json()["id"]
            early = None
            while not early:
                early = (await client.get(f"/predictions/{name}")).json()["output"]
            seen.set()
            done = await ended(client, name)
            assert len(done["output"]) == 2
            assert early[0] not in done["output"]
            for url in early + done["output"]:
                assert (await client.get(url)).content == b"picture"

    run(test)


def test_a_worker_that_dies_twice_fails_the_prediction_with_a_reason(tmp_path, scripted) -> None:
    async def test() -> None:
        scripted.script = [breaks_off, crashes, sends("frame_00000.webp")]
        done = await _predicted(tmp_path, scripted)
        assert done["status"] == "failed"
        assert done["error"] == "The worker was lost 2 times: it crashed."
        assert done["output"] is None
        assert len(scripted.script) == 1

    run(test)


def test_a_missing_output_is_noticed(tmp_path, scripted) -> None:
    """A container tells nobody of an upload that failed."""

    async def test() -> None:
        missing = sends("frame_00000.webp", "frame_00002.webp", frames=3)
        scripted.script = [missing, missing]
        done = await _predicted(tmp_path, scripted)
        assert done["status"] == "failed"
        assert "2 of 3 outputs arrived" in done["error"]

    run(test)


def test_a_failure_of_the_model_is_no_death(tmp_path, scripted) -> None:
    async def test() -> None:
        error = "Prediction failed: Generator iteration error: InputError: click_frames[0] is 9"
        scripted.script = [sends(status="failed", error=error, frames=1)]
        done = await _predicted(tmp_path, scripted)
        assert (done["status"], done["error"]) == ("failed", "click_frames[0] is 9")

    run(test)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            "input_video is '{url}', which cannot be fetched: Connection refused",
            "input_video is a file of this server, which cannot be fetched: Connection refused",
        ),
        (
            "input_video is '{cut}...', which cannot be fetched: timed out",
            "input_video is a file of this server, which cannot be fetched: timed out",
        ),
        (
            "HTTPConnectionPool: Max retries exceeded with url: {path} (refused)",
            "HTTPConnectionPool: Max retries exceeded with url: a file of this server (refused)",
        ),
    ],
)
def test_what_a_worker_says_of_its_input_is_told_without_the_secret_url(
    tmp_path, scripted, said, read
) -> None:
    def cannot_fetch(talk: Conversation) -> None:
        url = talk.request["input"]["input_video"]
        line = said.format(url=url, cut=url[:40], path=urlsplit(url).path)
        talk.begin()
        talk.event("log", {"data": f"{line}\n"})
        talk.complete(0, 0, status="failed", error=f"InputError: {line}", logs=f"{line}\n")

    async def test() -> None:
        scripted.script = [cannot_fetch]
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            created = await client.post(CREATE, json={"input": VIDEO})
            done = await ended(client, created.json()["id"])
            assert hosted.endpoint.key[:8] not in str(done)
        assert (done["status"], done["error"], done["logs"]) == ("failed", read, f"{read}\n")

    run(test)


def test_busy_dead_and_missing_workers_are_passed_over(tmp_path, scripted) -> None:
    async def test() -> None:
        with ScriptedWorker() as busy, ScriptedWorker(health="DEFUNCT") as dead:
            missing = f"http://127.0.0.1:{free_port()}"
            scripted.script = [sends("frame_00000.webp")]
            done = await _predicted(tmp_path, scripted, busy.url, dead.url, missing)
            assert done["status"] == "succeeded"

    run(test)


def test_without_any_living_worker_a_prediction_fails_in_the_end(tmp_path, caplog) -> None:
    async def test() -> None:
        with ScriptedWorker(health="DEFUNCT") as dead:
            done = await _predicted(tmp_path, dead, limits={"worker_patience_seconds": 0})
            assert done["status"] == "failed"
            assert done["error"] == "No worker is alive; the server's log says why."
            assert f"{dead.url} says that it is DEFUNCT" in caplog.text

    run(test)


def test_a_balancer_is_given_as_much_as_it_takes(tmp_path, scripted) -> None:
    """How many workers are behind a URL is not configured: each says 409."""
    together = threading.Barrier(3, timeout=10)

    def waits_for_the_others(talk: Conversation) -> None:
        talk.begin()
        together.wait()
        talk.upload("frame_00000.webp")
        talk.complete(1, 1)

    async def test() -> None:
        scripted.script = [waits_for_the_others] * 3
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            names = [
                (await client.post(CREATE, json={"input": VIDEO})).json()["id"] for _ in range(3)
            ]
            for name in names:
                assert (await ended(client, name))["status"] == "succeeded"

    run(test)


def test_the_queue_keeps_its_order(tmp_path, scripted) -> None:
    async def test() -> None:
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            names = []
            for fps in range(1, 6):
                inputs = {**VIDEO, "video_fps": fps}
                names.append((await client.post(CREATE, json={"input": inputs})).json()["id"])
            await client.post(f"/predictions/{names[1]}/cancel")
            scripted.script = [sends("frame_00000.webp") for _ in names]
            for name in names:
                await ended(client, name)
            assert [one["input"]["video_fps"] for one in scripted.taken] == [1, 3, 4, 5]

    run(test)


def test_what_does_not_belong_to_a_run_is_not_taken(tmp_path, scripted) -> None:
    codes: list[int] = []

    def act(talk: Conversation) -> None:
        talk.begin()
        codes.append(talk.upload("frame_00000.webp", run_id="another"))
        codes.append(talk.upload("secrets.txt"))
        codes.append(talk.upload("..%2f..%2fframe_00000.webp"))
        talk.endpoint = talk.endpoint.replace(talk.endpoint.split("/")[3], "a-wrong-key")
        codes.append(talk.upload("frame_00000.webp"))
        talk.complete(0, 0, status="failed", error="Prediction failed: enough")

    async def test() -> None:
        scripted.script = [act]
        done = await _predicted(tmp_path, scripted)
        assert done["error"] == "enough"
        assert codes == [404, 404, 404, 404]

    run(test)


def test_an_upload_after_the_end_of_a_run_is_dropped(tmp_path, scripted) -> None:
    """A container may upload one more frame before it notices that its run was canceled."""
    talks: list[Conversation] = []
    is_begun, may_end = threading.Event(), threading.Event()

    def act(talk: Conversation) -> None:
        talk.begin()
        talks.append(talk)
        is_begun.set()
        may_end.wait(20)

    async def test() -> None:
        scripted.script = [act]
        async with served(tmp_path, workers=(scripted.url,)) as (hosted, client):
            scripted.endpoint = hosted.endpoint.upload_url
            created = (await client.post(CREATE, json={"input": VIDEO})).json()
            await asyncio.to_thread(is_begun.wait, 20)
            await client.post(f"/predictions/{created['id']}/cancel")
            stored = set((tmp_path / "files").rglob("*"))
            (talk,) = talks
            assert await asyncio.to_thread(talk.upload, "frame_00000.webp") == 204
            assert set((tmp_path / "files").rglob("*")) == stored
            may_end.set()

    run(test)


def test_an_output_that_does_not_fit_is_said(tmp_path, scripted) -> None:
    def act(talk: Conversation) -> None:
        talk.begin()
        assert talk.upload("frame_00000.webp", b"x" * 2000) == 507
        talk.complete(1, 0)

    async def test() -> None:
        scripted.script = [act]
        done = await _predicted(tmp_path, scripted, limits={"max_file_bytes": 1000})
        assert done["status"] == "failed"
        assert done["error"] == "the output frame_00000.webp has more than the 1000 bytes allowed"

    run(test)


def test_a_worker_of_somebody_elses_that_uploads_nothing(worker, tmp_path, clip_uri) -> None:
    """A real one: its outputs come inside its events."""
    server = HostedServer(tmp_path, "--api", f"http://127.0.0.1:{worker.port}").start()
    try:
        inputs = {"input_video": clip_uri, "click_coordinates": "[20,20]"}
        for change in ({}, {"output_frame_interval": 4, "output_format": "jpg"}):
            answer = httpx.post(
                f"{server.url}/v1{CREATE}",
                json={"input": {**inputs, **change}},
                headers={"Prefer": "wait"},
                timeout=60,
            ).json()
            interval = change.get("output_frame_interval", 1)
            assert answer["status"] == "succeeded", answer
            assert list(numbers(answer["output"])) == list(range(0, FRAMES, interval))
        assert httpx.get(answer["output"][0]).headers["Content-Type"] == "image/jpeg"
        answer = httpx.post(
            f"{server.url}/v1{CREATE}",
            json={"input": {**inputs, "output_video": True}},
            headers={"Prefer": "wait"},
            timeout=60,
        ).json()
        assert answer["output"][0].endswith("/output_video.mp4")
    finally:
        server.stop()


def test_predictions_survive_a_crash_of_the_server(
    worker, tmp_path, long_uri, clip_uri, webhook
) -> None:
    """One that ran, one that waited, and a webhook that was not told of the end."""
    options = ("--api", f"http://127.0.0.1:{worker.port}", "--allow-private", "127.0.0.1")
    server = HostedServer(tmp_path, *options).start()
    try:
        with httpx.Client(base_url=f"{server.url}/v1", timeout=30) as http:

            def create(video: str, **body: object) -> str:
                inputs = {"input_video": video, "click_coordinates": "[20,20]"}
                return http.post(CREATE, json={"input": inputs, **body}).json()["id"]

            def status(name: str) -> str:
                return http.get(f"/predictions/{name}").json()["status"]

            webhook.answers = [500, 500]
            hook = {"webhook": webhook.url, "webhook_events_filter": ["completed"]}
            told = create(clip_uri, **hook)
            until(lambda: len(webhook.messages) == 1)
            running, waiting = create(long_uri), create(clip_uri)
            until(lambda: status(running) == "processing")
            server.kill()
            server.start()
            assert status(told) == "succeeded"
            until(lambda: status(running) == "processing")
            assert status(waiting) == "starting"
            http.post(f"/predictions/{running}/cancel")
            until(lambda: status(waiting) == "succeeded")
            until(lambda: len(webhook.messages) >= 3)
            assert all(told.encode() in message.body for message in webhook.messages)
    finally:
        server.stop()


def test_a_worker_of_its_own_that_is_killed_is_started_again(server, http, long_uri) -> None:
    """As by a lack of memory; this is the real one."""

    def model_process() -> int:
        (watchdog,) = children(server.pid)
        (launcher,) = children(watchdog)
        (process,) = children(launcher)
        return process

    inputs = {"input_video": long_uri, "click_coordinates": "[20,20]", "output_frame_interval": 9}
    name = http.post(CREATE, json={"input": inputs}).json()["id"]

    def view() -> dict:
        return http.get(f"/predictions/{name}").json()

    until(lambda: bool(view()["output"]))
    first = view()
    killed = model_process()
    os.kill(killed, 9)
    until(lambda: view()["status"] == "starting")
    until(lambda: bool(view()["output"]), 60)
    assert view()["started_at"] > first["started_at"]
    assert model_process() != killed
    http.post(f"/predictions/{name}/cancel")


def test_canceling_frees_the_worker(server, http, long_uri, clip_uri) -> None:
    inputs = {"input_video": long_uri, "click_coordinates": "[20,20]"}
    first = http.post(CREATE, json={"input": inputs}).json()["id"]
    until(lambda: http.get(f"/predictions/{first}").json()["status"] == "processing", 60)
    second = {"input_video": clip_uri, "click_coordinates": "[20,20]"}
    waiting = http.post(CREATE, json={"input": second}).json()["id"]
    assert http.post(f"/predictions/{first}/cancel").json()["status"] == "canceled"
    until(lambda: http.get(f"/predictions/{waiting}").json()["status"] == "succeeded")


def test_a_worker_of_its_own_ends_with_a_server_that_is_killed(tmp_path) -> None:
    server = HostedServer(tmp_path).start()
    try:
        until(lambda: any(children(watchdog) for watchdog in children(server.pid)))
        (watchdog,) = children(server.pid)
        (launcher,) = children(watchdog)
        server.kill()
        until(lambda: not alive(launcher) and not alive(watchdog))
    finally:
        server.stop()
