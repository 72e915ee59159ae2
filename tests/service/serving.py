"""A real server of the protocol in a process of its own, and a receiver for its webhooks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.hosted_server import HostedServer

__all__ = ["MODEL", "PUBLIC_VERSION", "HostedServer", "Message", "Webhook"]

PUBLIC_VERSION = "33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d"
MODEL = "meta/sam-2-video"


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
