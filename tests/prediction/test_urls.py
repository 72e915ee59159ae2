"""Web addresses as users paste them, and servers as they are."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sam2_video.core.errors import InputError, SettingError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.prediction.fetch import fetch_url

CONTENT = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name == "loop":
            self._redirect("/loop")
        elif name == "ring":
            self._redirect("/ring2")
        elif name == "ring2":
            self._redirect("/ring")
        elif name.startswith("chain"):
            left = int(name.removeprefix("chain"))
            self._redirect(f"/chain{left - 1}" if left else "/plain")
        elif name == "elsewhere":
            self._redirect("file:///etc/hostname")
        elif name == "gzip":
            self._send(gzip.compress(CONTENT), "gzip")
        elif name == "x-gzip":
            self._send(gzip.compress(CONTENT), "X-Gzip")
        elif name == "deflate":
            self._send(zlib.compress(CONTENT), "deflate")
        elif name == "joined-gzip":
            self._send(gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:]), "gzip")
        elif name == "identity":
            self._send(CONTENT, "identity")
        elif name == "broken-gzip":
            self._send(gzip.compress(CONTENT)[:-20], "gzip")
        elif name == "bomb":
            self._send(gzip.compress(bytes(20_000_000)), "gzip")
        elif name == "unknown":
            self._send(CONTENT, "zstd-of-tomorrow")
        elif name == "file.gz":  # a file that is gzip, not an answer that is
            self._send(gzip.compress(CONTENT))
        elif name == "asked":
            self._send(self.headers.get("Accept-Encoding", "").encode() or b"none")
        else:
            self._send(CONTENT)

    def _redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, body: bytes, encoding: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def fetched(source: str, folder: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    return fetch_url("input_video", source, folder, limits).read_bytes()


def refusal(source: str, folder: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """The sentence with which an address is refused; checks its form."""
    with pytest.raises(InputError) as caught:
        fetched(source, folder, limits)
    sentence = str(caught.value)
    assert re.fullmatch(r"input_video [ -~]+[^.]", sentence), sentence
    for leak in ("Errno", "Error", "nonnumeric", "urlopen", "Traceback", "The last 30x"):
        assert leak not in sentence, sentence
    return sentence


def test_a_plain_file(server: str, tmp_path: Path) -> None:
    assert fetched(f"{server}/plain", tmp_path) == CONTENT


def test_a_few_redirects_are_followed(server: str, tmp_path: Path) -> None:
    assert fetched(f"{server}/chain5", tmp_path) == CONTENT


@pytest.mark.parametrize("name", ["loop", "ring", "chain40"])
def test_redirects_without_an_end_are_one_sentence(name: str, server: str, tmp_path: Path) -> None:
    assert "redirect" in refusal(f"{server}/{name}", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_redirect_to_a_file_of_the_machine_is_refused(server: str, tmp_path: Path) -> None:
    refusal(f"{server}/elsewhere", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("user", ["user:secret", "user", "user:p%40ss", ":secret", "user:5"])
def test_a_user_in_the_address_works_or_is_named(user: str, server: str, tmp_path: Path) -> None:
    """A password is never repeated in what is said of it."""
    source = server.replace("http://", f"http://{user}@") + "/plain"
    try:
        assert fetched(source, tmp_path) == CONTENT
    except InputError:
        sentence = refusal(source, tmp_path)
        assert re.search(r"user|password", sentence.replace(source[:40], ""))
        assert "secret" not in sentence


@pytest.mark.parametrize(
    "around",
    ["{}\n", " {} ", "\t{}", "\r\n{}\r\n", "\u00a0{}"],
)
def test_white_space_around_an_address_is_trimmed(around: str, server: str, tmp_path: Path) -> None:
    assert fetched(around.format(f"{server}/plain"), tmp_path) == CONTENT


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "deflate", "joined-gzip", "identity"])
def test_a_content_encoding_is_undone(name: str, server: str, tmp_path: Path) -> None:
    assert fetched(f"{server}/{name}", tmp_path) == CONTENT


def test_a_file_that_is_gzip_stays_as_it_is(server: str, tmp_path: Path) -> None:
    assert gzip.decompress(fetched(f"{server}/file.gz", tmp_path)) == CONTENT


def test_a_content_encoding_that_is_not_known_is_named(server: str, tmp_path: Path) -> None:
    assert "zstd-of-tomorrow" in refusal(f"{server}/unknown", tmp_path)


def test_an_encoded_answer_that_breaks_off_is_one_sentence(server: str, tmp_path: Path) -> None:
    refusal(f"{server}/broken-gzip", tmp_path)


def test_the_limit_counts_decoded_bytes(server: str, tmp_path: Path) -> None:
    limits = Limits(max_video_bytes=1_000_000)
    assert "1000000 bytes" in refusal(f"{server}/bomb", tmp_path, limits)
    small = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert small <= 3_000_000  # it stops soon after the limit


@pytest.mark.parametrize(
    "source",
    [
        "http://",
        "http:///clip.mp4",
        "http://[::1/clip.mp4",
        "http://127.0.0.1:port/",
        "https:clip",
    ],
)
def test_an_address_that_is_none_is_one_sentence(source: str, tmp_path: Path) -> None:
    refusal(source, tmp_path)


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends one byte of a header line now and then, without an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_over = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not is_over.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/clip.mp4"
        is_over.set()
        thread.join(10)


def test_headers_without_an_end(dripping, tmp_path) -> None:
    before = threading.active_count()
    with pytest.raises(InputError, match=r"takes longer to fetch than the 0\.5 seconds allowed"):
        fetch_url("input_video", dripping, tmp_path, Limits(max_fetch_seconds=0.5))
    assert threading.active_count() == before
    assert not list(tmp_path.iterdir())


def test_private_networks_are_refused_where_the_operator_says_so(
    server, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("SAM2_ALLOW_PRIVATE", "none")
    with pytest.raises(InputError, match=r"leads to the private address 127\.0\.0\.1"):
        fetch_url("input_video", f"{server}/plain", tmp_path, DEFAULT_LIMITS)
    monkeypatch.setenv("SAM2_ALLOW_PRIVATE", "10.0.0.0/8, 127.0.0.1")
    assert fetch_url("input_video", f"{server}/plain", tmp_path, DEFAULT_LIMITS).exists()
    monkeypatch.setenv("SAM2_ALLOW_PRIVATE", "everything")
    with pytest.raises(SettingError, match="SAM2_ALLOW_PRIVATE is 'everything'; give any, none"):
        fetch_url("input_video", f"{server}/plain", tmp_path, DEFAULT_LIMITS)
