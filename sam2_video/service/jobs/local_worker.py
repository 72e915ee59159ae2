"""A container's server on this machine, started where no container is given.

It is what `make serve` runs: the same server as in the image, without Docker.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from sam2_video.models.registry import PREDICTOR_FILE, PROJECT
from sam2_video.prediction.contract import SCHEMA_FILE
from sam2_video.service.jobs.container_client import DEAD, ContainerClient, WorkerUnavailableError
from sam2_video.service.settings import is_loopback

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_PROBES = 2.0
_SHORTEST_PAUSE = 2.0  # seconds before it is started again; twice as many after each failed start
_LONGEST_PAUSE = 60.0
_SECONDS_TO_END = 20.0
# Of a start without a line in its log, after which it is given up: the container's server does not
# notice the death of a model process that has said nothing yet.
_SILENT_SECONDS = 300.0
_LONGEST_LINE = 1 << 20  # of the worker's log, in bytes
# What the start says, and warnings; predictions keep their logs themselves. `permit` reports a run
# that the end of the worker interrupts.
_LOG_LEVELS = "coglet=warn,coglet::predictor=error,coglet::setup=info,coglet::permit=off"


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
        self._heard_at = 0.0

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
        pause = _SHORTEST_PAUSE
        while True:
            process = await self._start()
            writing_log = asyncio.create_task(self._write_log(process.stdout))
            try:
                has_failed = await self._until_dead(process) == "SETUP_FAILED"
                pause = min(2 * pause, _LONGEST_PAUSE) if has_failed else _SHORTEST_PAUSE
                logger.warning("the worker died and is started again in %d s", pause)
                if has_failed:
                    await asyncio.sleep(pause)  # until then its health check tells of it
            finally:
                await asyncio.shield(_end(process))
                writing_log.cancel()
            if not has_failed:
                await asyncio.sleep(pause)

    async def _start(self) -> asyncio.subprocess.Process:
        # With a watchdog, so that it ends with this process, however that one ends.
        command = [sys.executable, "-m", "sam2_video.service.jobs.watchdog"]
        command += [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
        command += ["--upload-url", self._upload_url]
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self._home,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "PYTHONPATH": str(PROJECT),
                "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
                "RUST_LOG": os.environ.get("RUST_LOG", _LOG_LEVELS),
                "PYTHONWARNINGS": "ignore::DeprecationWarning",  # of Cog's names for the predictor
                "PORT": str(self._port),
                "TMPDIR": str(self._home / "temporary"),  # whatever it leaves goes with the folder
                **_allowed(self._upload_url),
                # It fetches from and uploads to this server, never through a proxy.
                "NO_PROXY": _with_loopback(os.environ.get("NO_PROXY", "")),
                "no_proxy": _with_loopback(os.environ.get("no_proxy", "")),
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )

    async def _until_dead(self, process: asyncio.subprocess.Process) -> str:
        """Wait until the process has ended, or goes on without being able to work.

        Returns:
            What its last health check said.
        """
        client, status = ContainerClient(self.url), "STARTING"
        self._heard_at = time.monotonic()
        try:
            while process.returncode is None and status not in DEAD:
                if status == "STARTING" and time.monotonic() - self._heard_at > _SILENT_SECONDS:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _SECONDS_BETWEEN_PROBES)
                with suppress(WorkerUnavailableError):  # not yet listening, or ending
                    status = await client.health()
        finally:
            await client.close()
        return status

    async def _write_log(self, lines: asyncio.StreamReader | None) -> None:
        """Write the process's log as text: coglet writes a JSON object a line."""
        assert lines is not None
        while not lines.at_eof():
            try:
                text = (await lines.readline()).decode(errors="replace").rstrip()
            except ValueError:
                text = f"(a line of more than {_LONGEST_LINE} bytes)"
            self._heard_at = time.monotonic()
            with suppress(ValueError, KeyError, TypeError):
                fields = json.loads(text)["fields"]
                parts = [str(fields[name]) for name in ("message", "error") if name in fields]
                text = ": ".join(parts)
            if text:
                print(f"worker: {text}", file=sys.stderr, flush=True)


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
    # A worker that is ending with a killed server may have kept the folder from being removed.
    (home / ".cog").mkdir(parents=True, exist_ok=True)
    (home / "temporary").mkdir(exist_ok=True)
    shutil.copy(SCHEMA_FILE, home / ".cog" / "openapi_schema.json")
    (home / "predict.py").unlink(missing_ok=True)
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
