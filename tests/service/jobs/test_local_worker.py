"""The worker that a server starts by itself."""

import os
import signal

import httpx

from bench.hosted_server import HostedServer
from bench.kills import descendants
from bench.serving import until


def test_a_worker_that_dies_while_it_starts_is_started_again(tmp_path) -> None:
    server = HostedServer(tmp_path)
    server.launch()
    try:
        # The watchdog, the container's server, and the process that loads the model.
        until(lambda: len(descendants(server.pid)) >= 3, 60)
        os.kill(sorted(descendants(server.pid))[-1], signal.SIGKILL)

        def status() -> str:
            try:
                return httpx.get(f"{server.url}/api/status").json()["status"]
            except httpx.HTTPError:
                return "not there"

        until(lambda: status() == "SETUP_FAILED", 60, status)
        until(lambda: status() == "READY", 120, status)
    finally:
        server.stop()
    log = server.log.read_text()
    assert "worker: Worker initialization failed: worker crashed" in log
    assert "DeprecationWarning" not in log
    assert "{" not in log.replace("Replicate({", "")
