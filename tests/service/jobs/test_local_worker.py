"""The worker that a server starts by itself."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest

from bench.kills import descendants
from sam2_video.service.jobs import local_worker
from sam2_video.service.jobs.container_client import ContainerClient, WorkerUnavailableError
from sam2_video.service.jobs.local_worker import LocalWorker
from tests.service.inprocess import run


@pytest.mark.parametrize("delay", [0, 0.5])
def test_a_worker_that_dies_while_it_starts_is_started_again(
    delay, tmp_path, monkeypatch, capfd
) -> None:
    """Also one that dies so early that the container's server does not notice."""
    monkeypatch.setattr(local_worker, "_SILENT_SECONDS", 20.0)
    monkeypatch.setenv("SAM2_IMAGE_SIZE", "128")
    worker = LocalWorker(tmp_path / "worker", "http://127.0.0.1:9/")
    others = set(descendants(os.getpid()))

    def started() -> list[int]:
        return sorted(set(descendants(os.getpid())) - others)

    async def test() -> None:
        client = ContainerClient(worker.url)
        async with worker.running(), asyncio.timeout(180):
            # The watchdog, the container's server, and the process that loads the model.
            while len(started()) < 3:
                await asyncio.sleep(0.005)
            await asyncio.sleep(delay)
            os.kill(started()[-1], signal.SIGKILL)
            status = "killed"
            while status != "READY":
                with suppress(WorkerUnavailableError):
                    status = await client.health()
                await asyncio.sleep(0.1)
        await client.close()

    run(test)
    assert not started()
    log = capfd.readouterr().err
    assert "worker: device: cpu" in log
    assert "{" not in log
    assert "Deprecation" not in log
