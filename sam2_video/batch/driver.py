"""A batch from its manifest to its results: what runs where the command was given."""

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
from sam2_video.core.signals import ENDING_SIGNALS

DEFAULT_CORES = 2
SKIPPED = "skipped"
SETTINGS_PREFIX = "SAM2_"
_OBJECT_STORE_BYTES = 128 * 1024**2  # jobs and results are small; files do not go through it
_SECONDS_TO_ANSWER = 10.0
_LONGEST_TEMPORARY_FOLDER = 40  # Ray puts sockets there, whose paths may have 107 bytes


class Interruption:
    """Remembers that a signal asked for the end; the batch checks it between jobs.

    After the block the earlier signal handlers are back.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous = {n: signal.getsignal(n) for n in ENDING_SIGNALS}

    def listen(self) -> None:
        """Take the signals; again where a library has taken them for itself."""
        for number in self._previous:
            signal.signal(number, self._note)

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Give the signals back, and the one that came to its handler."""
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
    """Have a connection to Ray: to the cluster at `address`, else to one of our own.

    Our own ends with the block, and nothing of it stays.

    Raises:
        BatchError: there is no cluster there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    folder = "" if address else _temporary_folder()
    # Ray prints a paragraph for every process that dies; the pool says it in a line.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        try:
            _connect(address, folder)
            interruption.listen()  # Ray has taken SIGTERM
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
        place = f"at {address!r}" if address else "on this machine"
        reason = " ".join(reason_of(error).split())[:200]
        raise BatchError(f"there is no Ray cluster {place}: {reason}") from error


def _probe(address: str) -> None:
    """Check that the port answers: Ray itself takes a minute or more to fail."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()


def run_batch(
    manifest: Manifest,
    store: Store,
    make: Callable[[], Worker],
    size: Size,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Do the jobs that did not succeed before, and write down what became of each.

    Args:
        manifest: the jobs.
        store: where the results are kept.
        make: makes a worker; called in the actors.
        size: how many of them.
        is_stopping: once true, jobs that run are given up and what is done is kept.

    Returns:
        How many there are of each status; `skipped` for those done before.

    Raises:
        BatchError, CheckpointError, OutputError: see `Pool.run` and `Results`.
    """
    counts: Counter[str] = Counter()
    total = len(manifest)
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
                    sentence = f"id is {entry.id!r}, which is that of line {taken.line} already"
                    note(Result(f"line-{entry.line}", FAILED, entry.digest, error=sentence))
                elif taken or results.has_succeeded(entry):
                    counts[SKIPPED] += 1
                    progress.skip()
                else:
                    yield entry

        with closing(Pool(make, size, settings(), is_stopping)) as pool:
            for result in pool.run(jobs_to_do(), total):
                note(result)
    return counts


def settings() -> dict[str, str]:
    """What the environment here says of models and limits, for workers elsewhere."""
    return {name: value for name, value in os.environ.items() if name.startswith(SETTINGS_PREFIX)}


def size_of(
    cores: int | None = None, workers_per_gpu: int | None = None, workers: int | None = None
) -> Size:
    """The size of a pool on the cluster that is connected.

    Args:
        cores: of a worker; `DEFAULT_CORES`, or fewer where no machine has as many, if None.
        workers_per_gpu: 0 for workers without one; if None one, where the cluster has GPUs.
        workers: of the whole cluster; as many as fit if None.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if cores is None:
        most = max((int(node.get("CPU", 0)) for node in alive), default=0)
        cores = min(DEFAULT_CORES, most) or DEFAULT_CORES
    if workers_per_gpu is None:
        workers_per_gpu = 1 if any(node.get("GPU") for node in alive) else 0
    return Size(cores, 1 / workers_per_gpu if workers_per_gpu else 0.0, workers)


def _temporary_folder() -> str:
    """A folder for Ray whose path is short enough for its sockets."""
    folder = tempfile.gettempdir()
    is_short = len(folder) <= _LONGEST_TEMPORARY_FOLDER
    return tempfile.mkdtemp(prefix="sam2-ray-", dir=folder if is_short else "/tmp")  # noqa: S108
