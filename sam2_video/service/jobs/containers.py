"""The line before the workers: the oldest prediction goes first, to whichever worker is free."""

import asyncio
import bisect
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any

from sam2_video.service.jobs.container_client import Run, Worker, WorkerAwayError, WorkerBusyError

InputsFor = Callable[[Worker], Awaitable[dict[str, Any]]]

_SHORTEST_PAUSE = 0.05  # a worker's place is given free just after its answer
_LONGEST_PAUSE = 1.0


class NoWorkerError(Exception):
    """No worker has been alive for too long; the message says how that shows."""


class Line:
    """A queue whose smallest number goes first, whenever it came."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Event]] = []
        self._is_taken = False

    @asynccontextmanager
    async def first(self, number: int) -> AsyncIterator[None]:
        """Wait to be the first, and stay it while the block runs."""
        place = (number, asyncio.Event())
        bisect.insort(self._waiting, place, key=itemgetter(0))
        try:
            self._call()
            await place[1].wait()
            yield
        finally:
            if place[1].is_set():
                self._is_taken = False
            else:
                self._waiting.remove(place)
            self._call()

    def _call(self) -> None:
        if not self._is_taken and self._waiting:
            self._is_taken = True
            self._waiting.pop(0)[1].set()


class Workers:
    """All workers as one: what begins a prediction does not see which of them takes it.

    How many predictions run at once is not told to this class: each worker says itself that it is
    busy. An address may so stand for one container, or for a balancer before any number of them.
    """

    def __init__(self, urls: Sequence[str], patience: float) -> None:
        self._workers = [Worker(url) for url in urls]
        self._turns = itertools.count()
        self._patience = patience
        self._line = Line()
        self._freed = asyncio.Event()

    def add(self, url: str) -> None:
        """Have one more worker."""
        self._workers.append(Worker(url))

    async def begin(self, number: int, run_id: str, inputs_for: InputsFor) -> Run:
        """Begin a prediction as soon as it is its turn and a worker is free.

        Args:
            number: its place in the line.
            run_id: names the run where the worker uploads its files.
            inputs_for: makes the inputs for the worker that is asked.

        Raises:
            NoWorkerError: no worker was alive for longer than patience lasts.
            WorkerRefusedError: a worker does not take the inputs.
        """
        async with self._line.first(number):
            pause, alive = _SHORTEST_PAUSE, time.monotonic()
            while True:
                self._freed.clear()
                away: list[str] = []
                start = next(self._turns) % max(len(self._workers), 1)
                for worker in self._workers[start:] + self._workers[:start]:
                    try:
                        return await worker.begin(run_id, await inputs_for(worker))
                    except WorkerBusyError:
                        alive = time.monotonic()
                    except WorkerAwayError as error:
                        away.append(str(error))
                if time.monotonic() - alive > self._patience:
                    raise NoWorkerError("; ".join(away) or "there is none")
                pause = await self._rest(pause)

    def freed(self) -> None:
        """Say that a worker has probably become free."""
        self._freed.set()

    async def close(self) -> None:
        """Close all connections."""
        for worker in self._workers:
            await worker.close()

    async def _rest(self, pause: float) -> float:
        """Wait before asking again; how long to wait the next time."""
        try:
            await asyncio.wait_for(self._freed.wait(), pause)
        except TimeoutError:
            return min(2 * pause, _LONGEST_PAUSE)
        return _SHORTEST_PAUSE
