"""All containers as one: the oldest prediction is begun first, by whichever container is free."""

import asyncio
import bisect
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any

from sam2_video.service.jobs.container_client import (
    ContainerClient,
    Run,
    WorkerBusyError,
    WorkerUnavailableError,
)

InputsFor = Callable[[ContainerClient], Awaitable[dict[str, Any]]]

_SHORTEST_PAUSE = 0.05  # a container takes the next prediction just after it has ended one
_LONGEST_PAUSE = 1.0
_BEST_FIRST = ("READY", "BUSY", "STARTING")


class NoWorkerError(Exception):
    """No container has been alive for too long; the message says how that shows."""


class PriorityLock:
    """A lock; of those that wait, the one with the smallest number gets it next."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Event]] = []
        self._is_taken = False

    @property
    def is_free(self) -> bool:
        """Whether it is not held."""
        return not self._is_taken

    @asynccontextmanager
    async def held(self, number: int) -> AsyncIterator[None]:
        """Wait for the lock, and hold it while the block runs."""
        waiter = (number, asyncio.Event())
        bisect.insort(self._waiting, waiter, key=itemgetter(0))
        try:
            self._wake()
            await waiter[1].wait()
            yield
        finally:
            if waiter[1].is_set():
                self._is_taken = False
            else:
                self._waiting.remove(waiter)
            self._wake()

    def _wake(self) -> None:
        if not self._is_taken and self._waiting:
            self._is_taken = True
            self._waiting.pop(0)[1].set()


class Containers:
    """Begins predictions in containers.

    How many run at once is not configured: each container says itself that it is busy. So a URL
    may be that of one container, or of a balancer before several.

    Args:
        urls: of the containers.
        patience: seconds to wait for a container that is alive.
        clock: seconds that pass, as `time.monotonic` counts them.
    """

    def __init__(
        self, urls: Sequence[str], patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._containers = [ContainerClient(url) for url in urls]
        self._starts = itertools.count()
        self._patience = patience
        self._clock = clock
        self._lock = PriorityLock()
        self._freed = asyncio.Event()

    def add(self, url: str) -> None:
        """Have one more container."""
        self._containers.append(ContainerClient(url))

    async def begin(self, number: int, run_id: str, inputs_for: InputsFor) -> Run:
        """Begin a prediction as soon as it is the first in the queue and a container is free.

        Args:
            number: its place in the queue.
            run_id: names the run where the container uploads its files.
            inputs_for: makes the inputs for the container that is asked.

        Raises:
            NoWorkerError: no container was alive for longer than patience lasts.
            WorkerRefusedError: a container does not take the inputs.
        """
        async with self._lock.held(number):
            pause, alive = _SHORTEST_PAUSE, self._clock()
            while True:
                self._freed.clear()
                try:
                    return await self._begin(run_id, inputs_for)
                except WorkerBusyError:
                    alive = self._clock()
                except WorkerUnavailableError as error:
                    if self._clock() - alive > self._patience:
                        raise NoWorkerError(str(error)) from error
                pause = await self._rest(pause)

    async def begin_idle(self, run_id: str, inputs: dict[str, Any]) -> Run:
        """Begin a prediction now, if a container is idle and the queue is empty.

        Raises:
            WorkerBusyError: no container is idle, or a prediction waits for one.
            WorkerUnavailableError: no container is alive.
            WorkerRefusedError: a container does not take the inputs.
        """
        if not self._lock.is_free:
            raise WorkerBusyError

        async def same(_: ContainerClient) -> dict[str, Any]:
            return inputs

        return await self._begin(run_id, same)

    async def health(self) -> str:
        """What the best of the containers says of itself, `UNREACHABLE` if none answers."""
        found = await asyncio.gather(
            *(container.health() for container in self._containers), return_exceptions=True
        )
        answers = [status for status in found if isinstance(status, str)]
        for status in _BEST_FIRST:
            if status in answers:
                return status
        return answers[0] if answers else "UNREACHABLE"

    @property
    def model(self) -> str | None:
        """The name of the model that runs; None while no health check has told it."""
        return next((one.model for one in self._containers if one.model), None)

    def freed(self) -> None:
        """Say that a container has probably become free."""
        self._freed.set()

    async def close(self) -> None:
        """Close all connections."""
        for container in self._containers:
            await container.close()

    async def _begin(self, run_id: str, inputs_for: InputsFor) -> Run:
        """Ask every container once, each time beginning with another one."""
        is_busy, unavailable = False, []
        start = next(self._starts) % max(len(self._containers), 1)
        for container in self._containers[start:] + self._containers[:start]:
            try:
                return await container.begin(run_id, await inputs_for(container))
            except WorkerBusyError:
                is_busy = True
            except WorkerUnavailableError as error:
                unavailable.append(str(error))
        if is_busy:
            raise WorkerBusyError
        raise WorkerUnavailableError("; ".join(unavailable) or "there is none")

    async def _rest(self, pause: float) -> float:
        """Wait before asking again; how long to wait the next time."""
        try:
            # Not `wait_for`: until Python 3.12 it loses a cancellation that comes with the event.
            async with asyncio.timeout(pause):
                await self._freed.wait()
        except TimeoutError:
            return min(2 * pause, _LONGEST_PAUSE)
        return _SHORTEST_PAUSE
