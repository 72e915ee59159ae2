"""How much is done at a time, and how long a client may take to send a body."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypeVar, TypeVarTuple, Unpack
from weakref import WeakValueDictionary

import anyio.to_thread

from sam2_video.core.processes import Children
from sam2_video.service.settings import Bounds

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

_GRACE_SECONDS = 20.0  # of silence, whatever the rate


class Places:
    """Room for some pieces of work at a time, of which one owner gets half at most.

    Args:
        total: how many at a time; one owner gets at least one place.
    """

    def __init__(self, total: int) -> None:
        self._all = asyncio.Semaphore(total)
        self._each = max(1, total // 2)
        self._owners: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, owner: str) -> AsyncIterator[None]:
        """Hold a place while the block runs; wait for one first."""
        own = self._owners.setdefault(owner, asyncio.Semaphore(self._each))
        async with own, self._all:
            yield


class Pace:
    """How long the parts of one body may be waited for: a least rate, and a time for all.

    Only time spent waiting for the sender counts.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waited = 0.0
        self._bytes = 0

    async def next(self, coming: Awaitable[Result]) -> Result:
        """Wait for the next part.

        Raises:
            TimeoutError: the body is too slow, or takes too long.
        """
        bounds, started = self._bounds, monotonic()
        allowed = _GRACE_SECONDS + self._bytes / bounds.min_body_rate
        try:
            async with asyncio.timeout(min(allowed, bounds.max_body_seconds) - self._waited):
                return await coming
        finally:
            self._waited += monotonic() - started

    def count(self, num_bytes: int) -> None:
        """Count bytes that have come."""
        self._bytes += num_bytes


async def decode(
    seconds: float, work: Callable[[Unpack[Arguments]], Result], *arguments: *Arguments
) -> Result:
    """Run work that decodes a video in a thread; its decoders end with the task that waits.

    The caller holds one of some `Places`, so the thread is not one of those that all share.

    Raises:
        TimeoutError: it takes longer than `seconds`.
    """
    children = Children()

    def collected() -> Result:
        with children.collected():
            return work(*arguments)

    threads = anyio.CapacityLimiter(math.inf)
    task = asyncio.create_task(anyio.to_thread.run_sync(collected, limiter=threads))
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(task)
    except (asyncio.CancelledError, TimeoutError):
        children.end()
        await asyncio.wait([task])
        task.exception()  # its decoder was killed; asyncio logs what nobody reads
        raise
