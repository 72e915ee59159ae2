"""The server of the page and the hosted API, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from bench.serving import ROOT, free_port, until

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
        self.launch()
        until(self._answers, START_SECONDS, self.log.read_text)
        return self

    def launch(self) -> None:
        """Start the process without waiting for anything."""
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

    def kill(self) -> None:
        """Kill the process as a lack of memory would; a worker that it has started goes on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Ask the process to end as a user does, and wait for it; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(40)

    def stop(self) -> None:
        """End the process as a user does, and whatever it left."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.terminate()
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
