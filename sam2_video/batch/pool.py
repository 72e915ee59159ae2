"""Workers on a Ray cluster, and jobs for them: one at a time each, again where a worker died.

Ray starts the actors, moves jobs and results, and tells when an actor or its machine has died.
What is decided here is how many actors there are, and which job goes where: Ray's own retries
would take a dead worker's job to any actor without an end, and hold back the others meanwhile.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from sam2_video.batch.jobs import FAILED, Job, Result, Worker
from sam2_video.core.errors import BatchError
from sam2_video.models.registry import CheckpointError

logger = logging.getLogger(__name__)

ATTEMPTS = 3
_FAILED_STARTS = 3  # in a row, after which no further worker is tried
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_COUNTS = 5.0
_SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Size:
    """How many workers there are, and what each one takes.

    Attributes:
        cores: of each worker.
        gpus: of each worker; less than one where several share a GPU.
        workers: of the whole cluster; None for as many as fit.
    """

    cores: int
    gpus: float = 0.0
    workers: int | None = None

    def fits(self, nodes: Iterable[Mapping[str, Any]]) -> int:
        """The number of workers for which there is room on nodes as `ray.nodes` tells them."""
        alive = [node["Resources"] for node in nodes if node["Alive"]]
        by_cores = [int(node.get("CPU", 0) // self.cores) for node in alive]
        if not self.gpus:
            return sum(by_cores)
        by_gpus = [round(node.get("GPU", 0) / self.gpus) for node in alive]
        return sum(map(min, by_cores, by_gpus))


class Host:
    """The actor: a worker, made where it runs.

    Args:
        make: makes the worker.
        settings: of the environment, as they are where the batch was started.
    """

    def __init__(self, make: Callable[[], Worker], settings: Mapping[str, str]) -> None:
        os.environ.update(settings)
        logging.basicConfig(level=logging.INFO)
        self._make = make

    def start(self) -> tuple[str, str]:
        """Load the worker; the node that it is on, and a name that a person finds it by."""
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
    """A job on its way: how often it was started, and on which nodes."""

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

    @property
    def is_idle(self) -> bool:
        return bool(self.name) and self.task is None


class Pool:
    """Actors that come and go with the machines of a cluster.

    Args:
        make: makes a worker; it is called in the actor, so it has to be picklable.
        size: how many.
        settings: of the environment, for the actors.
        is_stopping: asked all the time; once true, `run` returns.
    """

    def __init__(
        self,
        make: Callable[[], Worker],
        size: Size,
        settings: Mapping[str, str],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._make, self._size, self._settings = make, size, settings
        self._is_stopping = is_stopping
        self._members: list[_Member] = []
        self._answers: dict[Any, _Member] = {}  # what starting and working members will say
        self._retries: deque[_Task] = deque()
        self._next: _Task | None = None
        self._failed_starts = 0
        self._room = 0
        self._counted = float("-inf")

    def run(self, jobs: Iterable[Job], most: int) -> Iterator[Result]:
        """Do jobs; results come as they are ready. A job is taken when a worker is free for it.

        Args:
            jobs: what to do.
            most: the number of workers beyond which there is no use for more.

        Raises:
            BatchError: there is no room for any worker, or none starts.
            CheckpointError: the worker's.
        """
        waiting = iter(jobs)
        self._take(waiting)
        while not self._is_stopping() and (self._next or self._retries or self._is_working()):
            if self._next or self._retries:
                self._hire(most)
            self._assign(waiting)
            if not self._answers:  # the machines have gone; others may come
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                continue
            ready, _ = ray.wait(list(self._answers), num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
            for answer in ready:
                result = self._receive(answer)
                if result is not None:
                    yield result

    def close(self) -> None:
        """End all workers; a job that runs is given up."""
        started = [member.actor for member in self._members if member.name]
        for actor in started:
            actor.stop.remote()
        _wait_for([answer for answer, member in self._answers.items() if member.task])
        _wait_for([actor.close.remote() for actor in started])
        for member in self._members:
            ray.kill(member.actor)
        self._members.clear()
        self._answers.clear()

    def _is_working(self) -> bool:
        """Whether a job is under way; workers for which there is no room yet do not count."""
        return any(member.task for member in self._members)

    def _take(self, waiting: Iterator[Job]) -> None:
        job = next(waiting, None)
        self._next = None if job is None else _Task(job)

    def _hire(self, most: int) -> None:
        """Start workers where there is room."""
        now = time.monotonic()
        if now - self._counted < _SECONDS_BETWEEN_COUNTS:
            return
        self._room = self._size.workers or self._size.fits(ray.nodes())
        if self._room == 0 and self._counted < 0:
            raise BatchError(
                f"no machine of the cluster has what a worker needs: CPU cores {self._size.cores}, "
                f"GPUs {self._size.gpus:g}; see --cores and --workers-per-gpu"
            )
        self._counted = now
        while len(self._members) < min(self._room, most):
            actor: Any = (
                ray.remote(Host)
                .options(
                    num_cpus=self._size.cores,
                    num_gpus=self._size.gpus,
                    max_restarts=0,
                    max_task_retries=0,
                    max_concurrency=2,  # a job, and the word to stop it
                    scheduling_strategy="SPREAD",
                )
                .remote(self._make, dict(self._settings))
            )
            member = _Member(actor)
            self._members.append(member)
            self._answers[actor.start.remote()] = member

    def _assign(self, waiting: Iterator[Job]) -> None:
        """Give every idle worker a job, those that come back first."""
        for member in self._members:
            if not member.is_idle:
                continue
            task = self._retry_for(member)
            if task is None:
                if self._next is None:
                    continue
                task = self._next
                self._take(waiting)
            task.attempts += 1
            task.nodes.add(member.node)
            member.task = task
            self._answers[member.actor.run.remote(task.job)] = member

    def _retry_for(self, member: _Member) -> _Task | None:
        """A job that comes back; elsewhere than where it was, if there is an elsewhere."""
        nodes = {other.node for other in self._members if other.name}
        for task in self._retries:
            if member.node not in task.nodes or nodes <= task.nodes:
                self._retries.remove(task)
                return task
        return None

    def _receive(self, answer: Any) -> Result | None:
        """Take what a worker says: that it has started, a result, or that it is no more."""
        member = self._answers.pop(answer)
        task, member.task = member.task, None
        try:
            said = ray.get(answer)
        except RayError as error:
            self._dismiss(member)
            if task is None:
                self._handle_failed_start(error)
                return None
            logger.warning("worker %s died on %s: %s", member.name, task.job.id, _reason(error))
            if task.attempts < ATTEMPTS:
                self._retries.append(task)
                return None
            sentence = (
                f"{task.attempts} workers died on this job, the last one of: {_reason(error)}"
            )
            said = Result(task.job.id, FAILED, task.job.digest, error=sentence)
        else:
            self._failed_starts = 0
        if task is None:
            member.node, member.name = said
            return None
        return replace(said, worker=member.name, attempts=task.attempts)

    def _dismiss(self, member: _Member) -> None:
        """Whatever state it is in, nothing more is to come from it."""
        ray.kill(member.actor)
        self._members.remove(member)
        self._counted = min(self._counted, 0.0)  # another one soon

    def _handle_failed_start(self, error: RayError) -> None:
        cause = error.cause if isinstance(error, RayTaskError) else None
        if isinstance(cause, CheckpointError | BatchError):
            raise cause
        self._failed_starts += 1
        logger.warning("a worker died while it started: %s", _reason(error))
        if self._failed_starts >= _FAILED_STARTS:
            raise BatchError(f"no worker starts: {_reason(error)}") from error


def _wait_for(answers: list[Any]) -> None:
    if answers:
        ray.wait(answers, num_returns=len(answers), timeout=_SECONDS_TO_END)


def _reason(error: RayError) -> str:
    """In a line, without the report of machine and process that Ray appends."""
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0][:200]
    if isinstance(error, OutOfMemoryError) or "node running low on memory" in str(error):
        return "it was killed, for memory ran out"
    if "in its creation task" in str(error):  # a traceback, whose last line says what it was
        return str(error).strip().splitlines()[-1][:200]
    return "its process or its machine is gone"
