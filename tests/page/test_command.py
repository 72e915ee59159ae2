"""`python -m sam2_video.service.page.command` as a command, and what is in the package."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bench.processes import children
from bench.serving import alive, free_port, until
from sam2_video.core.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT = ROOT / "sam2_video" / "page" / "client"
STATIC = ROOT / "sam2_video" / "page" / "static"


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sam2_video.service.page.command", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        found += children(parent)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_brings_its_own_server_and_takes_it_along(number, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = free_port()
    process = start("--port", str(port), "--data", str(tmp_path / "data"))
    try:
        page = f"http://127.0.0.1:{port}"

        def status() -> str:
            try:
                return httpx.get(f"{page}/api/status").json()["status"]
            except httpx.HTTPError:
                return "not there"

        until(lambda: status() == "READY", 60, status)
        assert "Input" in httpx.get(f"{page}/openapi.json").json()["components"]["schemas"]
        assert httpx.get(f"{page}/v1/models/meta/sam-2-video").json()["owner"] == "meta"
        started = descendants(process.pid)
        assert len(started) > 1
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        until(lambda: not any(alive(pid) for pid in started))
    finally:
        process.kill()
        process.wait()
    assert f"the page is at http://localhost:{port}" in output
    assert "Traceback" not in output
    if number == signal.SIGKILL:
        Workspace(tmp_path).close()  # the next start removes what it could not
    else:
        assert process.returncode == 128 + number
    assert [path for path in tmp_path.iterdir() if path.name.startswith("sam2-video")] == []


def test_others_get_the_page_and_the_api_only_with_tokens(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = free_port()
    options = ["--host", "0.0.0.0", "--port", str(port), "--data", str(tmp_path / "data")]  # noqa: S104
    process = start(*options, "--api", "http://127.0.0.1:9")
    try:

        def code(path: str) -> int:
            try:
                return httpx.get(f"http://127.0.0.1:{port}{path}").status_code
            except httpx.HTTPError:
                return 0

        until(lambda: code("/") == 200, 60)
        assert code("/v1/models/meta/sam-2-video") == 404
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert "the page is served without the hosted API: --host 0.0.0.0 lets other" in output


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--api", "localhost:5000"], 1, "--api is 'localhost:5000', but it should be an http"),
        (["--keep-minutes", "0"], 2, "'0' is not a number above 0"),
        (["--api", "http://127.0.0.1:9", "--port", "99999"], 2, "--port"),
        (["--api", "http://127.0.0.1:9", "--example", "no-such.mp4"], 2, "there is no such file"),
    ],
)
def test_wrong_options_are_one_sentence(arguments, code, part) -> None:
    process = start(*arguments)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert part in output.splitlines()[-1]
    assert "Traceback" not in output


def test_the_page_needs_nothing_but_the_package() -> None:
    """Every file that the page names is there, and none of them names an address elsewhere."""
    names = {path.name for path in STATIC.iterdir()}
    assert names == {"index.html", "app.js", "style.css", "icon.svg"}
    index = (STATIC / "index.html").read_text()
    for name in names - {"index.html"}:
        assert f"/static/{name}" in index
    assert "<script>" not in index
    assert "style=" not in index


def test_the_built_script_is_that_of_the_sources(tmp_path) -> None:
    esbuild = CLIENT / "node_modules" / ".bin" / "esbuild"
    if shutil.which("node") is None or not esbuild.exists():
        pytest.skip("the page's tools are not installed; make client")
    built = tmp_path / "app.js"
    command = ["npm", "run", "--silent", "build", "--", f"--outfile={built}"]
    subprocess.run(command, cwd=CLIENT, check=True, capture_output=True)
    assert built.read_text() == (STATIC / "app.js").read_text(), "run make client"
