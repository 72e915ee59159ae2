"""A stand-in for a container, for what a real one does only now and then."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Act = Callable[["Conversation"], None]


@dataclass
class Conversation:
    """One prediction that the worker was sent, and what it answers."""

    request: dict[str, Any]
    handler: BaseHTTPRequestHandler
    endpoint: str

    def begin(self) -> None:
        """Take the prediction."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.end_headers()
        self.event("start", {"id": self.request["id"], "status": "processing"})

    def refuse(self, code: int) -> None:
        """Do not take it."""
        self.handler.send_response(code)
        self.handler.send_header("Content-Length", "2")
        self.handler.end_headers()
        self.handler.wfile.write(b"{}")

    def event(self, name: str, data: dict[str, Any]) -> None:
        """Tell of something."""
        text = f"event: {name}\ndata: {json.dumps(data)}\n\n"
        self.handler.wfile.write(text.encode())
        self.handler.wfile.flush()

    def upload(self, name: str, content: bytes = b"picture", run_id: str | None = None) -> int:
        """Put a file through the server's endpoint; the status of the answer."""
        headers = {"X-Prediction-Id": run_id or self.request["id"], "Content-Type": "image/webp"}
        return httpx.put(f"{self.endpoint}{name}", content=content, headers=headers).status_code

    def complete(self, frames: int, count: int, **data: Any) -> None:
        """End as a container does that has written `count` files of `frames` frames."""
        logs = f"100%|##########| {frames}/{frames} [00:01<00:00, 9.0frames/s]\n"
        outputs = [f"http://endpoint/{number}" for number in range(count)]
        whole = {"status": "succeeded", "logs": logs, "output": outputs, **data}
        self.event("completed", whole)


@dataclass
class ScriptedWorker:
    """Answers predictions as `script` says, one entry a prediction; then with 409.

    Attributes:
        script: what it does with the predictions to come.
        endpoint: where it puts its files.
        health: what it says of itself.
        taken: the predictions that it was sent.
    """

    script: list[Act] = field(default_factory=list)
    endpoint: str = ""
    health: str = "BUSY"
    taken: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> ScriptedWorker:
        worker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"status": worker.health}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                talk = Conversation(request, self, worker.endpoint)
                if not worker.script:
                    talk.refuse(409)
                    return
                worker.taken.append(request)
                with suppress(ConnectionError):
                    worker.script.pop(0)(talk)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def sends(*names: str, frames: int | None = None, **data: Any) -> Act:
    """Take a prediction, put files of these names, and end."""

    def act(talk: Conversation) -> None:
        talk.begin()
        for name in names:
            assert talk.upload(name) == 201
        talk.complete(frames or len(names), len(names), **data)

    return act


def breaks_off(talk: Conversation) -> None:
    """Take a prediction, put one file, and die."""
    talk.begin()
    talk.upload("frame_00000.webp")


def crashes(talk: Conversation) -> None:
    """Take a prediction and tell of the death of the process that ran it."""
    talk.begin()
    talk.complete(0, 0, status="failed", error="Worker crashed", logs="", output=[])


def numbers(urls: list[str]) -> Iterator[int]:
    """The frame numbers in outputs' addresses."""
    for url in urls:
        yield int(url.rpartition("frame_")[2].partition(".")[0])
