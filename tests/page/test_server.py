"""The page's server by way of HTTP: who sees what, what is refused, and what the model gets."""

import json
import socket
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.serving import Receiver, data_uri, until
from sam2_video.core.limits import Limits
from sam2_video.service.page import routes
from sam2_video.video.draw_rgb import PALETTE
from tests import clips
from tests.page.conftest import serving

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


def refusal(answer: httpx.Response, code: int = 400) -> dict:
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
    assert answer.headers["content-type"] == "image/png"
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
        ({"output_frame_interval": 0}, "output_frame_interval", "1 or more"),
        ({"video_fps": 99}, "video_fps", "maximum of 60"),
        ({"output_format": "gif"}, "output_format", "gif"),
    ],
)
def test_errors_are_one_sentence_and_name_their_field(
    visitor, numbered, inputs, field, part
) -> None:
    video = upload(visitor, numbered)["id"]
    last = follow(visitor, run(visitor, video, **inputs))[-1]
    assert last["status"] == "failed"
    assert last["error"]["field"] == field
    assert part in last["error"]["sentence"]
    assert "Error" not in last["error"]["sentence"]


def test_an_unknown_input_is_refused(visitor, numbered) -> None:
    video = upload(visitor, numbered)["id"]
    answer = visitor.post("/api/runs", json={"video": video, "inputs": {**CLICK, "colour": 1}})
    assert refusal(answer)["sentence"].startswith(
        "'colour' is not an input; there are input_video, click_coo"
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


def test_a_large_video_goes_by_address(visitor, numbered, monkeypatch) -> None:
    monkeypatch.setattr(routes, "MAX_INLINE_BYTES", 10)
    video = upload(visitor, numbered, "a b.mp4")["id"]
    assert follow(visitor, run(visitor, video, output_frame_interval=100))[-1]["status"] == "done"


def test_an_address_that_the_model_cannot_reach(serve, container, numbered, monkeypatch) -> None:
    monkeypatch.setattr(routes, "MAX_INLINE_BYTES", 10)
    container.ready()
    with httpx.Client(base_url=serve(public_url="http://127.0.0.1:9"), timeout=60) as client:
        client.get("/")
        last = follow(client, run(client, upload(client, numbered)["id"]))[-1]
    assert last["error"]["sentence"].startswith(
        "The model's server cannot fetch this large video from http://127.0.0.1:9; start the page"
    )


def test_a_container_that_is_not_there(serve, numbered) -> None:
    with httpx.Client(base_url=serve(api="http://127.0.0.1:9"), timeout=60) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/status").json() == {"status": "UNREACHABLE"}
        told = refusal(client.get("/openapi.json"), 503)
        assert told["sentence"] == "The model's server at http://127.0.0.1:9 does not answer."


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
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = visitor.post("/api/videos/example", headers=headers)
        assert refusal(answer, 403)["sentence"] == "This request comes from another site."
    answer = visitor.get("/api/start", headers={"Host": "evil.example:8000"})
    assert "localhost only" in refusal(answer, 403)["sentence"]
    assert visitor.get("/files/guessed/clip.mp4").status_code == 404
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
    with httpx.Client(base_url=serve(limits=limits)) as client:
        client.get("/")
        told = refusal(client.post("/api/videos", content=numbered), 413)
        assert told["field"] == "input_video"

        def chunks():  # without a length, so that it is noticed on the way
            yield numbered

        assert client.post("/api/videos", content=chunks()).status_code == 413
    with httpx.Client(base_url=serve(max_disk_bytes=1000)) as client:
        client.get("/")
        assert (
            "no disk space"
            in refusal(client.post("/api/videos", content=numbered), 507)["sentence"]
        )


def test_a_visitor_keeps_the_newest_videos(serve, numbered) -> None:
    with httpx.Client(base_url=serve(max_videos=2), timeout=60) as client:
        client.get("/")
        names = [upload(client, numbered)["id"] for _ in range(3)]
        assert [v["id"] for v in client.get("/api/start").json()["videos"]] == names[1:]


def test_files_go_after_a_time(serve, numbered, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with httpx.Client(base_url=serve(keep_seconds=0.3), timeout=60) as client:
        client.get("/")
        video = upload(client, numbered)["id"]
        assert list(tmp_path.rglob("input_video"))
        until(lambda: not list(tmp_path.rglob("input_video")), 20)
        assert "no longer here" in refusal(client.get(f"/api/videos/{video}"), 404)["sentence"]


def test_nothing_is_left_when_the_server_ends(container, numbered, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        serving(api=f"http://127.0.0.1:{container.port}") as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        client.get("/")
        run(client, upload(client, numbered)["id"])
        until(lambda: container.health()["status"] == "BUSY")
    assert list(tmp_path.iterdir()) == []
    container.ready()  # its run was cancelled


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("file:///etc/passwd", "begins with https://"),
        ("http://127.0.0.1:9/clip.mp4", "cannot be fetched"),
        ("", "begins with https://"),
    ],
)
def test_addresses_that_cannot_be_fetched(visitor, address, part) -> None:
    told = refusal(visitor.post("/api/videos/fetch", json={"address": address}))
    assert (told["field"], part in told["sentence"]) == ("input_video", True)


def test_a_video_of_the_web(visitor, numbered) -> None:
    with Receiver({"/a/clip.mp4": numbered}) as receiver:
        url = receiver.url("/a/clip.mp4")
        about = visitor.post("/api/videos/fetch", json={"address": url}).json()
    assert (about["name"], about["address"], about["num_frames"]) == ("clip.mp4", url, 120)


def test_colours_are_those_of_the_result(visitor) -> None:
    palette = visitor.get("/api/start").json()["palette"]
    assert palette[0] == "rgb({} {} {})".format(*PALETTE[0].tolist())
    assert len(palette) == len(PALETTE)


def test_a_page_of_this_machine_answers_to_the_name_that_the_container_uses(serve) -> None:
    url = serve(public_url="http://host.docker.internal:8000")
    assert httpx.get(url, headers={"Host": "host.docker.internal:8000"}).status_code == 200
    assert httpx.get(url, headers={"Host": "docker.internal:8000"}).status_code == 403
    assert httpx.get(url, headers={"Host": "[::1]:8000"}).status_code == 200
    served = serve(only_local=False)
    assert httpx.get(served, headers={"Host": "media.example"}).status_code == 200


def test_an_upload_that_breaks_off_leaves_nothing(serve, numbered, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = urlsplit(serve())
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"POST /api/videos HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 999999\r\n\r\n"
        connection.sendall(head.encode() + numbered)
        until(lambda: list(tmp_path.rglob("input_video")) != [])
    until(lambda: list(tmp_path.rglob("input_video")) == [])


def test_other_parts_may_join_the_server(serve) -> None:
    """Their routes come before the page's and are not guarded as the page is."""
    steps = []

    @asynccontextmanager
    async def context(_: Starlette) -> AsyncIterator[None]:
        steps.append("open")
        yield

    async def answer(_: Request) -> Response:
        return PlainTextResponse("mine")

    parts = {"routes": [Route("/v1/x", answer, methods=["POST"])], "contexts": [context]}
    headers = {"Origin": "https://other.example", "Host": "anything.example"}
    url = serve(parts=parts)
    assert httpx.post(f"{url}/v1/x", headers=headers).text == "mine"
    assert httpx.post(f"{url}/api/videos/example", headers=headers).status_code == 403
    assert steps == ["open"]
