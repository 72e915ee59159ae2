"""The page's server by way of HTTP: who sees what, what is refused, and what the model gets."""

import asyncio
import json
import socket
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
import pytest

from bench.hostile import huge_canvas_gif
from bench.processes import ffmpeg_children
from bench.serving import Receiver, data_uri, until
from sam2_video.core.limits import Limits
from sam2_video.service.settings import Bounds, ServiceLimits
from sam2_video.video.draw_rgb import PALETTE
from tests import clips
from tests.service.inprocess import Clock, served

CLICK = {"click_coordinates": "[20,20]"}


def upload(client: httpx.Client, content: bytes, name: str = "clip.mp4") -> dict:
    answer = client.post("/api/videos", params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def run(client: httpx.Client, video: str, **inputs: object) -> str:
    answer = client.post("/api/runs", json={"video": video, "inputs": {**CLICK, **inputs}})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def follow(client: httpx.Client, name: str) -> list[dict]:
    with client.stream("GET", f"/api/runs/{name}/events") as answer:
        return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def refusal(answer: httpx.Response, code: int = 422) -> dict:
    assert answer.status_code == code, answer.text
    body = answer.json()
    assert "\n" not in body["sentence"]
    assert "Error" not in body["sentence"]
    return body


# Pictures


def test_what_is_known_of_a_video(visitor, numbered) -> None:
    about = upload(visitor, numbered, "../my\x00 clip.mp4")
    assert (about["width"], about["height"], about["num_frames"]) == (*clips.SIZE, 120)
    assert about["frame_rate"] == pytest.approx(30)
    assert about["name"] == "my clip.mp4"
    assert visitor.get(f"/api/videos/{about['id']}").json() == about


@pytest.mark.parametrize("index", [0, 1, 23, 24, 59, 119])
def test_a_frame_is_the_one_of_that_number(visitor, numbered, index) -> None:
    video = upload(visitor, numbered)
    answer = visitor.get(f"/api/videos/{video['id']}/frames/{index}")
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert clips.number_of(picture) == index


def test_a_frame_outside_the_video(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    sentence = refusal(visitor.get(f"/api/videos/{video['id']}/frames/120"))["sentence"]
    assert sentence == "Frame 120 is not in the video, which has 120."


def test_the_source_can_be_played_from_anywhere(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    part = visitor.get(f"/api/videos/{video['id']}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, numbered[10:20])
    assert part.headers["content-type"] == "video/mp4"


# The model


def test_a_preview_is_the_mask_of_that_frame(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    asked = {"frame": 77, "points": [[20, 20]], "labels": [1]}
    answer = visitor.post(f"/api/videos/{video['id']}/mask", json=asked)
    assert answer.headers["content-type"] == "image/png", answer.text
    mask = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert mask.shape == clips.SIZE[::-1]
    assert set(np.unique(mask)) <= {0, 255}


def test_a_preview_says_when_the_model_is_busy(visitor, container, numbered) -> None:
    video = upload(visitor, numbered)
    name = container.begin(input_video=data_uri(numbered), **CLICK)
    asked = {"frame": 0, "points": [[20, 20]], "labels": [1]}
    assert visitor.post(f"/api/videos/{video['id']}/mask", json=asked).status_code == 409
    container.call("POST", f"/predictions/{name}/cancel")


def test_clicks_are_read_by_the_models_rules(visitor, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    strings = {"click_coordinates": "[1,2], [3,4],[5,6]", "click_labels": "1,1,0", "video": video}
    answer = visitor.post("/api/clicks", json=strings).json()
    assert [click["name"] for click in answer["clicks"]] == ["object_1", "object_2", ""]
    assert [len(o["prompts"][0]["points"]) for o in answer["objects"]] == [2, 2]
    assert answer["error"] is None

    wrong = visitor.post("/api/clicks", json={**strings, "click_frames": "0,500"}).json()
    assert wrong["clicks"]
    assert wrong["error"] == {
        "sentence": "click_frames[1] is 500, but the video has 120 frames (0-119)",
        "field": "click_frames",
    }
    broken = visitor.post("/api/clicks", json={**strings, "click_coordinates": "[1,"}).json()
    assert broken["clicks"] is None
    assert broken["error"]["field"] == "click_coordinates"


def test_a_run_from_its_beginning_to_the_zip(visitor, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    name = run(visitor, video, output_frame_interval=40, output_format="png")
    reports = follow(visitor, name)
    assert reports[0]["first"]
    last = reports[-1]
    assert (last["status"], last["frames_done"], last["frames_total"]) == ("done", 120, 120)
    files = [file for report in reports for file in report["new_files"]]
    assert files == ["frame_00000.png", "frame_00040.png", "frame_00080.png"]
    assert "100%|" in "".join(line for report in reports for line in report["new_log"])

    archive = zipfile.ZipFile(BytesIO(visitor.get(f"/api/runs/{name}/zip").content))
    assert archive.testzip() is None
    assert archive.namelist() == ["inputs.json", *files]
    assert json.loads(archive.read("inputs.json"))["output_frame_interval"] == 40
    single = visitor.get(f"/api/runs/{name}/files/frame_00040.png")
    assert single.content == archive.read("frame_00040.png")
    assert visitor.get(f"/api/runs/{name}/files/..%2Fpart").status_code == 404
    # Who comes back finds it again.
    assert [r["id"] for r in visitor.get("/api/start").json()["runs"]] == [name]
    assert follow(visitor, name)[0]["new_files"] == files


@pytest.mark.parametrize(
    ("inputs", "field", "part"),
    [
        ({"click_coordinates": "[20,9999]"}, "click_coordinates", "96x72 pixels"),
        ({"click_labels": "7"}, "click_labels", "label is 1"),
        ({"output_frame_interval": 0}, "output_frame_interval", "output_frame_interval is 0, but"),
        ({"video_fps": 99}, "video_fps", "a whole number from 1 to 60"),
        ({"output_format": "gif"}, "output_format", "'gif'"),
        ({"click_labels": 1}, "click_labels", "it should be a string"),
    ],
)
def test_errors_are_one_sentence_and_name_their_field(
    visitor, numbered, inputs, field, part
) -> None:
    video = upload(visitor, numbered)["id"]
    answer = visitor.post("/api/runs", json={"video": video, "inputs": {**CLICK, **inputs}})
    if answer.status_code == 201:  # only the model can tell
        last = follow(visitor, answer.json()["id"])[-1]
        assert last["status"] == "failed"
        error = last["error"]
    else:
        error = refusal(answer, 422)
    assert error["field"] == field
    assert part in error["sentence"]
    assert "Error" not in error["sentence"]


def test_an_unknown_input_is_refused(visitor, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    answer = visitor.post("/api/runs", json={"video": video, "inputs": {**CLICK, "colour": 1}})
    assert refusal(answer, 422)["sentence"].startswith(
        "'colour' is not an input; the closest one is "
    )


def test_a_run_can_be_cancelled_and_the_model_is_free_again(visitor, container, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    name = run(visitor, video, output_video=True)
    until(lambda: container.health()["status"] == "BUSY")
    assert visitor.post(f"/api/runs/{name}/cancel").json()["status"] == "cancelled"
    assert follow(visitor, name)[-1]["status"] == "cancelled"
    container.ready()


def test_a_run_waits_for_the_worker(visitor, container, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    other = container.begin(input_video=data_uri(numbered), **CLICK)
    name = run(visitor, video, output_frame_interval=100)
    with visitor.stream("GET", f"/api/runs/{name}/events") as answer:
        assert '"waiting"' in next(line for line in answer.iter_lines() if line)
    second = visitor.post("/api/runs", json={"video": video, "inputs": CLICK})
    assert "under way" in refusal(second, 409)["sentence"]
    container.call("POST", f"/predictions/{other}/cancel")
    assert follow(visitor, name)[-1]["status"] == "done"


def test_a_full_queue_says_when_to_try_again(serve, container, numbered) -> None:
    other = container.begin(input_video=data_uri(numbered), **CLICK)
    with httpx.Client(base_url=serve(limits=ServiceLimits(max_queue=1)), timeout=60) as client:
        video = upload(client, numbered)["id"]
        waiting = {"version": "meta/sam-2-video", "input": {**CLICK, "input_video": "data:,x"}}
        assert client.post("/v1/predictions", json=waiting).status_code == 201
        answer = client.post("/api/runs", json={"video": video, "inputs": CLICK})
        assert refusal(answer, 429)["sentence"].startswith("The queue is full")
        assert int(answer.headers["Retry-After"]) > 0
    container.call("POST", f"/predictions/{other}/cancel")


def test_a_container_that_is_not_there(serve, numbered) -> None:
    with httpx.Client(base_url=serve(workers=("http://127.0.0.1:9",)), timeout=60) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/status").json() == {"status": "UNREACHABLE"}
        assert "Input" in client.get("/openapi.json").json()["components"]["schemas"]
        video = upload(client, numbered)["id"]
        asked = {"frame": 0, "points": [[20, 20]], "labels": [1]}
        told = refusal(client.post(f"/api/videos/{video}/mask", json=asked), 503)
        assert told["sentence"].startswith("No worker is alive: http://127.0.0.1:9 cannot be")


def test_page_and_api_take_turns_in_one_queue(visitor, page_url, numbered) -> None:
    """A run of the page waits for a prediction that was there before, and is no program's."""
    inputs = {**CLICK, "input_video": data_uri(numbered), "output_frame_interval": 100}
    video = upload(visitor, numbered)["id"]
    with httpx.Client(base_url=f"{page_url}/v1", timeout=60) as program:
        create = "/models/meta/sam-2-video/predictions"
        first = program.post(create, json={"input": inputs}).json()["id"]
        name = run(visitor, video, output_frame_interval=100)
        assert follow(visitor, name)[-1]["status"] == "done"
        assert program.get(f"/predictions/{first}").json()["status"] == "succeeded"
        assert program.get(f"/predictions/{name}").status_code == 404
        assert program.get(f"/files/{video}").status_code == 404
        listed = [one["id"] for one in program.get("/predictions").json()["results"]]
        assert first in listed
        assert name not in listed


# Safety


def test_two_people_do_not_see_each_others_files(visitor, page_url, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    name = run(visitor, video, output_frame_interval=100)
    follow(visitor, name)
    with httpx.Client(base_url=page_url) as other:
        other.get("/")
        for path in (
            f"/api/videos/{video}",
            f"/api/videos/{video}/file",
            f"/api/videos/{video}/frames/0",
            f"/api/runs/{name}/events",
            f"/api/runs/{name}/zip",
            f"/api/runs/{name}/files/frame_00000.webp",
        ):
            assert other.get(path).status_code == 404, path
            assert visitor.get(path).status_code == 200, path
        started = other.get("/api/start").json()
        assert started["videos"] == started["runs"] == []
        assert other.post("/api/runs", json={"video": video, "inputs": CLICK}).status_code == 404
        assert other.delete(f"/api/videos/{video}").status_code == 404
    assert visitor.delete(f"/api/videos/{video}").status_code == 204
    assert visitor.get(f"/api/videos/{video}").status_code == 404


def test_nothing_from_elsewhere_is_let_in(visitor, page_url) -> None:
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    cookie = httpx.get(page_url).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[x"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = visitor.post("/api/videos/example", headers=headers)
        assert refusal(answer, 403)["sentence"] == "This request comes from another site."
    answer = visitor.get("/api/start", headers={"Host": "evil.example:8000"})
    assert "localhost only" in refusal(answer, 403)["sentence"]
    assert visitor.get("/static/..%2F__main__.py").status_code == 404


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "empty"), (b"this is no video" * 50, "not a video or picture"), (None, "cut short")],
)
def test_what_is_no_video_is_refused(visitor, numbered, content, part) -> None:
    content = numbered[: len(numbered) // 2] if content is None else content
    told = refusal(visitor.post("/api/videos", content=content))
    assert told["field"] == "input_video"
    if part != "cut short":
        assert part in told["sentence"]
    assert visitor.get("/api/start").json()["videos"] == []


def test_uploads_are_bounded(serve, numbered) -> None:
    limits = Limits(max_video_bytes=1000)
    with httpx.Client(base_url=serve(video_limits=limits)) as client:
        client.get("/")
        told = refusal(client.post("/api/videos", content=numbered), 413)
        assert told["field"] == "input_video"

        def chunks():  # without a length, so that it is noticed on the way
            yield numbered

        assert client.post("/api/videos", content=chunks()).status_code == 413
    with httpx.Client(base_url=serve(limits=ServiceLimits(max_stored_bytes=1000))) as client:
        client.get("/")
        assert (
            "no disk space"
            in refusal(client.post("/api/videos", content=numbered), 507)["sentence"]
        )


def test_a_visitor_keeps_the_newest_videos(serve, numbered) -> None:
    with httpx.Client(
        base_url=serve(limits=ServiceLimits(max_visitor_videos=2)), timeout=60
    ) as client:
        client.get("/")
        names = [upload(client, numbered)["id"] for _ in range(3)]
        assert [v["id"] for v in client.get("/api/start").json()["videos"]] == names[1:]


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


def test_files_go_some_time_after_their_last_use(container, numbered, tmp_path) -> None:
    async def test() -> None:
        clock = Clock()
        workers = (f"http://127.0.0.1:{container.port}",)
        async with served(tmp_path, workers=workers, clock=clock) as (service, client):
            client.base_url = httpx.URL("http://localhost:8000")
            video = (await client.post("/api/videos", content=numbered)).json()["id"]
            body = {"video": video, "inputs": {**CLICK, "output_frame_interval": 100}}
            name = (await client.post("/api/runs", json=body)).json()["id"]
            await client.get(f"/api/runs/{name}/events")  # to its end
            assert len(files_in(tmp_path)) == 3
            for _ in range(3):  # used again in time
                clock.passed += timedelta(hours=1.5)
                assert (await client.get(f"/api/videos/{video}")).status_code == 200
                await service.sweep()
            assert len(files_in(tmp_path)) == 3
            assert len((await client.get("/api/start")).json()["runs"]) == 1
            clock.passed += timedelta(hours=2.5)
            await service.sweep()
            assert files_in(tmp_path) == []
            told = refusal(await client.get(f"/api/videos/{video}"), 404)
            assert "no longer here" in told["sentence"]
            started = (await client.get("/api/start")).json()
            assert started["videos"] == started["runs"] == []

    asyncio.run(test())


def test_a_new_run_replaces_the_last_one(visitor, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    first = run(visitor, video, output_frame_interval=100)
    follow(visitor, first)
    second = run(visitor, video, output_frame_interval=100)
    assert follow(visitor, second)[-1]["status"] == "done"
    assert visitor.get(f"/api/runs/{first}/zip").status_code == 404
    assert [one["id"] for one in visitor.get("/api/start").json()["runs"]] == [second]


def test_files_may_lie_in_another_storage(serve, container, numbered, tmp_path) -> None:
    """Frames are decoded from a local copy, and the zip is read from the storage."""
    container.ready()
    url = serve(files=f"memory://{tmp_path.name}", folder=tmp_path)
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/")
        video = upload(client, numbered)["id"]
        answer = client.get(f"/api/videos/{video}/frames/77")
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert clips.number_of(picture) == 77
        name = run(client, video, output_frame_interval=100)
        assert follow(client, name)[-1]["status"] == "done"
        archive = zipfile.ZipFile(BytesIO(client.get(f"/api/runs/{name}/zip").content))
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        assert files_in(tmp_path) == []


DEEP = b"[" * 900_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/clicks", DEEP),
        ("/api/clicks", {"video": {}}),
        ("/api/clicks", {"video": 5}),
        ("/api/clicks", {"click_labels": 7}),
        ("/api/clicks", b'{"click_coordinates": "\\ud800"}'),
        ("/api/clicks", b'{"click_coordinates": ' + b"9" * 5000 + b"}"),
        ("/api/videos/fetch", {"url": 7}),
        ("/api/videos/fetch", {"url": ["http://a"]}),
        ("/api/videos/fetch", b"[]"),
        ("/api/videos/fetch", b"\xff"),
        ("/api/runs", {}),
        ("/api/runs", {"video": None, "inputs": {}}),
        ("/api/runs", {"video": "VIDEO", "inputs": []}),
        ("/api/runs", {"video": "VIDEO", "inputs": {"click_coordinates": {}}}),
        ("/api/videos/VIDEO/mask", {}),
        ("/api/videos/VIDEO/mask", {"frame": 0, "points": 5, "labels": 1}),
        ("/api/videos/VIDEO/mask", {"frame": 0, "points": [[1, 2]], "labels": [[1]]}),
        ("/api/videos/VIDEO/mask", {"frame": 0, "points": [[1, "2"]], "labels": [1]}),
        ("/api/videos/VIDEO/mask", {"frame": 0, "points": [[1, 1e999]], "labels": [1]}),
        ("/api/videos/VIDEO/mask", {"frame": 0, "points": [[1, 2]], "labels": [1, 1]}),
        ("/api/videos/VIDEO/mask", {"frame": True, "points": [[1, 2]], "labels": [1]}),
        ("/api/videos/VIDEO/mask", {"frame": 10**4000, "points": [[1, 2]], "labels": [1]}),
    ],
)
def test_bodies_of_odd_types_are_refused(visitor, numbered, path, body) -> None:
    video = upload(visitor, numbered)["id"] if "VIDEO" in f"{path}{body!r:.99}" else ""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = visitor.post(
        path.replace("VIDEO", video), content=text.replace(b"VIDEO", video.encode())
    )
    assert 400 <= answer.status_code < 500
    refusal(answer, answer.status_code)


@pytest.mark.parametrize("index", ["9" * 5000, "-1", "1.5", "x", "%C2%B2"])
def test_frames_that_are_no_numbers(visitor, numbered, index) -> None:
    video = upload(visitor, numbered)["id"]
    refusal(visitor.get(f"/api/videos/{video}/frames/{index}"))


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("file:///etc/passwd", "begins with https://"),
        ("http://127.0.0.1:9/clip.mp4", "cannot be fetched"),
        ("http://[::1/clip.mp4", "cannot be fetched: it is not a URL"),
        ("http://xn--a/clip.mp4", "cannot be fetched: it is not a URL"),
        ("http://1.1.1.1:70000/clip.mp4", "cannot be fetched: it is not an http(s) URL"),
        ("", "begins with https://"),
    ],
)
def test_urls_that_cannot_be_fetched(visitor, url, part) -> None:
    told = refusal(visitor.post("/api/videos/fetch", json={"url": url}))
    assert (told["field"], part in told["sentence"]) == ("input_video", True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "10.0.0.1"]
)
def test_private_addresses_are_not_fetched_from(serve, host) -> None:
    with httpx.Client(base_url=serve()) as client:
        client.get("/")
        asked = {"url": f"http://{host}/clip.mp4"}
        told = refusal(client.post("/api/videos/fetch", json=asked))
        assert "leads to the private address" in told["sentence"]


def test_an_unknown_url_is_a_page_for_browsers_and_json_for_programs(visitor) -> None:
    page = visitor.get("/nowhere", headers={"accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert '<a href="/">' in page.text
    assert visitor.get("/api/nowhere").json() == {"sentence": "Not Found", "field": None}


def test_a_video_of_the_web(visitor, numbered) -> None:
    with Receiver({"/a/clip.mp4": numbered}) as receiver:
        url = receiver.url("/a/clip.mp4")
        about = visitor.post("/api/videos/fetch", json={"url": url}).json()
    assert (about["name"], about["url"], about["num_frames"]) == ("clip.mp4", url, 120)


def test_colours_are_those_of_the_result(visitor) -> None:
    palette = visitor.get("/api/start").json()["palette"]
    assert palette[0] == "rgb({} {} {})".format(*PALETTE[0].tolist())
    assert len(palette) == len(PALETTE)


def test_a_page_of_this_machine_answers_to_its_public_name(serve) -> None:
    url = serve(public_url="http://host.docker.internal:8000")
    assert httpx.get(url, headers={"Host": "host.docker.internal:8000"}).status_code == 200
    assert httpx.get(url, headers={"Host": "docker.internal:8000"}).status_code == 403
    assert httpx.get(url, headers={"Host": "[::1]:8000"}).status_code == 200
    open_to_all = serve(host="0.0.0.0")  # noqa: S104
    assert httpx.get(open_to_all, headers={"Host": "media.example"}).status_code == 200


def test_an_upload_that_breaks_off_leaves_nothing(serve, numbered, tmp_path) -> None:
    url = urlsplit(serve(folder=tmp_path))
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"POST /api/videos HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 999999\r\n\r\n"
        connection.sendall(head.encode() + numbered)
        until(lambda: files_in(tmp_path) != [])
    until(lambda: files_in(tmp_path) == [])


def test_a_check_ends_when_the_visitor_leaves(serve, tmp_path) -> None:
    url = urlsplit(serve(folder=tmp_path / "data"))
    content = huge_canvas_gif(tmp_path / "canvas.gif", frames=20_000).read_bytes()
    head = f"POST /api/videos HTTP/1.1\r\nHost: {url.netloc}\r\n"
    head += f"Content-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + content)
        until(lambda: bool(ffmpeg_children()))
    until(lambda: not ffmpeg_children())
    until(lambda: not files_in(tmp_path / "data"))


def test_a_check_has_a_time_of_its_own(serve, tmp_path) -> None:
    content = huge_canvas_gif(tmp_path / "canvas.gif", frames=20_000).read_bytes()
    with httpx.Client(base_url=serve(bounds=Bounds(max_check_seconds=0.5))) as client:
        told = refusal(client.post("/api/videos", content=content))
    assert told["sentence"].startswith("input_video takes longer to check than the 0.5 seconds")
    assert not ffmpeg_children()
