"""The page's server by way of HTTP: what it starts with, videos, and what is refused."""

import json
import re
import socket
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import cv2
import httpx
import numpy as np
import pytest

from bench.hostile import huge_canvas_gif
from bench.processes import ffmpeg_children
from bench.serving import Receiver, until
from sam2_video.core.limits import Limits
from sam2_video.service.settings import Bounds, ServiceLimits
from sam2_video.video.draw_rgb import PALETTE
from tests import clips
from tests.service.page.calls import (
    DOG,
    ON_DOG,
    follow,
    project_of,
    refusal,
    track,
    upload,
)
from tests.video.odd_files import cut_short_mkv

# Pictures


def test_what_is_known_of_a_video(visitor, numbered) -> None:
    about = upload(visitor, numbered, "../my\x00 clip.mp4")
    assert (about["width"], about["height"], about["num_frames"]) == (*clips.SIZE, 120)
    assert about["frame_rate"] == pytest.approx(30)
    assert about["name"] == "my clip.mp4"
    assert not about["has_sound"]
    assert about["damage"] is None


def test_damage_is_told(visitor, tmp_path) -> None:
    cut = cut_short_mkv(tmp_path)
    about = upload(visitor, cut.path.read_bytes(), "A clip.mkv")
    count = about["num_frames"]
    told = re.fullmatch(
        rf"A clip.mkv is damaged near frame \d+: .*, {count} frames\.", about["damage"]
    )
    assert told, about


@pytest.mark.parametrize("index", [0, 1, 23, 24, 59, 119])
def test_a_frame_is_the_one_of_that_number(visitor, numbered, index) -> None:
    video = upload(visitor, numbered)
    answer = visitor.get(f"/api/videos/{video['id']}/frames/{index}")
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert clips.number_of(picture) == index


def test_a_thumbnail_is_small(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    path = f"/api/videos/{video['id']}/frames/77"
    content = visitor.get(path, params={"height": 36}).content
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (36, 48, 3)
    assert clips.number_of(picture) == 77
    refusal(visitor.get(path, params={"height": 5000}))


def test_a_thumbnail_of_a_very_wide_frame_is_not_enlarged(visitor) -> None:
    video = upload(visitor, wide_picture(40_000, 16), "wide.png")
    content = visitor.get(f"/api/videos/{video['id']}/frames/0", params={"height": 720}).content
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (16, 40_000, 3)


def test_a_frame_that_is_too_wide_for_a_jpeg_is_said(visitor) -> None:
    video = upload(visitor, wide_picture(70_000, 16), "wide.png")
    for height in ({}, {"height": 96}):
        told = refusal(visitor.get(f"/api/videos/{video['id']}/frames/0", params=height))
        assert told["sentence"] == "A frame of 70000x16 pixels is too large to be shown."


def wide_picture(width: int, height: int) -> bytes:
    _, content = cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))
    return content.tobytes()


def test_examples_have_pictures_and_clicks(serve, numbered, tmp_path) -> None:
    plain, told = tmp_path / "a_plain.mp4", tmp_path / "b.mp4"
    for path in (plain, told):
        path.write_bytes(numbered)
    (tmp_path / "b_preview.webm").write_bytes(b"\x1aE\xdf\xa3")
    click = {"object": "o1", "name": "dog", "frame": 3, "x": 5.5, "y": 6, "foreground": True}
    (tmp_path / "b.json").write_text(json.dumps({"title": "Two dogs", "clicks": [click]}))
    with httpx.Client(base_url=serve(examples=(plain, told)), timeout=60) as client:
        first, second = client.get("/api/start").json()["examples"]
        assert (first["title"], first["clicks"], first["preview"]) == ("a plain", [], None)
        assert (second["title"], second["clicks"]) == ("Two dogs", [click])
        assert client.get(second["preview"]).content == b"\x1aE\xdf\xa3"
        content = client.get(second["thumbnail"]).content
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert clips.number_of(picture) == 60
        video = client.post("/api/videos/example", json={"id": second["id"]}).json()
        assert (video["name"], video["num_frames"]) == ("b.mp4", 120)
        refusal(client.get("/api/examples/9/thumbnail"), 404)
        refusal(client.get(f"/api/examples/{first['id']}/preview"), 404)


def test_what_runs_is_told(visitor, container) -> None:
    container.ready()
    nano = {"name": "nano", "is_small": True}
    assert visitor.get("/api/status").json() == {"status": "READY", "model": nano}
    started = visitor.get("/api/start").json()
    assert started["model"] == nano
    assert [one["title"] for one in started["examples"]] == ["clip"]


def test_a_frame_outside_the_video(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    sentence = refusal(visitor.get(f"/api/videos/{video['id']}/frames/120"))["sentence"]
    assert sentence == "Frame 120 is not in the video, which has 120."


def test_the_source_can_be_played_from_anywhere(visitor, numbered) -> None:
    video = upload(visitor, numbered)
    part = visitor.get(f"/api/videos/{video['id']}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, numbered[10:20])
    assert part.headers["content-type"] == "video/mp4"


# Safety


def test_nothing_from_elsewhere_is_let_in(visitor, page_url) -> None:
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    cookie = httpx.get(page_url).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=" in cookie  # work is found again after the browser was closed
    assert "Secure" not in cookie
    over_tls = httpx.get(page_url, headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert "Secure" in over_tls
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
    ("content", "sentence"),
    [
        (b"", "broken.mp4 is empty (0 bytes); send a video or a picture."),
        (
            b"this is no video" * 50,
            "We can't open broken.mp4: its format is not known. Try MP4, MOV or WebM.",
        ),
        (
            None,
            "We can't open broken.mp4: its index is missing, as when a recording was cut off. "
            "Try MP4, MOV or WebM.",
        ),
    ],
)
def test_what_is_no_video_is_refused(serve, numbered, tmp_path, content, sentence) -> None:
    content = numbered[: len(numbered) // 2] if content is None else content
    with httpx.Client(base_url=serve(folder=tmp_path), timeout=60) as client:
        client.get("/")
        answer = client.post("/api/videos", params={"name": "a/broken.mp4"}, content=content)
        assert refusal(answer) == {"sentence": sentence, "field": None}
        assert files_in(tmp_path) == []


def test_a_video_beyond_a_bound_is_told_so(serve, numbered) -> None:
    with httpx.Client(base_url=serve(video_limits=Limits(max_frames=100))) as client:
        client.get("/")
        told = refusal(client.post("/api/videos", params={"name": "a.mp4"}, content=numbered))
    assert told["sentence"] == "a.mp4 has more than the 100 frames allowed."


def test_uploads_are_bounded(serve, numbered) -> None:
    limits = Limits(max_video_bytes=1000)
    with httpx.Client(base_url=serve(video_limits=limits)) as client:
        client.get("/")
        answer = client.post("/api/videos", params={"name": "a.mp4"}, content=numbered)
        assert refusal(answer, 413)["sentence"].startswith("a.mp4 is larger than the 0 MB allowed.")

        def chunks():  # without a length, so that it is noticed on the way
            yield numbered

        assert client.post("/api/videos", content=chunks()).status_code == 413
    with httpx.Client(base_url=serve(limits=ServiceLimits(max_stored_bytes=1000))) as client:
        client.get("/")
        assert (
            "no disk space"
            in refusal(client.post("/api/videos", content=numbered), 507)["sentence"]
        )


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


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
        project = client.post("/api/projects", json={"video": video}).json()
        done = track(client, project, [ON_DOG], 0, 2)
        assert client.get(f"/api/tracks/{done['id']}/lanes").status_code == 200
        body = {"objects": [DOG], "inputs": {"end_frame": 2}}
        one = client.post(f"/api/projects/{project['id']}/exports", json=body).json()
        assert follow(client, f"/api/exports/{one['id']}")[-1]["status"] == "done"
        archive = ZipFile(BytesIO(client.get(f"/api/exports/{one['id']}/zip").content))
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        assert files_in(tmp_path) == []


DEEP = b"[" * 900_000
TRACK = {"objects": [DOG], "prompts": [ON_DOG], "start_frame": 0, "end_frame": 9}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/videos/fetch", DEEP),
        ("/api/videos/fetch", {"url": 7}),
        ("/api/videos/fetch", {"url": ["http://a"]}),
        ("/api/videos/fetch", b"[]"),
        ("/api/videos/fetch", b"\xff"),
        ("/api/videos/fetch", b'{"url": "\\ud800"}'),
        ("/api/videos/example", {"id": 1}),
        ("/api/videos/example", {"id": "../clip.mp4"}),
        ("/api/projects", {}),
        ("/api/projects", {"video": None}),
        ("/api/projects", {"video": "../hosted.db"}),
        ("/api/projects/PROJECT/mask", {}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "points": 5, "labels": 1}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "labels": [[1], [1]]}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "points": [[1, "2"], [1, 2]]}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "points": [[1, 1e999], [1, 2]]}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "labels": [1]}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "frame": True}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "frame": 10**4000}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "frame": 120}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "object": "a,b"}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "mask_of": "../x"}),
        ("/api/projects/PROJECT/mask", {**ON_DOG, "box": [1, 2, 3]}),
        ("/api/projects/PROJECT/tracks", {}),
        ("/api/projects/PROJECT/tracks", {**TRACK, "prompts": []}),
        ("/api/projects/PROJECT/tracks", {**TRACK, "objects": [{"id": "O1", "name": "a"}]}),
        ("/api/projects/PROJECT/tracks", {**TRACK, "objects": [DOG] * 300}),
        ("/api/projects/PROJECT/tracks", {**TRACK, "start_frame": -1}),
        ("/api/projects/PROJECT/tracks", {**TRACK, "end_frame": 10**30}),
        ("/api/projects/PROJECT/exports", {"objects": []}),
        ("/api/projects/PROJECT/exports", {"objects": [DOG], "inputs": [1]}),
        ("/api/projects/PROJECT/exports", {"objects": [DOG], "inputs": {"mask_type": {}}}),
        ("/api/projects/PROJECT/exports", {"objects": [DOG], "inputs": {"start_frame": 10**30}}),
    ],
)
def test_bodies_of_odd_types_are_refused(visitor, numbered, path, body) -> None:
    if "PROJECT" in path:
        path = path.replace("PROJECT", project_of(visitor, numbered)["id"])
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = visitor.post(path, content=text)
    assert 400 <= answer.status_code < 500, answer.text
    refusal(answer, answer.status_code)


@pytest.mark.parametrize("index", ["9" * 5000, "-1", "1.5", "x", "%C2%B2"])
def test_frames_that_are_no_numbers(visitor, numbered, index) -> None:
    video = upload(visitor, numbered)["id"]
    refusal(visitor.get(f"/api/videos/{video}/frames/{index}"))
    refusal(visitor.get(f"/api/videos/{video}/frames/0", params={"height": index}))


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("file:///etc/passwd", "begin with https://"),
        ("http://127.0.0.1:9/clip.mp4", "cannot be fetched"),
        ("http://[::1/clip.mp4", "cannot be fetched: it is not a URL"),
        ("http://xn--a/clip.mp4", "cannot be fetched: it is not a URL"),
        ("http://1.1.1.1:70000/clip.mp4", "cannot be fetched: it is not an http(s) URL"),
        ("", "begin with https://"),
    ],
)
def test_urls_that_cannot_be_fetched(visitor, url, part) -> None:
    told = refusal(visitor.post("/api/videos/fetch", json={"url": url}))
    assert part in told["sentence"]
    assert "input_video" not in told["sentence"]


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
    assert told["sentence"] == "video takes longer to check than the 0.5 seconds allowed."
    assert not ffmpeg_children()
