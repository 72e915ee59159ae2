"""The calls themselves: codes, shapes, pages, waiting, streams, contents."""

import asyncio
import ipaddress
import json
import threading
from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from bench.serving import until
from sam2_video.service.api import webhooks
from tests.service.conftest import FRAMES
from tests.service.inprocess import Clock, ended, run, served
from tests.service.scripted import Conversation, ScriptedWorker, sends
from tests.service.serving import MODEL, PUBLIC_VERSION, Webhook

CLICK = {"click_coordinates": "[20,20]"}
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_LISTED_NOTHING = {"previous": None, "next": None, "results": []}


def _create(http: httpx.Client, **inputs: object) -> dict:
    body = {"version": MODEL, "input": inputs}
    answer = http.post("/predictions", json=body, headers={"Prefer": "wait"})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def done(server, clip_uri) -> dict:
    """A prediction that is over."""
    with httpx.Client(base_url=f"{server.url}/v1", timeout=60) as http:
        return _create(http, **CLICK, input_video=clip_uri, output_format="png")


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"version": None}, "version", "version is required: a version id, or meta/sam-2-video"),
        ({"version": "1234"}, "version", "version is '1234', but it should be 64 hexadecimal"),
        ({"version": f"other/model:{PUBLIC_VERSION}"}, "version", "this server runs meta/sam-2"),
        ({"input": "no"}, "input", "input should be an object of inputs"),
        ({"input": {}}, "input.input_video", "input_video is required"),
        ({"video_fps": 0}, "input.video_fps", "video_fps is 0, but it should be a whole number f"),
        ({"video_fps": "25"}, "input.video_fps", "video_fps is '25', but it should be a whole"),
        (
            {"mask_type": "red"},
            "input.mask_type",
            "mask_type is 'red', but it should be one of binary, highlighted, greenscreen",
        ),
        ({"output_video": "yes"}, "input.output_video", "it should be true or false"),
        ({"input_video": "clip.mp4"}, "input.input_video", "it should be an http(s) URL or a"),
        ({"input_video": "file:///etc/passwd"}, "input.input_video", "should be an http(s) URL"),
        ({"input_video": "data:video/mp4;base64,@"}, "input.input_video", "not base64"),
        ({"input_video": "data:nothing"}, "input.input_video", "it has no comma"),
        ({"click_labels": "1," * 60_000}, "input.click_labels", "at most 100000 are allowed"),
        (
            {"click_object_ids": "\ud800"},
            "input.click_object_ids",
            "an unpaired surrogate",
        ),
        ({"input_video": "data:,\ud800"}, "input.input_video", "an unpaired surrogate"),
        ({"webhook": "somewhere"}, "webhook", "webhook is 'somewhere', but it should be an http"),
        (
            {"webhook": "http://127.0.0.1/x", "webhook_events_filter": ["end"]},
            "webhook_events_filter",
            "it should be a list of start, output, logs, completed",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_about_a_field(
    http, clip_uri, change, field, sentence
) -> None:
    body = {"version": MODEL, "input": {**CLICK, "input_video": clip_uri}}
    for name, value in change.items():
        place = body if name in ("version", "input") or "webhook" in name else body["input"]
        place[name] = value
    answer = http.post("/predictions", content=json.dumps(body))  # which escapes surrogates
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["status"] == 422
    assert field in [one["field"] for one in problem["invalid_fields"]]
    assert sentence in problem["detail"]
    assert "\n" not in problem["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_request_that_is_no_object(http, content) -> None:
    answer = http.post("/predictions", content=content)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The request should be a JSON object."


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/predictions/none", 404),
        ("POST", "/predictions/none/cancel", 404),
        ("GET", "/models/meta/other", 404),
        ("GET", "/models/meta/sam-2-video/versions/1", 422),
        ("GET", "/files/none", 404),
        ("GET", "/files/none/download", 404),
        ("GET", "/files/none.none/stream", 404),
        ("GET", "/outputs/none/frame_00000.png", 404),
        ("GET", "/outputs/..%2f..%2fsecret/x", 404),
        ("GET", "/trainings", 404),
        ("PATCH", "/predictions", 405),
        ("GET", "/predictions?cursor=nonsense", 422),
        ("GET", "/predictions?created_after=yesterday", 422),
        ("GET", "/predictions?created_before=0001-01-01T00:00:00%2B01:00", 422),
        ("GET", "/predictions?source=api", 422),
        ("GET", "/search", 400),
        ("GET", "/p/none.none", 404),
        ("POST", "/trainings/one/cancel", 404),
        ("GET", "/hardware", 404),
    ],
)
def test_errors_have_the_apis_shape(http, method, path, code) -> None:
    answer = http.request(method, path)
    assert answer.status_code == code
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == code
    assert problem["title"]
    assert problem["detail"]


def test_a_prediction_as_json(http, done, server) -> None:
    assert done["status"] == "succeeded"
    assert done["model"] == MODEL
    assert done["error"] is None
    assert done["data_removed"] is False
    assert done["input"]["click_coordinates"] == "[20,20]"
    assert len(done["output"]) == FRAMES
    # A data URI is not sent back and forth: it has become a file.
    source = httpx.get(done["input"]["input_video"]).json()
    assert source["content_type"] == "video/mp4"
    assert done["urls"]["get"] == f"{server.url}/v1/predictions/{done['id']}"
    assert httpx.get(done["urls"]["get"]).json() == done
    assert httpx.post(done["urls"]["cancel"]).json() == done


def test_pages(tmp_path) -> None:
    """More than a page of predictions, a minute apart, canceled before they have begun."""
    clock = Clock()

    async def test() -> None:
        async with served(tmp_path, clock=clock) as (_, client):

            async def page(url: str = "/predictions") -> tuple[list[str], dict]:
                found = (await client.get(url)).json()
                return [one["id"] for one in found["results"]], found

            names = []
            for _ in range(103):
                body = {"version": MODEL, "input": {**CLICK, "input_video": "data:,x"}}
                names.append((await client.post("/predictions", json=body)).json()["id"])
                await client.post(f"/predictions/{names[-1]}/cancel")
                clock.passed += timedelta(minutes=1)
            ids, first = await page()
            assert ids == names[::-1][:100]
            assert first["previous"] is None
            ids, second = await page(first["next"])
            assert (ids, second["next"]) == (names[2::-1], None)
            ids, back = await page(second["previous"])
            assert back["results"] == first["results"]
            assert back["previous"] is None
            assert (await page(back["next"]))[1] == second
            assert (await page("/predictions?cursor="))[1] == first
            assert await page("/predictions?source=web") == ([], _LISTED_NOTHING)

            middle = first["results"][50]
            query = urlencode({"created_before": middle["created_at"]})
            older = [one for one in names if one != middle["id"]][:52][::-1]
            assert (await page(f"/predictions?{query}"))[0] == older
            # All pages of a list have its filters.
            query = urlencode({"created_after": second["results"][-2]["created_at"]})
            ids, newest = await page(f"/predictions?{query}")
            rest, last = await page(newest["next"])
            assert ids + rest == names[:0:-1]
            assert last["next"] is None

    run(test)


@pytest.mark.parametrize("prefer", ["wait=1", "respond-async, wait=1", 'wait="1"', "wait = 1"])
def test_a_wait_that_runs_out_says_starting(http, long_uri, prefer) -> None:
    body = {"version": MODEL, "input": {**CLICK, "input_video": long_uri}}
    answer = http.post("/predictions", json=body, headers={"Prefer": prefer})
    waited = answer.json()
    http.post(f"/predictions/{waited['id']}/cancel")
    assert answer.status_code == 202
    assert (waited["status"], waited["output"], waited["logs"]) == ("starting", None, "")


@pytest.mark.parametrize("query", ["", "?logs=true"])
def test_a_stream_resumes_where_it_broke_off(done, query) -> None:
    def events(last: str = "") -> list[dict[str, str]]:
        url = f"{done['urls']['stream']}{query}"
        answer = httpx.get(url, headers={"Last-Event-ID": last})
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        blocks = answer.text.strip("\n").split("\n\n")
        return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]

    every = events()
    logs = ["logs"] if query else []
    assert [one["event"] for one in every] == [*logs, *["output"] * FRAMES, "done"]
    assert [one["data"] for one in every if one["event"] == "output"] == done["output"]
    assert events(every[2]["id"]) == every[3:]
    assert events("nonsense") == every


def test_a_failed_streams_end(http, clip_uri) -> None:
    failed = _create(http, input_video=clip_uri, click_coordinates="[99,99]")
    text = httpx.get(failed["urls"]["stream"]).text
    assert "event: error" in text
    data = text.partition("event: error\n")[2].partition("data: ")[2].partition("\n")[0]
    assert json.loads(data)["detail"].startswith("click_coordinates[0] is [99,99]")


def test_contents_and_their_ranges(done) -> None:
    url = done["output"][1]
    whole = httpx.get(url)
    assert whole.status_code == 200
    assert whole.headers["Content-Type"] == "image/png"
    assert whole.headers["Accept-Ranges"] == "bytes"
    content = whole.content
    size = len(content)
    for asked, expected, span in [
        ("bytes=0-7", content[:8], f"bytes 0-7/{size}"),
        ("bytes=10-", content[10:], f"bytes 10-{size - 1}/{size}"),
        ("bytes=-5", content[-5:], f"bytes {size - 5}-{size - 1}/{size}"),
        (f"bytes=3-{size + 99}", content[3:], f"bytes 3-{size - 1}/{size}"),
    ]:
        part = httpx.get(url, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, expected)
        assert part.headers["Content-Range"] == span
    for asked in (f"bytes={size}-", "bytes=-0", "bytes=9-3"):
        assert httpx.get(url, headers={"Range": asked}).status_code == 416
    for asked in ("bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert httpx.get(url, headers={"Range": asked}).content == content
    stale = {"Range": "bytes=0-7", "If-Range": '"another"'}
    assert httpx.get(url, headers=stale).content == content
    known = httpx.get(url, headers={"If-None-Match": whole.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = httpx.head(url)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(size))
    assert httpx.get(url.replace("frame_00001", "frame_00002")).status_code == 404


def test_an_uploaded_page_is_no_page_of_this_server(http) -> None:
    page = {"content": ("../../x.html", b"<script>alert(1)</script>", "text/html")}
    file = http.post("/files", files=page).json()
    assert file["name"] == "x.html"
    answer = http.get(f"/files/{file['id']}/download")
    assert answer.content == page["content"][1]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"data": {"name": "x"}, "files": {"other": b"1"}}, "content is required: the file"),
        (
            {"files": {"content": b"1"}, "data": {"metadata": "{"}},
            "metadata should be a JSON object of at most 16384 bytes",
        ),
        (
            {"files": {"content": b"1"}, "data": {"metadata": '{"a": NaN}'}},
            "metadata should be a JSON object of at most 16384 bytes",
        ),
        ({"json": {"content": "1"}}, "content is required: the file"),
    ],
)
def test_forms_that_are_no_files(http, form, sentence) -> None:
    answer = http.post("/files", **form)
    assert (answer.status_code, answer.json()["detail"]) == (422, sentence)


def test_an_address_that_answers_nothing_useful(http, receiver) -> None:
    failed = _create(http, **CLICK, input_video=receiver.url("/missing.mp4"))
    assert failed["status"] == "failed"
    assert failed["error"].endswith("which cannot be fetched: its server answers 404")


def test_numbers_as_programs_write_them(http, clip_uri) -> None:
    inputs = {"input_video": clip_uri, "video_fps": 25.0, "output_frame_interval": 10**12}
    done = _create(http, **CLICK, **inputs)
    assert done["status"] == "succeeded", done["error"]
    assert len(done["output"]) == 1
    assert "event: done" in httpx.get(done["urls"]["stream"]).text


def test_a_fetched_input_goes_when_it_is_not_needed(http, server, receiver, clip_path) -> None:
    receiver.files["/clip.mp4"] = clip_path.read_bytes()
    before = set(server.stored_files())
    url = receiver.url("/clip.mp4")
    done = _create(http, **CLICK, input_video=url, output_video=True)
    assert done["input"]["input_video"] == url
    until(lambda: len(set(server.stored_files()) - before) == 1)  # the output


def test_every_call_is_there_without_v1_too(server, done) -> None:
    for path in (f"/predictions/{done['id']}", "/models", f"/models/{MODEL}", "/account", "/files"):
        plain = httpx.get(f"{server.url}{path}")
        assert plain.status_code == 200
        assert plain.json() == httpx.get(f"{server.url}/v1{path}").json()
    assert httpx.get(f"{server.url}/trainings").headers["Content-Type"].endswith("problem+json")
    assert "<title>" in httpx.get(server.url).text  # the page's paths stay its own


def test_what_a_creation_says_in_its_headers(http, clip_uri) -> None:
    inputs = {**CLICK, "input_video": clip_uri}
    answer = http.post(f"/models/{MODEL}/predictions", json={"input": inputs})
    assert answer.headers["Location"] == answer.json()["urls"]["get"]
    limit, left = (int(answer.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining"))
    assert limit == 1000
    assert 0 < left < limit
    assert int(answer.headers["ratelimit-reset"]) > 0


@pytest.mark.parametrize("lifetime", ["4", "4s", "5 minutes", "", "-5s", "1m1h", "s"])
def test_lifetimes_that_are_none(http, clip_uri, lifetime) -> None:
    body = {"input": {**CLICK, "input_video": clip_uri}}
    answer = http.post(
        f"/models/{MODEL}/predictions", json=body, headers={"Cancel-After": lifetime}
    )
    assert answer.status_code == 422
    assert "it should be a duration of 5 seconds or more" in answer.json()["detail"]


def test_a_deadline_ends_what_has_not_ended(tmp_path) -> None:
    """One prediction runs, another waits for the worker; the third has more time."""
    clock, begun, over = Clock(), threading.Event(), threading.Event()

    def slow(talk: Conversation) -> None:
        talk.begin()
        begun.set()
        over.wait(20)

    async def test() -> None:
        with ScriptedWorker([slow]) as worker:
            settings = {"workers": (worker.url,), "clock": clock}
            async with served(tmp_path, **settings) as (_, client):

                async def create(lifetime: str) -> dict:
                    body = {"version": MODEL, "input": {**CLICK, "input_video": "data:,x"}}
                    headers = {"Cancel-After": lifetime}
                    return (await client.post("/predictions", json=body, headers=headers)).json()

                running = await create("1m")
                await asyncio.to_thread(begun.wait, 20)
                waiting, later = await create("30"), await create("1h30m")
                clock.passed += timedelta(seconds=70)
                running = await ended(client, running["id"])
                waiting = await ended(client, waiting["id"])
                over.set()
                later = (await client.get(f"/predictions/{later['id']}")).json()
        assert running["status"] == "canceled"
        assert running["metrics"]["predict_time"] > 60
        assert waiting["status"] == "aborted"
        assert "started_at" not in waiting
        assert "predict_time" not in waiting["metrics"]
        assert later["status"] == "starting"
        assert later["deadline"] > running["deadline"]

    run(test)


def test_a_deadline_that_passes_while_the_server_is_down(tmp_path) -> None:
    clock = Clock()

    async def test() -> None:
        async with served(tmp_path, clock=clock) as (_, client):
            body = {"version": MODEL, "input": {**CLICK, "input_video": "data:,x"}}
            headers = {"Cancel-After": "5m"}
            name = (await client.post("/predictions", json=body, headers=headers)).json()["id"]
        clock.passed += timedelta(minutes=6)
        async with served(tmp_path, clock=clock) as (_, client):
            found = (await client.get(f"/predictions/{name}")).json()
            assert found["status"] == "aborted"
            assert '{"reason": "canceled"}' in (await client.get(found["urls"]["stream"])).text

    run(test)


def test_the_page_of_a_prediction(http, done, clip_uri) -> None:
    answer = httpx.get(done["urls"]["web"])
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "succeeded" in answer.text
    assert 'http-equiv="refresh"' not in answer.text
    assert all(f'src="{url}"' in answer.text for url in done["output"])
    assert httpx.get(done["urls"]["web"][:-1]).status_code == 404
    other = _create(http, **CLICK, input_video=clip_uri, click_object_ids="<script>")
    page = httpx.get(other["urls"]["web"]).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_a_webhook_is_tried_again(tmp_path, monkeypatch, webhook: Webhook) -> None:
    monkeypatch.setattr(webhooks, "_RETRIES", (0.0, 0.0))
    webhook.answers = [503, 500]

    async def test() -> None:
        with ScriptedWorker([sends("frame_00000.webp")]) as worker:
            settings = {"workers": (worker.url,), "allowed_networks": (LOOPBACK,)}
            async with served(tmp_path, **settings) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                body = {
                    "version": MODEL,
                    "input": {**CLICK, "input_video": "data:,x"},
                    "webhook": webhook.url,
                    "webhook_events_filter": ["completed"],
                }
                created = (await client.post("/predictions", json=body)).json()
                assert created["webhook"] == webhook.url
                assert created["webhook_events_filter"] == ["completed"]
                await asyncio.to_thread(until, lambda: len(webhook.messages) == 3)

    run(test)
    told = {(message.headers["Webhook-Id"], message.body) for message in webhook.messages}
    assert len(told) == 1


def test_a_burst_does_not_overfill_the_queue(tmp_path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits={"max_queue": 5}) as (_, client):
            body = {"version": MODEL, "input": {**CLICK, "input_video": "data:,x"}}
            answers = await asyncio.gather(
                *(client.post("/predictions", json=body) for _ in range(40))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 5, 429: 35}
            refused = [answer for answer in answers if answer.status_code == 429]
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
            assert len((await client.get("/predictions")).json()["results"]) == 5
        files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        assert len(files) == 5

    run(test)
