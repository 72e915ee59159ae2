"""The process that the user starts: it reads the manifest and writes the results."""

import logging
import os
import shutil
import signal
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, Self

import ray
from ray.exceptions import RayError

from sam2_video.batch.jobs import FAILED, BadLine, Job, Result, Worker
from sam2_video.batch.manifest import Manifest
from sam2_video.batch.pool import Pool, Size
from sam2_video.batch.progress import JobProgress
from sam2_video.batch.results import open_results
from sam2_video.batch.storage import Store
from sam2_video.core.errors import BatchError, reason_of
from sam2_video.core.signals import ending_signals

DEFAULT_CORES = 2
SKIPPED = "skipped"
_OBJECT_STORE_BYTES = 128 * 1024**2  # holds jobs and results only, no files
_CONNECT_SECONDS = 10.0
_MAX_TEMPORARY_PATH = 40  # Ray puts sockets there; a socket's path may have 107 bytes


class Interruption:
    """Notes SIGINT, SIGTERM and SIGHUP instead of raising, so that the batch can stop between jobs.

    After the block the earlier handlers are restored.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous = {n: signal.getsignal(n) for n in ending_signals()}

    def listen(self) -> None:
        """Install the handlers; call it again after a library has replaced them."""
        for number in self._previous:
            signal.signal(number, self._note)

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Restore the earlier handlers, and pass them the signal that arrived."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self.number is not None and kind is None:
            signal.raise_signal(self.number)

    def is_asked_for(self) -> bool:
        return self.number is not None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number


@contextmanager
def ray_cluster(address: str | None, interruption: Interruption) -> Iterator[None]:
    """Connect to the Ray cluster at `address`; if None, start one here for the block.

    Raises:
        BatchError: no cluster can be reached or started.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    folder = "" if address else _temporary_folder()
    # Ray prints a paragraph for every process that dies; the pool logs one line.
    with Path(os.devnull).open("w") as null, redirect_stdout(null):
        try:
            _connect(address, folder)
            interruption.listen()  # Ray has replaced the handler of SIGTERM
            yield
        finally:
            ray.shutdown()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


def _connect(address: str | None, folder: str) -> None:
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            _probe(address)
            ray.init(address, **common)
            return
        ray.init(
            "local",
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _temp_dir=folder,
            **common,
        )
    except (RuntimeError, ValueError, OSError, ImportError, RayError) as error:
        what = f"no Ray cluster at {address!r}" if address else "Ray cannot be started"
        reason = " ".join(reason_of(error).split())[:200]
        raise BatchError(f"{what}: {reason}") from error


def _probe(address: str) -> None:
    """Check that the port accepts connections: Ray itself needs a minute or more to fail."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


def run_batch(
    manifest: Manifest,
    store: Store,
    make: Callable[[], Worker],
    size: Size,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Run the jobs that did not succeed in an earlier batch, and record every result.

    Args:
        manifest: the jobs.
        store: keeps files and results.
        make: makes a worker; called in the actors.
        size: number and size of the workers.
        is_stopping: once it returns true, running jobs are cancelled and finished ones kept.

    Returns:
        The number of jobs per status; `skipped` for those done in an earlier batch.

    Raises:
        BatchError: the list has no jobs.
        BatchError, CheckpointError, OutputError: see `Pool.run` and `Results`.
    """
    counts: Counter[str] = Counter()
    total = len(manifest)
    if not total:
        raise BatchError("the list has no jobs")
    with open_results(store) as results, JobProgress(total) as progress:

        def note(result: Result) -> None:
            results.add(result)
            counts[result.status] += 1
            progress.finish(result.frames)
            if result.error:
                progress.say(f"{result.id}: {result.error}")

        def jobs_to_do() -> Iterator[Job]:
            for entry in manifest:
                if isinstance(entry, BadLine):
                    note(Result(entry.id, FAILED, "", error=entry.error))
                elif (taken := results.claim(entry)) and not taken.is_same:
                    sentence = f"id is {entry.id!r}, but line {taken.line} has that id already"
                    note(Result(f"line-{entry.line}", FAILED, entry.digest, error=sentence))
                elif taken or results.has_succeeded(entry):
                    counts[SKIPPED] += 1
                    progress.skip()
                else:
                    yield entry

        settings = {name: value for name, value in os.environ.items() if name.startswith("SAM2_")}
        with closing(Pool(make, size, settings, is_stopping)) as pool:
            for result in pool.run(jobs_to_do(), total):
                note(result)
    return counts


def size_of(
    cores: int | None = None, workers_per_gpu: int | None = None, workers: int | None = None
) -> Size:
    """Number and size of the workers on the connected cluster.

    Args:
        cores: CPU cores per worker. None: `DEFAULT_CORES`, or fewer if no machine has that many.
        workers_per_gpu: 0 for workers without a GPU. None: 1 if the cluster has GPUs, else 0.
        workers: number on the whole cluster. None: as many as fit.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if cores is None:
        most = max((int(node.get("CPU", 0)) for node in alive), default=0)
        cores = min(DEFAULT_CORES, most) or DEFAULT_CORES
    if workers_per_gpu is None:
        workers_per_gpu = 1 if any(node.get("GPU") for node in alive) else 0
    return Size(cores, 1 / workers_per_gpu if workers_per_gpu else 0.0, workers)


def _temporary_folder() -> str:
    """A folder for Ray, with a path short enough for its sockets."""
    folder = tempfile.gettempdir()
    is_short = len(folder) <= _MAX_TEMPORARY_PATH
    return tempfile.mkdtemp(prefix="sam2-ray-", dir=folder if is_short else "/tmp")  # noqa: S108
