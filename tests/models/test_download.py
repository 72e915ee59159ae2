"""Fetching weights from a real HTTP server: resumed, verified, explained."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sam2_video.cli import main
from sam2_video.models.download import download, weights_url
from sam2_video.models.registry import CheckpointError, find_checkpoint
from tests.conftest import ROOT

DATA = bytes(range(256)) * 40_000  # 10 MB
CHECKPOINT = replace(
    find_checkpoint("tiny"), size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest()
)


class Handler(BaseHTTPRequestHandler):
    """Serves `server.data` with ranges, and breaks off after `server.break_after` bytes."""

    def do_GET(self) -> None:
        self.server.requests.append(self.headers.get("Range"))
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        start = start if self.server.knows_ranges else 0
        body = self.server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.data, server.status, server.knows_ranges = DATA, 200, True
        server.break_after, server.requests = None, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def fetch(server: ThreadingHTTPServer, folder: Path) -> Path:
    return download(CHECKPOINT, folder, f"http://127.0.0.1:{server.server_port}/weights/")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(server, tmp_path) -> None:
    path = fetch(server, tmp_path / "new")
    assert path.read_bytes() == DATA
    assert files(tmp_path / "new") == [CHECKPOINT.file]
    fetch(server, tmp_path / "new")
    assert len(server.requests) == 1


def test_an_interrupted_download_goes_on(server, tmp_path) -> None:
    server.break_after = 4_000_000
    with pytest.raises(CheckpointError, match="broke off"):
        fetch(server, tmp_path)
    assert files(tmp_path) == [f"{CHECKPOINT.file}.part"]
    server.break_after = None
    assert fetch(server, tmp_path).read_bytes() == DATA
    assert server.requests[1] == "bytes=4000000-"


def test_a_server_without_ranges_starts_over(server, tmp_path) -> None:
    (tmp_path / f"{CHECKPOINT.file}.part").write_bytes(DATA[:1000])
    server.knows_ranges = False
    assert fetch(server, tmp_path).read_bytes() == DATA


def test_a_download_cut_off_before_it_was_checked_is_not_fetched_again(server, tmp_path) -> None:
    (tmp_path / f"{CHECKPOINT.file}.part").write_bytes(DATA)
    assert fetch(server, tmp_path).read_bytes() == DATA
    assert not server.requests


@pytest.mark.parametrize("data", [DATA[:-1] + b"x", DATA + b"x"], ids=["changed", "longer"])
def test_another_file_is_dropped(data: bytes, server, tmp_path) -> None:
    server.data = data
    with pytest.raises(CheckpointError, match=r"is not the published file .* and was deleted"):
        fetch(server, tmp_path)
    assert not files(tmp_path)


def test_failures_are_explained(server, tmp_path) -> None:
    server.status = 404
    with pytest.raises(CheckpointError, match="cannot be fetched: the server answered 404"):
        fetch(server, tmp_path)
    with pytest.raises(CheckpointError, match="cannot be fetched: Connection refused"):
        download(CHECKPOINT, tmp_path, "http://127.0.0.1:9")


def test_the_command_says_what_is_wrong(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAM2_WEIGHTS_URL", "http://127.0.0.1:9")
    assert main(["download", "huge"]) == 1
    assert capsys.readouterr().err == (
        "NAME is 'huge', but it should be one of large, base_plus, small, tiny, nano\n"
    )
    assert main(["download", "nano"]) == 1
    assert "nano needs no download: it comes with the project" in capsys.readouterr().err
    assert main(["download", "tiny"]) == 1
    assert "cannot be fetched: Connection refused" in capsys.readouterr().err


def test_the_script_needs_python_alone(tmp_path) -> None:
    command = [sys.executable, "-S", "-m", "sam2_video", "download", "huge"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("NAME is 'huge', but it should be one of large")


def test_a_download_says_how_far_it_is(server, tmp_path, capsys) -> None:
    fetch(server, tmp_path)
    assert capsys.readouterr().err.splitlines()[-1] == "sam2.1_hiera_tiny.pt: 10 of 10 MB"


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://mirror/x", "http://", "http://[::1", "http://a b/", "http://a:x/"]
)
def test_a_mirror_that_is_no_url_is_told(url, monkeypatch) -> None:
    monkeypatch.setenv("SAM2_WEIGHTS_URL", url)
    with pytest.raises(CheckpointError, match=r"^SAM2_WEIGHTS_URL is .*; give an http\(s\) URL"):
        weights_url()
