"""`python -m sam2_video serve` as `make page` starts it, with a worker of its own."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from bench.processes import children
from bench.serving import ROOT, alive, free_port, until
from tests.service.page.calls import DOG, follow, project_of, start_track
from tests.service.serving import MODEL, HostedServer

CLIENT = ROOT / "sam2_video" / "service" / "page" / "client"
STATIC = ROOT / "sam2_video" / "service" / "page" / "static"
CREATE = f"/v1/models/{MODEL}/predictions"
CLICK = {"click_coordinates": "[20,20]"}
PROMPT = {"object": "o1", "frame": 0, "points": [[20, 20]], "labels": [1]}


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sam2_video", "serve", *arguments],
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


def test_a_prediction_by_the_server_that_serves_the_page(server, clip_uri) -> None:
    """With the worker that the server has started: its outputs are uploaded."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert "<title>" in client.get("/").text
        body = {"input": {**CLICK, "input_video": clip_uri, "output_format": "png"}}
        done = client.post(CREATE, json=body, headers={"Prefer": "wait"}).json()
        assert (done["status"], done["source"]) == ("succeeded", "api")
        assert len(done["output"]) == 6
        assert client.get(done["output"][0]).content.startswith(b"\x89PNG")


def test_a_project_on_the_same_server(server, clip_path) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.get("/")
        project = project_of(client, clip_path.read_bytes())
        path = f"/api/projects/{project['id']}"
        until(lambda: client.get("/api/status").json()["status"] == "READY")
        mask = client.post(f"{path}/mask", json={**PROMPT, "frame": 3})
        assert mask.content.startswith(b"\x89PNG")
        track = start_track(client, project, [PROMPT]).json()["id"]
        assert follow(client, f"/api/tracks/{track}")[-1]["status"] == "done"
        body = {"objects": [DOG], "inputs": {"output_video": True}}
        export = client.post(f"{path}/exports", json=body).json()["id"]
        (file,) = follow(client, f"/api/exports/{export}")[-1]["files"]
        result = client.get(file["url"])
        assert result.content[4:8] == b"ftyp"
        part = client.get(file["url"], headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")


def test_a_track_survives_a_crash_of_the_server(worker, tmp_path, some_path) -> None:
    server = HostedServer(tmp_path, "--api", f"http://127.0.0.1:{worker.port}").start()
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            client.get("/")
            project = project_of(client, some_path.read_bytes())
            track = start_track(client, project, [PROMPT]).json()["id"]

            def seen() -> dict:
                (one,) = client.get(f"/api/projects/{project['id']}").json()["tracks"]
                return one

            until(lambda: seen()["status"] == "running")
            server.kill()
            server.start()
            assert seen()["id"] == track
            assert seen()["status"] in ("waiting", "running")
            reports = follow(client, f"/api/tracks/{track}")
            assert reports[-1]["status"] == "done"
            begun = max(index for index, report in enumerate(reports) if report["first"])
            frames = [
                frame
                for report in reports[begun:]
                for first, last in report["frames"]
                for frame in range(first, last + 1)
            ]
            assert frames == list(range(50))
            assert client.get(f"/api/tracks/{track}/frames/49").status_code == 200
            video = project["video"]["id"]
            assert client.get(f"/api/videos/{video}/frames/49").status_code == 200
    finally:
        server.stop()


def test_streams_end_in_order_with_a_server_that_stops(long_path, long_uri, tmp_path) -> None:
    """A track runs, a prediction waits for it, and a client waits for that one's end."""
    server = HostedServer(tmp_path).start()
    try:
        with (
            httpx.Client(base_url=server.url, timeout=60) as client,
            ThreadPoolExecutor() as threads,
        ):
            client.get("/")
            project = project_of(client, long_path.read_bytes())
            track = start_track(client, project, [PROMPT]).json()["id"]
            body = {"input": {**CLICK, "input_video": long_uri}}
            queued = client.post(CREATE, json=body).json()
            following = threads.submit(follow, client, f"/api/tracks/{track}")
            streaming = threads.submit(httpx.get, queued["urls"]["stream"], timeout=60)
            waiting = threads.submit(client.post, CREATE, json=body, headers={"Prefer": "wait"})
            path = f"/api/projects/{project['id']}"
            until(lambda: client.get(path).json()["tracks"][0]["frames_done"] > 5, 60)
            assert not any(one.done() for one in (following, streaming, waiting))
            assert server.terminate() == 128 + signal.SIGTERM
            assert following.result()[-1]["status"] == "running"
            assert "event: done" not in streaming.result().text
            assert waiting.result().json()["status"] == "starting"
        log = server.log.read_text()
        assert "Traceback" not in log
        assert "rror" not in log
        assert "ailed" not in log
        assert log.endswith("interrupted\n")
        with closing(sqlite3.connect(tmp_path / "data" / "hosted.db")) as database:
            found = database.execute("SELECT status FROM predictions ORDER BY number").fetchall()
        assert found == [("processing",), ("starting",), ("starting",)]  # for the next start
    finally:
        server.stop()


def test_the_api_alone(worker, tmp_path) -> None:
    options = ("--no-page", "--api", f"http://127.0.0.1:{worker.port}")
    server = HostedServer(tmp_path, *options).start()
    try:
        assert httpx.get(f"{server.url}/").status_code == 404
        assert httpx.get(f"{server.url}/v1/models").status_code == 200
    finally:
        server.stop()


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
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert not (tmp_path / "data" / "worker").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_others_get_the_page_and_the_api_only_with_tokens(tmp_path) -> None:
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
    ("arguments", "part"),
    [
        (["--api", "localhost:5000"], "--api is 'localhost:5000', but it should be an http"),
        (["--keep-minutes", "0"], "--keep-minutes is 0, but it should be above zero"),
        (["--max-disk-gb", "nan"], "--max-disk-gb is nan, but it should be above zero"),
        (["--port", "99999"], "--port is 99999, but it should be from 1 to 65535"),
        (["--example", "no-such.mp4"], "--example is 'no-such.mp4', but there is no such file"),
        (["--example", "tests"], "--example is 'tests', but there is no .mp4 in this folder"),
        (["--tokens", "pyproject.toml"], "--tokens 'pyproject.toml', line 1, has a token that is"),
        (["--data", "/dev/null"], "--data is '/dev/null', but it should be a folder"),
    ],
)
def test_wrong_options_are_one_sentence(arguments, part, tmp_path) -> None:
    process = start("--data", str(tmp_path / "data"), *arguments)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.startswith(part)
    assert output.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--database", "foo"], "--database 'foo' cannot be used (Could not parse"),
        (["--database", "foo://x"], "--database 'foo://x' cannot be used (Can't load plugin"),
        (["--database", "sqlite:///x.db"], "--database 'sqlite:///x.db' cannot be used (The async"),
        (
            ["--database", "postgresql+asyncpg://me:secret@localhost/x"],
            "--database 'postgresql+asyncpg://me:***@localhost/x' cannot be used (",
        ),
        (
            ["--database", "sqlite+aiosqlite:////no/such.db"],
            "--database 'sqlite+aiosqlite:////no/such.db' cannot be used (unable to open",
        ),
        (["--files", "foo://x"], "--files 'foo://x' cannot be used (Protocol not known: foo)"),
        (["--files", "s3://bucket/x"], "--files 's3://bucket/x' cannot be used (Install s3fs"),
        (["--worker-endpoint", "192.0.2.1:0"], "--worker-endpoint cannot be used: listening on"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_that_names_its_option(
    arguments, part, tmp_path
) -> None:
    process = start("--data", str(tmp_path), "--port", str(free_port()), *arguments)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.startswith(part)
    assert output.count("\n") == 1


def test_a_second_server_is_refused_the_port_and_the_folder_of_the_first(server) -> None:
    for port, folder, part in (
        (server.port, "other", "--host or --port cannot be used: listening on 127.0.0.1:"),
        (free_port(), "data", f"--data '{server.folder}/data' is in use by another server"),
    ):
        process = start("--port", str(port), "--data", str(server.folder / folder))
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert output.startswith(part)
        assert output.count("\n") == 1
    assert not (server.folder / "other").exists()
    assert (server.folder / "data" / "worker").exists()


def test_a_database_of_a_newer_version_is_one_sentence(tmp_path) -> None:
    with sqlite3.connect(tmp_path / "hosted.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    process = start("--port", str(free_port()), "--data", str(tmp_path))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the database has revision 9999" in output
    assert len(output.splitlines()) == 1


def test_the_command_line_loads_no_server_for_other_commands() -> None:
    code = "import sys, sam2_video.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert not {"starlette", "uvicorn", "sqlalchemy", "torch"} & set(done.stdout.split())


def test_the_page_needs_nothing_but_the_package() -> None:
    """Every file that the page names is there, and none of them names an address elsewhere."""
    names = {path.name for path in STATIC.iterdir()}
    assert names == {"index.html", "app.js", "app.css", "icon.svg", "licenses.txt"}
    index = (STATIC / "index.html").read_text()
    for name in names - {"index.html", "licenses.txt"}:
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
