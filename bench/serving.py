"""A server process of the container to call, and a receiver for the requests it sends itself."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.processes import children
from sam2_video.prediction.contract import SCHEMA_FILE

ROOT = Path(__file__).resolve().parents[1]
SERVER_FOLDERS = Path("/tmp/coglet/predictions")  # noqa: S108 - where cog puts them
START_SECONDS = 90.0


@dataclass
class Reply:
    """Status code and JSON body of an answer."""

    code: int
    body: Any

    @property
    def outputs(self) -> list[str]:
        """The outputs of a prediction that succeeded."""
        assert self.code == 200, self.body
        assert self.body["status"] == "succeeded", self.body.get("error")
        return self.body["output"]

    @property
    def error(self) -> str:
        """The error of a failed prediction, without the server's prefix."""
        assert self.code == 200, self.body
        assert self.body["status"] == "failed", self.body
        assert not self.body.get("output")
        sentence = self.body["error"].partition("InputError: ")[2]
        assert sentence, self.body["error"]
        assert "Traceback" not in json.dumps(self.body)
        assert "\n" not in sentence
        return sentence


class Server:
    """`python -m cog.server.http` in a process of its own, with temporary files of its own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.temporary = folder / "temporary"
        self.log = folder / "server.log"
        self.port = free_port()
        self._home = folder / "home"
        self._arguments = arguments
        self._environment = environment
        self._prefix = f"test-{uuid.uuid4().hex[:8]}-"
        self._count = 0
        self._process: subprocess.Popen | None = None
        self.temporary.mkdir(parents=True, exist_ok=True)
        (self._home / ".cog").mkdir(parents=True, exist_ok=True)
        shutil.copy(SCHEMA_FILE, self._home / ".cog" / "openapi_schema.json")
        (self._home / "predict.py").unlink(missing_ok=True)
        (self._home / "predict.py").symlink_to(ROOT / "predict.py")

    def start(self) -> Server:
        """Start the process. It answers within seconds and predicts once it is ready."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
            "PORT": str(self.port),
            "TMPDIR": str(self.temporary),
            "SAM2_MODEL": "nano",
            "OMP_WAIT_POLICY": "passive",
            "NO_PROXY": "127.0.0.1",
            **self._environment,
        }
        command = [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments],
                cwd=self._home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def health(self) -> dict[str, Any]:
        """The health check's answer; status `UNREACHABLE` while nothing listens."""
        try:
            return self.call("GET", "/health-check").body
        except OSError:
            return {"status": "UNREACHABLE"}

    def wait_for(self, *statuses: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Wait until the health check says one of `statuses`."""
        found: dict[str, Any] = {}

        def seen() -> bool:
            nonlocal found
            found = self.health()
            return found["status"] in statuses

        until(seen, seconds, lambda: f"{found} {self.log.read_text()[-2000:]}")
        return found

    def ready(self) -> Server:
        """Wait until the server accepts a prediction."""
        self.wait_for("READY")
        return self

    def call(
        self, method: str, path: str, body: Any = None, timeout: float = 120, **headers: str
    ) -> Reply:
        """One HTTP call. Header names are written with underscores."""
        request = self._request(method, path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
                return Reply(response.status, json.loads(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                return Reply(error.code, json.loads(text))
            except ValueError:
                return Reply(error.code, text.decode(errors="replace"))

    def predict(self, request: dict[str, Any] | None = None, **inputs: Any) -> Reply:
        """A synchronous prediction, once the server is idle."""
        self.ready()
        return self.call(
            "POST", "/predictions", {"id": self.new_id(), "input": inputs, **(request or {})}
        )

    def begin(self, **inputs: Any) -> str:
        """Start a prediction without waiting for it; its id."""
        self.ready()
        name = self.new_id()
        reply = self.call("PUT", f"/predictions/{name}", {"input": inputs}, Prefer="respond-async")
        assert reply.code == 202, reply
        return name

    def events(self, **inputs: Any) -> Iterator[tuple[str, Any]]:
        """A prediction as server-sent events: event and data."""
        self.ready()
        body = {"id": self.new_id(), "input": inputs}
        request = self._request("POST", "/predictions", body, {"Accept": "text/event-stream"})
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
            assert response.headers["Content-Type"] == "text/event-stream"
            event = ""
            for line in response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)

    def new_id(self) -> str:
        """An id that starts with this server's own prefix, so that its folders can be found."""
        self._count += 1
        return f"{self._prefix}{self._count}"

    def files(self) -> list[Path]:
        """Temporary files of the server, its predictor's outputs among them."""
        return [path for path in self.temporary.rglob("*") if not path.is_dir()]

    def folders(self) -> list[Path]:
        """What the server made outside its temporary folder."""
        return list(SERVER_FOLDERS.glob(f"{self._prefix}*"))

    def processes(self) -> list[int]:
        """The server and all its descendants."""
        found = [self.pid]
        for pid in found:
            found += children(pid)
        return found

    def ffmpegs(self) -> list[int]:
        """The descendants that are ffmpeg."""
        return [pid for pid in self.processes() if "ffmpeg" in _command(pid)]

    def kill(self) -> None:
        """Kill the server with SIGKILL, as the out-of-memory killer does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60) -> int:
        """Wait for the process to end; its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End the server and whatever is left of its session."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for folder in self.folders():
            shutil.rmtree(folder, ignore_errors=True)

    def _request(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=data,
            headers={"Content-Type": "application/json", **named},
            method=method,
        )


@dataclass
class Receiver:
    """An HTTP server that records the requests it gets, and serves files.

    Attributes:
        files: what a GET of a path answers: bytes, or a function that writes the answer itself.
        received: method, path and body of every POST and PUT.
    """

    files: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    received: list[tuple[str, str, bytes]] = field(default_factory=list)

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                answer = receiver.files.get(self.path.partition("?")[0])
                if callable(answer):
                    answer(self)
                elif answer is None:
                    self.send_error(404)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    with suppress(OSError):
                        self.wfile.write(answer)

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.received.append((self.command, self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        """The URL of a path here."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(
    holds: Callable[[], bool], seconds: float = 30, about: Callable[[], str] = lambda: ""
) -> None:
    """Wait until something holds, and fail where it never does."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, about()
        time.sleep(0.02)


def data_uri(content: bytes, kind: str = "video/mp4") -> str:
    """A file as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def content_of(output: str) -> tuple[str, bytes]:
    """Media type and bytes of an output that came as a data URI."""
    head, _, text = output.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return head[5:-7], base64.b64decode(text)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
