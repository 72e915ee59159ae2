"""The worker endpoint: where containers fetch inputs and upload outputs.

It listens apart from the API, in plain http, so that a container needs neither a token nor trust
in a certificate, and an operator can keep it in a network of its own. Its URLs carry a secret.
"""

import asyncio
import logging
import re
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sam2_video.service.jobs.container_client import Receive
from sam2_video.service.jobs.outputs import OutputList, OutputNameError
from sam2_video.service.settings import Endpoint, is_loopback
from sam2_video.service.storage.database import Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files

logger = logging.getLogger(__name__)

_ENDED_RUNS = 100  # the latest, whose late uploads are dropped


@dataclass(frozen=True)
class WorkerEndpoint:
    """Serves containers while `opened`.

    Attributes:
        settings: where it listens.
        listener: listens there.
        key: the secret part of its URLs.
        store: the records of files.
        files: gives the inputs' contents.
    """

    settings: Endpoint
    listener: socket.socket
    key: str
    store: Store
    files: Files
    _receivers: dict[str, tuple[OutputList, Receive]] = field(default_factory=dict)
    _ended: deque[str] = field(default_factory=lambda: deque(maxlen=_ENDED_RUNS))

    @property
    def url(self) -> str:
        """How containers reach it, the secret included."""
        return f"{self._base_url}/{self.key}"

    @property
    def _base_url(self) -> str:
        if self.settings.url is not None:
            return self.settings.url
        host, port = self.listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def upload_url(self) -> str:
        """What a container takes as its `--upload-url`."""
        return f"{self.url}/outputs/"

    def is_reached_by(self, worker_url: str) -> bool:
        """Whether a container can be expected to reach it."""
        return (
            self.settings.url is not None
            or not is_loopback(self.settings.host)
            or is_loopback(urlsplit(worker_url).hostname or "")
        )

    def input_url(self, file: StoredFile) -> str:
        """Where a container fetches an input."""
        return f"{self.url}/inputs/{file.id}"

    def redacted(self, text: str) -> str:
        """A text of a container, as clients may read it: without this endpoint's URLs.

        A container names the URL that it cannot fetch, and may cut it short.
        """
        base, key = re.escape(self._base_url), re.escape(self.key)
        url = rf"['\"]?(?:{base}/|(?:{base})?/{key})[\w/.%-]*['\"]?"
        return re.sub(url, "a file of this server", text)

    @contextmanager
    def accepting(self, run_id: str, outputs: OutputList, receive: Receive) -> Iterator[None]:
        """Take the outputs of a run while the block runs; drop what comes later.

        Args:
            run_id: names the run.
            outputs: which it has.
            receive: keeps an output, or raises `FileRefusedError`.
        """
        self._receivers[run_id] = outputs, receive
        try:
            yield
        finally:
            del self._receivers[run_id]
            self._ended.append(run_id)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        routes = [
            Route("/{key}/inputs/{file_id}", self._give),
            Route("/{key}/outputs/{name}", self._take, methods=["PUT"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = _InnerServer(config)
        serving = asyncio.create_task(server.serve([self.listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving

    async def _give(self, request: Request) -> Response:
        file = await self.store.file(request.path_params["file_id"])
        if not self._knows_key(request) or file is None:
            return Response(status_code=404)
        # The model finds the type itself: what a client says of its file is not passed on.
        return StreamingResponse(
            self.files.read(file),
            headers={"Content-Length": str(file.size)},
            media_type="application/octet-stream",
        )

    async def _take(self, request: Request) -> Response:
        run_id = request.headers.get("X-Prediction-Id", "")
        if not self._knows_key(request) or run_id not in (*self._receivers, *self._ended):
            return Response(status_code=404)
        try:
            if run_id in self._receivers:
                outputs, receive = self._receivers[run_id]
                await receive(outputs.parse(request.path_params["name"]), request.stream())
                return Response(status_code=201)
            # A container that uploads while its run is canceled has done nothing wrong.
            async for _ in request.stream():
                pass
            return Response(status_code=204)
        except OutputNameError:
            return Response(status_code=404)
        except FileRefusedError as error:
            logger.warning("an output was not kept: %s", error)
            return Response(status_code=507)
        except ClientDisconnect:  # whether the container has died shows in its events
            return Response(status_code=507)

    def _knows_key(self, request: Request) -> bool:
        given = request.path_params["key"].encode()
        return secrets.compare_digest(given, self.key.encode())


class _InnerServer(uvicorn.Server):
    """A server inside another's process, which leaves the signals to that one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
