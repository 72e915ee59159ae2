"""A container's server on this machine, started where no container is given.

It is what `make serve` runs: the same server as in the image, without Docker.
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from sam2_video.models.registry import PREDICTOR_FILE, PROJECT
from sam2_video.prediction.contract import SCHEMA_FILE
from sam2_video.service.jobs.container_client import ContainerClient, WorkerUnavailableError
from sam2_video.service.settings import is_loopback

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_PROBES = 2.0
_SECONDS_BEFORE_RESTART = 2.0
_SECONDS_TO_END = 20.0
_BROKEN = ("UNHEALTHY", "DEFUNCT")  # a start that failed would fail again


class LocalWorker:
    """The process, started again whenever it has died.

    Args:
        home: a folder for it alone; emptied first, and removed at the end.
        upload_url: where it puts its outputs.

    Attributes:
        url: where it listens.
    """

    def __init__(self, home: Path, upload_url: str) -> None:
        self._home = home.resolve()
        self._upload_url = upload_url
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the process running while the block runs; it is ready some seconds later."""
        shutil.rmtree(self._home, ignore_errors=True)  # what a crash has left
        try:
            _prepare(self._home)
            keeping = asyncio.create_task(self._keep())
            try:
                yield
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    async def _keep(self) -> None:
        while True:
            process = await self._start()
            try:
                await self._until_dead(process)
                logger.warning("the worker died and is started again")
            finally:
                await asyncio.shield(_end(process))
            await asyncio.sleep(_SECONDS_BEFORE_RESTART)

    async def _start(self) -> asyncio.subprocess.Process:
        # With a watchdog, so that it ends with this process, however that one ends.
        command = [sys.executable, "-m", "sam2_video.service.jobs.watchdog"]
        command += [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
        command += ["--upload-url", self._upload_url]
        # Its own log is JSON, a line an event; predictions have their logs apart.
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self._home,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "PYTHONPATH": str(PROJECT),
                "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
                "COG_LOG_LEVEL": os.environ.get("COG_LOG_LEVEL", "warn"),
                "PORT": str(self._port),
                "TMPDIR": str(self._home / "temporary"),  # whatever it leaves goes with the folder
                **_allowed(self._upload_url),
                # It fetches from and uploads to this server, never through a proxy.
                "NO_PROXY": _with_loopback(os.environ.get("NO_PROXY", "")),
                "no_proxy": _with_loopback(os.environ.get("no_proxy", "")),
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,
            start_new_session=True,
        )

    async def _until_dead(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the process has ended, or goes on without being able to work."""
        client = ContainerClient(self.url)
        try:
            while process.returncode is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _SECONDS_BETWEEN_PROBES)
                    return
                with suppress(WorkerUnavailableError):  # not yet listening, or ending
                    if await client.health() in _BROKEN:
                        return
        finally:
            await client.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and all that it has started."""
    if process.returncode is None:
        process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _prepare(home: Path) -> None:
    """Make a folder as the container's server wants it: predictor and schema."""
    (home / ".cog").mkdir(parents=True)
    (home / "temporary").mkdir()
    shutil.copy(SCHEMA_FILE, home / ".cog" / "openapi_schema.json")
    (home / "predict.py").symlink_to(PREDICTOR_FILE)


def _allowed(endpoint_url: str) -> dict[str, str]:
    """It fetches from this server alone, so on this machine alone if the endpoint is there."""
    is_here = is_loopback(urlsplit(endpoint_url).hostname or "")
    return {"SAM2_ALLOW_PRIVATE": "127.0.0.0/8,::1"} if is_here else {}


def _with_loopback(hosts: str) -> str:
    return ",".join(filter(None, [hosts, "127.0.0.1", "localhost"]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
