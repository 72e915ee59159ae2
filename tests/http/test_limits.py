"""Hostile files over HTTP, limits that an operator has lowered, and uploads in place of base64."""

import base64
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench.memory import memory_of
from bench.serving import Receiver, Server, data_uri
from tests import clips
from tests.http.conftest import CLICK, FRAMES, SIZE

MAX_BYTES = 200_000
MAX_FRAMES = 100
LIMITS = {
    "SAM2_MAX_VIDEO_BYTES": str(MAX_BYTES),
    "SAM2_MAX_FRAMES": str(MAX_FRAMES),
    "SAM2_MAX_FRAME_PIXELS": "10000",
    "SAM2_MAX_FETCH_SECONDS": "2",
    "SAM2_MAX_CLICKS": "5",
    "SAM2_MAX_OBJECTS": "3",
    "SAM2_MAX_CONDITIONING_FRAMES": "2",
}
MORE_MEMORY = 300e6  # bytes that a refusal may take for a while


@pytest.fixture(scope="module")
def store() -> Iterator[Receiver]:
    with Receiver() as store:
        yield store


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, store: Receiver) -> Iterator[Server]:
    """A server with limits, which puts its outputs somewhere else."""
    folder = tmp_path_factory.mktemp("strict")
    upload = ("--upload-url", store.url("/bucket"))
    server = Server(folder, *upload, SAM2_IMAGE_SIZE="128", **LIMITS).start()
    yield server
    server.stop()


def png_of(width: int, height: int) -> bytes:
    """A picture that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + end


@pytest.fixture(scope="module")
def corpus(folder: Path, clip: bytes) -> dict[str, bytes]:
    """Files that nobody should send."""
    sound, empty = folder / "sound.m4a", folder / "empty.mkv"
    clips.ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", sound)
    clips.ffmpeg("-f", "lavfi", "-i", "color=s=64x48:d=1", "-frames:v", "0", "-y", empty)
    secret = folder / "secret.mp4"
    secret.write_bytes(clip)
    middle = len(clip) // 3
    return {
        "empty": b"",
        "truncated": clip[: len(clip) // 2],
        "bit-flipped": clip[:middle] + bytes(b ^ 0x55 for b in clip[middle:-900]) + clip[-900:],
        "text": b"hello\n" * 100,
        "html": b"<!doctype html><title>Sign in</title>",
        "audio": sound.read_bytes(),
        "no-frames": empty.read_bytes(),
        "huge": png_of(30_000, 30_000),
        "playlist": f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile {secret}\n".encode(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 9 RTP/AVP 96\n",
        "zip": b"PK\x03\x04" + bytes(200),
    }


NAMES = [
    *("empty", "truncated", "bit-flipped", "text", "html", "audio", "no-frames", "huge"),
    *("playlist", "concat", "svg", "sdp", "zip"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_one_sentence(name, strict, corpus) -> None:
    before = memory_of(strict.ready().processes(), peak=True)
    reply = strict.predict(input_video=data_uri(corpus[name], "video/mp4"), click_coordinates=CLICK)
    assert reply.error.startswith("input_video ")
    assert "/" not in reply.error.replace("and/or", ""), "a path of the machine"
    assert strict.files() == []
    assert strict.ffmpegs() == []
    assert memory_of(strict.processes(), peak=True) - before < MORE_MEMORY


def test_a_clip_of_too_many_frames(strict, long_clip) -> None:
    reply = strict.predict(input_video=data_uri(long_clip), click_coordinates=CLICK)
    sentence = f"input_video has more than the {MAX_FRAMES} frames allowed (SAM2_MAX_FRAMES)"
    assert reply.error == sentence


def test_frames_of_too_many_pixels(strict, tmp_path) -> None:
    clips.encode(tmp_path / "large.mp4", clips.numbered(2, (128, 96)))
    content = (tmp_path / "large.mp4").read_bytes()
    reply = strict.predict(input_video=data_uri(content), click_coordinates=CLICK)
    sentence = "input_video has 128x96 pixels a frame, more than the 10000 allowed"
    assert reply.error == f"{sentence} (SAM2_MAX_FRAME_PIXELS)"


def test_too_many_bytes(strict, receiver) -> None:
    receiver.files["/large"] = bytes(MAX_BYTES * 10)
    sentence = f"input_video has more than the {MAX_BYTES} bytes allowed (SAM2_MAX_VIDEO_BYTES)"
    for address in (receiver.url("/large"), data_uri(bytes(MAX_BYTES + 1))):
        reply = strict.predict(input_video=address, click_coordinates=CLICK)
        assert reply.error == sentence
        assert strict.files() == []


def test_a_server_that_never_ends(strict, receiver) -> None:
    def drip(request) -> None:
        request.send_response(200)
        request.end_headers()
        with suppress(OSError):  # the client hangs up
            for _ in range(300):
                request.wfile.write(b"\0")
                request.wfile.flush()
                time.sleep(0.05)

    receiver.files["/drip"] = drip
    reply = strict.predict(input_video=receiver.url("/drip"), click_coordinates=CLICK)
    sentence = "input_video takes longer to fetch than the 2 seconds allowed"
    assert reply.error == f"{sentence} (SAM2_MAX_FETCH_SECONDS)"


@pytest.mark.parametrize(
    "clicks",
    [
        {"click_coordinates": ",".join(["[1,1]"] * 6), "click_object_ids": "a"},
        {"click_coordinates": ",".join(["[1,1]"] * 4)},
        {
            "click_coordinates": "[1,1],[1,1],[1,1]",
            "click_frames": "0,1,2",
            "click_object_ids": "a",
        },
        {"click_coordinates": "[1,1]," * 100_000},
        {"click_coordinates": "[" * 100_000},
        {"click_coordinates": "[1e400,1]"},
        {"click_coordinates": "[9" + "9" * 5000 + ",1]"},
        {"click_coordinates": "[1,1]", "click_frames": "9" * 5000},
        {"click_coordinates": "[1,1]", "click_labels": "\u0661"},
        {"click_coordinates": "[nan,1]"},
    ],
    ids=[
        *("clicks", "objects", "frames", "flood", "brackets", "infinite", "digits"),
        *("index", "script", "nan"),
    ],
)
def test_clicks_beyond_a_limit(clicks, strict, clip) -> None:
    reply = strict.predict(input_video=data_uri(clip), **clicks)
    assert len(reply.error) < 400


def test_frames_are_put_where_the_operator_says(strict, store, tmp_path) -> None:
    clips.encode(tmp_path / "many.mp4", clips.numbered(60, SIZE))
    store.received.clear()
    reply = strict.predict(
        input_video=data_uri((tmp_path / "many.mp4").read_bytes()), click_coordinates=CLICK
    )
    names = [f"frame_{index:05d}.webp" for index in range(60)]
    # Uploads run side by side: names, not places, say which frame is which.
    assert sorted(reply.outputs) == [store.url(f"/bucket/{name}") for name in names]
    stored = {path: body for method, path, body in store.received if method == "PUT"}
    assert sorted(stored) == [f"/bucket/{name}" for name in names]
    assert all(body[:4] == b"RIFF" for body in stored.values())


def test_a_video_is_put_there_too(strict, store, clip) -> None:
    store.received.clear()
    (output,) = strict.predict(
        input_video=data_uri(clip), click_coordinates=CLICK, output_video=True
    ).outputs
    assert output == store.url("/bucket/output_video.mp4")
    assert store.received[0][2][4:8] == b"ftyp"


def test_a_body_that_is_no_request(server, inputs) -> None:
    server.ready()
    for body in ([], "x", {"input": []}, {"input": inputs, "webhook": 5}):
        assert server.call("POST", "/predictions", body).code in (400, 422)
    large = base64.b64encode(bytes(80_000_000)).decode()
    assert server.call("POST", "/predictions", {"input": {"input_video": large}}).code == 413
    assert len(server.predict(**inputs).outputs) == FRAMES
