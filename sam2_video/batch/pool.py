"""Workers on a Ray cluster, one job at a time each; a job whose worker dies is tried again.

Ray starts the actors, transfers jobs and results, and reports when an actor or its machine dies.
The pool decides how many actors there are and which job each one gets. Ray's own retries would be
unlimited, might go back to the same machine, and would block other jobs meanwhile.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from sam2_video.batch.jobs import FAILED, Job, Result, Worker
from sam2_video.core.errors import BatchError
from sam2_video.models.registry import CheckpointError

logger = logging.getLogger(__name__)

ATTEMPTS = 3
_FAILED_STARTS = 3  # in a row; then the batch ends
_POLL_SECONDS = 0.5
_SECONDS_BETWEEN_STARTS = 5.0
_SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Size:
    """Number and size of the workers.

    Attributes:
        cores: CPU cores per worker.
        gpus: GPUs per worker; below 1 if several share one.
        workers: number on the whole cluster; None for as many as fit.
    """

    cores: int
    gpus: float = 0.0
    workers: int | None = None

    def fits(self, nodes: Iterable[Mapping[str, Any]]) -> int:
        """The number of workers that fit on the nodes that `ray.nodes` reports."""
        alive = [node["Resources"] for node in nodes if node["Alive"]]
        by_cores = [int(node.get("CPU", 0) // self.cores) for node in alive]
        if not self.gpus:
            return sum(by_cores)
        by_gpus = [round(node.get("GPU", 0) / self.gpus) for node in alive]
        return sum(map(min, by_cores, by_gpus))


class Host:
    """The actor: makes a worker and runs it.

    Args:
        make: makes the worker.
        settings: environment variables of the machine where the batch was started.
    """

    def __init__(self, make: Callable[[], Worker], settings: Mapping[str, str]) -> None:
        os.environ.update(settings)
        logging.basicConfig(level=logging.INFO)
        self._make = make

    def start(self) -> tuple[str, str]:
        """Start the worker; returns its node's id, and host and process for the results."""
        self._worker = self._make()
        self._worker.start()
        return ray.get_runtime_context().get_node_id(), f"{socket.gethostname()}/{os.getpid()}"

    def run(self, job: Job) -> Result:
        return self._worker.run(job)

    def stop(self) -> None:
        self._worker.stop()

    def close(self) -> None:
        self._worker.close()


@dataclass
class _Task:
    """A job, how often it was started, and on which nodes."""

    job: Job
    attempts: int = 0
    nodes: set[str] = field(default_factory=set)


@dataclass
class _Member:
    """An actor of the pool. `node` and `name` are empty until it has started."""

    actor: Any
    node: str = ""
    name: str = ""
    task: _Task | None = None


class Pool:
    """A changing set of actors, each with at most one job.

    Args:
        make: makes a worker; called in the actor, so it has to be picklable.
        size: number and size of the workers.
        settings: environment variables for the actors.
        is_stopping: once it returns true, `run` returns.
    """

    def __init__(
        self,
        make: Callable[[], Worker],
        size: Size,
        settings: Mapping[str, str],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._make, self._size, self._settings = make, size, settings
        self._is_stopping = is_stopping
        self._members: list[_Member] = []
        self._calls: dict[Any, _Member] = {}  # running calls of `start` and `run`
        self._queue: deque[_Task] = deque()  # jobs to retry, then at most one new job
        self._failed_starts = 0
        self._counted_at = float("-inf")

    def run(self, jobs: Iterable[Job], most: int) -> Iterator[Result]:
        """Run jobs; results come as they are ready. A job is read when a worker is free for it.

        Args:
            jobs: what to run.
            most: the largest useful number of workers.

        Raises:
            BatchError: no machine is large enough for a worker, or none starts.
            CheckpointError: the worker's.
        """
        jobs = iter(jobs)
        self._fill_queue(jobs)
        while not self._is_stopping() and (self._queue or any(m.task for m in self._members)):
            if self._queue:
                self._start_workers(most)
            self._assign(jobs)
            if not self._calls:  # all machines have gone; others may come
                time.sleep(_POLL_SECONDS)
                continue
            ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=_POLL_SECONDS)
            for call in ready:
                result = self._receive(call)
                if result is not None:
                    yield result

    def close(self) -> None:
        """End all workers; running jobs are cancelled."""
        started = [member.actor for member in self._members if member.name]
        for actor in started:
            actor.stop.remote()
        _wait_for([call for call, member in self._calls.items() if member.task])
        _wait_for([actor.close.remote() for actor in started])
        for member in self._members:
            ray.kill(member.actor)
        self._members.clear()
        self._calls.clear()

    def _fill_queue(self, jobs: Iterator[Job]) -> None:
        """Keep one new job at the end of the queue."""
        if not self._queue or self._queue[-1].attempts:
            self._queue.extend(_Task(job) for job in islice(jobs, 1))

    def _start_workers(self, most: int) -> None:
        """Start workers while there is room for them."""
        now = time.monotonic()
        if now - self._counted_at < _SECONDS_BETWEEN_STARTS:
            return
        room = self._size.workers or self._size.fits(ray.nodes())
        if room == 0 and self._counted_at < 0:
            raise BatchError(
                f"a worker needs {self._size.cores} CPU cores and {self._size.gpus:g} GPUs, which "
                "no machine has; see --cores and --workers-per-gpu"
            )
        self._counted_at = now
        while len(self._members) < min(room, most):
            actor: Any = (
                ray.remote(Host)
                .options(
                    num_cpus=self._size.cores,
                    num_gpus=self._size.gpus,
                    max_restarts=0,
                    max_task_retries=0,
                    max_concurrency=2,  # `run`, and `stop` beside it
                    scheduling_strategy="SPREAD",
                )
                .remote(self._make, dict(self._settings))
            )
            member = _Member(actor)
            self._members.append(member)
            self._calls[actor.start.remote()] = member

    def _assign(self, jobs: Iterator[Job]) -> None:
        """Give every idle worker a job."""
        for member in self._members:
            if member.task or not member.name or not (task := self._task_for(member)):
                continue
            task.attempts += 1
            task.nodes.add(member.node)
            member.task = task
            self._calls[member.actor.run.remote(task.job)] = member
            self._fill_queue(jobs)

    def _task_for(self, member: _Member) -> _Task | None:
        """The next task; a retry goes to another node than before if there is one."""
        nodes = {other.node for other in self._members if other.name}
        for task in self._queue:
            if member.node not in task.nodes or nodes <= task.nodes:
                self._queue.remove(task)
                return task
        return None

    def _receive(self, call: Any) -> Result | None:
        """Handle a finished call: a worker has started, a job has ended, or the worker has died."""
        member = self._calls.pop(call)
        task, member.task = member.task, None
        try:
            value = ray.get(call)
        except RayError as error:
            ray.kill(member.actor)
            self._members.remove(member)
            self._counted_at = 0.0  # start another worker soon
            if task is None:
                self._handle_failed_start(error)
                return None
            return self._retry(task, member.name, _reason(error))
        self._failed_starts = 0
        if task is None:
            member.node, member.name = value
            return None
        return replace(value, worker=member.name, attempts=task.attempts)

    def _retry(self, task: _Task, worker: str, reason: str) -> Result | None:
        """Queue a job again whose worker died; after the last attempt, its failed result."""
        logger.warning("worker %s died on %s: %s", worker, task.job.id, reason)
        if task.attempts < ATTEMPTS:
            self._queue.appendleft(task)
            return None
        return Result(
            task.job.id,
            FAILED,
            task.job.digest,
            error=f"the job failed on {task.attempts} workers; last error: {reason}",
            worker=worker,
            attempts=task.attempts,
        )

    def _handle_failed_start(self, error: RayError) -> None:
        cause = error.cause if isinstance(error, RayTaskError) else None
        if isinstance(cause, CheckpointError | BatchError):
            raise cause
        self._failed_starts += 1
        logger.warning("a worker died while it started: %s", _reason(error))
        if self._failed_starts >= _FAILED_STARTS:
            raise BatchError(f"no worker starts: {_reason(error)}") from error


def _wait_for(calls: list[Any]) -> None:
    if calls:
        ray.wait(calls, num_returns=len(calls), timeout=_SECONDS_TO_END)


def _reason(error: RayError) -> str:
    """The error in one line, without Ray's report about machine and process."""
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0][:200]
    if isinstance(error, OutOfMemoryError) or "node running low on memory" in str(error):
        return "the worker was killed because memory ran out"
    if "in its creation task" in str(error):  # the last line of a traceback
        return str(error).strip().splitlines()[-1][:200]
    return "the worker's process or machine is gone"
