"""Work in background threads: prefetching items, and mapping a function over them.

Both keep order, hold a bounded number of items, and leave no thread behind when their generator is
closed. They wait in short steps: Python raises a cancellation only between two instructions.
"""

import atexit
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

from sam2_video.core.processes import start_thread

T = TypeVar("T")
R = TypeVar("R")

_STEP_SECONDS = 0.1
_MAX_EXIT_SECONDS = 5.0

_producers: dict[Thread, Event] = {}
"""The threads of `prefetch` that run, and what stops each."""


class _End:
    """Marks the end of a queue."""


@dataclass(frozen=True)
class _Failure:
    """An exception on its way to the thread that raises it."""

    error: BaseException


def prefetch(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """The same items, made by a background thread, at most `depth` of them in advance.

    Closing it closes `items` too. An exception of theirs is raised here in its turn.
    """
    ready: Queue[Any] = Queue(depth)
    stop = Event()
    threads: list[Thread] = []
    try:  # a cancellation may come as soon as the thread runs
        threads.append(start_thread(_produce, items, ready, stop))
        _producers[threads[0]] = stop
        while True:
            item = _wait(ready)
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        for thread in threads:
            thread.join()
            _producers.pop(thread, None)


@atexit.register
def _stop_producers() -> None:
    """Stop the threads of generators that are never closed.

    Python ends a thread that returns from native code after this by unwinding its stack, which
    aborts the process if there is C++ on it.
    """
    for stop in list(_producers.values()):
        stop.set()
    for thread in list(_producers):
        thread.join(_MAX_EXIT_SECONDS)


def map_in_background(
    work: Callable[[T], R], items: Iterator[T], threads: int
) -> Generator[R, None, None]:
    """`work(item)` of every item, in order, computed by threads while the next items are made.

    At most twice as many items as threads are in progress. Items are taken on the thread that
    iterates; an exception of `work` is raised there in its turn.
    """
    todo: Queue[_Task[T, R] | _End] = Queue()
    stop = Event()
    workers: list[Thread] = []
    pending: deque[_Task[T, R]] = deque()
    try:
        for _ in range(threads):
            workers.append(start_thread(_consume, work, todo, stop))
        for item in items:
            task = _Task[T, R](item)
            pending.append(task)
            todo.put(task)
            while pending and (len(pending) >= 2 * threads or pending[0].done.is_set()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stop.set()
        for _ in range(threads):
            todo.put(_End())
        for worker in workers:
            worker.join()


class _Task(Generic[T, R]):
    """An item, and later the outcome of the work on it."""

    def __init__(self, item: T) -> None:
        self.item: T | None = item
        self.done = Event()
        self.outcome: Any = None

    def result(self) -> R:
        while not self.done.wait(_STEP_SECONDS):
            pass
        if isinstance(self.outcome, _Failure):
            raise self.outcome.error
        return self.outcome


def _produce(items: Generator[T, None, None], ready: Queue[Any], stop: Event) -> None:
    last: _End | _Failure = _End()
    try:
        for item in items:
            if not _put(ready, item, stop):
                break
    except BaseException as error:
        last = _Failure(error)
    finally:
        items.close()
    _put(ready, last, stop)


def _consume(work: Callable[[T], R], todo: Queue[Any], stop: Event) -> None:
    while not isinstance(task := todo.get(), _End):
        if stop.is_set():
            continue
        try:
            task.outcome = work(task.item)
        except BaseException as error:
            task.outcome = _Failure(error)
        task.item = None  # a frame is large
        task.done.set()


def _put(queue: Queue[Any], item: object, stop: Event) -> bool:
    """Put an item in as soon as there is room; False if `stop` is set first."""
    while not stop.is_set():
        with suppress(Full):
            queue.put(item, timeout=_STEP_SECONDS)
            return True
    return False


def _wait(queue: Queue[Any]) -> Any:
    while True:
        with suppress(Empty):
            return queue.get(timeout=_STEP_SECONDS)
