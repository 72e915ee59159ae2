"""The worker endpoint: where containers fetch inputs and upload outputs.

It listens apart from the API, in plain http, so that a container needs neither a token nor trust
in a certificate, and an operator can keep it in a network of its own. Its URLs carry a secret.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
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


class WorkerEndpoint:
    """Listens for containers while `opened`.

    Args:
        settings: where it listens.
        key: the secret part of its URLs.
        store: the records of files.
        files: gives the inputs' contents.
    """

    def __init__(self, settings: Endpoint, key: str, store: Store, files: Files) -> None:
        self._settings = settings
        self._key = key
        self._store = store
        self._files = files
        self._receivers: dict[str, tuple[OutputList, Receive]] = {}
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """How containers reach it, the secret included."""
        base = self._settings.url
        if base is None:
            assert self._socket is not None
            host, port = self._socket.getsockname()[:2]
            base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return f"{base}/{self._key}"

    @property
    def upload_url(self) -> str:
        """What a container takes as its `--upload-url`."""
        return f"{self.url}/outputs/"

    def is_reached_by(self, worker_url: str) -> bool:
        """Whether a container can be expected to reach it."""
        return (
            self._settings.url is not None
            or not is_loopback(self._settings.host)
            or is_loopback(urlsplit(worker_url).hostname or "")
        )

    def input_url(self, file: StoredFile) -> str:
        """Where a container fetches an input."""
        return f"{self.url}/inputs/{file.id}"

    def bind(self) -> None:
        """Take the port, so that its number is known.

        Raises:
            OSError: it is taken.
        """
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._settings.host, self._settings.port))
        except BaseException:
            listener.close()
            raise
        self._socket = listener

    @contextmanager
    def accepting(self, run_id: str, outputs: OutputList, receive: Receive) -> Iterator[None]:
        """Take the outputs of a run while the block runs.

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

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        assert self._socket is not None
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
        serving = asyncio.create_task(server.serve([self._socket]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving

    async def _give(self, request: Request) -> Response:
        file = await self._store.file(request.path_params["file_id"])
        if not self._knows_key(request) or file is None:
            return Response(status_code=404)
        # The model finds the type itself: what a client says of its file is not passed on.
        return StreamingResponse(
            self._files.read(file),
            headers={"Content-Length": str(file.size)},
            media_type="application/octet-stream",
        )

    async def _take(self, request: Request) -> Response:
        run_id = request.headers.get("X-Prediction-Id", "")
        if not self._knows_key(request) or run_id not in self._receivers:
            return Response(status_code=404)
        outputs, receive = self._receivers[run_id]
        try:
            await receive(outputs.parse(request.path_params["name"]), request.stream())
        except OutputNameError:
            return Response(status_code=404)
        except (FileRefusedError, ClientDisconnect) as error:
            logger.warning("an output was not kept: %s", error)
            return Response(status_code=507)
        return Response(status_code=201)

    def _knows_key(self, request: Request) -> bool:
        given = request.path_params["key"].encode()
        return secrets.compare_digest(given, self._key.encode())


class _InnerServer(uvicorn.Server):
    """A server inside another's process, which leaves the signals to that one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
