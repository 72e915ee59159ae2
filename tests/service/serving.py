"""A real server of the protocol in a process of its own, and a receiver for its webhooks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from bench.serving import ROOT, free_port, until

PUBLIC_VERSION = "33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d"
MODEL = "meta/sam-2-video"
START_SECONDS = 60.0


class HostedServer:
    """`python -m sam2_video serve`, on a free port, with data of its own."""

    def __init__(self, folder: Path, *options: str, scheme: str = "http", **env: str) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"{scheme}://localhost:{self.port}"
        self._options = options
        self._environment = env
        self._process: subprocess.Popen | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> HostedServer:
        """Start the process and wait until it answers; predictions may wait for a worker."""
        environment = {
            **os.environ,
            "SAM2_MODEL": "nano",
            "SAM2_IMAGE_SIZE": "128",
            "OMP_WAIT_POLICY": "passive",
            "NO_PROXY": "127.0.0.1,localhost",
            **self._environment,
        }
        command = [sys.executable, "-m", "sam2_video", "serve", "--port", str(self.port)]
        command += ["--data", str(self.folder / "data"), *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, START_SECONDS, self.log.read_text)
        return self

    def kill(self) -> None:
        """Kill the process as a lack of memory would; a worker that it has started goes on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process as a user does, and whatever it left."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(40)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stored_files(self) -> list[Path]:
        """The files that lie in its storage."""
        return [path for path in (self.folder / "data" / "files").rglob("*") if path.is_file()]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            answer = httpx.get(f"{self.url}/v1/models", verify=False)  # noqa: S501 - is it there?
        except httpx.HTTPError:
            return False
        return "sam-2-video" in answer.text and self._process.poll() is None


@dataclass
class Message:
    """One request that a webhook got."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Webhook:
    """A client's webhook on this machine.

    Attributes:
        answers: statuses of the answers to come; 200 once they are used up.
        messages: what it was told.
    """

    answers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def __enter__(self) -> Webhook:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.messages.append(Message(dict(self.headers.items()), body))
                self.send_response(webhook.answers.pop(0) if webhook.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
