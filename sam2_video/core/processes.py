"""Start threads and processes so that a cancellation at any moment does no harm.

The server cancels a prediction by raising an exception in its thread, between any two
instructions. The thread is addressed by its identifier (`PyThreadState_SetAsyncExc`).

A thread that is being started carries its parent's identifier for a moment. A cancellation in that
moment kills the new thread instead of the prediction, and the parent waits forever for the thread
to report that it runs. Threads are therefore started by a starter thread that is never cancelled.

A cancellation may also drop a process before any code owns it: `subprocess` then leaks it with its
pipes, or never learns its number. Processes are therefore started by the starter thread too, and a
`Child` without references is killed.
"""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Lock, Thread
from typing import IO, Any
from weakref import WeakSet

SIDE_PIPE = "pipe:side"
"""Stands in a command for the name of the pipe that takes the process's second output."""

_KILL_SECONDS = 1.0
_Answer = SimpleQueue[tuple[Any, Exception | None]]
_requests: SimpleQueue[tuple[Callable[[], Any], _Answer]] = SimpleQueue()


class Child(subprocess.Popen[bytes]):
    """A process that is killed when its last reference goes, if it still runs.

    Attributes:
        side: the pipe to read its second output from, if its command has one.
    """

    side: IO[bytes] | None = None

    def __del__(self) -> None:
        """Kill it, if it runs."""
        if self.__dict__.get("pid") and self.returncode is None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self.kill()
                self.wait(_KILL_SECONDS)
        super().__del__()


class Children:
    """The processes that a piece of work starts, so that another thread can end the work.

    The work runs in a `with children.collected()` block, or in a thread with a copy of its context.
    Killing its processes ends what it waits for.
    """

    def __init__(self) -> None:
        self._running: WeakSet[Child] = WeakSet()
        self._is_ended = False
        self._lock = Lock()

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect the processes that are started in the block."""
        token = _children.set(self)
        try:
            yield
        finally:
            _children.reset(token)

    def add(self, child: Child) -> None:
        """Take in a process that was started; it is killed if the work was ended already."""
        with self._lock:
            self._running.add(child)
            if self._is_ended:
                child.kill()

    def end(self) -> None:
        """Kill all of them, and every one that the work still starts."""
        with self._lock:
            self._is_ended = True
            for child in self._running:
                child.kill()


_children: ContextVar[Children | None] = ContextVar("children", default=None)


def start_child(command: Sequence[str], *, max_bytes: int | None = None, **options: Any) -> Child:
    """Start a process.

    Where the command has `SIDE_PIPE`, a pipe is made for it, to be read at `Child.side`.

    Args:
        command: the program and its arguments.
        max_bytes: bound on the process's address space, where the system can set it (Linux). It
            holds from the moment after the start, for all that the process allocates from then on.
        **options: of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
    """
    start = _with_side_pipe if SIDE_PIPE in command else Child

    def start_bounded() -> Child:
        child = start(command, **options)
        if max_bytes is not None:
            _bound(child, max_bytes)
        return child

    child = _uncancelled(start_bounded)
    if (children := _children.get()) is not None:
        children.add(child)
    return child


def _bound(child: Child, max_bytes: int) -> None:
    """Limit a process's address space. A hook between fork and exec is not safe with threads."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    with suppress(AttributeError, ProcessLookupError):  # not Linux; it has ended already
        resource.prlimit(child.pid, resource.RLIMIT_AS, (limit, limit))


def _with_side_pipe(command: Sequence[str], **options: Any) -> Child:
    reading, writing = os.pipe()
    side = os.fdopen(reading, "rb", buffering=0)
    named = [f"pipe:{writing}" if part == SIDE_PIPE else part for part in command]
    try:
        child = Child(named, pass_fds=(writing,), **options)
    except OSError:
        side.close()
        raise
    finally:
        os.close(writing)
    child.side = side
    return child


def start_thread(target: Callable[..., object], *arguments: object) -> Thread:
    """Run `target(*arguments)` in a daemon thread; it runs when this returns.

    Raises:
        RuntimeError: the system allows no more threads.
    """
    thread = Thread(target=target, args=arguments, daemon=True)
    _uncancelled(thread.start)
    return thread


def _uncancelled(work: Callable[[], Any]) -> Any:
    """Do something short on the starter thread; its result, or the exception it raised."""
    answer: _Answer = SimpleQueue()
    _requests.put((work, answer))
    result, error = answer.get()
    if error is not None:
        raise error
    return result


def _serve(requests: SimpleQueue[tuple[Callable[[], Any], _Answer]]) -> None:
    while True:
        work, answer = requests.get()
        try:
            answer.put((work(), None))
        except Exception as error:
            answer.put((None, error))
        del work, answer  # else a dropped result would live until the next request


def _begin() -> None:
    global _requests
    _requests = SimpleQueue()
    Thread(target=_serve, args=(_requests,), daemon=True, name="starter").start()


os.register_at_fork(after_in_child=_begin)
_begin()
